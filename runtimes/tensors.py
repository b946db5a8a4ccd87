"""Tensor schemas: the shape and type of arrays, and the tables and nested lists they come in."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .columns import Columns, ColumnValues, ModelInput, Payload, Tensor, Tensors
from .elements import convert_elements, convert_safely
from .errors import MissingColumns, SchemaViolation
from .nestedlists import stack_lists
from .origins import Origin, tellable_names
from .schema import TensorSchema, TensorSpec


class TensorEnforcer:
    """Makes of any input the one unnamed tensor of a schema, or its named ones."""

    def __init__(self, schema: TensorSchema) -> None:
        self._specs = schema.tensors
        self._is_named = schema.is_named

    def enforce(self, data: ModelInput, origin: Origin) -> ModelInput:
        """Return the tensors in ``data``, or raise a `SchemaViolation`.

        Values of JSON and CSV, and those in a table, become the declared type where that loses no
        more than the precision of a float; typed arrays must be of that type or one that it holds.
        Tensors that the schema lacks are dropped.
        """
        match data:
            case Columns():
                return self._from_table(data, origin)
            case Tensors(values=tensors):
                return self._from_tensors(dict(tensors), origin)
            case Payload(value=dict(value)):
                arrays = {name: _to_array(item, _place(name)) for name, item in value.items()}
                return self._from_tensors(arrays, origin)
            case Payload(value=value):
                return self._from_array(_to_array(value, _place(None)), origin)
            case array:
                return self._from_array(array, origin)

    def _from_table(self, table: Columns, origin: Origin) -> ModelInput:
        if not self._is_named:
            return _join_columns(table, self._specs[0])
        columns = dict(table.values)
        self._require({str(name) for name in columns}, origin)
        return Tensors(
            {str(s.name): _read_column(columns[str(s.name)], s, table.rows) for s in self._specs}
        )

    def _from_tensors(self, tensors: dict[str, Tensor], origin: Origin) -> ModelInput:
        if not self._is_named:
            raise SchemaViolation(
                "found named tensors, expected one array; the model's input has no name, "
                "so send the array itself"
            )
        self._require(set(tensors), origin)
        return Tensors({str(s.name): _fit(tensors[str(s.name)], s, origin) for s in self._specs})

    def _from_array(self, array: Tensor, origin: Origin) -> ModelInput:
        if not self._is_named:
            return _fit(array, self._specs[0], origin)
        if len(self._specs) > 1:
            names = ", ".join(f'"{spec.name}"' for spec in self._specs)
            raise SchemaViolation(f"found one array, expected the tensors {names}, each by name")
        return self._from_tensors({str(self._specs[0].name): array}, origin)

    def _require(self, present: set[str], origin: Origin) -> None:
        missing = [str(spec.name) for spec in self._specs if spec.name not in present]
        if missing:
            raise MissingColumns(missing, tellable_names(sorted(present), origin))


def _fit(array: Tensor, spec: TensorSpec, origin: Origin) -> Tensor:
    """Return ``array`` in the type of ``spec``, if its shape is that of ``spec``."""
    if spec.dtype.kind == "O" and spec.shape == (-1,):
        return array
    if origin is Origin.TYPED and array.dtype.kind == "O" and _may_be_ragged(array, spec):
        return array
    where = _place(spec.name)
    convert = convert_safely if origin is Origin.TYPED else convert_elements
    if not _is_shaped(array.shape, spec.shape):
        raise _wrong_shape(where, array.shape, spec)
    return convert(array, spec.dtype, where)


def _place(name: str | None) -> str:
    """Return what to call a tensor in an error."""
    return "the input tensor" if name is None else f'tensor "{name}"'


def _join_columns(table: Columns, spec: TensorSpec) -> Tensor:
    """Return the columns side by side, or the only one, whose cells may be lists."""
    columns = list(table.values.values())
    if len(columns) == 1:
        return _read_column(columns[0], spec, table.rows)
    if spec.shape != (-1, len(columns)):
        raise _wrong_shape(_place(spec.name), (table.rows, len(columns)), spec)
    where = _place(spec.name)
    arrays = [
        convert_elements(_to_array(column, where), spec.dtype, f"{where}, column {position}")
        for position, column in enumerate(columns)
    ]
    if any(array.shape != (table.rows,) for array in arrays):
        raise SchemaViolation(f"{where}: found lists in one of several columns, expected numbers")
    return np.stack(arrays, axis=1)


def _read_column(column: ColumnValues, spec: TensorSpec, rows: int) -> Tensor:
    """Return a column whose cells are single values, or lists that make the rest of the shape."""
    where = _place(spec.name)
    if spec.shape[0] != -1 or -1 in spec.shape[1:]:
        raise SchemaViolation(
            f"{where}: found a column of a table, expected an array of shape {spec.shape}; "
            "send it as inputs or instances"
        )
    array = _to_array(column, where)
    if len(array) != rows or array.size != rows * prod(spec.shape[1:]):
        raise _wrong_shape(where, array.shape, spec)
    return convert_elements(array, spec.dtype, where).reshape(rows, *spec.shape[1:])


def _to_array(values: Any, where: str) -> Tensor:
    """Return nested lists, or an array of arrays, as one array of the type that holds them all."""
    if isinstance(values, np.ndarray) and values.dtype.kind != "O":
        return values
    try:
        return stack_lists(list(values) if isinstance(values, np.ndarray) else values)
    except ValueError as error:
        raise SchemaViolation(f"{where}: {error}") from None


def _may_be_ragged(array: Tensor, spec: TensorSpec) -> bool:
    return array.ndim == 1 and len(spec.shape) > 1 and -1 in spec.shape[1:]


def _is_shaped(found: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    return len(found) == len(expected) and all(
        length in {-1, actual} for length, actual in zip(expected, found, strict=True)
    )


def _wrong_shape(where: str, found: tuple[int, ...], spec: TensorSpec) -> SchemaViolation:
    return SchemaViolation(
        f"{where}: found the shape {found}, expected {spec.shape}, where -1 is any length"
    )
