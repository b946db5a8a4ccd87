"""A schema compiled into checks, which run once for each request.

The casts of single columns stand in ``casting.py``, those of tensors in ``tensors.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from .casting import ColumnCast, compile_cast
from .columns import ColumnName, Columns, ColumnValues, ModelInput
from .errors import MissingColumns, SchemaViolation
from .fields import Field
from .origins import Origin, tellable_names
from .packing import compile_pack, is_packable
from .schema import ColumnSchema, Schema, TensorSchema
from .tables import to_table
from .tensors import TensorEnforcer


class Enforcer(Protocol):
    """A compiled schema."""

    def enforce(self, data: ModelInput, origin: Origin) -> ModelInput:
        """Return ``data`` as the schema has it, or raise a `SchemaViolation`; ``data`` stays."""


def compile_schema(schema: Schema | None) -> Enforcer:
    """Return the enforcer of ``schema``; without a schema, all data pass as they are."""
    match schema:
        case ColumnSchema():
            return ColumnEnforcer(schema)
        case TensorSchema():
            return TensorEnforcer(schema)
        case None:
            return _AcceptAll()


class ColumnEnforcer:
    """Makes of any input the columns of a schema, in its order and of its types.

    Columns that the schema lacks are dropped, optional ones may be absent. Where the schema has no
    names, columns go by position and keep the names that they came with.
    """

    def __init__(self, schema: ColumnSchema) -> None:
        self._is_named = schema.is_named
        self._fields = [
            Field(name, column.type, column.required)
            for name, column in zip(schema.names, schema.columns, strict=True)
        ]
        self._required = {field.name for field in self._fields if field.required}
        self._casts: dict[Origin, list[tuple[Field, ColumnCast]]] = {
            origin: [(field, compile_cast(field, origin)) for field in self._fields]
            for origin in Origin
        }
        self._pack = compile_pack(self._fields) if is_packable(self._fields) else None

    @property
    def is_packable(self) -> bool:
        """Whether `pack` may be called: all columns are booleans, numbers or texts."""
        return self._pack is not None

    def enforce(self, data: ModelInput, origin: Origin) -> Columns:
        """Return the columns of the schema, or raise the error for the first misfit."""
        table = to_table(data, origin)
        if not self._is_named:
            return self._enforce_by_position(table, origin)
        given, rows = table.values, table.rows
        if not self._required <= given.keys():
            missing = [name for name in self._required_names() if name not in given]
            raise MissingColumns(map(str, missing), tellable_names(given, origin))
        values: dict[ColumnName, ColumnValues] = {}
        for field, cast in self._casts[origin]:
            column = given.get(field.name)
            if column is not None:
                if len(column) != rows:
                    raise _unequal(field.name, column, rows)
                values[field.name] = cast(column, field)
        return Columns(values, rows)

    def pack(self, rows: Sequence[tuple[Any, ...]]) -> Columns:
        """Return the columns of rows that a typed decoder has checked; see `compile_pack`.

        They are what `enforce` makes of the same cells. Raises `InvalidCell` only for what no
        decoder sees: a number with no place in its column beside the others there.
        """
        if self._pack is None:
            raise TypeError("a column is of a type that no typed decoder checks")
        return self._pack(rows)

    def _enforce_by_position(self, table: Columns, origin: Origin) -> Columns:
        if len(table.values) < len(self._fields):
            raise SchemaViolation(
                f"found {len(table.values)} columns, expected {len(self._fields)}; "
                "they have no names, so each must be there, in the signature's order"
            )
        values: dict[ColumnName, ColumnValues] = {}
        pairs = zip(self._casts[origin], table.values.items(), strict=False)
        for (field, cast), (name, column) in pairs:
            if len(column) != table.rows:
                raise _unequal(name, column, table.rows)
            is_told = name != field.name and tellable_names([name], origin)
            values[name] = cast(column, replace(field, name=name) if is_told else field)
        return Columns(values, table.rows)

    def _required_names(self) -> list[str | int]:
        return [field.name for field in self._fields if field.required]


class _AcceptAll:
    """The enforcer of a model that declares nothing of its inputs."""

    def enforce(self, data: ModelInput, origin: Origin) -> ModelInput:  # noqa: ARG002 - the contract has it
        return data


def _unequal(name: ColumnName, column: ColumnValues, rows: int) -> SchemaViolation:
    return SchemaViolation(
        f'column "{name}" has {len(column)} values, and the request has {rows} rows; '
        "every column must have one value a row"
    )
