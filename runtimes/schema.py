"""What a model's signature is made of: data types, columns, tensors and params.

The types are MLflow's; ``signature.py`` reads and writes their JSON form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np


class DataType(StrEnum):
    """The scalar types of a column or a param, under MLflow's names."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    LONG = "long"
    FLOAT = "float"
    DOUBLE = "double"
    STRING = "string"
    BINARY = "binary"
    DATETIME = "datetime"

    @property
    def dtype(self) -> np.dtype[Any]:
        """The numpy type that a column of this type has inside mlserve."""
        return _DTYPES[self]


_DTYPES = {
    DataType.BOOLEAN: np.dtype(bool),
    DataType.INTEGER: np.dtype(np.int32),
    DataType.LONG: np.dtype(np.int64),
    DataType.FLOAT: np.dtype(np.float32),
    DataType.DOUBLE: np.dtype(np.float64),
    DataType.STRING: np.dtype(object),
    DataType.BINARY: np.dtype(object),
    DataType.DATETIME: np.dtype("datetime64[ns]"),
}


@dataclass(frozen=True, slots=True)
class Array:
    """A list of values of one type."""

    items: ColumnType

    def __str__(self) -> str:
        return f"array of {self.items}"


@dataclass(frozen=True, slots=True)
class Property:
    """One named member of an `Object`."""

    type: ColumnType
    required: bool = True


@dataclass(frozen=True, slots=True)
class Object:
    """A JSON object with known members."""

    properties: Mapping[str, Property]

    def __str__(self) -> str:
        return f"object with {', '.join(self.properties)}"


@dataclass(frozen=True, slots=True)
class Map:
    """A JSON object with any keys and values of one type."""

    values: ColumnType

    def __str__(self) -> str:
        return f"map of {self.values}"


@dataclass(frozen=True, slots=True)
class AnyType:
    """A value that is passed to the model as it came."""

    def __str__(self) -> str:
        return "any"


@dataclass(frozen=True, slots=True)
class SparkVector:
    """A Spark ML vector, which a request carries as a list of numbers."""

    def __str__(self) -> str:
        return "sparkml_vector"


ColumnType = DataType | Array | Object | Map | AnyType | SparkVector


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table; ``name`` is None in a schema of unnamed columns.

    An integer name is the label of a pandas column that nobody named.
    """

    type: ColumnType
    name: str | int | None = None
    required: bool = True


@dataclass(frozen=True, slots=True)
class ColumnSchema:
    """The columns of a table in order: all of them named, or none."""

    columns: tuple[Column, ...]

    @property
    def is_named(self) -> bool:
        """Whether the columns are told apart by name rather than by position."""
        return self.columns[0].name is not None

    @property
    def names(self) -> tuple[str | int, ...]:
        """The columns' names, or their positions where they have none."""
        return tuple(i if c.name is None else c.name for i, c in enumerate(self.columns))

    def spell(self, names: Iterable[str | int]) -> list[str | int]:
        """Return ``names`` as the schema has them: what a text calls "0" is its column 0."""
        own: dict[str, str | int] = {}
        if self.is_named:
            own = {str(name): name for name in self.names}
        return [own.get(str(name), name) for name in names]


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One n-dimensional array; -1 in ``shape`` stands for any length."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    name: str | None = None


@dataclass(frozen=True, slots=True)
class TensorSchema:
    """One unnamed tensor, or any number of named ones."""

    tensors: tuple[TensorSpec, ...]

    @property
    def is_named(self) -> bool:
        """Whether the tensors are told apart by name; if not, there is one."""
        return self.tensors[0].name is not None


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """One inference param; ``shape`` is None for a scalar and (-1,) for a list."""

    name: str
    type: DataType | Object
    default: Any
    shape: tuple[int, ...] | None = None


Schema = ColumnSchema | TensorSchema


@dataclass(frozen=True, slots=True)
class Signature:
    """What a model takes and gives; each part is None where it is not declared."""

    inputs: Schema | None = None
    outputs: Schema | None = None
    params: tuple[ParamSpec, ...] | None = None
