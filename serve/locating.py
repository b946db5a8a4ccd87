"""The folder of the model that a text names; what finds models elsewhere is handed in."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

from ..runtimes.errors import InvalidSetting

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/|(?i:file|models|runs):")


@dataclass(frozen=True, slots=True)
class Located:
    """A model in a folder, and what it is called where it comes from, if that is not the folder."""

    folder: Path
    name: str = ""
    version: str = ""


Locate: TypeAlias = Callable[[str], Located]
"""Finds the model that a text names; raises an `MLServeError`."""


def is_elsewhere(text: str) -> bool:
    """Whether a text names a model by an address that is no folder of this machine."""
    return _scheme(text) not in {"", "file"}


def locate_folder(text: str) -> Located:
    """Return the model in the folder that a path or a file: URL names."""
    if is_elsewhere(text):
        raise InvalidSetting(
            f"found an address that begins with {_scheme(text)}:, expected a folder or a file: URL;"
            " download the model and give its folder"
        )
    if not _scheme(text):
        return Located(Path(text).expanduser())
    try:
        url = urlsplit(text)
    except ValueError as error:
        raise InvalidSetting(f"{text}: found no URL ({error}), expected one of a folder") from None
    if url.netloc not in ("", "localhost"):
        raise InvalidSetting(
            f"{text}: found the host {url.netloc}, expected a folder of this machine; "
            f"write file://{url.path}"
        )
    return Located(Path(unquote(url.path)))


def _scheme(text: str) -> str:
    return text.partition(":")[0].lower() if _ADDRESS.match(text) else ""
