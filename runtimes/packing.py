"""Rows whose cells a typed decoder has checked, turned into columns as fast as numpy allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np

from .columns import Columns
from .fields import Field
from .schema import DataType
from .values import (
    BOOLEANS,
    DOUBLES,
    MISFITS,
    Cast,
    cast_doubles,
    cast_longs,
    cast_shorts,
    cast_singles,
)

Row = tuple[Any, ...]
Pack = Callable[[Sequence[Row]], Columns]


def is_packable(fields: Sequence[Field]) -> bool:
    """Tell whether all of ``fields`` are of types that a typed decoder checks in full."""
    return all(isinstance(f.type, DataType) and f.type in _PACKERS for f in fields)


def compile_pack(fields: Sequence[Field]) -> Pack:
    """Return what packs rows of ``fields``, which must be packable, in their order.

    A cell is a float, an int or None in a column of floats, an int in range in one of integers,
    a str or None in one of strings, a bool in one of booleans; in an optional column any may be
    None. The columns are those that the casts of JSON make of the same cells.
    """
    packers = [(field, _PACKERS[field.scalar]) for field in fields]

    def pack(rows: Sequence[Row]) -> Columns:
        columns: Iterable[Row] = zip(*rows, strict=True) if rows else [()] * len(packers)
        values = {
            field.name: pack_column(column, field)
            for (field, pack_column), column in zip(packers, columns, strict=True)
        }
        return Columns({**values}, len(rows))

    if {field.type for field in fields} != {DataType.DOUBLE}:
        return pack
    return _pack_doubles([field.name for field in fields], pack)


def _pack_doubles(names: Sequence[str | int], pack: Pack) -> Pack:
    """Return what packs rows of numbers alone all at once, and leaves others to ``pack``."""

    def pack_doubles(rows: Sequence[Row]) -> Columns:
        try:
            cells = DOUBLES.pack(tuple(chain.from_iterable(rows)))
        except MISFITS:
            return pack(rows)
        block = cells.reshape(len(rows), len(names))
        return Columns(dict(zip(names, np.ascontiguousarray(block.T), strict=True)), len(rows))

    return pack_doubles


def _pack_booleans(values: Sequence[Any], field: Field) -> np.ndarray[Any, Any]:
    if not field.required and None in values:
        return np.array(values, object)
    return BOOLEANS.pack(values)


def _pack_strings(values: Sequence[Any], field: Field) -> np.ndarray[Any, Any]:  # noqa: ARG001
    return np.array(values, object)


_PACKERS: dict[DataType, Cast] = {
    DataType.BOOLEAN: _pack_booleans,
    DataType.INTEGER: cast_shorts,
    DataType.LONG: cast_longs,
    DataType.FLOAT: cast_singles,
    DataType.DOUBLE: cast_doubles,
    DataType.STRING: _pack_strings,
}
