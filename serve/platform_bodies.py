"""The bodies of Vertex AI, KServe and Azure ML, as those of the scoring protocol, and back.

Requests are translated as documents, and checked and predicted as any other; answers are reshaped
as bytes.
"""

from __future__ import annotations

import json
from typing import Any

from ..runtimes.errors import MalformedRequest
from ..runtimes.modelspec import ModelSpec
from ..runtimes.schema import ColumnSchema, DataType
from .json_body import FORMATS, UNWRAPPED_KEYS
from .json_values import dump_json

_HEAD = b'{"predictions":'
_SPLIT_KEYS = frozenset({"columns", "index", "data"})


def translate_instances(document: dict[str, Any], spec: ModelSpec) -> dict[str, Any]:
    """Return ``{"instances": [...], "parameters": {...}}`` as the scoring protocol has it.

    Rows that are lists are read in the signature's order. A document without ``instances`` is of
    another form already.
    """
    if "instances" not in document:
        return document
    return _as_request(document["instances"], document, spec)


def translate_input_data(document: dict[str, Any], spec: ModelSpec) -> dict[str, Any]:
    """Return ``{"input_data": ..., "params": {...}}`` as the scoring protocol has it.

    The data are a table split into columns and rows, a list of rows, or an object of columns.
    """
    if "input_data" not in document:
        known = ("input_data", *FORMATS)
        if not any(key in document for key in (*FORMATS, *UNWRAPPED_KEYS)):
            raise MalformedRequest(
                f"the body has none of the keys {', '.join(known)}; send exactly one of them"
            )
        return document
    value = document["input_data"]
    if not isinstance(value, dict):
        return _as_request(value, document, spec)
    is_split = {"columns", "data"} <= value.keys() <= _SPLIT_KEYS
    key = "dataframe_split" if is_split else "inputs"
    return {key: value, "params": _params_of(document)}


def list_rows(answer: bytes) -> bytes:
    """Return ``answer`` with one entry a row: an object of columns becomes a list of objects."""
    if not answer.startswith(_HEAD + b"{"):
        return answer
    columns = json.loads(answer)["predictions"]
    if not columns or not all(isinstance(cells, list) for cells in columns.values()):
        return answer
    if len({len(cells) for cells in columns.values()}) > 1:
        return answer
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return dump_json({"predictions": rows})


def unwrap_rows(answer: bytes) -> bytes:
    """Return the list of rows in ``answer`` without the ``predictions`` around it."""
    listed = list_rows(answer)
    return listed[len(_HEAD) : -1] if listed.startswith(_HEAD) else listed


def _as_request(rows: Any, document: dict[str, Any], spec: ModelSpec) -> dict[str, Any]:
    key = "inputs" if spec.is_signature_from_type_hint else "instances"
    return {key: _name_cells(rows, spec), "params": _params_of(document)}


def _params_of(document: dict[str, Any]) -> Any:
    return document.get("parameters", document.get("params"))


def _name_cells(rows: Any, spec: ModelSpec) -> Any:
    """Return rows that are lists as objects, where the signature has names for their cells."""
    schema = spec.signature.inputs if spec.signature else None
    if not isinstance(schema, ColumnSchema) or spec.is_signature_from_type_hint:
        return rows
    if not (schema.is_named and isinstance(rows, list) and rows and isinstance(rows[0], list)):
        return rows
    if len(schema.columns) == 1 and not isinstance(schema.columns[0].type, DataType):
        return rows  # each list is the one cell of its row
    names = [str(name) for name in schema.names]
    for i, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(names):
            found = f"{len(row)} values" if isinstance(row, list) else "no list"
            raise MalformedRequest(
                f"row {i}: found {found}, expected a list of {len(names)} values, in the "
                "signature's order"
            )
    return [dict(zip(names, row, strict=True)) for row in rows]
