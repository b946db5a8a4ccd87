"""A running service as the checks of a contract ask it: one connection for each question."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from time import perf_counter
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from ..runtimes.errors import InvalidSetting, shorten

JSON: Final = "application/json"
_MOST_BYTES: Final = 64 * 2**20


class Unmet(Exception):
    """What a contract asks for is not there; the text says what was found in its place."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question, and the seconds until the connection and until its last byte."""

    status: int
    content_type: str
    body: bytes
    connect_seconds: float
    seconds: float

    def document(self) -> Any:
        """Return the JSON of the body."""
        try:
            return json.loads(self.body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            found = shorten(self.body[:200].decode("utf-8", "replace"))
            raise Unmet(f"no JSON: {found}") from None


@dataclass(frozen=True, slots=True)
class Service:
    """The service at ``url``; ``headers`` go with each request."""

    url: SplitResult
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: float = 60.0

    def get(self, path: str) -> Answer:
        """Return the answer to GET ``path``."""
        return self._ask("GET", path, None, {})

    def post(self, path: str, body: Any, content_type: str = JSON, **headers: str) -> Answer:
        """Return the answer to ``body``, sent as it is where it is text, else as JSON."""
        text = body if isinstance(body, str) else json.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._ask("POST", path, text.encode(), {"Content-Type": content_type, **named})

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        kind = HTTPSConnection if self.url.scheme == "https" else HTTPConnection
        target = self.url.path.rstrip("/") + path
        started = perf_counter()
        with closing(
            kind(str(self.url.hostname), self.url.port, timeout=self.timeout_seconds)
        ) as connection:
            try:
                connection.connect()
                connected = perf_counter() - started
                connection.request(method, target, body, {**self.headers, **headers})
                response = connection.getresponse()
                content = response.read(_MOST_BYTES)
            except (OSError, HTTPException, ValueError) as error:
                raise Unmet(
                    f"no answer to {method} {path}: {str(error) or type(error).__name__}"
                ) from error
        content_type = response.headers.get("content-type", "")
        return Answer(response.status, content_type, content, connected, perf_counter() - started)


def open_service(url: str, headers: Mapping[str, str], timeout_seconds: float) -> Service:
    """Return the service at ``url``; raises `InvalidSetting` for what is no address of one."""
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname)
        _ = parts.port
    except ValueError:
        is_whole = False
    if not is_whole:
        raise InvalidSetting(f"found {url}, expected an address such as http://127.0.0.1:8080")
    return Service(parts, headers, timeout_seconds)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
