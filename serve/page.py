"""The page at ``/``: a model, its signature, and a form to try it, as one HTML file.

``page.html`` is the template. All that comes from the model is escaped here, and the page's policy
lets no script and no style run but the template's own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from ..runtimes.modelspec import ModelSpec
from ..runtimes.schema import ColumnSchema, ParamSpec, Schema, Signature, TensorSchema
from .examples import choose_example
from .json_values import dump_json

_PLACEHOLDER = '{"inputs": [[1.0, 2.0, 3.0]]}'
_MAX_COMMAND_CHARACTERS = 1500
_FILTERED_ROWS = 20
_MAX_DEPTH = 6


def render_page(
    spec: ModelSpec, flavor: str, example: bytes | None, name: str, version: str
) -> tuple[bytes, dict[str, str]]:
    """Return the page and the headers that it must be sent with.

    ``example`` is a recorded body for /invocations; where it is None one is made from the
    signature, and where that cannot be the form is empty.
    """
    template = files(__package__).joinpath("page.html").read_text("utf-8")
    signature = spec.signature or Signature()
    body = choose_example(signature, example)
    page = Template(template).substitute(
        title=_show(f"{name}, served by mlserve"),
        name=_show(name),
        facts=_list_facts(spec, flavor, version),
        placeholder=escape(_PLACEHOLDER),
        example="" if body is None else _show(lay_out(body)),
        about_example=_tell_origin(body, example),
        signature=_show_signature(signature),
        **_show_command(body),
    )
    return page.encode("utf-8", "backslashreplace"), _headers(template)


def lay_out(value: Any, indent: str = "") -> str:
    """Return ``value`` as JSON with one line for each list or object of plain values."""
    members = list(value.values()) if isinstance(value, dict) else value
    is_flat = not isinstance(value, (dict, list)) or not any(
        isinstance(member, (dict, list)) for member in members
    )
    deeper = indent + "  "
    if is_flat or len(deeper) > 2 * _MAX_DEPTH:
        return json.dumps(value, ensure_ascii=False)
    lines = [lay_out(member, deeper) for member in members]
    if isinstance(value, dict):
        keys = (json.dumps(key, ensure_ascii=False) for key in value)
        lines = [f"{key}: {line}" for key, line in zip(keys, lines, strict=True)]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    inner = ",\n".join(deeper + line for line in lines)
    return f"{opening}\n{inner}\n{indent}{closing}"


def _show(text: str) -> str:
    """Return ``text`` as HTML, with what nobody would see spelt out as JSON does.

    Among that are the characters that turn the direction of writing: they would make a command
    read as another than it is.
    """
    visible = (c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
    return escape("".join(visible))


def _headers(template: str) -> dict[str, str]:
    """Return the headers of the page, its policy among them: its own script and style, no other."""
    policy = {
        "default-src": "'none'",
        "script-src": _source_hash(template, "script"),
        "style-src": _source_hash(template, "style"),
        "img-src": "data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "content-security-policy": "; ".join(f"{key} {source}" for key, source in policy.items()),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
    }


def _source_hash(template: str, tag: str) -> str:
    (source,) = re.findall(f"<{tag}>(.*?)</{tag}>", template, re.DOTALL)
    digest = hashlib.sha256(source.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _list_facts(spec: ModelSpec, flavor: str, version: str) -> str:
    facts = {
        "Version": version,
        "Flavor": flavor,
        "Model id": spec.model_id,
        "Run id": spec.run_id,
        "Saved by MLflow": spec.mlflow_version,
        "Saved on": spec.utc_time_created and spec.utc_time_created.split(".")[0] + " UTC",
    }
    return "".join(
        f"<div><dt>{label}</dt><dd>{_show(str(fact))}</dd></div>"
        for label, fact in facts.items()
        if fact
    )


def _tell_origin(body: Any, recorded: bytes | None) -> str:
    if body is None:
        return "The model came without an example."
    if recorded is None:
        return "Made up from the signature: put in values of yours."
    return "The example that the model was saved with."


def _show_command(body: Any) -> dict[str, str]:
    """Return what the curl line sends, and a word on it; a body too long for a shell is a file."""
    data = shlex.quote(_PLACEHOLDER if body is None else dump_json(body).decode())
    if len(data) > _MAX_COMMAND_CHARACTERS:
        return {
            "curl_data": "@body.json",
            "about_curl": "Save the request body as body.json first.",
        }
    about = "Put in a body that the model takes." if body is None else ""
    return {"curl_data": _show(data), "about_curl": about}


def _show_signature(signature: Signature) -> str:
    parts = [
        _show_schema("Inputs", signature.inputs),
        _show_schema("Outputs", signature.outputs),
        _show_params(signature.params),
    ]
    if not any(parts):
        return (
            '<p class="faint">The model declares no signature: '
            "it gets what a request holds, unchecked.</p>"
        )
    return "".join(parts)


def _show_schema(title: str, schema: Schema | None) -> str:
    match schema:
        case ColumnSchema(columns=columns):
            rows = [
                (str(name), str(column.type), "required" if column.required else "optional")
                for name, column in zip(schema.names, columns, strict=True)
            ]
            name = "Column" if schema.is_named else "Position"
            return _show_table(title, (name, "Type", "Required"), rows, "column")
        case TensorSchema(tensors=tensors):
            rows = [
                (tensor.name or "(unnamed)", tensor.dtype.name, _show_shape(tensor.shape))
                for tensor in tensors
            ]
            return _show_table(title, ("Tensor", "Type", "Shape"), rows, "tensor")
        case None:
            return ""


def _show_params(params: Sequence[ParamSpec] | None) -> str:
    rows = [
        (
            param.name,
            str(param.type) if param.shape is None else f"list of {param.type}",
            dump_json(param.default).decode(),
        )
        for param in params or ()
    ]
    return _show_table("Params", ("Param", "Type", "Default"), rows, "param") if rows else ""


def _show_shape(shape: Sequence[int]) -> str:
    return " by ".join("any" if length < 0 else str(length) for length in shape) or "scalar"


def _show_table(
    title: str, head: Sequence[str], rows: Sequence[tuple[str, str, str]], noun: str
) -> str:
    """Return a table under its title, with a filter where it is long."""
    anchor = title.lower()
    heads = "".join(f'<th scope="col">{label}</th>' for label in head)
    lines = "".join(
        f'<tr><th scope="row" class="name">{_show(name)}</th>'
        f"<td>{_show(kind)}</td><td>{_show(more)}</td></tr>"
        for name, kind, more in rows
    )
    count = f"{len(rows)} {noun}" + ("s" if len(rows) > 1 else "")
    search = (
        f'<input type="search" data-table="{anchor}-table" placeholder="Filter by name" '
        f'aria-label="Filter {anchor} by name" hidden>'
        if len(rows) > _FILTERED_ROWS
        else ""
    )
    return (
        f'<div class="part"><div class="part-head"><h3 id="{anchor}">{title}</h3>'
        f'<span class="faint">{count}</span>{search}</div>'
        f'<div class="scroll" tabindex="0" role="region" aria-labelledby="{anchor}">'
        f'<table id="{anchor}-table"><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>'
        "</div></div>"
    )
