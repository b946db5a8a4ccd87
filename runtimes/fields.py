"""A column as it is being cast: what it is called, what it must hold, how a misfit is told."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .errors import InvalidCell
from .schema import ColumnType, DataType

ADVICE_FOR_MISSING = "the signature declares the column as required, so each row needs a value"

_KINDS: dict[type, str] = {
    type(None): "a missing value",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    bytes: "bytes",
    list: "a list",
    dict: "an object",
}

_EXPECTATIONS: dict[DataType, str] = {
    DataType.BOOLEAN: "boolean (true, false, 0 or 1)",
    DataType.INTEGER: "integer (a whole number of 32 bits)",
    DataType.LONG: "long (a whole number of 64 bits)",
    DataType.DATETIME: "datetime (ISO 8601 text within the years 1678 to 2261)",
}

_WHOLE = frozenset((DataType.INTEGER, DataType.LONG))
_NUMBERS = _WHOLE | {DataType.FLOAT, DataType.DOUBLE}


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a schema, under the name or the position that a request knows it by."""

    name: str | int
    type: ColumnType
    required: bool = True

    @property
    def scalar(self) -> DataType:
        """The type of a column that is known to be of a scalar one."""
        if isinstance(self.type, DataType):
            return self.type
        raise TypeError(f"{self.type} is no scalar type")

    def refusal(self, row: int | None, value: Any, advice: str = "") -> InvalidCell:
        """Return the error for ``value``, which does not fit this column."""
        if value is None and not advice:
            advice = ADVICE_FOR_MISSING
        return InvalidCell(self.name, row, describe(value, self.type), expect(self.type), advice)

    def misfit(self, row: int | None, found: str, advice: str = "") -> InvalidCell:
        """Return the error for a value that is described as ``found``."""
        return InvalidCell(self.name, row, found, expect(self.type), advice)


def expect(column_type: ColumnType) -> str:
    """Return what a value of ``column_type`` must be, for a person."""
    if isinstance(column_type, DataType):
        return _EXPECTATIONS.get(column_type, str(column_type))
    return str(column_type)


def describe(value: Any, expected: ColumnType) -> str:
    """Return what kind of thing ``value`` is and, for a number, why it is not ``expected``."""
    if isinstance(expected, DataType) and expected in _NUMBERS:
        if type(value) is int:
            return "an integer out of range"
        if type(value) is float:
            return _describe_number(value, is_whole=expected in _WHOLE)
    return name_kind(value)


def name_kind(value: Any) -> str:
    """Return what kind of thing ``value`` is, for a person."""
    return _KINDS.get(type(value), f"a value of type {type(value).__name__}")


def _describe_number(value: float, *, is_whole: bool) -> str:
    if is_whole and not math.isfinite(value):
        return "a number that is not finite"
    return "a number with a fraction" if is_whole and value % 1 else "a number out of range"


def convert_each(values: Iterable[Any], field: Field, convert: Callable[[Any], Any]) -> list[Any]:
    """Return each of ``values`` converted, or raise the error for the first that does not fit.

    ``convert`` refuses a value by any of the errors that Python's own conversions raise.
    """
    cells = []
    for row, value in enumerate(values):
        try:
            cells.append(convert(value))
        except (TypeError, ValueError, OverflowError):
            raise field.refusal(row, value) from None
    return cells
