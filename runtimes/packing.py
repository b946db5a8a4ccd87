"""Rows whose cells a typed decoder has checked, turned into columns as fast as numpy allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from .columns import ColumnName, Columns, ColumnValues, Tensor
from .fields import Field
from .schema import DataType
from .values import (
    BOOLEANS,
    DOUBLES,
    LONGS,
    MISFITS,
    SHORTS,
    SINGLES,
    Cast,
    cast_doubles,
    cast_longs,
    cast_shorts,
    cast_singles,
)

Row = tuple[Any, ...]
Pack = Callable[[Sequence[Row]], Columns]

# Up to so many rows, what a call costs outweighs what it does: one makes all columns of a type.
_FEW_ROWS = 16


def is_packable(fields: Sequence[Field]) -> bool:
    """Tell whether all of ``fields`` are of types that a typed decoder checks in full."""
    return all(isinstance(f.type, DataType) and f.type in _COLUMN_PACKERS for f in fields)


def compile_pack(fields: Sequence[Field]) -> Pack:
    """Return what packs rows of ``fields``, which must be packable, in their order.

    A cell is a float, an int or None in a column of floats, an int in range in one of integers,
    a str or None in one of strings, a bool in one of booleans; in an optional column any may be
    None. The columns are those that the casts of JSON make of the same cells.
    """
    groups = _group(fields)
    names: list[ColumnName] = [field.name for field in fields]
    packers = [(field, _COLUMN_PACKERS[field.scalar]) for field in fields]

    def pack(rows: Sequence[Row]) -> Columns:
        if 0 < len(rows) <= _FEW_ROWS:
            try:
                return Columns(_pack_groups(rows, groups, names), len(rows))
            except MISFITS:  # a missing value, most likely
                pass
        columns: Iterable[Row] = zip(*rows, strict=True) if rows else [()] * len(packers)
        values: dict[ColumnName, ColumnValues] = {
            field.name: pack_column(column, field)
            for (field, pack_column), column in zip(packers, columns, strict=True)
        }
        return Columns(values, len(rows))

    return pack


@dataclass(frozen=True, slots=True)
class _Group:
    """The columns of one type: where they stand in a row, and what makes one array of them."""

    names: list[ColumnName]
    positions: list[int]
    pack: Callable[[Row], Tensor]


def _group(fields: Sequence[Field]) -> list[_Group]:
    """Return ``fields`` by their types; an optional boolean, often None, is a group of its own."""
    groups: dict[object, _Group] = {}
    for position, field in enumerate(fields):
        is_alone = field.type is DataType.BOOLEAN and not field.required
        key = field.name if is_alone else field.scalar
        pack = _pack_optional_booleans if is_alone else _BLOCK_PACKERS[field.scalar]
        group = groups.setdefault((is_alone, key), _Group([], [], pack))
        group.names.append(field.name)
        group.positions.append(position)
    return list(groups.values())


def _pack_groups(
    rows: Sequence[Row], groups: Sequence[_Group], names: Sequence[ColumnName]
) -> dict[ColumnName, ColumnValues]:
    columns = list(zip(*rows, strict=True))
    values: dict[ColumnName, Any] = dict.fromkeys(names)
    for group in groups:
        cells = tuple(chain.from_iterable([columns[position] for position in group.positions]))
        block = group.pack(cells).reshape(len(group.positions), len(rows))
        values.update(zip(group.names, block, strict=True))
    return values


def _pack_booleans(values: Sequence[Any], field: Field) -> Tensor:
    return BOOLEANS.pack(values) if field.required else _pack_optional_booleans(values)


def _pack_optional_booleans(values: Sequence[Any]) -> Tensor:
    return np.array(values, object) if None in values else BOOLEANS.pack(values)


def _pack_texts(values: Sequence[Any]) -> Tensor:
    return np.array(values, object)


def _pack_strings(values: Sequence[Any], field: Field) -> Tensor:  # noqa: ARG001 - one shape
    return _pack_texts(values)


# What makes one array of the cells of a group's columns, one column after the other.
_BLOCK_PACKERS: dict[DataType, Callable[[Row], Tensor]] = {
    DataType.BOOLEAN: BOOLEANS.pack,
    DataType.INTEGER: SHORTS.pack,
    DataType.LONG: LONGS.pack,
    DataType.FLOAT: SINGLES.pack,
    DataType.DOUBLE: DOUBLES.pack,
    DataType.STRING: _pack_texts,
}

# What makes an array of one column, and says which of its cells does not fit.
_COLUMN_PACKERS: dict[DataType, Cast] = {
    DataType.BOOLEAN: _pack_booleans,
    DataType.INTEGER: cast_shorts,
    DataType.LONG: cast_longs,
    DataType.FLOAT: cast_singles,
    DataType.DOUBLE: cast_doubles,
    DataType.STRING: _pack_strings,
}
