"""The distributions in a tree of an image, by the metadata that each was installed with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Final

from .locks import normal_name

_CLASSIFIER: Final = "License :: "
_LONGEST_LICENSE: Final = 100
_LARGEST_METADATA: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Distribution:
    """One installed distribution.

    ``license_expression`` is in the terms of SPDX; where a distribution has none, ``license_names``
    are what it says of its licenses in words of its own.
    """

    name: str
    version: str
    summary: str = ""
    license_expression: str = ""
    license_names: tuple[str, ...] = ()

    @property
    def purl(self) -> str:
        """The package URL, which names the distribution among those of PyPI."""
        # Of what a version may hold, only the sign before a local part has to be escaped.
        return f"pkg:pypi/{normal_name(self.name)}@{self.version.replace('+', '%2B')}"


def read_distributions(folder: Path) -> list[Distribution]:
    """Return what is installed in ``folder``, in the order of the names."""
    files = folder.glob("*.dist-info/METADATA")
    found = [read_metadata(_read(file)) for file in files]
    return sorted(found, key=lambda one: (normal_name(one.name), one.version))


def read_metadata(text: str) -> Distribution:
    """Return what the text of a METADATA file says."""
    headers = HeaderParser().parsestr(text)
    return Distribution(
        name=_line(headers, "Name"),
        version=_line(headers, "Version"),
        summary=_line(headers, "Summary"),
        license_expression=_line(headers, "License-Expression"),
        license_names=tuple(dict.fromkeys(_license_names(headers))),
    )


def _license_names(headers: Message) -> Iterator[str]:
    text = str(headers.get("License", "")).strip()
    # Some distributions have the whole text of their license there, which is no name.
    if text and "\n" not in text and len(text) <= _LONGEST_LICENSE and text != "UNKNOWN":
        yield text
        return
    for classifier in headers.get_all("Classifier", []):
        if str(classifier).startswith(_CLASSIFIER):
            yield str(classifier).rpartition(" :: ")[2]


def _line(headers: Message, name: str) -> str:
    return " ".join(str(headers.get(name, "")).split())


def _read(file: Path) -> str:
    with file.open(encoding="utf-8", errors="replace") as stream:
        return stream.read(_LARGEST_METADATA)
