"""The JSON form that the params of a model have in MLflow's signatures."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from .columntypes import read_column_type, write_column_type
from .datetimes import to_naive_utc
from .document import Node, describe
from .errors import InvalidModel
from .schema import DataType, Object, ParamSpec

LIST_SHAPE = (-1,)


def read_param_specs(node: Node) -> tuple[ParamSpec, ...] | None:
    """Return the params listed at ``node``; an empty list is no params schema at all."""
    elements = node.elements()
    specs = tuple(_read_param_spec(element) for element in elements)
    counts = Counter(spec.name for spec in specs)
    for element, spec in zip(elements, specs, strict=True):
        if counts[spec.name] > 1:
            raise element.refusal("one param of each name", f"{counts[spec.name]} of this name")
    return specs or None


def write_param_specs(specs: Sequence[ParamSpec]) -> str:
    """Return the JSON text of ``specs``, character by character the one that MLflow writes."""
    return json.dumps([_write_param_spec(spec) for spec in specs])


def _read_param_spec(node: Node) -> ParamSpec:
    param_type, shape = _read_type(node), _read_shape(node)
    default = node.member("default")
    if shape is not None and isinstance(param_type, Object):
        raise node.refusal("a scalar type for a param that is a list", "an object")
    return ParamSpec(
        name=_read_name(node),
        type=param_type,
        default=_read_value(default, param_type)
        if shape is None
        else [_read_value(element, param_type) for element in default.elements()],
        shape=shape,
    )


def _read_name(node: Node) -> str:
    name = node.member("name")
    if isinstance(name.value, int):
        return str(name.value)
    return name.text()


def _read_type(node: Node) -> DataType | Object:
    kind = node.find("type") or node.find("dtype") or node.member("type")
    param_type = read_column_type(
        Node({**node.mapping(), "type": kind.value}, node.file, node.path)
    )
    if param_type is DataType.BINARY or not isinstance(param_type, DataType | Object):
        scalars = (str(scalar) for scalar in DataType if scalar is not DataType.BINARY)
        raise kind.refusal(f"one of {', '.join(scalars)}, object")
    return param_type


def _read_shape(node: Node) -> tuple[int, ...] | None:
    shape = node.find("shape")
    if shape is None or shape.value is None:
        return None
    if shape.value != list(LIST_SHAPE):
        raise shape.refusal("null for a scalar or [-1] for a list")
    return LIST_SHAPE


def _read_value(node: Node, param_type: DataType | Object) -> Any:
    if node.value is None:
        return None
    if isinstance(param_type, Object):
        return node.mapping()
    found, convert = _CONVERSIONS[param_type]
    # An exact type, because True would pass for an integer.
    if type(node.value) not in found:
        raise node.refusal(f"a value of type {param_type}")
    try:
        return convert(node.value)
    except (ValueError, OverflowError) as error:
        raise node.refusal(f"a value of type {param_type}") from error


def _read_datetime(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return to_naive_utc(dt.datetime.fromisoformat(text))


_CONVERSIONS: dict[DataType, tuple[tuple[type, ...], Callable[[Any], Any]]] = {
    DataType.BOOLEAN: ((bool,), bool),
    DataType.INTEGER: ((int,), int),
    DataType.LONG: ((int,), int),
    DataType.FLOAT: ((int, float), float),
    DataType.DOUBLE: ((int, float), float),
    DataType.STRING: ((str,), str),
    DataType.DATETIME: ((str,), _read_datetime),
}


def _write_param_spec(spec: ParamSpec) -> dict[str, Any]:
    default = [*map(_plain, spec.default)] if spec.shape else _plain(spec.default)
    written = {"name": spec.name, "default": default, "shape": spec.shape}
    try:
        json.dumps(default)
    except TypeError as error:
        place = f'the default of the param "{spec.name}"'
        raise InvalidModel(place, describe(spec.default), "a value that has a JSON form") from error
    return written | write_column_type(spec.type)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value
