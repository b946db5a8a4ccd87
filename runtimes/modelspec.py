"""The file MLmodel, read into a `ModelSpec` and written back."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from .document import Node
from .errors import InvalidModel, ModelNotFound
from .modelfolder import MLMODEL
from .schema import Signature
from .signature import read_signature, write_signature
from .yamltext import MAX_BYTES, format_yaml, parse_yaml


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What the file MLmodel says about a model.

    ``example`` is MLflow's ``saved_input_example_info``; ``extra`` holds every key that has no
    field here or that says nothing (null, false), kept when the spec is written again.
    """

    flavors: Mapping[str, Mapping[str, Any]]
    signature: Signature | None = None
    is_signature_from_type_hint: bool = False
    model_id: str | None = None
    run_id: str | None = None
    model_uuid: str | None = None
    mlflow_version: str | None = None
    utc_time_created: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    example: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


def read_model_spec(folder: Path) -> ModelSpec:
    """Return what the MLmodel in ``folder`` says, as any MLflow since 1.0 wrote it.

    Raises `ModelNotFound` where there is no model, `InvalidModel` where its MLmodel is broken.
    """
    file = folder / MLMODEL
    document = Node(parse_yaml(_read_bytes(folder), file), file)
    nodes = document.members()
    said = {key: _KEYS[key].read(nodes[key]) for key in _KEYS if _is_said(nodes.get(key))}
    said = {key: value for key, value in said.items() if value not in _SAYS_NOTHING}
    return ModelSpec(
        flavors=_read_flavors(document.member("flavors")),
        **{_KEYS[key].field: value for key, value in said.items()},
        extra={key: nodes[key].value for key in nodes if key not in said and key != "flavors"},
    )


def write_model_spec(folder: Path, spec: ModelSpec) -> None:
    """Write ``spec`` as the MLmodel of ``folder``, which holds a whole one at every moment."""
    file = folder / MLMODEL
    _check_folder(folder)
    if not spec.flavors:
        raise InvalidModel(file, "no flavors", "at least one")
    flavors = {name: dict(flavor) for name, flavor in spec.flavors.items()}
    said = {key: getattr(spec, known.field) for key, known in _KEYS.items()}
    said = {key: _KEYS[key].write(v) for key, v in said.items() if v not in _SAYS_NOTHING}
    _replace(file, format_yaml({**spec.extra, **said, "flavors": flavors}, file))


def _read_bytes(folder: Path) -> bytes:
    file = folder / MLMODEL
    try:
        _check_folder(folder)
        if not file.exists():
            raise ModelNotFound(folder, f"the folder holds no {MLMODEL}")
        if not file.is_file():
            raise ModelNotFound(folder, f"its {MLMODEL} is not a file")
        with file.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ModelNotFound(folder, f"its {MLMODEL} cannot be read ({error.strerror})") from error


def _check_folder(folder: Path) -> None:
    if not folder.exists():
        raise ModelNotFound(folder, "there is no such folder")
    if not folder.is_dir():
        raise ModelNotFound(folder, "it is a file")


def _replace(file: Path, text: bytes) -> None:
    draft = file.with_name(f".{file.name}.{uuid4().hex}")
    try:
        with draft.open("xb") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _read_flavors(node: Node) -> dict[str, Mapping[str, Any]]:
    flavors: dict[str, Mapping[str, Any]] = {
        name: flavor.mapping() for name, flavor in node.members().items()
    }
    if not flavors:
        raise node.refusal("at least one flavor")
    return flavors


def _read_signature(node: Node) -> Signature:
    return read_signature(node.mapping(), node.file)


def _read_word(node: Node) -> str:
    if isinstance(node.value, Mapping | list):
        raise node.refusal("a string")
    return str(node.value)


def _is_said(node: Node | None) -> bool:
    return node is not None and node.value is not None


@dataclass(frozen=True, slots=True)
class _Key:
    """How a key of the file becomes a field of `ModelSpec`, and back."""

    field: str
    read: Callable[[Node], Any]
    write: Callable[[Any], Any]


_SAYS_NOTHING: tuple[Any, ...] = (None, False, {}, Signature())
_KEYS = {
    "signature": _Key("signature", _read_signature, write_signature),
    "is_signature_from_type_hint": _Key("is_signature_from_type_hint", Node.flag, bool),
    "model_id": _Key("model_id", _read_word, str),
    "run_id": _Key("run_id", _read_word, str),
    "model_uuid": _Key("model_uuid", _read_word, str),
    "mlflow_version": _Key("mlflow_version", _read_word, str),
    "utc_time_created": _Key("utc_time_created", _read_word, str),
    "metadata": _Key("metadata", Node.mapping, dict),
    "saved_input_example_info": _Key("example", Node.mapping, dict),
}
