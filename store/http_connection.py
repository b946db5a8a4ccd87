"""Connections to one tracking server: pooled, with credentials, trying again what may be."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx

from ..runtimes.errors import InvalidSetting
from .credentials import Credentials
from .errors import ServerRefused, StoreUnavailable
from .forking import renew_in_children
from .remote_errors import read_refusal
from .retrying import TRANSIENT_STATUSES, Retrying

TIMEOUT = httpx.Timeout(120.0, connect=10.0)
# A server closes idle connections after five seconds or later: we do it before.
LIMITS = httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=3.0)
USER_AGENT = "mlserve-python-client"

# What happened before the first byte of a request left this machine.
_NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request to be sent, perhaps several times; ``content`` makes its body anew each time."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    content: Callable[[], Any] | None = None
    is_repeatable: bool = True


class HttpConnection:
    """Sends requests to the server at ``address``; may be used by any thread.

    ``address`` is shown in messages and holds no secrets.
    """

    def __init__(
        self, uri: str, credentials: Credentials | None = None, retrying: Retrying | None = None
    ) -> None:
        self.address, self._auth = _split(uri, credentials)
        self._retrying = retrying or Retrying()
        self._inherited: list[httpx.Client] = []
        self._client = self._open()
        renew_in_children(self)

    def send(self, exchange: Exchange) -> bytes:
        """Return the body of the answer; raises the `StoreError` that a refusal stands for."""
        with self.stream(exchange) as answer:
            return _read(answer, self.address)

    @contextmanager
    def stream(self, exchange: Exchange) -> Iterator[httpx.Response]:
        """Give the answer, with its body still to be read; raises as `send` does."""
        answer = self._answer(exchange)
        try:
            yield answer
        except httpx.TransportError as error:
            raise self._unavailable(error) from error
        finally:
            answer.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def renew(self) -> None:
        """Leave the parent's connections alone, and make new ones."""
        self._inherited.append(self._client)
        self._client = self._open()

    def _open(self) -> httpx.Client:
        return httpx.Client(
            auth=self._auth, headers={"user-agent": USER_AGENT}, timeout=TIMEOUT, limits=LIMITS
        )

    def _answer(self, exchange: Exchange) -> httpx.Response:
        """Return an answer that is no refusal, trying again where that is allowed."""
        for attempt in count():
            try:
                answer = self._send_once(exchange)
            except httpx.TransportError as error:
                may_repeat = exchange.is_repeatable or isinstance(error, _NOTHING_SENT)
                if not (may_repeat and self._retrying.pause(attempt)):
                    raise self._unavailable(error) from error
                continue
            if answer.is_success:
                return answer
            refusal = self._refusal(answer)
            is_transient = exchange.is_repeatable and answer.status_code in TRANSIENT_STATUSES
            asked = answer.headers.get("retry-after")
            if not (is_transient and self._retrying.pause(attempt, asked)):
                raise refusal
        raise AssertionError  # count() has no end

    def _send_once(self, exchange: Exchange) -> httpx.Response:
        request = self._client.build_request(
            exchange.method,
            self.address + exchange.path,
            params=exchange.query or None,
            headers=exchange.headers,
            content=exchange.content() if exchange.content else None,
        )
        return self._client.send(request, stream=True)

    def _refusal(self, answer: httpx.Response) -> Exception:
        try:
            body = answer.read()
        except httpx.TransportError:
            body = b""
        finally:
            answer.close()
        if answer.is_redirect:
            return ServerRefused(
                f"HTTP {answer.status_code}",
                f"{self.address} redirects elsewhere; set the tracking URI to where it leads",
                answer.status_code,
            )
        return read_refusal(answer.status_code, body, self.address)

    def _unavailable(self, error: httpx.TransportError) -> StoreUnavailable:
        problem = str(error) or type(error).__name__
        return StoreUnavailable(
            f"the tracking server at {self.address} does not answer: {problem}; "
            "check that it runs and that the tracking URI names it"
        )


def _read(answer: httpx.Response, address: str) -> bytes:
    try:
        return answer.read()
    except httpx.DecodingError as error:
        raise ServerRefused(
            "UNREADABLE_ANSWER", f"{address} sent a body that cannot be read", answer.status_code
        ) from error


def _split(uri: str, credentials: Credentials | None) -> tuple[str, httpx.Auth | None]:
    """Return the address without its secrets, and how to authenticate; those in a URI go first."""
    expected = "expected http(s)://HOST:PORT of a tracking server"
    try:
        parts = urlsplit(uri)
        port = parts.port
        httpx.URL(uri)
    except (ValueError, httpx.InvalidURL):
        raise InvalidSetting(f"the tracking URI: found an invalid address, {expected}") from None
    if parts.hostname is None or parts.query or parts.fragment:
        raise InvalidSetting(f"the tracking URI: found no plain address, {expected}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    address = f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
    if parts.username is not None:
        credentials = Credentials(unquote(parts.username), unquote(parts.password or ""))
    return address, _make_auth(credentials)


def _make_auth(credentials: Credentials | None) -> httpx.Auth | None:
    if credentials is None:
        return None
    if credentials.token is not None:
        return _Bearer(credentials.token)
    return httpx.BasicAuth(credentials.username or "", credentials.password or "")


class _Bearer(httpx.Auth):
    def __init__(self, token: str) -> None:
        self._header = f"Bearer {token}"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["authorization"] = self._header
        yield request


def is_loopback(address: str) -> bool:
    """Return whether a server's address is on this machine."""
    host = urlsplit(address).hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")
