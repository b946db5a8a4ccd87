"""What is in an image, as a software bill of materials: CycloneDX 1.6 in JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from .contract import Artifact, MadeImage
from .distributions import Distribution
from .planning import PackedModel

CYCLONEDX: Final = "application/vnd.cyclonedx+json"

_SCHEMA: Final = "http://cyclonedx.org/schema/bom-1.6.schema.json"
_OURS: Final = "mlserve"
_OUR_LICENSE: Final = "Apache-2.0"

# The names that distributions commonly give to licenses, where one identifier alone is meant.
_SPDX: Final = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache-2.0": "Apache-2.0",
    "bsd-2-clause": "BSD-2-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "isc": "ISC",
    "mit": "MIT",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "mpl-2.0": "MPL-2.0",
    "psf-2.0": "PSF-2.0",
}


@dataclass(frozen=True, slots=True)
class Contents:
    """What was put into an image: the model, the mlserve of ``release``, other distributions.

    ``python`` is the release of Python that they are for, such as 3.11.
    """

    model: PackedModel
    release: str
    python: str
    distributions: tuple[Distribution, ...]


def describe_contents(contents: Contents, image: MadeImage) -> Artifact:
    """Return the SBOM of ``image``: the same bytes for the same image."""
    document = {
        "$schema": _SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": _said(
            {
                "timestamp": _timestamp(image.created),
                "tools": {"components": [_program("tool", contents.release)]},
                "component": _image(contents.model, image),
            }
        ),
        "components": _components(contents, image),
        # What the distribution of the base has installed beside Python is not looked at.
        "compositions": [{"aggregate": "incomplete", "assemblies": [image.descriptor.digest]}],
    }
    content = msgspec.json.format(msgspec.json.encode(document, order="deterministic"), indent=2)
    return Artifact(CYCLONEDX, CYCLONEDX, content)


def _components(contents: Contents, image: MadeImage) -> list[dict[str, Any]]:
    python = image.python or contents.python
    return [
        _model(contents.model),
        _program("program", contents.release),
        {
            "type": "platform",
            "bom-ref": f"pkg:generic/python@{python}",
            "name": "python",
            "version": python,
            "purl": f"pkg:generic/python@{python}",
        },
        *map(_library, contents.distributions),
    ]


def _image(model: PackedModel, image: MadeImage) -> dict[str, Any]:
    algorithm, _, digest = image.descriptor.digest.partition(":")
    return _said(
        {
            "type": "container",
            "bom-ref": image.descriptor.digest,
            "name": model.name,
            "version": model.version,
            "hashes": [{"alg": algorithm.replace("sha", "SHA-"), "content": digest}],
            "properties": _properties(
                {"base.name": image.base_name, "base.digest": image.base_digest}
            ),
        }
    )


def _model(model: PackedModel) -> dict[str, Any]:
    facts = {"digest": model.digest, "run": model.run_id, "flavor": model.flavor}
    return _said(
        {
            "type": "machine-learning-model",
            "bom-ref": "model",
            "name": model.name,
            "version": model.version,
            "properties": _properties({f"model.{name}": fact for name, fact in facts.items()}),
        }
    )


def _program(reference: str, release: str) -> dict[str, Any]:
    # It has no URL of PyPI, where the name belongs to another project.
    return {
        "type": "application",
        "bom-ref": f"{reference}:{_OURS}",
        "name": _OURS,
        "version": release,
        "purl": f"pkg:generic/{_OURS}@{release}",
        "licenses": [{"license": {"id": _OUR_LICENSE}}],
    }


def _library(one: Distribution) -> dict[str, Any]:
    return _said(
        {
            "type": "library",
            "bom-ref": one.purl,
            "name": one.name,
            "version": one.version,
            "description": one.summary,
            "purl": one.purl,
            "licenses": _licenses(one),
        }
    )


def _licenses(one: Distribution) -> list[dict[str, Any]]:
    if one.license_expression:
        return [{"expression": one.license_expression}]
    return [{"license": _license(name)} for name in one.license_names]


def _license(name: str) -> dict[str, str]:
    identifier = _SPDX.get(name.lower())
    return {"id": identifier} if identifier else {"name": name}


def _properties(facts: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": f"{_OURS}:{name}", "value": fact} for name, fact in facts.items() if fact]


def _timestamp(created: int) -> str:
    """Return the time of an image, or nothing for one that was given none."""
    return datetime.fromtimestamp(created, UTC).isoformat() if created else ""


def _said(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


@dataclass(frozen=True, slots=True)
class Package:
    """A component of an SBOM that is read: whoever wrote it, what it says in short."""

    kind: str
    name: str
    version: str
    license: str


class _ReadLicense(msgspec.Struct, frozen=True):
    id: str = ""
    name: str = ""


class _ReadLicenseChoice(msgspec.Struct):
    license: _ReadLicense = _ReadLicense()
    expression: str = ""


class _ReadComponent(msgspec.Struct):
    type: str
    name: str
    version: str = ""
    licenses: list[_ReadLicenseChoice] = []


class _ReadDocument(msgspec.Struct):
    components: list[_ReadComponent] = []


def read_packages(content: bytes) -> list[Package]:
    """Return what a CycloneDX document lists; raises `msgspec.MsgspecError` for another."""
    document = msgspec.json.decode(content, type=_ReadDocument)
    return [
        Package(one.type, one.name, one.version, _license_text(one.licenses))
        for one in document.components
    ]


def _license_text(choices: Iterable[_ReadLicenseChoice]) -> str:
    texts = [one.expression or one.license.id or one.license.name for one in choices]
    return ", ".join(text for text in texts if text)
