"""The shapes that data have between a codec and a runtime.

`Columns` is the common one; tensors and raw payloads are for models whose signature asks for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

ColumnName = str | int
Tensor = np.ndarray[Any, Any]
ColumnValues = Tensor | list[Any]


class Block(NamedTuple):
    """Columns of one type side by side: row ``i`` of ``array`` is the column ``names[i]``.

    ``cells[i]`` are the Python values that it was made of.
    """

    names: tuple[ColumnName, ...]
    array: Tensor
    cells: Sequence[Sequence[Any]]


class BlockColumns(Mapping[ColumnName, Tensor]):
    """The columns of ``blocks`` by name, each cut out when it is asked for.

    ``places`` says in which block a column stands, and in which row of it.
    """

    __slots__ = ("_blocks", "_places")

    def __init__(
        self, places: Mapping[ColumnName, tuple[int, int]], blocks: Sequence[Block]
    ) -> None:
        self._places, self._blocks = places, blocks

    def __getitem__(self, name: ColumnName) -> Tensor:
        """Return the column ``name``."""
        block, row = self._places[name]
        column: Tensor = self._blocks[block].array[row]
        return column

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a column ``name``."""
        return name in self._places

    def __iter__(self) -> Iterator[ColumnName]:
        """Yield the names, in order."""
        return iter(self._places)

    def __len__(self) -> int:
        """Return the number of columns."""
        return len(self._places)


@dataclass(frozen=True, slots=True)
class Columns:
    """A table: columns of ``rows`` values each, under their names or their positions.

    A column is a numpy array of one dimension once its type is known, and a list of Python values
    (as a JSON parser gives them) until then, or where no signature says. In a prediction it may
    have more dimensions, of which the first counts rows. Columns of ``values`` that stand in
    ``blocks`` too are the same memory, for who would rather take many columns at once.
    """

    values: Mapping[ColumnName, ColumnValues]
    rows: int
    blocks: Sequence[Block] = ()


@dataclass(frozen=True, slots=True)
class Tensors:
    """Named n-dimensional arrays, the first dimension of each counting rows."""

    values: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Payload:
    """A value that a Python function gets as the request had it; it has no rows to count."""

    value: Any


ModelInput = Columns | Tensors | Tensor | Payload


def count_rows(data: ModelInput) -> int:
    """Return the number of rows of ``data``; what cannot be counted is one row."""
    match data:
        case Columns(rows=rows):
            return rows
        case Tensors(values=values):
            return max((len(array) if array.ndim else 1 for array in values.values()), default=0)
        case Payload():
            return 1
        case array:
            return len(array) if array.ndim else 1


def unwrap(data: ModelInput) -> Any:
    """Return what is no table as a model's own code gets it: a value, an array, a dict of arrays.

    A table is itself.
    """
    match data:
        case Payload(value=value):
            return value
        case Tensors(values=values):
            return dict(values)
    return data


def concatenate(parts: Sequence[ModelInput]) -> ModelInput:
    """Return ``parts`` as one input, in order; all must be of one kind with the same names.

    Only `Columns`, `Tensors` and arrays can be joined; a single part of any kind is itself.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    match first:
        case Columns():
            columns = [part for part in parts if isinstance(part, Columns)]
            return Columns(
                {name: _join([part.values[name] for part in columns]) for name in first.values},
                sum(part.rows for part in columns),
            )
        case Tensors():
            tensors = [part for part in parts if isinstance(part, Tensors)]
            return Tensors(
                {name: np.concatenate([t.values[name] for t in tensors]) for name in first.values}
            )
        case np.ndarray():
            return np.concatenate([part for part in parts if isinstance(part, np.ndarray)])
        case Payload():
            raise TypeError("payloads have no rows to join")


def layout(data: ModelInput) -> tuple[object, ...]:
    """Return what must be equal for two inputs to be joined without changing either's values.

    Columns that are lists are of no known type and join with nothing; neither do payloads, nor
    tensors that have no rows or not all the same number.
    """
    match data:
        case Columns(values=values):
            kinds = tuple((name, _kind(column)) for name, column in values.items())
            return (Columns, kinds)
        case Tensors(values=values):
            rows = {array.shape[:1] for array in values.values()}
            if len(rows) != 1 or () in rows:
                return (Tensors, object())
            return (Tensors, tuple((n, a.dtype, a.shape[1:]) for n, a in values.items()))
        case Payload():
            return (Payload, object())
        case array:
            return (Tensor, array.dtype, array.shape[1:], array.ndim or object())


def _kind(column: ColumnValues) -> object:
    return column.dtype if isinstance(column, np.ndarray) else object()


def _join(parts: list[ColumnValues]) -> ColumnValues:
    arrays = [part for part in parts if isinstance(part, np.ndarray)]
    if len(arrays) == len(parts):
        return np.concatenate(arrays)
    return [value for part in parts for value in part]
