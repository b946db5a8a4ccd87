"""Tables of plain cells as JSON records, fast: a row becomes a msgspec struct, not a dict.

Tables with other cells, such as dates or bytes, are left to ``json_values.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np

from ..runtimes.columns import ColumnName, Columns, ColumnValues

_PLAIN_TYPES = frozenset({str, bool, int, float, type(None)})
_MAX_LAYOUTS = 64

encode_plain: Callable[[Any], bytes] = msgspec.json.Encoder().encode
"""Encodes what `plain_records` returns; NaN and infinities are null.

Raises UnicodeEncodeError for a string that is no Unicode text.
"""


def plain_records(table: Columns) -> list[msgspec.Struct] | None:
    """Return the rows of ``table`` for `encode_plain`, or None where a cell is not plain.

    Plain are arrays of numbers and booleans, of any number of dimensions, and columns of strings,
    numbers, booleans and None.
    """
    record = _record_type(tuple(table.values))
    columns = []
    for values in table.values.values():
        cells = _plain_cells(values)
        if cells is None:
            return None
        columns.append(cells)
    return list(map(record, *columns)) if record and columns else None


def _plain_cells(values: ColumnValues) -> list[Any] | None:
    if isinstance(values, np.ndarray):
        cells: list[Any] = values.tolist()
        if values.dtype.kind in "biuf" and values.dtype.itemsize <= 8:
            return cells
    else:
        cells = values
    return cells if _PLAIN_TYPES.issuperset(map(type, cells)) else None


@lru_cache(_MAX_LAYOUTS)
def _record_type(names: tuple[ColumnName, ...]) -> Callable[..., msgspec.Struct] | None:
    """Return a struct with the members ``names``, or None where msgspec takes no such names."""
    fields = [(f"c{i}", Any) for i in range(len(names))]
    rename = {f"c{i}": str(name) for i, name in enumerate(names)}
    try:
        return msgspec.defstruct("Record", fields, rename=rename, gc=False)
    except ValueError:  # two are the same, or one has a character that JSON escapes
        return None
