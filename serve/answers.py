"""The body of an answer: a prediction as ``{"predictions": ...}``, or a batch's cut into many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import orjson

from ..runtimes.columns import Columns
from ..runtimes.errors import RowlessPrediction, WrongRowCount
from .json_values import dump_json, is_loaded_instance, to_json_value
from .records import encode_plain, plain_records

# Arrays that orjson writes itself, with the numbers that tolist() gives; below some size the
# list is quicker. Not float32: orjson writes 0.1 where the list, and so MLflow, has 0.10000000149.
_DIRECT = frozenset(np.dtype(kind) for kind in "?bBhHiIlLqQd")
_DIRECT_SIZE = 16


def encode_answer(prediction: Any) -> bytes:
    """Return ``{"predictions": prediction}`` as strict JSON: NaN and infinities are null.

    A table becomes a list of records; bytes become base64, and points in time ISO 8601. Raises
    `UnencodablePrediction` for what has no JSON form.
    """
    if type(prediction) is np.ndarray:
        if prediction.size >= _DIRECT_SIZE and _is_direct(prediction):
            return orjson.dumps({"predictions": prediction}, option=orjson.OPT_SERIALIZE_NUMPY)
        prediction = prediction.tolist()
    return dump_json({"predictions": prediction})


def encode_bare(prediction: Any) -> bytes:
    """Return ``prediction`` itself as strict JSON, for requests whose answer has no wrapper."""
    return dump_json(prediction)


def encode_rows(prediction: Any, counts: Sequence[int]) -> list[bytes]:
    """Return the answers to requests of ``counts`` rows each, merged into one ``prediction``.

    They are those of `encode_answer` on each part that `split_rows` gives, only sooner. Raises as
    these two do.
    """
    _check_rows(prediction, sum(counts))
    if isinstance(prediction, Columns) and (answers := _encode_table(prediction, counts)):
        return answers
    if len(counts) == 1:
        return [encode_answer(prediction)]
    rows = _as_lists(prediction)
    if isinstance(rows, dict):
        return [encode_answer(_cut(rows, *bounds)) for bounds in _bounds(counts)]
    return [dump_json({"predictions": rows[start:stop]}) for start, stop in _bounds(counts)]


def split_rows(prediction: Any, counts: Sequence[int]) -> list[Any]:
    """Return ``prediction`` cut into parts of ``counts`` rows each, of its own kind.

    Arrays, lists, tables, and dicts of these can be cut. Raises `WrongRowCount` where the rows are
    not as many as ``counts`` say together, and `RowlessPrediction` where there are none to count.
    """
    _check_rows(prediction, sum(counts))
    if len(counts) == 1:
        return [prediction]
    return [_cut(prediction, start, stop) for start, stop in _bounds(counts)]


def _encode_table(table: Columns, counts: Sequence[int]) -> list[bytes] | None:
    records = plain_records(table)
    if records is None:
        return None
    try:
        if len(counts) == 1:
            return [b'{"predictions":%b}' % encode_plain(records)]
        return [
            b'{"predictions":%b}' % encode_plain(records[start:stop])
            for start, stop in _bounds(counts)
        ]
    except UnicodeEncodeError:
        return None


def _is_direct(array: np.ndarray[Any, Any]) -> bool:
    return array.dtype in _DIRECT and array.flags.c_contiguous


def _bounds(counts: Sequence[int]) -> Iterator[tuple[int, int]]:
    return pairwise(accumulate(counts, initial=0))


def _check_rows(prediction: Any, expected: int) -> None:
    found = expected
    match prediction:
        case Columns():
            found = prediction.rows
        case list() | tuple():
            found = len(prediction)
        case np.ndarray() if prediction.ndim:
            found = len(prediction)
        case dict() if prediction:
            for member in prediction.values():
                _check_rows(member, expected)
        case _ if _is_pandas(prediction):
            found = len(prediction)
        case _:
            raise RowlessPrediction(type(prediction).__name__, expected)
    if found != expected:
        raise WrongRowCount(found, expected)


def _cut(prediction: Any, start: int, stop: int) -> Any:
    match prediction:
        case Columns(values=values):
            return Columns({name: v[start:stop] for name, v in values.items()}, stop - start)
        case dict():
            return {name: _cut(member, start, stop) for name, member in prediction.items()}
        case list() | tuple() | np.ndarray():
            return prediction[start:stop]
        case _:
            return prediction.iloc[start:stop]


def _as_lists(prediction: Any) -> Any:
    """Return ``prediction`` as a sequence of one value a row, or a dict of such sequences."""
    match prediction:
        case list() | tuple():
            return prediction
        case dict():
            return {name: _as_lists(member) for name, member in prediction.items()}
        case _:
            return to_json_value(prediction)


def _is_pandas(prediction: Any) -> bool:
    return any(is_loaded_instance(prediction, "pandas", name) for name in ("DataFrame", "Series"))
