"""Numpy columns of known types, cast to the types of a schema where no value is changed by it.

Wider than MLflow's table of safe conversions in that values count, not their types: int64 passes
for integer, and float64 for long, where each value is the same afterwards.
"""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable
from typing import Any

import numpy as np

from .columns import Tensor
from .datetimes import DTYPE as MOMENTS
from .datetimes import cast_datetimes
from .errors import InvalidCell
from .fields import Field, convert_each
from .schema import DataType
from .values import (
    CASTS,
    as_objects,
    cast_doubles,
    cast_strings,
    is_text,
    nullable,
)

_NUMBERS = "biuf"


def cast_array(array: Tensor, field: Field) -> Tensor:
    """Return a column of one dimension as the type of ``field``, or raise the error for a cell."""
    if array.dtype == field.scalar.dtype and array.dtype.kind != "O":
        return array
    return _CASTS[field.scalar](array, field)


def convert_exactly(array: Tensor, dtype: np.dtype[Any]) -> tuple[Tensor, Tensor | None]:
    """Return numbers as ``dtype``, and where that changed one; None stands for nowhere."""
    if _is_always_exact(array.dtype, dtype):
        return array.astype(dtype, copy=False), None
    with np.errstate(invalid="ignore", over="ignore"):
        converted = array.astype(dtype)
        differs = converted != array
        if dtype.kind == "f" == array.dtype.kind:
            differs &= ~np.isnan(array)
        changed = differs | ~_fits(array, dtype)
    return converted, changed if changed.any() else None


def is_missing(value: Any) -> bool:
    """Tell whether ``value`` is None, NaN, NaT or pandas' NA."""
    if value is None:
        return True
    try:
        return bool(value != value)  # noqa: PLR0124 - only these differ from themselves
    except (TypeError, ArithmeticError):  # NA and signalling NaN, which refuse to be compared
        return True
    except ValueError:  # an array, whose elements are compared
        return False


def _is_always_exact(found: np.dtype[Any], wanted: np.dtype[Any]) -> bool:
    # numpy calls int64 to float64 safe, which it is up to 2**53.
    is_rounded = found.kind in "iu" and wanted.kind == "f" and found.itemsize == 8
    return np.can_cast(found, wanted, "safe") and not is_rounded


def _fits(array: Tensor, dtype: np.dtype[Any]) -> Tensor:
    """Tell for each number whether it is in the range where comparing it with its copy is safe."""
    if array.dtype.kind in "iu" and dtype.kind == "f":
        limit = 2 ** (np.finfo(dtype).nmant + 1)
        return (array <= limit) & (array >= -limit)  # type: ignore[no-any-return]
    if dtype.kind not in "iu":
        return np.ones(array.shape, bool)
    limits = np.iinfo(dtype)
    if array.dtype.kind == "f":
        return (array >= float(limits.min)) & (array < float(limits.max) + 1)
    found = np.iinfo(array.dtype) if array.dtype.kind in "iu" else np.iinfo(np.uint8)
    low, high = max(limits.min, found.min), min(limits.max, found.max)
    return (array >= low) & (array <= high)


def _cast_numbers(array: Tensor, field: Field) -> Tensor:
    if array.dtype.kind not in _NUMBERS:
        raise _refuse_type(array, field)
    if array.dtype.kind == "f" and field.type in {DataType.INTEGER, DataType.LONG}:
        missing = np.isnan(array)
        if missing.any():
            return _cast_with_gaps(array, missing, field)
    converted, changed = convert_exactly(array, field.scalar.dtype)
    if changed is not None:
        raise field.misfit(
            int(np.argmax(changed)), f"a {array.dtype} value that the type cannot hold exactly"
        )
    return converted


def _cast_with_gaps(array: Tensor, missing: Tensor, field: Field) -> Tensor:
    """Return whole numbers and NaN as float64, which is how pandas has integers with gaps."""
    if field.required:
        raise field.refusal(int(np.argmax(missing)), None)
    _, changed = convert_exactly(np.where(missing, 0, array), field.scalar.dtype)
    if changed is not None:
        raise field.refusal(int(np.argmax(changed)), float(array[np.argmax(changed)]))
    return array.astype(np.float64)


def _cast_moments(array: Tensor, field: Field) -> Tensor:
    if array.dtype.kind != "M":
        raise _refuse_type(array, field)
    moments = array.astype(MOMENTS)
    changed = (moments.astype(array.dtype) != array) & ~np.isnat(array)
    if changed.any():
        raise field.misfit(int(np.argmax(changed)), "a moment out of range")
    return moments


def _cast_texts(array: Tensor, field: Field) -> Tensor:
    if array.dtype.kind != "U":
        raise _refuse_type(array, field)
    return array.astype(object)


def _cast_bytes(array: Tensor, field: Field) -> Tensor:
    if array.dtype.kind not in "SU":
        raise _refuse_type(array, field)
    return array.astype(object)


def _cast_number_objects(array: Tensor, field: Field) -> Tensor:
    cells = convert_each(_plain_cells(array), field, _to_number)
    if field.type is not DataType.FLOAT:
        return CASTS[field.scalar](cells, field)
    doubles = Field(field.name, DataType.DOUBLE, field.required)
    return _cast_numbers(cast_doubles(cells, doubles), field)


def _cast_moment_objects(array: Tensor, field: Field) -> Tensor:
    return cast_datetimes(convert_each(_plain_cells(array), field, _to_moment_text), field)


def _cast_text_objects(array: Tensor, field: Field) -> Tensor:
    cells = array.tolist()
    return array if is_text(cells) else cast_strings(_plain_cells(array), field)


def _cast_bytes_objects(array: Tensor, field: Field) -> Tensor:
    return as_objects(convert_each(_plain_cells(array), field, nullable(_to_bytes_or_text, field)))


def _plain_cells(array: Tensor) -> list[Any]:
    """Return the cells in Python's own types, with None where one is missing."""
    return [None if is_missing(cell) else to_python(cell) for cell in array.tolist()]


def to_python(cell: Any) -> Any:
    """Return a numpy scalar as Python's own, anything else as it is."""
    if isinstance(cell, np.generic) and not isinstance(cell, np.datetime64):
        return cell.item()
    return cell


def _to_number(cell: Any) -> Any:
    if isinstance(cell, decimal.Decimal):
        return int(cell) if cell == cell.to_integral_value() else float(cell)
    if cell is None or isinstance(cell, bool | int | float):
        return cell
    raise TypeError


def _to_moment_text(cell: Any) -> str | None:
    if isinstance(cell, dt.date):
        return cell.isoformat()
    if isinstance(cell, str | np.datetime64 | None):
        return None if cell is None else str(cell)
    raise TypeError


def _to_bytes_or_text(cell: Any) -> bytes | str:
    if isinstance(cell, bytearray | memoryview):
        return bytes(cell)
    if isinstance(cell, bytes | str):
        return cell
    raise TypeError


def _refuse_type(array: Tensor, field: Field) -> InvalidCell:
    return field.misfit(None, f"{array.dtype} values")


def _either(
    typed: Callable[[Tensor, Field], Tensor], objects: Callable[[Tensor, Field], Tensor]
) -> Callable[[Tensor, Field], Tensor]:
    """Return a cast that reads arrays of Python objects by ``objects``, all others by ``typed``."""
    return lambda array, field: (objects if array.dtype.kind == "O" else typed)(array, field)


_CASTS: dict[DataType, Callable[[Tensor, Field], Tensor]] = {
    DataType.BOOLEAN: _either(_cast_numbers, _cast_number_objects),
    DataType.INTEGER: _either(_cast_numbers, _cast_number_objects),
    DataType.LONG: _either(_cast_numbers, _cast_number_objects),
    DataType.FLOAT: _either(_cast_numbers, _cast_number_objects),
    DataType.DOUBLE: _either(_cast_numbers, _cast_number_objects),
    DataType.STRING: _either(_cast_texts, _cast_text_objects),
    DataType.BINARY: _either(_cast_bytes, _cast_bytes_objects),
    DataType.DATETIME: _either(_cast_moments, _cast_moment_objects),
}
