"""How an image came to be, as in-toto states it: SLSA provenance, version 1.

It is not signed: it says what whoever built the image says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

import msgspec

from .contract import Artifact, MadeImage
from .plan import BuildPlan
from .planning import PackedModel

IN_TOTO: Final = "application/vnd.in-toto+json"
STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "https://slsa.dev/provenance/v1"

BUILD_TYPE: Final = "urn:mlserve:build:model-image:v1"
"""What the parameters of such a build mean: those that `describe_origin` writes."""

BUILDER: Final = "urn:mlserve:builder:oci"
"""The code of mlserve that makes images without another program, wherever it runs."""

_PREDICATE_ANNOTATION: Final = "in-toto.io/predicate-type"


@dataclass(frozen=True, slots=True)
class Origin:
    """What an image is made of: ``reference`` is what the model was asked for by, if not a folder.

    ``lock`` is the text that pins the packages; ``release`` the mlserve that builds.
    """

    model: PackedModel
    reference: str
    plan: BuildPlan
    lock: bytes
    release: str


def describe_origin(origin: Origin, image: MadeImage) -> Artifact:
    """Return the provenance of ``image``: the same bytes for the same image."""
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": origin.model.name, "digest": _digest(image.descriptor.digest)}],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": _parameters(origin, image),
                "resolvedDependencies": _dependencies(origin, image),
            },
            "runDetails": _said(
                {
                    "builder": {"id": BUILDER, "version": {"mlserve": origin.release}},
                    "metadata": _times(image.created),
                }
            ),
        },
    }
    content = msgspec.json.encode(statement, order="deterministic")
    return Artifact(IN_TOTO, IN_TOTO, content, {_PREDICATE_ANNOTATION: PREDICATE})


def _parameters(origin: Origin, image: MadeImage) -> dict[str, str]:
    return _said(
        {
            "model": origin.reference,
            "flavor": origin.model.flavor,
            "base": image.base_name,
            "platform": str(origin.plan.platform),
            "python": origin.plan.python,
        }
    )


def _dependencies(origin: Origin, image: MadeImage) -> list[dict[str, Any]]:
    model = origin.model
    found = [
        {"name": "base", "uri": image.base_name, "digest": _digest(image.base_digest)},
        {
            "name": "requirements.lock",
            "digest": {"sha256": sha256(origin.lock).hexdigest()},
        },
        {
            # The digest is that of the model's manifest, which holds those of all its files.
            "name": "model",
            "uri": origin.reference,
            "digest": _digest(model.digest),
            "annotations": _said(
                {"name": model.name, "version": model.version, "run": model.run_id}
            ),
        },
    ]
    return [_said(one) for one in found]


def _times(created: int) -> dict[str, str]:
    if not created:
        return {}
    return {"startedOn": datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}


def _digest(digest: str) -> dict[str, str]:
    algorithm, _, value = digest.partition(":")
    return {algorithm: value} if value else {}


def _said(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


@dataclass(frozen=True, slots=True)
class Provenance:
    """A provenance that is read: whoever wrote it, what it says in short."""

    build_type: str
    builder: str
    builder_versions: dict[str, str]
    parameters: dict[str, Any]
    dependencies: list[dict[str, Any]]


class _ReadDefinition(msgspec.Struct, rename="camel"):
    build_type: str
    external_parameters: dict[str, Any] = {}
    resolved_dependencies: list[dict[str, Any]] = []


class _ReadBuilder(msgspec.Struct):
    id: str
    version: dict[str, str] = {}


class _ReadDetails(msgspec.Struct):
    builder: _ReadBuilder


class _ReadPredicate(msgspec.Struct, rename="camel"):
    build_definition: _ReadDefinition
    run_details: _ReadDetails


class _ReadStatement(msgspec.Struct, rename="camel"):
    predicate_type: str
    predicate: msgspec.Raw


def read_provenance(content: bytes) -> Provenance | None:
    """Return what a statement says, or None for one that is no provenance.

    Raises `msgspec.MsgspecError` for what is no statement.
    """
    statement = msgspec.json.decode(content, type=_ReadStatement)
    if statement.predicate_type != PREDICATE:
        return None
    predicate = msgspec.json.decode(statement.predicate, type=_ReadPredicate)
    definition, builder = predicate.build_definition, predicate.run_details.builder
    return Provenance(
        definition.build_type,
        builder.id,
        builder.version,
        definition.external_parameters,
        definition.resolved_dependencies,
    )
