"""The elements of an array, converted to the type of a tensor."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .arrays import convert_exactly, to_python
from .columns import Tensor
from .datetimes import DTYPE as MOMENTS
from .datetimes import to_nanoseconds
from .errors import SchemaViolation
from .fields import describe
from .schema import DataType
from .values import narrow_floats, to_boolean, to_bytes, to_double, to_single, to_text

_NUMBERS = "biuf"
_NEAREST_TYPES = {
    "b": DataType.BOOLEAN,
    "i": DataType.LONG,
    "u": DataType.LONG,
    "f": DataType.DOUBLE,
}


def convert_safely(array: Tensor, dtype: np.dtype[Any], where: str) -> Tensor:
    """Return ``array`` as ``dtype``, if that type holds every value of the array's type.

    Integers of 64 bits pass for floats where each is exact. Texts and bytes may be of any length.
    """
    if array.dtype == dtype or array.dtype.kind == dtype.kind in "US":
        return array
    if array.dtype.kind in _NUMBERS and np.can_cast(array.dtype, dtype, "safe"):
        converted, changed = convert_exactly(array, dtype)
        if changed is None:
            return converted
        raise _refusal(where, _index(changed), f"an {array.dtype} beyond 2**53", dtype)
    if array.dtype.kind == dtype.kind == "M" and np.can_cast(array.dtype, dtype, "safe"):
        return array.astype(dtype)
    raise SchemaViolation(
        f"{where}: found the type {array.dtype}, expected {dtype}; convert the array first"
    )


def convert_elements(array: Tensor, dtype: np.dtype[Any], where: str) -> Tensor:
    """Return ``array``, which came as JSON or in a table, as ``dtype``.

    Numbers are rounded to the precision of a float and changed in no other way; texts are read as
    what they stand for.
    """
    if array.dtype == dtype or array.dtype.kind == dtype.kind == "U":
        return array
    if dtype.kind == "O":
        return array.astype(object)
    if array.dtype.kind in _NUMBERS and dtype.kind in _NUMBERS:
        return _convert_numbers(array, dtype, where)
    return _convert_each(array, dtype, where)


def _convert_numbers(array: Tensor, dtype: np.dtype[Any], where: str) -> Tensor:
    if dtype.kind == "f":
        narrowed = narrow_floats(array, dtype)
        if narrowed is not None:
            return narrowed
        with np.errstate(over="ignore"):
            infinite = np.isinf(array.astype(dtype)) & np.isfinite(array)
        raise _refusal(where, _index(infinite), "a number out of range", dtype)
    converted, changed = convert_exactly(array, dtype)
    if changed is None:
        return converted
    index = _index(changed)
    raise _refusal(where, index, _describe(array[index].item(), dtype), dtype)


def _convert_each(array: Tensor, dtype: np.dtype[Any], where: str) -> Tensor:
    """Return the elements converted one by one, which is slow and seldom needed."""
    convert, holder = _converter(dtype), _HOLDERS.get(dtype.kind, dtype)
    elements = []
    for index, element in np.ndenumerate(array):
        try:
            elements.append(convert(to_python(element)))
        except (TypeError, ValueError, OverflowError):
            raise _refusal(where, index, _describe(to_python(element), dtype), dtype) from None
    converted = np.array(elements, holder).reshape(array.shape)
    if dtype.kind == "M":
        return converted.view(MOMENTS).astype(dtype)
    return converted


_HOLDERS: dict[str, Any] = {"M": np.int64, "U": np.str_, "S": np.bytes_}


def _converter(dtype: np.dtype[Any]) -> Callable[[Any], Any]:
    match dtype.kind:
        case "i" | "u":
            return partial(_to_whole, limits=np.iinfo(dtype))
        case "f":
            return to_single if dtype.itemsize < 8 else to_double
        case "b":
            return to_boolean
        case "M":
            return to_nanoseconds
        case "S":
            return to_bytes
        case "U":
            return _to_some_text
        case _:
            return _refuse


def _to_whole(value: Any, limits: Any) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise ValueError
    number = int(value)
    if not limits.min <= number <= limits.max:
        raise OverflowError
    return number


def _to_some_text(value: Any) -> str:
    if value is None:
        raise TypeError
    return str(to_text(value))


def _refuse(value: Any) -> Any:
    raise TypeError(value)


def _describe(value: Any, dtype: np.dtype[Any]) -> str:
    return describe(value, _NEAREST_TYPES.get(dtype.kind, DataType.STRING))


def _index(mask: Tensor) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(mask)[0])


def _refusal(
    where: str, index: tuple[int, ...], found: str, dtype: np.dtype[Any]
) -> SchemaViolation:
    return SchemaViolation(f"{where}, element {list(index)}: found {found}, expected {dtype}")
