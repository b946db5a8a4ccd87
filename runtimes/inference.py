"""Signatures inferred from data: the types that MLflow infers, and what may be missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from .columns import Tensor
from .errors import InvalidCell, SchemaViolation
from .schema import (
    AnyType,
    Array,
    Column,
    ColumnSchema,
    ColumnType,
    DataType,
    Object,
    Property,
    Schema,
    Signature,
    TensorSchema,
    TensorSpec,
)

# A column's type by the kind and the size in bytes of its numpy or pandas dtype.
_TYPES_OF_DTYPES = {
    ("b", 1): DataType.BOOLEAN,
    **{("i", size): DataType.INTEGER for size in (1, 2, 4)},
    **{("u", size): DataType.INTEGER for size in (1, 2)},
    ("i", 8): DataType.LONG,
    ("u", 4): DataType.LONG,
    ("f", 2): DataType.FLOAT,
    ("f", 4): DataType.FLOAT,
    ("f", 8): DataType.DOUBLE,
    ("M", 8): DataType.DATETIME,
}

# The type of one Python value; the first that fits counts, so bool stands before int.
_TYPES_OF_VALUES: tuple[tuple[type | tuple[type, ...], DataType], ...] = (
    ((bool, np.bool_), DataType.BOOLEAN),
    ((np.int8, np.int16, np.int32, np.uint8, np.uint16), DataType.INTEGER),
    ((int, np.int64, np.uint32), DataType.LONG),
    ((np.float16, np.float32), DataType.FLOAT),
    (float, DataType.DOUBLE),
    (str, DataType.STRING),
    ((bytes, bytearray), DataType.BINARY),
    ((date, np.datetime64), DataType.DATETIME),
)

_ANY = AnyType()


def infer_signature(example: Any, prediction: Any = None) -> Signature:
    """Return the signature of a model that answers ``example`` with ``prediction``.

    Each may be a DataFrame, a Series, an array, a dict of arrays (named tensors), or a dict, a list
    of dicts or a list of plain values. A column with a missing value is optional; so are integers
    in a pandas column that can hold missing ones (``Int64``). A float column stays a float column
    even if all that it holds is whole, because the next row may not be.

    Raises `InvalidCell` or `SchemaViolation` for what no signature can describe.
    """
    return Signature(
        inputs=None if example is None else infer_schema(example),
        outputs=None if prediction is None else infer_schema(prediction),
    )


def infer_schema(data: Any) -> Schema:
    """Return the schema of a model's input or output, as `infer_signature` describes it."""
    match data:
        case pd.DataFrame():
            return _frame_schema(data)
        case pd.Series():
            return ColumnSchema((_column(data.name if isinstance(data.name, str) else None, data),))
        case np.ndarray():
            return TensorSchema((_tensor(data),))
        case dict() if data and all(isinstance(value, np.ndarray) for value in data.values()):
            return TensorSchema(tuple(_tensor(value, name) for name, value in data.items()))
        case dict() if data:
            return _fields_schema([data], data)
        case list() if data and all(isinstance(value, dict) for value in data):
            return _fields_schema(data, dict.fromkeys(name for row in data for name in row))
        case list() | str() | bytes() | int() | float() | np.generic():
            values = data if isinstance(data, list) else [data]
            return ColumnSchema((Column(_type_of_column("0", values)),))
    raise SchemaViolation(
        f"no schema can be inferred from an object of type {type(data).__name__}; "
        "give a DataFrame, an array, a dict, or a list of dicts"
    )


def _frame_schema(frame: pd.DataFrame) -> ColumnSchema:
    if not frame.columns.is_unique:
        repeated = frame.columns[frame.columns.duplicated()][0]
        raise SchemaViolation(f'two columns are named "{repeated}"; name each column once')
    if frame.columns.empty:
        raise SchemaViolation("the table has no columns; give at least one")
    if frame.columns.equals(pd.RangeIndex(frame.shape[1])):
        # Unnamed columns are told apart by position, so none of them can be left out.
        columns = (_type_of_series(str(name), frame[name]) for name in frame)
        return ColumnSchema(tuple(map(Column, columns)))
    return ColumnSchema(tuple(_column(name, frame[name]) for name in frame))


def _column(name: Any, series: pd.Series[Any]) -> Column:
    if name is None:
        return Column(_type_of_series("0", series))
    if not isinstance(name, str):
        raise SchemaViolation(
            f"found the column name {name!r} ({type(name).__name__}), expected a string; "
            "rename the columns, or leave them all unnamed"
        )
    return Column(_type_of_series(name, series), name, not _may_be_missing(series))


def _may_be_missing(series: pd.Series[Any]) -> bool:
    is_nullable_integer = series.dtype.kind in "iu" and not isinstance(series.dtype, np.dtype)
    return is_nullable_integer or bool(series.isna().any())


def _type_of_series(name: str, series: pd.Series[Any]) -> ColumnType:
    dtype = series.dtype
    known = _TYPES_OF_DTYPES.get((dtype.kind, getattr(dtype, "itemsize", 0)))
    if known and getattr(dtype, "tz", None) is None:
        return known
    if isinstance(dtype, pd.StringDtype):
        return DataType.STRING
    if dtype.kind == "O":
        return _type_of_column(name, series.tolist())
    raise InvalidCell(
        name,
        None,
        f"values of type {dtype}",
        f"one of {', '.join(DataType)}",
        "convert the column first (a time zone: to UTC, then without it)",
    )


def _fields_schema(rows: Sequence[Mapping[str, Any]], names: Iterable[str]) -> ColumnSchema:
    return ColumnSchema(
        tuple(
            Column(
                _type_of_column(name, [row[name] for row in rows if name in row]),
                name,
                not any(_is_missing(row.get(name)) for row in rows),
            )
            for name in names
        )
    )


def _tensor(array: Tensor, name: str | None = None) -> TensorSpec:
    # The length of a text array's longest item is no part of its type.
    dtype = np.dtype(array.dtype.kind) if array.dtype.kind in "US" else array.dtype
    return TensorSpec(dtype, (-1, *array.shape[1:]), name)


def _type_of_column(name: str, values: Iterable[Any]) -> ColumnType:
    kind: ColumnType = _ANY
    for row, value in enumerate(values):
        found = _type_of_value(name, row, value)
        merged = _merge(kind, found)
        if merged is None:
            raise InvalidCell(name, row, f"a value of type {found}", str(kind))
        kind = merged
    return kind


def _type_of_value(name: str, row: int, value: Any) -> ColumnType:
    if _is_missing(value):
        return _ANY
    match value:
        case dict() if value:
            kinds = {key: _type_of_value(name, row, item) for key, item in value.items()}
            return Object({key: Property(kinds[key], kinds[key] != _ANY) for key in sorted(kinds)})
        case list() | tuple() | np.ndarray():
            return Array(_type_of_column(name, value)) if len(value) else _ANY
    for types, kind in _TYPES_OF_VALUES:
        if isinstance(value, types):
            return kind
    raise InvalidCell(name, row, f"a value of type {type(value).__name__}", "a plain value")


def _merge(one: ColumnType, other: ColumnType) -> ColumnType | None:
    """Return the type of a column that holds both types, or None if there is none."""
    match one, other:
        case _ if one == other:
            return one
        case AnyType(), _:
            return other
        case _, AnyType():
            return one
        case Array(), Array():
            items = _merge(one.items, other.items)
            return items and Array(items)
        case Object(), Object():
            return _merge_objects(one, other)
    return None


def _merge_objects(one: Object, other: Object) -> Object | None:
    properties: dict[str, Property] = {}
    for name in sorted(one.properties.keys() | other.properties.keys()):
        found = [o.properties[name] for o in (one, other) if name in o.properties]
        kind = _merge(found[0].type, found[-1].type)
        if kind is None:
            return None
        properties[name] = Property(kind, len(found) == 2 and all(p.required for p in found))
    return Object(properties)


def _is_missing(value: Any) -> bool:
    if isinstance(value, float | np.floating | np.datetime64):
        return bool(np.isnan(value) if isinstance(value, float | np.floating) else np.isnat(value))
    return value is None or value is pd.NA or value is pd.NaT
