"""Inference params, checked against a model's params schema."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np

from .datetimes import to_naive_utc
from .errors import InvalidParams
from .fields import Field, describe, expect
from .nested import Misfit, compile_check
from .schema import DataType, Object, ParamSpec
from .values import to_long, to_short

_YEAR_OR_MONTH = re.compile(r"(\d{4})(?:-(\d\d))?", re.ASCII)
_FINER_THAN_MICROSECONDS = re.compile(r"[.,]\d{6}\d*[1-9]")


def enforce_params(specs: tuple[ParamSpec, ...] | None, given: Any) -> dict[str, Any]:
    """Return a value for each of ``specs``: the one in ``given``, cast, or its default.

    What ``given`` has beside them is left out; without specs, that is all. Raises `InvalidParams`.
    """
    if specs is None:
        return {}
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise InvalidParams(
            f"params: found {describe(given, DataType.STRING)}, "
            "expected an object of params by their names"
        )
    return {
        spec.name: _enforce(spec, given[spec.name]) if spec.name in given else _default(spec)
        for spec in specs
    }


def _default(spec: ParamSpec) -> Any:
    """Return the default, as a copy where a model could change it."""
    return deepcopy(spec.default) if isinstance(spec.default, list | dict) else spec.default


def _enforce(spec: ParamSpec, value: Any) -> Any:
    if spec.shape is not None:
        return _enforce_list(spec, value)
    if isinstance(spec.type, Object):
        return _enforce_object(spec, spec.type, value)
    return _cast(value, spec.type, f'param "{spec.name}"')


def _enforce_list(spec: ParamSpec, value: Any) -> list[Any]:
    if isinstance(value, np.ndarray) and value.ndim == 1:
        value = value.tolist()
    if not isinstance(value, list):
        found = describe(value, DataType.STRING)
        raise InvalidParams(f'param "{spec.name}": found {found}, expected a list of {spec.type}')
    scalar = Field(spec.name, spec.type).scalar
    return [
        _cast(element, scalar, f'param "{spec.name}", element {index}')
        for index, element in enumerate(value)
    ]


def _enforce_object(spec: ParamSpec, described: Object, value: Any) -> Any:
    """Return ``value`` as it came, if its members are those that the schema describes."""
    try:
        compile_check(described)(value)
    except Misfit as misfit:
        inside = f', member "{misfit.member}"' if misfit.steps else ""
        raise InvalidParams(
            f'param "{spec.name}"{inside}: found {misfit.found}, expected {misfit.expected}'
        ) from None
    return value


def _cast(value: Any, data_type: DataType, place: str) -> Any:
    if value is None:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    accepted, convert = _CASTS[data_type]
    try:
        # The exact type, for a boolean is an integer to Python.
        if type(value) in accepted:
            return convert(value)
    except (ValueError, OverflowError):
        pass
    found = describe(value, data_type)
    raise InvalidParams(f"{place}: found {found}, expected {expect(data_type)}") from None


def _read_moment(text: str) -> dt.date:
    """Return the date, or the moment in naive UTC, that ISO 8601 text stands for."""
    if match := _YEAR_OR_MONTH.fullmatch(text):
        return dt.date(int(match[1]), int(match[2] or 1), 1)
    if _FINER_THAN_MICROSECONDS.search(text):
        raise ValueError(text)
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return to_naive_utc(dt.datetime.fromisoformat(text))


def _same(value: Any) -> Any:
    return value


def _to_moment(value: Any) -> dt.date:
    if isinstance(value, str):
        return _read_moment(value)
    return to_naive_utc(value) if isinstance(value, dt.datetime) else value


_CASTS: dict[DataType, tuple[Sequence[type], Callable[[Any], Any]]] = {
    DataType.BOOLEAN: ((bool,), _same),
    DataType.INTEGER: ((int,), to_short),
    DataType.LONG: ((int,), to_long),
    DataType.FLOAT: ((float, int), float),
    DataType.DOUBLE: ((float, int), float),
    DataType.STRING: ((str,), _same),
    DataType.DATETIME: ((str, dt.date, dt.datetime), _to_moment),
}
