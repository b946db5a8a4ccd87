"""Values of the nested types (array, object, map, any), checked member by member.

The scalars inside are read more strictly than a column's: a text is never a number there. Lists
stay lists and the members of objects become numpy scalars, which is what MLflow hands to a model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import NoneType
from typing import Any

import numpy as np

from .arrays import cast_array, is_missing, to_python
from .columns import Tensor
from .errors import InvalidCell
from .fields import ADVICE_FOR_MISSING, Field, describe, expect
from .schema import AnyType, Array, ColumnType, DataType, Map, Object, Property, SparkVector
from .values import CASTS, as_objects

Check = Callable[[Any], Any]
"""Returns a member in the form that the model gets, or raises `Misfit`; never changes it."""

_NUMBERS = frozenset((int, float))
_SCALARS: dict[DataType, frozenset[type]] = {
    DataType.BOOLEAN: frozenset((bool,)),
    DataType.INTEGER: _NUMBERS,
    DataType.LONG: _NUMBERS,
    DataType.FLOAT: _NUMBERS,
    DataType.DOUBLE: _NUMBERS,
    DataType.STRING: frozenset((str,)),
    DataType.BINARY: frozenset((str, bytes)),
    DataType.DATETIME: frozenset((str, np.datetime64)),
}
_UNCHANGED = frozenset((DataType.STRING, DataType.BINARY))


class Misfit(Exception):
    """A member that does not fit; each level that it passes through adds its step to the path."""

    def __init__(self, found: str, expected: str, advice: str = "") -> None:
        super().__init__(found, expected)
        self.found, self.expected, self.advice = found, expected, advice
        self.steps: list[str] = []

    @property
    def member(self) -> str:
        """The path to the member, such as ``x.y[2]``, from where the error was caught."""
        return "".join(self.steps).removeprefix(".")

    def inside(self, step: str) -> Misfit:
        """Return this error, as seen from one level further out."""
        self.steps.insert(0, step)
        return self

    def at(self, column: str | int, row: int) -> InvalidCell:
        """Return the error of the column that holds the member."""
        return InvalidCell(column, row, self.found, self.expected, self.advice, self.member)


def cast_nested(values: Sequence[Any], field: Field, check: Check) -> Tensor:
    """Return ``values`` as objects that ``check`` let pass, or raise the error for the first."""
    cells = []
    for row, value in enumerate(values):
        try:
            cells.append(check(value))
        except Misfit as misfit:
            raise misfit.at(field.name, row) from None
    return as_objects(cells)


def compile_check(column_type: ColumnType, *, required: bool = True) -> Check:
    """Return what checks one value of ``column_type``."""
    match column_type:
        case DataType():
            return _check_scalar(column_type, required)
        case SparkVector():
            return _check_scalars(Array(DataType.DOUBLE), required)
        case Array(items=DataType()):
            return _check_scalars(column_type, required)
        case Array():
            return _check_array(column_type, required)
        case Object():
            return _check_object(column_type, required)
        case Map():
            return _check_map(column_type, required)
        case AnyType():
            return lambda value: value


def compile_array_check(column_type: Array | SparkVector, *, required: bool = True) -> Check:
    """Return what checks a list and makes it one array, as models get the lists of fields."""
    check = compile_check(column_type, required=required)
    leaf: ColumnType = column_type
    while isinstance(leaf, Array):
        leaf = leaf.items

    def check_array(value: Any) -> Any:
        checked = check(value)
        return checked if checked is None else _to_array(checked, leaf)

    return check_array


def _to_array(items: Any, leaf: ColumnType) -> Tensor:
    if isinstance(leaf, AnyType):
        is_uniform = len(set(map(type, items))) == 1 and not isinstance(items[0], list)
        return np.array(items) if is_uniform else as_objects(items)
    if not isinstance(leaf, DataType | SparkVector):
        return np.array(items, object)
    try:
        array = np.array(items)
    except ValueError:
        raise Misfit(
            "lists of unequal length", "lists of one length", "send them in a dataframe_* format"
        ) from None
    if isinstance(leaf, SparkVector) or leaf.dtype.kind == "O":
        return array
    return array.astype(leaf.dtype, copy=False)


def _check_scalar(data_type: DataType, required: bool) -> Check:
    accepted, field = _SCALARS[data_type], Field("", data_type)

    def check(value: Any) -> Any:
        if not required and is_missing(value):
            return None
        value = to_python(value)
        if type(value) not in accepted:
            raise _misfit(value, data_type)
        if data_type in _UNCHANGED:
            return value
        try:
            return CASTS[data_type]([_to_text(value)], field)[0]
        except InvalidCell:
            raise _misfit(value, data_type) from None

    return check


def _check_scalars(array: Array, required: bool) -> Check:
    """Return the check of a list of scalars, which are looked at all at once."""
    field = Field("", array.items)
    data_type, accepted = field.scalar, _SCALARS[field.scalar]
    if data_type.dtype.kind == "f":
        accepted |= {NoneType}

    def check(values: Any) -> Any:
        if not required and _is_empty(values):
            return values
        _expect_list(values, array)
        try:
            if isinstance(values, np.ndarray):
                return cast_array(values, field)
            _refuse_others(values, accepted, data_type)
            return _cast_items(values, field)
        except InvalidCell as error:
            row = error.row or 0
            raise _misfit(to_python(values[row]), data_type).inside(f"[{row}]") from None

    return check


def _cast_items(values: list[Any], field: Field) -> list[Any]:
    match field.scalar:
        case DataType.STRING:
            return list(values)
        case DataType.BINARY:
            return [value.encode() if isinstance(value, str) else value for value in values]
        case DataType.DATETIME:
            return list(CASTS[field.scalar]([*map(_to_text, values)], field))
        case data_type:
            items: list[Any] = CASTS[data_type](values, field).tolist()
            return items


def _check_array(array: Array, required: bool) -> Check:
    check_item = compile_check(array.items, required=required)
    may_be_empty = not required or isinstance(array.items, AnyType)

    def check(values: Any) -> Any:
        if may_be_empty and _is_empty(values):
            return values
        _expect_list(values, array)
        items = _check_members(((f"[{i}]", v, check_item) for i, v in enumerate(values)))
        return as_objects(items) if isinstance(values, np.ndarray) else items

    return check


def _check_object(described: Object, required: bool) -> Check:
    checks = {
        name: compile_check(member.type, required=member.required)
        for name, member in described.properties.items()
    }

    def check(value: Any) -> Any:
        if not required and (is_missing(value) or value == {}):
            return value
        if not isinstance(value, dict):
            raise _misfit(value, described)
        _compare_names(value, described.properties)
        members = _check_members(
            (f".{name}", member, checks[name]) for name, member in value.items()
        )
        return dict(zip(value, members, strict=True))

    return check


def _check_map(described: Map, required: bool) -> Check:
    check_value = compile_check(described.values, required=required)
    may_be_empty = not required or isinstance(described.values, AnyType)

    def check(value: Any) -> Any:
        if may_be_empty and (is_missing(value) or value == {}):
            return value
        if not isinstance(value, dict):
            raise _misfit(value, described)
        for key in value:
            if not isinstance(key, str):
                raise Misfit("a key that is no string", str(described))
        members = _check_members(
            (f".{name}", member, check_value) for name, member in value.items()
        )
        return dict(zip(value, members, strict=True))

    return check


def _check_members(members: Iterable[tuple[str, Any, Check]]) -> list[Any]:
    checked = []
    for step, value, check in members:
        try:
            checked.append(check(value))
        except Misfit as misfit:
            raise misfit.inside(step) from None
    return checked


def _compare_names(value: dict[Any, Any], properties: Mapping[str, Property]) -> None:
    for name, member in properties.items():
        if member.required and name not in value:
            raise Misfit("nothing", str(member.type), "the member is required").inside(f".{name}")
    for name in value:
        if name not in properties:
            known = ", ".join(properties)
            raise Misfit("a member that the signature lacks", f"one of {known}").inside(f".{name}")


def _refuse_others(values: list[Any], accepted: frozenset[type], data_type: DataType) -> None:
    if not accepted.issuperset(map(type, values)):
        index = next(i for i, value in enumerate(values) if type(value) not in accepted)
        raise _misfit(values[index], data_type).inside(f"[{index}]")


def _expect_list(values: Any, array: Array) -> None:
    if not isinstance(values, list) and not (isinstance(values, np.ndarray) and values.ndim):
        raise _misfit(values, array)


def _is_empty(values: Any) -> bool:
    return is_missing(values) or (isinstance(values, list | np.ndarray) and len(values) == 0)


def _to_text(value: Any) -> Any:
    return str(value) if isinstance(value, np.datetime64) else value


def _misfit(value: Any, expected: ColumnType) -> Misfit:
    advice = ADVICE_FOR_MISSING if value is None else ""
    return Misfit(describe(value, expected), expect(expected), advice)
