"""The JSON bodies of /invocations, read into model input: MLflow's four formats and the unwrapped one.

The forms and their rules are those of MLflow's scoring protocol 2.0 (docs/protocol.md); values are
checked against the signature afterwards, by ``runtimes/enforcement.py``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from ..runtimes.columns import ColumnName, Columns, ModelInput, Payload, Tensor, Tensors
from ..runtimes.enforcement import Origin
from ..runtimes.errors import MalformedRequest
from ..runtimes.modelspec import ModelSpec
from ..runtimes.schema import Array, ColumnSchema, Object

UNWRAPPED_KEYS = ("messages", "prompt", "input")


@dataclass(frozen=True, slots=True)
class JsonRequest:
    """What a JSON body holds; ``params`` is whatever stands there, to be checked by its schema."""

    data: ModelInput
    origin: Origin
    params: Any
    is_bare: bool = False


def read_json_body(body: bytes, spec: ModelSpec) -> JsonRequest:
    """Return the data and params of ``body`` for the model of ``spec``, or say what is wrong."""
    document = parse_json(body)
    if not isinstance(document, dict):
        raise MalformedRequest(
            f"the body is {_json_type(document)}, expected a JSON object with one of the keys "
            f"{', '.join(FORMATS)}"
        )
    if any(key in document for key in UNWRAPPED_KEYS):
        return _read_unwrapped(document, spec)
    present = [key for key in FORMATS if key in document]
    if len(present) != 1:
        raise MalformedRequest(
            f"the body has {'the keys ' + ' and '.join(present) if present else 'none'} of "
            f"{', '.join(FORMATS)}; send exactly one of them"
        )
    (key,) = present
    if spec.is_signature_from_type_hint:
        return _read_type_hinted(document, key)
    schema = spec.signature.inputs if spec.signature else None
    read, origin = FORMATS[key]
    return JsonRequest(read(document[key], schema), origin, document.get("params"))


def parse_json(body: bytes) -> Any:
    """Return the document in ``body``: strict JSON, or with the NaN and Infinity that Python writes.

    Raises `MalformedRequest` with the position of the first fault, never with the text there.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        fault = error
    if not body.strip():
        raise MalformedRequest("the body is empty; send a JSON object")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedRequest(f"the body is not valid JSON: {fault.msg}: {_place(fault)}") from None


def _place(error: json.JSONDecodeError) -> str:
    return f"line {error.lineno} column {error.colno}"


def _read_unwrapped(document: dict[str, Any], spec: ModelSpec) -> JsonRequest:
    """Read an unwrapped payload: the whole object is the input, but for what are params."""
    signature = spec.signature
    names = {param.name for param in (signature.params or ())} if signature else set()
    params = {key: value for key, value in document.items() if key in names}
    fields = {key: value for key, value in document.items() if key not in names}
    schema = signature.inputs if signature else None
    data: ModelInput = Payload(fields)
    if isinstance(schema, ColumnSchema):
        data = _fields_to_columns(fields, schema)
    return JsonRequest(data, Origin.FIELDS_JSON, params, is_bare=True)


def _read_type_hinted(document: dict[str, Any], key: str) -> JsonRequest:
    if key != "inputs":
        raise MalformedRequest(
            f'the body has the key "{key}", expected "inputs": '
            "this model checks its input by its own type hints"
        )
    return JsonRequest(Payload(document[key]), Origin.FIELDS_JSON, document.get("params"))


def _read_split(value: Any, schema: object) -> Columns:
    if not isinstance(value, dict):
        raise _wrong_type("dataframe_split", value, "an object with columns and data")
    unknown = sorted(value.keys() - {"columns", "index", "data"})
    if unknown or "data" not in value:
        found = f"{len(unknown)} other" if unknown else 'no "data"'
        raise MalformedRequest(
            f'dataframe_split: found {found} keys, expected "data" and optionally "columns" '
            'and "index"'
        )
    rows = value["data"]
    if not isinstance(rows, list):
        raise _wrong_type("dataframe_split.data", rows, "a list of rows")
    if rows and not isinstance(rows[0], list):
        rows = [[cell] for cell in rows]
    names = _column_names(value.get("columns"), rows)
    index = value.get("index")
    if index is not None and (not isinstance(index, list) or len(index) != len(rows)):
        raise _wrong_type("dataframe_split.index", index, f"a list of {len(rows)} labels")
    return _rows_to_columns(rows, names, "dataframe_split.data")


def _column_names(columns: Any, rows: list[Any]) -> list[ColumnName]:
    if columns is None:
        return list(range(len(rows[0]) if rows else 0))
    if not isinstance(columns, list) or not all(isinstance(c, str | int) for c in columns):
        raise _wrong_type("dataframe_split.columns", columns, "a list of names")
    if len(set(columns)) != len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise MalformedRequest(f'dataframe_split.columns: "{twice}" is there twice')
    return columns


def _rows_to_columns(rows: list[Any], names: list[ColumnName], where: str) -> Columns:
    width = len(names)
    for i, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != width:
            found = f"{len(row)} values" if isinstance(row, list) else _json_type(row)
            raise MalformedRequest(f"{where}: row {i} has {found}, expected {width} values")
    columns: list[list[Any]] = (
        [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in names]
    )
    return Columns(dict(zip(names, columns, strict=True)), len(rows))


def _read_records(value: Any, schema: object) -> Columns:
    if not isinstance(value, list):
        raise _wrong_type("dataframe_records", value, "a list of objects, one a row")
    return _records_to_columns(value, "dataframe_records")


def _records_to_columns(records: list[Any], where: str) -> Columns:
    for i, record in enumerate(records):
        if not isinstance(record, dict):
            raise MalformedRequest(f"{where}: row {i} is {_json_type(record)}, expected an object")
    names = list(dict.fromkeys(name for record in records for name in record))
    return Columns(
        {name: [record.get(name) for record in records] for name in names}, len(records)
    )


def _read_instances(value: Any, schema: object) -> ModelInput:
    if isinstance(value, dict):
        return _read_fields(value, schema)
    if not (isinstance(value, list) and value and all(isinstance(row, dict) for row in value)):
        return _read_array(value, schema, "instances")
    missing = [i for i, row in enumerate(value) if row.keys() != value[0].keys()]
    if missing and schema is None:
        raise MalformedRequest(f"instances: row {missing[0]} has other keys than row 0")
    columns = _records_to_columns(value, "instances")
    if isinstance(schema, ColumnSchema):
        return columns
    return Tensors({str(n): to_array(v, f"instances.{n}") for n, v in columns.values.items()})


def _read_inputs(value: Any, schema: object) -> ModelInput:
    if isinstance(value, dict):
        return _read_fields(value, schema)
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        if isinstance(schema, ColumnSchema):
            return _records_to_columns(value, "inputs")
        return Payload(value)
    return _read_array(value, schema, "inputs")


def _read_fields(fields: dict[str, Any], schema: object) -> ModelInput:
    if isinstance(schema, ColumnSchema):
        if not schema.is_named:
            raise MalformedRequest(
                "the model's columns have no names; send a list of rows rather than an object"
            )
        return _fields_to_columns(fields, schema)
    return Tensors({name: to_array(value, name) for name, value in fields.items()})


def _fields_to_columns(fields: Mapping[str, Any], schema: ColumnSchema) -> Columns:
    """Read an object of columns; one of single values, or of a nested column, is one row."""
    is_nested = any(isinstance(column.type, Array | Object) for column in schema.columns)
    if is_nested or not any(isinstance(value, list) for value in fields.values()):
        return Columns({name: [value] for name, value in fields.items()}, 1)
    lengths = {
        name: len(value) if isinstance(value, list) else 1 for name, value in fields.items()
    }
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f'"{name}" has {length}' for name, length in list(lengths.items())[:5])
        raise MalformedRequest(f"the columns differ in length: {shown}; give all the same")
    return Columns(
        {name: value if isinstance(value, list) else [value] for name, value in fields.items()},
        next(iter(lengths.values())),
    )


def _read_array(value: Any, schema: object, where: str) -> ModelInput:
    """Read a plain list: one array, or the rows or the one column of a table."""
    if isinstance(schema, ColumnSchema) and isinstance(value, list):
        if schema.is_named and len(schema.columns) == 1:
            return Columns({schema.names[0]: value}, len(value))
        if value and all(isinstance(row, list) for row in value):
            return _rows_to_columns(value, list(range(len(value[0]))), where)
        return Columns({0: value}, len(value))
    return to_array(value, where)


def to_array(value: Any, where: str) -> Tensor:
    """Return nested lists as one array of the type that holds all their values."""
    try:
        return np.array(value)
    except ValueError:
        raise MalformedRequest(
            f"{where}: the nested lists differ in length or depth; an array needs them equal"
        ) from None


def _wrong_type(where: str, value: Any, expected: str) -> MalformedRequest:
    return MalformedRequest(f"{where}: found {_json_type(value)}, expected {expected}")


_JSON_TYPES = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def _json_type(value: Any) -> str:
    return _JSON_TYPES[type(value)]


FORMATS = {
    "dataframe_split": (_read_split, Origin.FRAME_JSON),
    "dataframe_records": (_read_records, Origin.FRAME_JSON),
    "instances": (_read_instances, Origin.FIELDS_JSON),
    "inputs": (_read_inputs, Origin.FIELDS_JSON),
}
