"""Where the artifacts of an import's source are now, and to whom they belong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote

from .storage_uris import PROXIED, read_file_url, read_proxied_uri, scheme_of

_ID: Final = re.compile(r"m-[0-9a-f]{32}|[0-9a-f]{32}")


class Place(NamedTuple):
    """A place among the artifacts of a run or a logged model, whose id is ``owner_id``."""

    owner_id: str
    path: str


@dataclass(frozen=True, slots=True)
class Places:
    """Says where to read what the source's records name.

    ``moved`` names, by the beginnings of URIs and paths, where that is now; relative paths are
    under ``folder``.
    """

    moved: Mapping[str, str] = field(default_factory=dict)
    folder: Path = field(default_factory=Path)

    def find(self, uri: str) -> str | None:
        """Return where the artifacts under ``uri`` were moved to; None if that is not said."""
        named = self.absolute(uri)
        if ".." in named.split("/"):  # it is not where it begins
            return None
        for start in sorted(self.moved, key=len, reverse=True):
            prefix = self.absolute(start).rstrip("/")
            if named == prefix or named.startswith(f"{prefix}/"):
                return self.moved[start].rstrip("/") + named[len(prefix) :]
        return None

    def absolute(self, uri: str) -> str:
        """Return ``uri`` in one form: folders as absolute paths, a server's artifacts by path."""
        scheme = scheme_of(uri)
        if scheme == PROXIED:
            return f"{PROXIED}:/{read_proxied_uri(uri)}"
        if scheme == "file":
            return str(read_file_url(uri))
        return str(self.folder.absolute() / uri) if not scheme else uri


def find_place(uri: str) -> Place | None:
    """Return whose artifacts ``uri`` is among, by the id in it; None if it is among nobody's.

    MLflow keeps those of a run in ``…/<run id>/artifacts``, and of a logged model likewise.
    """
    parts = (unquote(uri) if uri.startswith("file:") else uri).split("/")
    for i in range(len(parts) - 1, 0, -1):
        if parts[i] == "artifacts" and _ID.fullmatch(parts[i - 1]):
            return Place(parts[i - 1], "/".join(filter(None, parts[i + 1 :])))
    return None
