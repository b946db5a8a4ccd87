"""What a Docker engine says while it works, read into progress, results and errors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .contract import Tell
from .errors import EngineFailed, RegistryRefused

_MADE = re.compile(r"\s*---> ([0-9a-f]{12})\s*")
_STEP = re.compile(r"Step \d+/\d+ : (\w+)")
_DENIED = re.compile(r"denied|unauthorized|authentication required|no basic auth", re.IGNORECASE)


@dataclass(slots=True)
class BuildLog:
    """Follows a build; ``made`` are the images that it has made, the last one last."""

    tell: Tell
    made: list[str] = field(default_factory=list)
    _is_made: bool = False

    def read(self, lines: Iterable[Mapping[str, Any]]) -> str:
        """Return the id of the image; raises `EngineFailed` with what the engine gives as cause."""
        identity = ""
        for line in lines:
            if "error" in line:
                raise EngineFailed(f"the build failed: {line['error']}")
            if isinstance(aux := line.get("aux"), Mapping):
                identity = str(aux.get("ID") or identity)
            for text in str(line.get("stream") or line.get("status") or "").splitlines():
                self._read_text(text)
        if not identity:
            raise EngineFailed("the build ended without an image")
        return identity

    def _read_text(self, text: str) -> None:
        if not text.strip():
            return
        self.tell(text)
        if found := _STEP.match(text):
            self._is_made = found[1] != "FROM"
        elif "Using cache" in text:
            self._is_made = False
        elif self._is_made and (found := _MADE.fullmatch(text)):
            self.made.append(found[1])


def read_push(lines: Iterable[Mapping[str, Any]], reference: str, tell: Tell) -> str:
    """Return the digest of what was pushed; raises `RegistryRefused` or `EngineFailed`."""
    digest, last = "", ""
    for line in lines:
        if "error" in line:
            raise _refusal(reference, str(line["error"]))
        if isinstance(aux := line.get("aux"), Mapping):
            digest = str(aux.get("Digest") or digest)
        status = " ".join(filter(None, (str(line.get("id", "")), str(line.get("status", "")))))
        # A line of progress comes many times a second, and differs in its bar alone.
        if status.strip() and status != last:
            tell(status)
            last = status
    return digest


def _refusal(reference: str, reason: str) -> EngineFailed | RegistryRefused:
    registry = reference.partition("/")[0]
    if _DENIED.search(reason):
        advice = f"log in with docker login {registry}"
        return RegistryRefused(registry, f"take {reference}", 401, reason, advice)
    return EngineFailed(f"the push of {reference} failed: {reason}")
