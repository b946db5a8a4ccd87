"""Columns and tensors made into what the inputs of an ONNX graph take.

A cast that would change a value beyond a float's precision is refused, naming column and row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import Any

import numpy as np

from .columns import Block, ColumnName, Columns, ColumnValues, Tensor
from .errors import InvalidCell, InvalidInput, MissingColumns
from .fields import name_kind

Feeds = dict[str, Tensor]

_STRINGS = np.dtype(object)
_NUMBERS = [np.dtype(code) for code in "?bBhHiIlLqQefd"]
# A float takes any number, rounded to its precision, as MLflow casts double columns to float32.
_CASTS = {
    to: frozenset(
        other for other in _NUMBERS if to.kind == "f" or np.can_cast(other, to, casting="safe")
    )
    for to in _NUMBERS
}
_ONE_WIDE = (None, 1)


@dataclass(frozen=True, slots=True)
class GraphInput:
    """One input of a graph: strings have the dtype object; None in ``shape`` is any length.

    An empty shape is one that the graph does not declare.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | None, ...]
    is_column: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_column", self.shape == _ONE_WIDE)


class GraphInputs:
    """All inputs of one graph, and what is fed to them."""

    __slots__ = ("_block_dtypes", "_inputs", "names")

    def __init__(self, inputs: Iterable[GraphInput]) -> None:
        self._inputs = tuple(inputs)
        self.names = [item.name for item in self._inputs]
        self._block_dtypes: dict[tuple[ColumnName, ...], np.dtype[Any] | None] = {}

    def feed_columns(self, columns: Columns) -> Feeds:
        """Return ``columns`` as feeds: each graph input takes the column of its name.

        A graph with one input takes all columns, side by side in their order.
        """
        inputs, values = self._inputs, columns.values
        try:
            with np.errstate(over="raise"):
                if len(inputs) == 1:
                    return {inputs[0].name: _side_by_side(inputs[0], columns)}
                feeds = self._feed_blocks(columns.blocks)
                if len(feeds) < len(inputs):
                    rest = [item for item in inputs if item.name not in feeds]
                    feeds.update((item.name, _feed(item, values[item.name])) for item in rest)
                return feeds
        except KeyError:
            missing = [item.name for item in inputs if item.name not in values]
            raise MissingColumns(missing, map(str, values)) from None
        except FloatingPointError:
            raise _overflow(inputs, values) from None

    def feed_tensors(self, tensors: Mapping[str, Tensor]) -> Feeds:
        """Return ``tensors`` as feeds, one for each input by name, of the graph's shapes."""
        inputs = self._inputs
        if set(tensors) != set(self.names):
            raise InvalidInput(
                f"found the tensors {', '.join(sorted(tensors)) or 'none'}, "
                f"expected {', '.join(self.names)}; send each of them and no other"
            )
        try:
            with np.errstate(over="raise"):
                feeds = {i.name: _cast(i.name, tensors[i.name], i.dtype) for i in inputs}
        except FloatingPointError:
            raise _overflow(inputs, tensors) from None
        for item in inputs:
            _check_shape(item, feeds[item.name])
        return feeds

    def _feed_blocks(self, blocks: Iterable[Block]) -> Feeds:
        """Return the columns of those ``blocks`` that need no more than a cast of the whole."""
        feeds: dict[Any, Tensor] = {}
        for block in blocks:
            names = block.names
            if names not in self._block_dtypes:
                self._block_dtypes[names] = self._block_dtype(names)
            dtype = self._block_dtypes[names]
            if dtype is not None and (array := _cast_block(block, dtype)) is not None:
                feeds.update(zip(names, array[:, :, np.newaxis], strict=True))
        return feeds

    def _block_dtype(self, names: Sequence[ColumnName]) -> np.dtype[Any] | None:
        """Return the dtype that inputs take a column of, if that is so for each of ``names``."""
        dtypes: dict[Any, Any] = {item.name: item.dtype for item in self._inputs if item.is_column}
        wanted = {dtypes.get(name) for name in names}
        return wanted.pop() if len(wanted) == 1 else None


def _cast_block(block: Block, dtype: np.dtype[Any]) -> Tensor | None:
    """Return the columns of ``block`` as ``dtype``, or None where each has to be looked at."""
    array = block.array
    if array.dtype is _STRINGS:
        return array if dtype is _STRINGS and all(map(_are_strings, block.cells)) else None
    try:
        return array.astype(dtype, copy=False) if array.dtype in _CASTS.get(dtype, ()) else None
    except FloatingPointError:
        return None


def _feed(item: GraphInput, values: ColumnValues) -> Tensor:
    """Return one column as its input takes it; the common cases go the short way."""
    dtype = item.dtype
    if item.is_column and isinstance(values, np.ndarray) and values.ndim == 1:
        if values.dtype is _STRINGS:
            if dtype is _STRINGS and _are_strings(values.tolist()):
                return values[:, np.newaxis]
        elif values.dtype in _CASTS.get(dtype, ()):
            return values.astype(dtype, copy=False)[:, np.newaxis]
    return _shaped(item, _cast(item.name, values, dtype))


def _side_by_side(item: GraphInput, columns: Columns) -> Tensor:
    parts = [_cast(name, values, item.dtype) for name, values in columns.values.items()]
    if len(parts) == 1:
        return _shaped(item, parts[0])
    table = np.empty((columns.rows, len(parts)), dtype=item.dtype)
    for index, part in enumerate(parts):
        table[:, index] = part
    return _shaped(item, table)


def _shaped(item: GraphInput, array: Tensor) -> Tensor:
    if array.ndim == 1 and len(item.shape) == 2:
        array = array[:, np.newaxis]
    if item.shape != _ONE_WIDE or array.ndim != 2 or array.shape[1] != 1:
        _check_shape(item, array)
    return array


def _check_shape(item: GraphInput, array: Tensor) -> None:
    fits = len(array.shape) == len(item.shape) and all(
        want in {None, have} for have, want in zip(array.shape, item.shape, strict=True)
    )
    if item.shape and not fits:
        expected = ", ".join("any" if want is None else str(want) for want in item.shape)
        raise InvalidInput(
            f'input "{item.name}" of the graph: found the shape {array.shape}, '
            f"expected ({expected}); send as many columns or values a row as the model was made for"
        )


def _cast(name: str | int, values: ColumnValues, dtype: np.dtype[Any]) -> Tensor:
    if isinstance(values, list) or (values.dtype.kind == "O" and dtype.kind != "O"):
        values = _from_cells(name, values, dtype)
    if dtype.kind == "O":
        return _strings(name, values)
    if values.dtype is dtype:
        return values
    if values.dtype in _CASTS[dtype]:
        return values.astype(dtype)
    return _narrowed(name, values, dtype)


def _from_cells(name: str | int, values: ColumnValues, dtype: np.dtype[Any]) -> Tensor:
    """Return Python values as an array; a missing one is NaN where the graph takes floats."""
    cells = list(values)
    if dtype == _STRINGS or not cells:
        return np.array(cells, dtype=dtype)
    if dtype.kind == "f":
        cells = [np.nan if cell is None else cell for cell in cells]
    try:
        array = np.array(cells)
    except ValueError:
        raise InvalidCell(name, None, "lists of unequal lengths", _kind(dtype)) from None
    if array.dtype not in _CASTS:
        row, cell = next(
            ((row, cell) for row, cell in enumerate(cells) if not _is_number(cell)), (None, cells)
        )
        raise InvalidCell(name, row, _describe(cell), _kind(dtype))
    return array


def _strings(name: str | int, values: Tensor) -> Tensor:
    """Return ``values`` if all are strings: the engine itself would score None as "None"."""
    if values.dtype.kind != "O":
        if values.dtype.kind in "UT":
            return values.astype(_STRINGS)
        raise InvalidCell(name, None, f"{values.dtype} values", "strings")
    cells = values.tolist() if values.ndim == 1 else values.ravel().tolist()
    if not _are_strings(cells):
        index = next(i for i, cell in enumerate(cells) if not isinstance(cell, str))
        row = index * len(values) // len(cells)
        raise InvalidCell(name, row, _describe(cells[index]), "a string")
    return values


def _are_strings(cells: Sequence[Any]) -> bool:
    """Tell whether all ``cells`` are strings, by the quickest way there is: joining them."""
    try:
        "".join(cells)
    except TypeError:
        return False
    return True


def _narrowed(name: str | int, values: Tensor, dtype: np.dtype[Any]) -> Tensor:
    """Return integers in a narrower type that holds each of them."""
    if values.dtype.kind not in "iu" or dtype.kind not in "iu":
        raise InvalidCell(name, None, f"{values.dtype} values", _kind(dtype))
    limits = np.iinfo(dtype)
    outside = np.argwhere((values < limits.min) | (values > limits.max))
    if len(outside):
        row = int(outside[0][0]) if values.ndim else 0
        raise InvalidCell(name, row, "a number outside the range", _kind(dtype))
    return values.astype(dtype)


def _overflow(
    inputs: tuple[GraphInput, ...], values: Mapping[Any, ColumnValues]
) -> InvalidCell | InvalidInput:
    """Return the error for the first finite number that its graph input's float cannot hold."""
    wanted = {item.name: item.dtype for item in inputs}
    for name, column in values.items():
        dtype = wanted.get(name, inputs[0].dtype)
        array = np.asarray(column)
        if dtype.kind == "f" and array.dtype in _CASTS:
            outside = np.argwhere(np.isfinite(array) & (np.abs(array) > np.finfo(dtype).max))
            if len(outside):
                row = int(outside[0][0]) if array.ndim else 0
                return InvalidCell(name, row, "a number outside the range", _kind(dtype))
    return InvalidInput(f"a number is outside the range of {inputs[0].dtype}")


def _is_number(cell: object) -> bool:
    """Whether ``cell``, a number or a nested list of them, has a place in a numeric array."""
    if isinstance(cell, list | tuple):
        return all(_is_number(item) for item in cell)
    return isinstance(cell, bool | float | np.number) or (
        isinstance(cell, int) and -(2**63) <= cell < 2**64
    )


def _describe(cell: object) -> str:
    if isinstance(cell, list | tuple):
        inner = next((item for item in cell if not _is_number(item)), None)
        return f"a list with {_describe(inner)}"
    if isinstance(cell, int) and not isinstance(cell, bool):
        return "an integer" if _is_number(cell) else "an integer of more than 64 bits"
    if isinstance(cell, float) and isnan(cell):
        return "a missing value"
    return name_kind(cell)


def _kind(dtype: np.dtype[Any]) -> str:
    return "strings" if dtype == _STRINGS else f"{dtype} values"
