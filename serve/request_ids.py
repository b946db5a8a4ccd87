"""The id of a request: the caller's own where it is harmless, else a new one."""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableMapping
from itertools import count
from secrets import token_hex
from typing import Any

Scope = MutableMapping[str, Any]

HEADER = b"x-request-id"
_HARMLESS = re.compile(rb"[\w.:+/=@-]{1,128}", re.ASCII)


class RequestIds:
    """Gives each request an id; new ones share a random prefix, so that no two services agree."""

    def __init__(self, prefix: str | None = None) -> None:
        self._prefix = token_hex(6) if prefix is None else prefix
        self._numbers = count(1)

    def take(self, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """Return the id in the X-Request-Id header where it is safe to log, or a new one."""
        for name, value in headers:
            if name == HEADER and _HARMLESS.fullmatch(value):
                return value.decode("ascii")
        return f"{self._prefix}-{next(self._numbers):x}"
