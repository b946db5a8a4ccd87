"""Nested lists, as JSON has them, as one array."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np

from .columns import Tensor

# An array makes room for its longest text in every cell: one long text among many short ones asks
# for far more memory than the request itself has taken.
_CELLS_OF_TEXT = 2**24
_MOST_ROOM = 2
_ROOM_OF_A_NUMBER = 32


def stack_lists(values: Any) -> Tensor:
    """Return nested lists as one array of the type that holds all their values, as numpy has it.

    Raises `ValueError`, which says why, where they are not of one length and depth, or where their
    texts would need much more room than they are long.
    """
    _refuse_uneven_texts(values)
    try:
        return np.array(values)
    except ValueError:
        reason = "the nested lists differ in length or depth; an array needs them equal"
        raise ValueError(reason) from None


def _refuse_uneven_texts(values: Any) -> None:
    leaves = _find_leaves(values)
    kinds = set(map(type, leaves))
    if str not in kinds:
        return
    lengths = [len(leaf) for leaf in leaves if type(leaf) is str]
    room = max(*lengths, _ROOM_OF_A_NUMBER if len(kinds) > 1 else 1) * len(leaves)
    if room > max(_CELLS_OF_TEXT, _MOST_ROOM * sum(lengths)):
        raise ValueError(
            "one text is far longer than the others, and an array has room for the longest in "
            "each cell; send the texts in requests of their own, or as dataframe_split"
        )


def _find_leaves(values: Any) -> list[Any]:
    """Return the values in nested lists; where these are uneven, lists may be among them."""
    leaves = [values]
    while leaves and set(map(type, leaves)) == {list}:
        leaves = list(chain.from_iterable(leaves))
    return leaves
