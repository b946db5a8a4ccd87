"""What a registry asks for in its 401, and how that is answered: Basic, or a token."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

_CHALLENGE: Final = re.compile(r"(?:^|,)\s*([A-Za-z]+)(?:\s+(?=[\w-]+=)|\s*(?=,|$))")
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_PARAMETER: Final = re.compile(r'([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to say who one is: its scheme in lower case, and its parameters."""

    scheme: str
    parameters: Mapping[str, str]


class Token(msgspec.Struct):
    """What a server of tokens answers; older ones give the token under another name."""

    token: str = ""
    access_token: str = ""

    @property
    def text(self) -> str:
        """The token."""
        return self.token or self.access_token


def read_challenges(header: str) -> list[Challenge]:
    """Return what the header WWW-Authenticate asks for."""
    # What stands in quotes looks like another challenge at times.
    masked = _QUOTED.sub(lambda match: "_" * len(match[0]), header)
    found = list(_CHALLENGE.finditer(masked))
    ends = [*(match.start() for match in found), len(header)][1:]
    return [
        Challenge(match[1].lower(), _read_parameters(header[match.end() : end]))
        for match, end in zip(found, ends, strict=True)
    ]


def pull_scope(repository: str) -> str:
    """Return the right to read ``repository``."""
    return f"repository:{repository}:pull"


def push_scope(repository: str) -> str:
    """Return the right to read and write ``repository``."""
    return f"repository:{repository}:pull,push"


def token_query(challenge: Challenge, scopes: Sequence[str]) -> dict[str, str | Sequence[str]]:
    """Return the query of a request for a token."""
    service = challenge.parameters.get("service")
    return {"scope": scopes} | ({"service": service} if service else {})


def _read_parameters(text: str) -> dict[str, str]:
    return {
        name.lower(): re.sub(r"\\(.)", r"\1", quoted) or bare
        for name, quoted, bare in _PARAMETER.findall(text)
    }
