"""The OpenAPI 3.1 description of a service, with the columns of the model that it serves."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from ..runtimes.modelspec import ModelSpec
from ..runtimes.schema import ColumnSchema, Schema, Signature, TensorSchema
from .examples import choose_example, make_csv_example
from .json_schema import (
    JsonSchema,
    describe_cell,
    describe_columns,
    describe_params,
    describe_row,
    describe_tensors,
)
from .statuses import STATUSES

_TEXT: JsonSchema = {"type": "string"}
_ARRAY: JsonSchema = {"type": "array"}
_CSV: JsonSchema = {"type": "string", "description": "A table whose first line names the columns."}
_REQUEST = "#/components/schemas/Request"
_READINESS: JsonSchema = {
    "200": {"description": "The model is loaded and has answered its example."},
    "503": {"description": "The service starts or stops.", "$ref": "#/components/responses/Error"},
}
_QUIET_ROUTES = {
    "/ping": ("ping", "Tell whether the service is ready, as MLflow does.", None),
    "/health": ("health", "Tell whether the service is ready.", None),
    "/healthz": ("healthz", "Tell whether the service is ready.", None),
    "/readyz": ("readyz", "Tell whether the service is ready.", None),
    "/version": ("version", "Give the version of mlserve.", "text/plain"),
    "/metrics": ("metrics", "Give the metrics in Prometheus' format.", "text/plain"),
    "/openapi.json": ("openapi", "Give this description.", "application/json"),
    "/": ("page", "Show the model on a page, with a form to try it.", "text/html"),
}


def describe(spec: ModelSpec, example: bytes | None, name: str, version: str) -> dict[str, Any]:
    """Return the OpenAPI document of the service of one model, in values that JSON has.

    ``example`` is a body for /invocations; where it is None one is made from the signature.
    """
    signature = spec.signature or Signature()
    body = choose_example(signature, example)
    flavors = ", ".join(spec.flavors) or "none"
    return {
        "openapi": "3.1.0",
        "info": {
            "title": name,
            "version": version,
            "description": f"A model served by mlserve. Flavors: {flavors}.",
        },
        "paths": {
            "/invocations": {"post": _describe_scoring(signature.inputs, body)},
            **{path: {"get": describe_quiet(*route)} for path, route in _QUIET_ROUTES.items()},
        },
        "components": {
            "schemas": {
                "Request": _describe_request(spec, signature),
                "Params": describe_params(signature.params),
                "Answer": _describe_answer(spec, signature.outputs),
                "Error": _ERROR,
                **_describe_inputs(signature.inputs),
            },
            "responses": {"Error": _respond("The request failed.", "application/json", "Error")},
        },
    }


def _describe_scoring(inputs: Schema | None, example: Any) -> JsonSchema:
    table = make_csv_example(inputs) if isinstance(inputs, ColumnSchema) else None
    return {
        "operationId": "invocations",
        "summary": "Score rows with the model.",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": _describe_body({"$ref": _REQUEST}, example),
                "text/csv": _describe_body(_CSV, table),
            },
        },
        "responses": describe_answers("Answer"),
    }


def describe_answers(schema: str | None) -> JsonSchema:
    """Return the responses of a scoring route; a good one is of ``schema``, or of any form."""
    content: JsonSchema = {"application/json": {"schema": {}}}
    good: JsonSchema = {"description": "The predictions.", "content": content}
    if schema is not None:
        good = _respond("The predictions.", "application/json", schema)
    return {"200": good, **_describe_refusals()}


def _describe_body(schema: JsonSchema, example: Any) -> JsonSchema:
    return {"schema": schema} | ({} if example is None else {"example": example})


def _describe_refusals() -> JsonSchema:
    """Return a response for each status that `STATUSES` has."""
    return {
        str(status): {
            "description": HTTPStatus(status).phrase,
            "$ref": "#/components/responses/Error",
        }
        for status in sorted({status.http for status in STATUSES.values()})
    }


def describe_quiet(operation: str, summary: str, media_type: str | None) -> JsonSchema:
    """Return the operation of a GET route; without a ``media_type``, it tells of readiness."""
    if media_type is None:
        responses = _READINESS
    else:
        content = {media_type: {"schema": {} if "json" in media_type else _TEXT}}
        responses = {"200": {"description": summary, "content": content}}
    return {"operationId": operation, "summary": summary, "responses": responses}


def _respond(description: str, media_type: str, schema: str) -> JsonSchema:
    content = {media_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "content": content}


def _describe_request(spec: ModelSpec, signature: Signature) -> JsonSchema:
    """Return the schema of a JSON body: one of the four formats, each with params.

    A Python function also takes the keys of chat and completion requests, unwrapped.
    """
    formats = _describe_formats(signature.inputs)
    if spec.is_signature_from_type_hint:
        formats = {"inputs": formats["inputs"]}
    params = {"params": {"$ref": "#/components/schemas/Params"}}
    bodies: list[JsonSchema] = [
        {"type": "object", "title": key, "required": [key], "properties": {key: schema} | params}
        for key, schema in formats.items()
    ]
    if _takes_unwrapped(spec):
        keys = [{"required": [key]} for key in ("messages", "prompt", "input")]
        bodies.append({"type": "object", "title": "unwrapped", "anyOf": keys})
    return {"oneOf": bodies}


def _takes_unwrapped(spec: ModelSpec) -> bool:
    return set(spec.flavors) == {"python_function"}


def _describe_formats(inputs: Schema | None) -> dict[str, JsonSchema]:
    """Return the schema of each format's value, the same for every model but for its rows."""
    match inputs:
        case ColumnSchema() as schema:
            row = {"$ref": "#/components/schemas/Row"}
            values = {"anyOf": _describe_values(schema, row)}
            frames = _frame_formats(row, _names_of(schema)) if schema.is_named else _ANY_FRAMES
            return frames | {"instances": values, "inputs": values}
        case TensorSchema() as schema:
            tensors = {"$ref": "#/components/schemas/Tensors"}
            instances = tensors if not schema.is_named else {"anyOf": [tensors, _ARRAY]}
            return _ANY_FRAMES | {"instances": instances, "inputs": tensors}
        case None:
            return _ANY_FRAMES | {"instances": {}, "inputs": {}}


def _describe_values(schema: ColumnSchema, row: JsonSchema) -> list[JsonSchema]:
    """Return the forms that a table may have in instances and inputs: rows, columns, one row."""
    forms = [_array_of(row)]
    if schema.is_named:
        forms += [describe_columns(schema), row]
    return [*forms, _ARRAY] if len(schema.columns) == 1 else forms


def _frame_formats(row: JsonSchema, names: JsonSchema) -> dict[str, JsonSchema]:
    """Return the schemas of the two frame formats, whose columns have ``names`` where any do."""
    split = {
        "type": "object",
        "required": ["columns", "data"] if names else ["data"],
        "properties": {
            "columns": _ARRAY | names,
            "index": _ARRAY,
            "data": _array_of(_ARRAY | {"description": "One row, in the order of columns."}),
        },
        "additionalProperties": False,
    }
    return {"dataframe_split": split, "dataframe_records": _array_of(row)}


def _names_of(schema: ColumnSchema) -> JsonSchema:
    """Return what must be among the names, which may stand in any order."""
    required = [
        {"contains": {"const": column.name}} for column in schema.columns if column.required
    ]
    return {"items": _TEXT} | ({"allOf": required} if required else {})


def _describe_inputs(inputs: Schema | None) -> dict[str, JsonSchema]:
    match inputs:
        case ColumnSchema():
            return {"Row": describe_row(inputs)}
        case TensorSchema():
            return {"Tensors": describe_tensors(inputs)}
        case None:
            return {}


def _describe_answer(spec: ModelSpec, outputs: Schema | None) -> JsonSchema:
    """Return the schema of an answer, which is the bare prediction to an unwrapped request."""
    predictions = _describe_outputs(outputs) | {"description": "NaN and infinities are null."}
    answer = {
        "type": "object",
        "required": ["predictions"],
        "properties": {"predictions": predictions},
    }
    return {"anyOf": [answer, {}]} if _takes_unwrapped(spec) else answer


def _describe_outputs(outputs: Schema | None) -> JsonSchema:
    match outputs:
        case ColumnSchema(columns=columns) as schema:
            rows = _array_of(describe_row(schema, may_be_missing=True))
            if schema.is_named:
                return {"anyOf": [rows, {"type": "object"}]}
            if len(columns) > 1:
                return rows
            return {"anyOf": [_array_of(describe_cell(columns[0], may_be_missing=True)), _ARRAY]}
        case TensorSchema():
            return describe_tensors(outputs, may_be_missing=True)
        case None:
            return {}


def _array_of(items: JsonSchema) -> JsonSchema:
    return {"type": "array", "items": items}


_ERROR: JsonSchema = {
    "type": "object",
    "required": ["error_code", "message"],
    "properties": {
        "error_code": {"enum": sorted({status.code for status in STATUSES.values()})},
        "message": _TEXT,
    },
}
_ANY_FRAMES = _frame_formats({}, {})
