"""The input example that was saved with a model, as a request that its service can answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .document import Node
from .errors import InvalidModel
from .modelfolder import path_inside
from .modelspec import ModelSpec

REQUEST_FILE = "serving_input_example.json"
# What marks a request of a chat, completion or embedding model, which carries its data unwrapped.
_UNWRAPPED = frozenset({"messages", "prompt", "input"})


def read_example(folder: Path, spec: ModelSpec) -> bytes | None:
    """Return a JSON body for ``/invocations`` made of the model's input example, or None.

    None means that no example was recorded, that its file is not there, or that it is of a kind
    that no request carries (a sparse matrix by itself). An example that cannot be read is
    refused with `InvalidModel`; a model can be served all the same.
    """
    info = spec.example or {}
    serving = _read_json(folder, info.get("serving_input_path", REQUEST_FILE))
    if serving is not None:
        return _encode(serving.mapping())
    recorded = _read_json(folder, info.get("artifact_path"))
    if recorded is None:
        return None
    body = _build_body(recorded, info)
    return None if body is None else _encode(body)


def _read_json(folder: Path, relative: Any) -> Node | None:
    if not isinstance(relative, str):
        return None
    file = path_inside(folder, relative)
    if not file.is_file():
        return None
    try:
        # MLflow writes NaN and Infinity where a list holds them; strict JSON has neither.
        text = file.read_text(encoding="utf-8-sig")
        return Node(json.loads(text, parse_constant=_null), file)
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidModel(file, f"a file that is not JSON ({error})", "JSON") from error


def _build_body(recorded: Node, info: Mapping[str, Any]) -> dict[str, Any] | None:
    build = _BUILDERS.get(str(info.get("type")))
    if build is None:
        return None
    if not info.get("params"):
        return build(recorded)
    params = recorded.member("params").mapping()
    body = build(recorded.member("inputs"))
    return body | params if body.keys() & _UNWRAPPED else {**body, "params": params}


def _build_frame(data: Node) -> dict[str, Any]:
    if isinstance(data.value, Mapping):
        return {"dataframe_split": data.mapping()}
    rows = [element.value for element in data.elements()]
    if rows and all(isinstance(row, Mapping) for row in rows):
        return {"dataframe_records": rows}
    return {"dataframe_split": {"data": rows}}


def _build_array(data: Node) -> dict[str, Any]:
    if isinstance(data.value, Mapping) and data.value.keys() in ({"inputs"}, {"instances"}):
        return data.mapping()
    return {"inputs": data.value}


def _build_object(data: Node) -> dict[str, Any]:
    if isinstance(data.value, Mapping) and data.value.keys() & _UNWRAPPED:
        return data.mapping()
    return {"inputs": data.value}


# By the type that ``saved_input_example_info`` records.
_BUILDERS: dict[str, Callable[[Node], dict[str, Any]]] = {
    "dataframe": _build_frame,
    "ndarray": _build_array,
    "json_object": _build_object,
}


def _encode(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def _null(_: str) -> None:
    """Stand in for a constant that strict JSON does not have."""
