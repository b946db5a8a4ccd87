"""The JSON form that a column's type has in MLflow's signatures: scalars and all that nests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .document import Node
from .schema import AnyType, Array, ColumnType, DataType, Map, Object, Property, SparkVector


def read_column_type(node: Node) -> ColumnType:
    """Return the type that ``node``, a mapping with the key ``type``, describes."""
    try:
        return _read_type(node)
    except RecursionError as error:
        raise node.refusal("a type nested less deep", "a type nested too deep to read") from error


def write_column_type(column_type: ColumnType) -> dict[str, Any]:
    """Return the JSON form of ``column_type``, its keys in MLflow's order."""
    match column_type:
        case DataType():
            return {"type": column_type.value}
        case Array(items):
            return {"type": "array", "items": write_column_type(items)}
        case Object(properties):
            return {"type": "object", "properties": _write_properties(properties)}
        case Map(values):
            return {"type": "map", "values": write_column_type(values)}
        case AnyType():
            return {"type": "any"}
        case SparkVector():
            return {"type": "sparkml_vector"}


def read_required(node: Node, *, default: bool, null: bool = False) -> bool:
    """Return whether the column or property at ``node`` must be there.

    ``default`` holds where nothing is said, ``null`` where it is said to be null. Early releases
    of MLflow wrote ``optional`` instead of ``required``.
    """
    optional = node.find("optional")
    if optional is not None:
        return not optional.flag()
    required = node.find("required")
    if required is None:
        return default
    return null if required.value is None else required.flag()


def _read_type(node: Node) -> ColumnType:
    kind = node.member("type")
    name = kind.text()
    if name in _SCALARS:
        return DataType(name)
    if name not in _NESTED:
        raise kind.refusal(f"one of {', '.join([*_SCALARS, *_NESTED])}")
    return _NESTED[name](node)


def _read_properties(node: Node) -> Object:
    properties = node.member("properties")
    members = properties.members()
    if not members:
        raise properties.refusal("at least one property")
    return Object({name: _read_property(members[name]) for name in sorted(members)})


def _read_property(node: Node) -> Property:
    return Property(_read_type(node), read_required(node, default=True))


def _write_properties(properties: Mapping[str, Property]) -> dict[str, Any]:
    return {
        name: {**write_column_type(properties[name].type), "required": properties[name].required}
        for name in sorted(properties)
    }


_SCALARS = tuple(DataType)
_NESTED: dict[str, Callable[[Node], ColumnType]] = {
    "array": lambda node: Array(_read_type(node.member("items"))),
    "object": _read_properties,
    "map": lambda node: Map(_read_type(node.member("values"))),
    "any": lambda _: AnyType(),
    "sparkml_vector": lambda _: SparkVector(),
}
