"""The published schema of CycloneDX 1.6, as the library of the standard carries it."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any
from urllib.parse import urljoin

from jsonschema import Draft7Validator
from referencing import Registry, Resource

_FOLDER = files("cyclonedx.schema") / "_res"
_MAIN, *_OTHERS = (
    f"{name}.SNAPSHOT.schema.json" for name in ("bom-1.6", "spdx", "jsf-0.82", "cryptography-defs")
)


def check_sbom(document: Any) -> None:
    """Raise jsonschema's ValidationError unless ``document`` is an SBOM of CycloneDX 1.6."""
    main = _read(_MAIN)
    # The others are named relatively to the address of the first.
    others = [(urljoin(main["$id"], name), Resource.from_contents(_read(name))) for name in _OTHERS]
    Draft7Validator(main, registry=Registry().with_resources(others)).validate(document)


def _read(name: str) -> Any:
    return json.loads((_FOLDER / name).read_text())
