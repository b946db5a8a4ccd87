"""What a Python model's type hint means for its input: how data become it, and whether they fit.

A model is checked only where MLflow marked its predict function (``_is_pyfunc``, since 2.20).
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isnan
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import numpy as np

from .columns import Columns, ModelInput, unwrap
from .errors import SchemaViolation

_SCALARS: Mapping[Any, str] = {
    bool: "true or false",
    bytes: "base64 text",
    dt.datetime: "an ISO 8601 date and time",
    float: "a number with a decimal point",
    int: "an integer",
    str: "a string",
}
_FOUND: Mapping[type, str] = {
    NoneType: "null",
    bool: "true or false",
    dict: "an object",
    float: "a number with a decimal point",
    int: "an integer",
    list: "a list",
    str: "a string",
}
_RECORDS = (list[dict[str, str]], typing.List[typing.Dict[str, str]])  # noqa: UP006 - equal to no list[...]
_UNIONS = (Union, UnionType)
_STRINGS = (list[str], typing.List[str])  # noqa: UP006 - equal to no list[...]


def read_hint(function: Callable[..., Any], position: int) -> Any:
    """Return the type hint of a function's argument, or None where it has none that resolves."""
    function = inspect.unwrap(function)
    if not hasattr(function, "__annotations__"):
        function = type(function).__call__
    names = [name for name in inspect.signature(function).parameters if name != "self"]
    try:
        return typing.get_type_hints(function).get(names[position])
    except (IndexError, NameError, TypeError):
        return None


def input_reader(
    hint: Any, is_checked: bool, from_example: bool
) -> Callable[[ModelInput], Any] | None:
    """Return what turns a request's data into the hinted input, or None if the hint asks nothing.

    ``from_example`` says that the model was saved with a list as its example, and wants lists.
    """
    if isinstance(hint, typing.TypeVar) and hint.__name__ == "TypeFromExample":
        return read_list if from_example else None
    if is_checked and get_origin(hint) is list and _is_checkable(hint):
        return CheckedInput(hint)
    if hint in _RECORDS:
        return lambda data: _records(data) if isinstance(data, Columns) else unwrap(data)
    if hint in _STRINGS:
        return lambda data: _first_strings(data) if isinstance(data, Columns) else unwrap(data)
    return None


@dataclass(frozen=True, slots=True)
class CheckedInput:
    """Turns data into what a hint of the form ``list[...]`` says, or raises `SchemaViolation`."""

    hint: Any

    def __call__(self, data: ModelInput) -> Any:
        """Return the data as the model wants them; `Columns` become a list of their rows."""
        element = get_args(self.hint)[0]
        if isinstance(data, Columns):
            is_object = get_origin(element) is dict or _is_pydantic(element)
            value = _records(data) if is_object else _first_column(data)
        else:
            value = unwrap(data)
        return check_value(value, self.hint, "inputs")


def check_value(value: Any, hint: Any, place: str) -> Any:
    """Return ``value`` as ``hint`` says, or raise `SchemaViolation` with its ``place``.

    Only three things are converted: an object into the pydantic model that the hint names, base64
    text into bytes, ISO text into a datetime.
    """
    if hint in _SCALARS:
        return _check_scalar(value, hint, place)
    if _is_pydantic(hint):
        return _check_model(value, hint, place)
    args, origin = get_args(hint), get_origin(hint)
    if origin is list:
        items = _expect(value, list, place)
        return [check_value(item, args[0], f"{place}[{i}]") for i, item in enumerate(items)]
    if origin is dict:
        members = _expect(value, dict, place)
        return {key: check_value(v, args[1], f"{place}.{key}") for key, v in members.items()}
    if origin in _UNIONS and NoneType in args and len(args) == 2 and value is not None:
        return check_value(value, next(arg for arg in args if arg is not NoneType), place)
    return value


def read_list(data: ModelInput) -> Any:
    """Return a table as a list: of values where it has one column, of records where it has more."""
    if not isinstance(data, Columns):
        return unwrap(data)
    return _first_column(data) if len(data.values) == 1 else _records(data)


def _is_checkable(hint: Any) -> bool:
    if hint is Any or hint in _SCALARS or _is_pydantic(hint):
        return True
    args, origin = get_args(hint), get_origin(hint)
    if origin in _UNIONS:
        return True
    counts = {list: 1, dict: 2}
    return origin in counts and len(args) == counts[origin] and _is_checkable(args[-1])


def _is_pydantic(hint: Any) -> bool:
    """Whether ``hint`` is a pydantic model; where it is one, its model has imported pydantic."""
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and inspect.isclass(hint) and issubclass(hint, pydantic.BaseModel)


def _check_scalar(value: Any, hint: Any, place: str) -> Any:
    if isinstance(value, str) and hint in (bytes, dt.datetime):
        try:
            return _decode(value) if hint is bytes else dt.datetime.fromisoformat(value)
        except (ValueError, binascii.Error):
            found = "a string of another form"
            raise SchemaViolation(f"{place}: found {found}, expected {_SCALARS[hint]}") from None
    return _expect(value, hint, place)


def _decode(text: str) -> bytes:
    return base64.b64decode("".join(text.split()), validate=True)


def _expect(value: Any, kind: Any, place: str) -> Any:
    if isinstance(value, kind):
        return value
    found = _FOUND.get(type(value), f"a value of type {type(value).__name__}")
    raise SchemaViolation(f"{place}: found {found}, expected {_SCALARS.get(kind) or _FOUND[kind]}")


def _check_model(value: Any, model: Any, place: str) -> Any:
    members = value.model_dump() if isinstance(value, model) else _expect(value, dict, place)
    try:
        return model.model_validate(members, strict=True)
    except sys.modules["pydantic"].ValidationError as error:
        reasons = [_reason(place, detail) for detail in error.errors(include_input=False)[:5]]
        raise SchemaViolation(f"{'; '.join(reasons)} (a {model.__name__} is expected)") from None


def _reason(place: str, detail: Mapping[str, Any]) -> str:
    """Where a pydantic model refuses an object, and why; its own validators may quote values."""
    path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in detail["loc"])
    own = detail["type"] in ("assertion_error", "value_error")
    return f"{place}{path}: {'refused by the model' if own else detail['msg']}"


def _records(data: Columns) -> list[Any]:
    if list(data.values) == [0]:
        return _first_column(data)
    columns = [_values(column) for column in data.values.values()]
    return [dict(zip(data.values, row, strict=True)) for row in zip(*columns, strict=True)]


def _first_column(data: Columns) -> list[Any]:
    return _values(next(iter(data.values.values()))) if data.values else []


def _first_strings(data: Columns) -> list[Any]:
    for column in data.values.values():
        values = _values(column)
        if not values or isinstance(values[0], str):
            return values
    raise SchemaViolation("the input has no column of strings, and the model takes a list of them")


def _values(column: Any) -> list[Any]:
    """Return the Python values of a column, None where one is missing."""
    if isinstance(column, np.ndarray):
        if column.dtype.kind == "M":
            column = column.astype("datetime64[us]")
        column = column.tolist()
    return [None if isinstance(value, float) and isnan(value) else value for value in column]
