"""JSON Schema of what a signature declares: cells, rows, tensors and params."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson

from ..runtimes.schema import (
    AnyType,
    Array,
    Column,
    ColumnSchema,
    ColumnType,
    DataType,
    Map,
    Object,
    ParamSpec,
    SparkVector,
    TensorSchema,
    TensorSpec,
)
from .json_values import dump_json

JsonSchema = dict[str, Any]

_SCALARS: dict[DataType, JsonSchema] = {
    DataType.BOOLEAN: {"type": "boolean"},
    DataType.INTEGER: {"type": "integer", "format": "int32"},
    DataType.LONG: {"type": "integer", "format": "int64"},
    DataType.FLOAT: {"type": "number", "format": "float"},
    DataType.DOUBLE: {"type": "number", "format": "double"},
    DataType.STRING: {"type": "string"},
    DataType.BINARY: {
        "type": "string",
        "description": "base64 in dataframe_split and dataframe_records, text in the other formats",
    },
    DataType.DATETIME: {"type": "string", "description": "ISO 8601, without a time zone"},
}
# The types that have a value for what is missing: NaN, NaT or None.
_NULLABLE = (DataType.FLOAT, DataType.DOUBLE, DataType.STRING, DataType.DATETIME)
_DTYPE_KINDS = {"b": "boolean", "i": "integer", "u": "integer", "f": "number"}


def describe_type(kind: ColumnType) -> JsonSchema:
    """Return the schema of one value of type ``kind``."""
    match kind:
        case DataType():
            return dict(_SCALARS[kind])
        case Array(items=items):
            return {"type": "array", "items": describe_type(items)}
        case Object(properties=properties):
            members = {name: describe_type(member.type) for name, member in properties.items()}
            required = [name for name, member in properties.items() if member.required]
            return _describe_object(members, required)
        case Map(values=values):
            return {"type": "object", "additionalProperties": describe_type(values)}
        case SparkVector():
            return {"type": "array", "items": {"type": "number"}}
        case AnyType():
            return {}


def describe_cell(column: Column, *, may_be_missing: bool = False) -> JsonSchema:
    """Return the schema of one cell of ``column``; null where the type or the signature allows."""
    schema = describe_type(column.type)
    if may_be_missing or not column.required or column.type in _NULLABLE:
        return _with_null(schema)
    return schema


def describe_row(schema: ColumnSchema, *, may_be_missing: bool = False) -> JsonSchema:
    """Return the schema of one row: an object of named cells, or an array of unnamed ones."""
    cells = [describe_cell(c, may_be_missing=may_be_missing) for c in schema.columns]
    if not schema.is_named:
        return {"type": "array", "prefixItems": cells, "minItems": len(cells)}
    required = [str(column.name) for column in schema.columns if column.required]
    return _describe_object(dict(zip(map(str, schema.names), cells, strict=True)), required)


def describe_columns(schema: ColumnSchema) -> JsonSchema:
    """Return the schema of a table that is given as one array of values a column."""
    columns = {
        str(name): {"type": "array", "items": describe_cell(column)}
        for name, column in zip(schema.names, schema.columns, strict=True)
    }
    required = [str(column.name) for column in schema.columns if column.required]
    return _describe_object(columns, required)


def describe_tensor(tensor: TensorSpec, *, may_be_missing: bool = False) -> JsonSchema:
    """Return the schema of nested arrays in the shape of ``tensor``."""
    schema = describe_dtype(tensor.dtype)
    if may_be_missing:
        schema = _with_null(schema)
    for length in reversed(tensor.shape):
        schema = {"type": "array", "items": schema}
        if length >= 0:
            schema |= {"minItems": length, "maxItems": length}
    return schema


def describe_tensors(schema: TensorSchema, *, may_be_missing: bool = False) -> JsonSchema:
    """Return the schema of one unnamed tensor, or of an object of named ones."""
    tensors = [describe_tensor(t, may_be_missing=may_be_missing) for t in schema.tensors]
    if not schema.is_named:
        return tensors[0]
    names = [str(tensor.name) for tensor in schema.tensors]
    return _describe_object(dict(zip(names, tensors, strict=True)), names)


def describe_dtype(dtype: np.dtype[Any]) -> JsonSchema:
    """Return the schema of one element of an array of ``dtype``."""
    kind = _DTYPE_KINDS.get(dtype.kind)
    return {"type": kind} if kind else {}


def describe_params(params: Sequence[ParamSpec] | None) -> JsonSchema:
    """Return the schema of the object of params, none of which is required.

    A model without params ignores whatever stands there.
    """
    if not params:
        return {}
    properties = {param.name: _describe_param(param) for param in params}
    return {"type": ["object", "null"], "properties": properties}


def _describe_param(param: ParamSpec) -> JsonSchema:
    schema = describe_type(param.type)
    if param.shape is not None:
        schema = {"type": "array", "items": schema}
    return _with_null(schema) | {"default": orjson.loads(dump_json(param.default))}


def _describe_object(properties: dict[str, JsonSchema], required: Sequence[str]) -> JsonSchema:
    schema: JsonSchema = {"type": "object", "properties": properties}
    return schema | {"required": list(required)} if required else schema


def _with_null(schema: JsonSchema) -> JsonSchema:
    return schema | {"type": [schema["type"], "null"]} if "type" in schema else schema
