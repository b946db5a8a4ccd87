"""Request bodies to try a model with: the recorded one, or one made up from its signature."""

from __future__ import annotations

import csv
import json
from io import StringIO
from math import prod
from typing import Any

import numpy as np
import orjson

from ..runtimes.schema import (
    AnyType,
    Array,
    ColumnSchema,
    ColumnType,
    DataType,
    Map,
    Object,
    Signature,
    SparkVector,
    TensorSchema,
    TensorSpec,
)
from .json_values import dump_json

_VALUES: dict[DataType, Any] = {
    DataType.BOOLEAN: True,
    DataType.INTEGER: 1,
    DataType.LONG: 1,
    DataType.FLOAT: 0.5,
    DataType.DOUBLE: 0.5,
    DataType.STRING: "text",
    DataType.BINARY: "dGV4dA==",
    DataType.DATETIME: "2026-01-31T12:00:00",
}
_FILLS = {"b": False, "i": 0, "u": 0, "f": 0.0, "M": "2026-01-31T12:00:00"}
# More than this is nothing for a person to read.
_MAX_VALUES = 10_000
_MAX_BYTES = 200_000


def choose_example(signature: Signature, recorded: bytes | None) -> Any:
    """Return the ``recorded`` body as strict JSON values, or else one made from ``signature``.

    None where there is neither, or none that a person could read.
    """
    if recorded is None or len(recorded) > _MAX_BYTES:
        return make_example(signature)
    return orjson.loads(dump_json(json.loads(recorded)))


def make_example(signature: Signature) -> dict[str, Any] | None:
    """Return a body for /invocations with one row of made-up values that fit ``signature``.

    None where no inputs are declared, or where they are too large to be read by a person.
    """
    match signature.inputs:
        case ColumnSchema(columns=columns) as schema:
            row = [_make_value(column.type) for column in columns]
            if schema.is_named:
                return {"dataframe_split": {"columns": list(schema.names), "data": [row]}}
            return {"inputs": row} if len(row) == 1 else {"dataframe_split": {"data": [row]}}
        case TensorSchema(tensors=tensors) as schema:
            if sum(prod(map(abs, tensor.shape)) for tensor in tensors) > _MAX_VALUES:
                return None
            if schema.is_named:
                return {"inputs": {str(t.name): _make_tensor(t) for t in tensors}}
            return {"inputs": _make_tensor(tensors[0])}
        case None:
            return None


def _make_value(kind: ColumnType) -> Any:
    match kind:
        case DataType():
            return _VALUES[kind]
        case Array(items=items):
            return [_make_value(items)]
        case Object(properties=properties):
            return {name: _make_value(member.type) for name, member in properties.items()}
        case Map(values=values):
            return {"key": _make_value(values)}
        case SparkVector():
            return [0.5]
        case AnyType():
            return "text"


def _make_tensor(tensor: TensorSpec) -> Any:
    """Return nested lists of zeros, or of texts, with 1 for each length that is free."""
    fill = _FILLS.get(tensor.dtype.kind, "text")
    return np.full([abs(length) for length in tensor.shape], fill, object).tolist()


def make_csv_example(schema: ColumnSchema) -> str | None:
    """Return a CSV body with one row that fits ``schema``, or None where a cell has no CSV form."""
    if not all(isinstance(column.type, DataType) for column in schema.columns):
        return None
    cells = [_make_value(column.type) for column in schema.columns]
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows([schema.names, cells])
    return text.getvalue()
