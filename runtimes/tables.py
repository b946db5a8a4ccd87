"""Any input as the table that a schema of columns asks for."""

from __future__ import annotations

from typing import Any

from .columns import ColumnName, Columns, ColumnValues, ModelInput, Payload, Tensor, Tensors
from .errors import SchemaViolation
from .origins import Origin


def to_table(data: ModelInput, origin: Origin) -> Columns:
    """Return ``data`` as columns: an array's last dimension, or one column per tensor.

    A payload is one row where it is a mapping, one column where it is a list. Arrays that came as
    JSON are given back as lists, to be cast by the rules for JSON.
    """
    match data:
        case Columns():
            return data
        case Tensors(values=tensors):
            columns: dict[ColumnName, ColumnValues] = {
                name: _to_column(tensor, origin) for name, tensor in tensors.items()
            }
            return Columns(columns, len(next(iter(columns.values()), ())))
        case Payload(value=value):
            return _read_payload(value)
        case array:
            return _split_array(array, origin)


def _split_array(array: Tensor, origin: Origin) -> Columns:
    if array.ndim > 2:
        raise SchemaViolation(
            f"found an array of {array.ndim} dimensions, expected a table; "
            "send a list of rows, or columns by name"
        )
    parts = array.T if array.ndim == 2 else [array.reshape(-1)]
    return Columns(
        {index: _to_column(part, origin) for index, part in enumerate(parts)}, len(parts[0])
    )


def _to_column(tensor: Tensor, origin: Origin) -> ColumnValues:
    """Return the rows of ``tensor``, each a cell; those of more than one dimension are lists."""
    if tensor.ndim == 0:
        tensor = tensor.reshape(1)
    return tensor if origin is Origin.TYPED and tensor.ndim == 1 else list(tensor.tolist())


def _read_payload(value: Any) -> Columns:
    if isinstance(value, dict):
        row: dict[ColumnName, ColumnValues] = {name: [cell] for name, cell in value.items()}
        return Columns(row, 1)
    column = value if isinstance(value, list) else [value]
    return Columns({0: column}, len(column))
