"""Rows whose cells a typed decoder has checked, turned into columns as fast as numpy allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from .columns import Block, BlockColumns, ColumnName, Columns, ColumnValues, Tensor
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
    as_objects,
    cast_doubles,
    cast_longs,
    cast_shorts,
    cast_singles,
)

Row = tuple[Any, ...]
Pack = Callable[[Sequence[Row]], Columns]
PackBlock = Callable[[Iterable[Any], int], Tensor]

# Up to so many rows, what a call costs outweighs what it does: one makes all columns of a type.
_FEW_ROWS = 256


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
    places = _places(fields, groups)
    packers = [(field, _COLUMN_PACKERS[field.scalar]) for field in fields]

    def pack(rows: Sequence[Row]) -> Columns:
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(packers)
        blocks = _pack_blocks(columns, groups, len(rows)) if 0 < len(rows) <= _FEW_ROWS else []
        if len(blocks) == len(groups) and len(places) == len(packers):
            return Columns(BlockColumns(places, blocks), len(rows), blocks)
        packed: dict[ColumnName, Tensor] = {}
        for block in blocks:
            packed.update(zip(block.names, block.array, strict=True))
        values: dict[ColumnName, ColumnValues] = {
            field.name: packed[field.name] if field.name in packed else pack_column(column, field)
            for (field, pack_column), column in zip(packers, columns, strict=True)
        }
        return Columns(values, len(rows), blocks)

    return pack


@dataclass(frozen=True, slots=True)
class _Group:
    """The columns of one type: where they stand in a row, and what makes one array of them."""

    names: tuple[ColumnName, ...]
    positions: Sequence[int]
    pack: PackBlock


def _group(fields: Sequence[Field]) -> list[_Group]:
    """Return ``fields`` by their types, but no optional booleans: they may have to be objects."""
    members: dict[DataType, list[int]] = {}
    for position, field in enumerate(fields):
        if field.required or field.scalar is not DataType.BOOLEAN:
            members.setdefault(field.scalar, []).append(position)
    return [
        _Group(tuple(fields[i].name for i in positions), positions, _BLOCK_PACKERS[scalar])
        for scalar, positions in members.items()
    ]


def _places(fields: Sequence[Field], groups: Sequence[_Group]) -> dict[ColumnName, tuple[int, int]]:
    """Return the number of each column's group, and its own number there, in order."""
    found = {n: (i, row) for i, group in enumerate(groups) for row, n in enumerate(group.names)}
    return {field.name: found[field.name] for field in fields if field.name in found}


def _pack_blocks(columns: Sequence[Row], groups: Sequence[_Group], rows: int) -> list[Block]:
    """Return a block of each of ``groups`` whose cells all fit; a missing value may not."""
    blocks = []
    for group in groups:
        cells = [columns[position] for position in group.positions]
        try:
            array = group.pack(chain.from_iterable(cells), len(cells) * rows)
        except MISFITS:
            continue
        blocks.append(Block(group.names, array.reshape(len(cells), rows), cells))
    return blocks


def _pack_booleans(values: Sequence[Any], field: Field) -> Tensor:
    if not field.required and None in values:
        return as_objects(values)
    return BOOLEANS.pack(values)


def _pack_strings(values: Sequence[Any], field: Field) -> Tensor:  # noqa: ARG001 - one shape
    return as_objects(values)


def _pack_each_object(values: Iterable[Any], count: int) -> Tensor:
    return np.fromiter(values, object, count)


# What makes one array of the cells of a group's columns, one column after the other.
_BLOCK_PACKERS: dict[DataType, PackBlock] = {
    DataType.BOOLEAN: BOOLEANS.pack_each,
    DataType.INTEGER: SHORTS.pack_each,
    DataType.LONG: LONGS.pack_each,
    DataType.FLOAT: SINGLES.pack_each,
    DataType.DOUBLE: DOUBLES.pack_each,
    DataType.STRING: _pack_each_object,
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
