"""The signature of a model as MLflow encodes it, read into a `Signature` and written back.

``columntypes.py`` and ``paramspecs.py`` hold the forms of a column's type and of the params.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from .columntypes import read_column_type, read_required, write_column_type
from .document import Node
from .paramspecs import read_param_specs, write_param_specs
from .schema import Column, ColumnSchema, DataType, Schema, Signature, TensorSchema, TensorSpec

_Part = TypeVar("_Part")


def read_signature(parts: Mapping[str, Any], file: Path | str = "MLmodel") -> Signature:
    """Return the signature whose parts are JSON texts under ``inputs``, ``outputs``, ``params``.

    Each may be missing, null or empty. What breaks the format is refused with `InvalidModel`,
    which names ``file`` and the place in the signature.
    """
    node = Node(parts, file, "signature")
    return Signature(
        inputs=_read_part(node, "inputs", _read_inputs),
        outputs=_read_part(node, "outputs", _read_schema),
        params=_read_part(node, "params", read_param_specs),
    )


def write_signature(signature: Signature) -> dict[str, str | None]:
    """Return the parts of ``signature`` as MLflow writes them into the file MLmodel."""
    return {
        "inputs": write_schema(signature.inputs) if signature.inputs else None,
        "outputs": write_schema(signature.outputs) if signature.outputs else None,
        "params": write_param_specs(signature.params) if signature.params else None,
    }


def read_schema(text: str, file: Path | str = "schema") -> Schema:
    """Return the columns or tensors that the JSON ``text`` describes."""
    return _read_schema(Node(text, file).json())


def write_schema(schema: Schema) -> str:
    """Return the JSON text of ``schema``, character by character the one that MLflow writes."""
    _check_rules(schema, Node([], "schema"))
    if isinstance(schema, TensorSchema):
        return json.dumps([_write_tensor(tensor) for tensor in schema.tensors])
    return json.dumps([_write_column(column) for column in schema.columns])


def _read_part(node: Node, key: str, read: Callable[[Node], _Part]) -> _Part | None:
    part = node.find(key)
    return read(part.json()) if part and part.value not in (None, "") else None


def _read_inputs(node: Node) -> Schema:
    schema = _read_schema(node)
    counts = Counter(entry.name for entry in _entries(schema))
    for element, entry in zip(node.elements(), _entries(schema), strict=True):
        if entry.name is not None and counts[entry.name] > 1:
            raise element.refusal("one input of each name", f"{counts[entry.name]} of this name")
    return schema


def _read_schema(node: Node) -> Schema:
    elements = node.elements()
    kinds = {element.member("type").value == "tensor" for element in elements}
    if len(kinds) > 1:
        raise node.refusal("only the one or only the other", "both columns and tensors")
    schema: Schema = (
        TensorSchema(tuple(_read_tensor(element) for element in elements))
        if True in kinds
        else ColumnSchema(tuple(_read_column(element) for element in elements))
    )
    _check_rules(schema, node)
    return schema


def _check_rules(schema: Schema, node: Node) -> None:
    entries = _entries(schema)
    unnamed = sum(entry.name is None for entry in entries)
    if not entries:
        raise node.refusal("at least one column or tensor", "none")
    if 0 < unnamed < len(entries):
        raise node.refusal("a name for all or for none", f"{unnamed} of {len(entries)} unnamed")
    if isinstance(schema, TensorSchema):
        if unnamed > 1:
            raise node.refusal("names, as there are several", f"{unnamed} unnamed tensors")
    elif unnamed and not all(column.required for column in schema.columns):
        raise node.refusal("a name or a required column", "an unnamed column that is optional")


def _read_column(node: Node) -> Column:
    column_type = read_column_type(node)
    name = _read_column_name(node)
    # MLflow takes nested columns without the key for optional; a position cannot be left out.
    is_scalar = isinstance(column_type, DataType)
    required = read_required(node, default=is_scalar or name is None, null=name is None)
    return Column(column_type, name, required)


def _read_column_name(node: Node) -> str | int | None:
    name = node.find("name")
    if name is None or name.value is None:
        return None
    if isinstance(name.value, bool) or not isinstance(name.value, str | int):
        raise name.refusal("a string or an integer")
    return name.value


def _write_column(column: Column) -> dict[str, Any]:
    name = {} if column.name is None else {"name": column.name}
    return {**write_column_type(column.type), **name, "required": column.required}


def _read_tensor(node: Node) -> TensorSpec:
    spec = node.member("tensor-spec")
    name = node.find("name")
    return TensorSpec(
        dtype=_read_dtype(spec.member("dtype")),
        shape=tuple(_read_length(length) for length in spec.member("shape").elements()),
        name=None if name is None or name.value is None else name.text(),
    )


def _read_length(node: Node) -> int:
    if type(node.value) is not int or node.value < -1:
        raise node.refusal("a length, or -1 for any")
    return node.value


def _read_dtype(node: Node) -> np.dtype[Any]:
    try:
        dtype = np.dtype(node.text()).newbyteorder("=")
    except (TypeError, ValueError, SyntaxError) as error:
        raise node.refusal("the name of a numpy dtype") from error
    if dtype.kind == "V" or (dtype.kind in "US" and dtype.itemsize):
        raise node.refusal("the name of a plain numpy dtype without a size, as float64 or str")
    return dtype


def _write_tensor(tensor: TensorSpec) -> dict[str, Any]:
    name = {} if tensor.name is None else {"name": tensor.name}
    # The name of a text dtype holds the width of its values ("str160"), which MLflow cannot read.
    sizeless = np.dtype(tensor.dtype.kind) if tensor.dtype.kind in "US" else tensor.dtype
    spec = {"dtype": sizeless.name, "shape": tensor.shape}
    return {**name, "type": "tensor", "tensor-spec": spec}


def _entries(schema: Schema) -> tuple[Column | TensorSpec, ...]:
    return schema.tensors if isinstance(schema, TensorSchema) else schema.columns
