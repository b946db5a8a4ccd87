"""Plain Python values of a column, as JSON and CSV give them, cast to the type of the column.

The usual case of each type is one call into C; what that refuses is looked at cell by cell.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .columns import Tensor
from .datetimes import cast_datetimes
from .fields import Field, convert_each
from .schema import DataType

Cast = Callable[[Sequence[Any], Field], Tensor]

# Beyond it a float skips integers.
LARGEST_EXACT_INTEGER = 2**53

_BOOLEANS = frozenset((bool,))
_STRINGS = frozenset((str, type(None)))
_FLOATABLE = frozenset((bool, int, float, str, type(None)))
_OPTIONAL_INTEGERS = frozenset((bool, int, type(None)))
_PRINTABLE = frozenset((str, bool, int, float))
_WORDS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Packing:
    """How numbers of one type are written into an array by the struct module.

    Strict where numpy is not: no text, no missing value, no fraction in an integer, and no
    overflow, which "=" adds for float32. Booleans alone are not checked: what is true becomes true.
    """

    code: str
    dtype: np.dtype[Any]

    def pack(self, values: Sequence[Any]) -> Tensor:
        """Return ``values`` as an array, or raise one of `MISFITS`."""
        return self.pack_each(values, len(values))

    def pack_each(self, values: Iterable[Any], count: int) -> Tensor:
        """Return ``values``, which are ``count``, as an array, or raise one of `MISFITS`."""
        array: Any = np.empty(count, self.dtype)
        struct.pack_into(f"={count}{self.code}", array, 0, *values)
        return array  # type: ignore[no-any-return]


MISFITS = (struct.error, OverflowError)
BOOLEANS = Packing("?", DataType.BOOLEAN.dtype)
SHORTS = Packing("i", DataType.INTEGER.dtype)
LONGS = Packing("q", DataType.LONG.dtype)
SINGLES = Packing("f", DataType.FLOAT.dtype)
DOUBLES = Packing("d", DataType.DOUBLE.dtype)


def cast_booleans(values: Sequence[Any], field: Field) -> Tensor:
    """Return booleans, 0, 1, "true" and "false" as booleans; among None, as objects."""
    if _BOOLEANS.issuperset(map(type, values)):
        return BOOLEANS.pack(values)
    return as_booleans(convert_each(values, field, nullable(to_boolean, field)))


def as_booleans(cells: Sequence[bool | None]) -> Tensor:
    """Return booleans as an array of bool, or of objects where one is None."""
    return np.array(cells, object if None in cells else bool)


def cast_shorts(values: Sequence[Any], field: Field) -> Tensor:
    """Return whole numbers and their texts as int32; among None, as float64 with NaN."""
    try:
        return SHORTS.pack(values)
    except MISFITS:
        return _cast_integers(values, field, SHORTS.dtype, to_short)


def cast_longs(values: Sequence[Any], field: Field) -> Tensor:
    """Return whole numbers and their texts as int64; among None, as float64 with NaN."""
    try:
        return LONGS.pack(values)
    except MISFITS:
        return _cast_integers(values, field, LONGS.dtype, to_long)


def _cast_integers(
    values: Sequence[Any], field: Field, dtype: np.dtype[Any], convert: Callable[[Any], int]
) -> Tensor:
    if not field.required and _OPTIONAL_INTEGERS.issuperset(map(type, values)):
        floats = _parse_floats(values)
        limit = min(LARGEST_EXACT_INTEGER, np.iinfo(dtype).max)
        if floats is not None and not (np.abs(floats) >= limit).any():
            return floats
    cells = convert_each(values, field, nullable(convert, field))
    if None not in cells:
        return np.array(cells, dtype)
    refuse_rounding(cells, field)
    return np.array(cells, np.float64)


def refuse_rounding(cells: Sequence[int | None], field: Field) -> None:
    """Raise the error for the first integer that a float64, which NaN asks for, cannot hold."""
    for row, cell in enumerate(cells):
        if cell is not None and abs(cell) > LARGEST_EXACT_INTEGER:
            raise field.misfit(
                row,
                "an integer beyond 2**53 in a column with missing values",
                "such a column is of floats, which would round it; send it apart from those rows",
            )


def cast_singles(values: Sequence[Any], field: Field) -> Tensor:
    """Return numbers and their texts as float32, None as NaN."""
    try:
        return SINGLES.pack(values)
    except MISFITS:
        floats = _parse_floats(values)
    narrow = None if floats is None else narrow_floats(floats)
    if narrow is not None:
        return narrow
    return np.array(convert_each(values, field, to_single), np.float32)


def cast_doubles(values: Sequence[Any], field: Field) -> Tensor:
    """Return numbers and their texts as float64, None as NaN."""
    try:
        return DOUBLES.pack(values)
    except MISFITS:
        floats = _parse_floats(values)
    return np.array(convert_each(values, field, to_double)) if floats is None else floats


def narrow_floats(floats: Tensor, dtype: Any = np.float32) -> Tensor | None:
    """Return ``floats`` in the type ``dtype``, or None where a finite one would become infinite."""
    with np.errstate(over="ignore"):
        narrow: Tensor = floats.astype(dtype)
    return None if (np.isinf(narrow) & np.isfinite(floats)).any() else narrow


def _parse_floats(values: Sequence[Any]) -> Tensor | None:
    if not _FLOATABLE.issuperset(map(type, values)):
        return None
    try:
        return np.array(values, np.float64)
    except (ValueError, OverflowError):
        return None


def cast_strings(values: Sequence[Any], field: Field) -> Tensor:
    """Return texts, and numbers and booleans as Python writes them; None stays."""
    if is_text(values):
        return np.array(values, object)
    return as_objects(convert_each(values, field, to_text))


def is_text(values: Sequence[Any]) -> bool:
    """Tell whether all of ``values`` are texts or None."""
    return _STRINGS.issuperset(map(type, values))


def cast_base64(values: Sequence[Any], field: Field) -> Tensor:
    """Return the bytes that base64 texts stand for."""
    return as_objects(convert_each(values, field, nullable(from_base64, field)))


def cast_texts_to_bytes(values: Sequence[Any], field: Field) -> Tensor:
    """Return the UTF-8 bytes of texts."""
    return as_objects(convert_each(values, field, nullable(to_bytes, field)))


def as_objects(cells: Sequence[Any]) -> Tensor:
    """Return an array whose elements are the very ``cells``, whatever they are."""
    return np.fromiter(cells, object, len(cells))


def nullable(convert: Callable[[Any], Any], field: Field) -> Callable[[Any], Any]:
    """Return ``convert`` for a required field; for an optional one, let None pass too."""
    if field.required:
        return convert
    return lambda value: None if value is None else convert(value)


def to_boolean(value: Any) -> bool:
    """Return what a boolean, a number of 0 or 1, or "true" or "false" says."""
    if type(value) is str:
        value = _WORDS.get(value.lower())
    if isinstance(value, bool | int | float) and value in {0, 1}:
        return bool(value)
    raise ValueError


def to_long(value: Any, bits: int = 64) -> int:
    """Return a whole number, or the one that a text stands for."""
    if isinstance(value, float) and not value.is_integer():
        raise ValueError
    if not isinstance(value, bool | int | float | str):
        raise TypeError
    number = int(value)
    if not -(1 << bits - 1) <= number < 1 << bits - 1:
        raise OverflowError
    return number


def to_short(value: Any) -> int:
    """Return what `to_long` does, of 32 bits."""
    return to_long(value, 32)


def to_double(value: Any) -> float:
    """Return a number, the one that a text stands for, or NaN for None."""
    if isinstance(value, bytes):
        raise TypeError
    return float("nan") if value is None else float(value)


def to_single(value: Any) -> float:
    """Return what `to_double` does, but refuse what float32 has no room for."""
    number = to_double(value)
    struct.pack("=f", number)
    return number


def to_text(value: Any) -> str | None:
    """Return a text as it is, a number or a boolean as Python writes it, None as None."""
    if type(value) is str or value is None:
        return value
    if type(value) not in _PRINTABLE:
        raise TypeError
    return str(value)


def from_base64(value: Any) -> bytes:
    """Return the bytes of a base64 text, which may be broken into lines and nothing else."""
    if type(value) is not str:
        raise TypeError
    return base64.b64decode(value.replace("\r", "").replace("\n", ""), validate=True)


def to_bytes(value: Any) -> bytes:
    """Return the UTF-8 bytes of a text."""
    if type(value) is not str:
        raise TypeError
    return value.encode()


CASTS: dict[DataType, Cast] = {
    DataType.BOOLEAN: cast_booleans,
    DataType.INTEGER: cast_shorts,
    DataType.LONG: cast_longs,
    DataType.FLOAT: cast_singles,
    DataType.DOUBLE: cast_doubles,
    DataType.STRING: cast_strings,
    DataType.BINARY: cast_base64,
    DataType.DATETIME: cast_datetimes,
}
