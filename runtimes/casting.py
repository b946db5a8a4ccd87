"""Which cast reads a column of which type, by the origin of its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .arrays import cast_array
from .columns import ColumnValues, Tensor
from .fields import Field, convert_each
from .nested import Check, cast_nested, compile_array_check, compile_check
from .origins import Origin
from .schema import AnyType, Array, DataType, SparkVector
from .values import (
    CASTS,
    LARGEST_EXACT_INTEGER,
    Cast,
    as_booleans,
    as_objects,
    cast_strings,
    cast_texts_to_bytes,
    nullable,
    to_boolean,
)

ColumnCast = Callable[[ColumnValues, Field], ColumnValues]
"""Returns a column as the type of its field, or raises the error for the first misfit."""


def compile_cast(field: Field, origin: Origin) -> ColumnCast:
    """Return the cast for ``field`` of lists from ``origin``, and of arrays from anywhere."""
    if isinstance(field.type, AnyType):
        return _keep
    if isinstance(field.type, DataType):
        return _either(_scalar_casts(origin)[field.type], cast_array)
    check = compile_check(field.type, required=field.required)
    if origin is Origin.FIELDS_JSON and isinstance(field.type, Array | SparkVector):
        check = compile_array_check(field.type, required=field.required)
    return _cast_members(check)


def _scalar_casts(origin: Origin) -> Mapping[DataType, Cast]:
    return {**CASTS, **_EXCEPTIONS[origin]}


def _either(cast_list: Cast, cast_typed: Callable[[Tensor, Field], Tensor]) -> ColumnCast:
    def cast(values: ColumnValues, field: Field) -> ColumnValues:
        return cast_list(values, field) if type(values) is list else cast_typed(values, field)  # type: ignore[arg-type]

    return cast


def _cast_members(check: Check) -> ColumnCast:
    def cast(values: ColumnValues, field: Field) -> ColumnValues:
        cells = values if isinstance(values, list) else values.tolist()
        return cast_nested(cells, field, check)

    return cast


def _keep(values: ColumnValues, field: Field) -> ColumnValues:  # noqa: ARG001 - one shape of cast
    return values


def _cast_typed_list(values: Sequence[Any], field: Field) -> Tensor:
    return cast_array(as_objects(values), field)


def _cast_boolean_texts(values: Sequence[Any], field: Field) -> Tensor:
    return as_booleans(convert_each(values, field, nullable(_read_boolean, field)))


def _read_boolean(text: str | None) -> bool:
    return to_boolean({"1": True, "0": False}.get(text, text)) if text else to_boolean(text)


def _cast_integer_texts(values: Sequence[Any], field: Field) -> Tensor:
    try:
        numbers = [None if text is None else int(text) for text in values]
    except ValueError:
        numbers = convert_each(values, field, _read_whole)
    return CASTS[field.scalar](numbers, field)


def _read_whole(text: str | None) -> int | None:
    """Return the whole number that a text such as "7" or "7.0" stands for."""
    if text is None:
        return None
    try:
        return int(text)
    except ValueError:
        number = float(text)
    if not number.is_integer() or abs(number) > LARGEST_EXACT_INTEGER:
        raise ValueError
    return int(number)


# What is read in another way than a cell of a JSON table is.
_EXCEPTIONS: dict[Origin, dict[DataType, Cast]] = {
    Origin.FRAME_JSON: {},
    Origin.FIELDS_JSON: {DataType.BINARY: cast_texts_to_bytes},
    Origin.CSV: {
        DataType.BOOLEAN: _cast_boolean_texts,
        DataType.INTEGER: _cast_integer_texts,
        DataType.LONG: _cast_integer_texts,
        # As MLflow has it, text: a CSV says nothing of how bytes are written in it.
        DataType.BINARY: cast_strings,
    },
    Origin.TYPED: dict.fromkeys(DataType, _cast_typed_list),
}
