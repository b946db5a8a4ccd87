"""The way to a store over HTTP: to our server, or to a real MLflow server."""

from __future__ import annotations

import os
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from .contract import Artifacts
from .credentials import Credentials
from .entities import Entity
from .errors import InvalidParameter, InvalidState, ServerRefused
from .http_connection import Exchange, HttpConnection, is_loopback
from .operation import Operation
from .proxied_artifacts import ProxiedArtifacts
from .remote_errors import describe_body
from .request_bodies import encode_request, request_fields
from .retrying import Retrying, find_retrying
from .storage_uris import PROXIED, read_proxied_uri, scheme_of
from .tracking_uri import Target

Request = TypeVar("Request", bound=Entity)
Answer = TypeVar("Answer", bound=Entity)

JSON = {"content-type": "application/json"}


class HttpTransport:
    """Runs operations on the server at ``uri``."""

    def __init__(
        self, uri: str, credentials: Credentials | None = None, retrying: Retrying | None = None
    ) -> None:
        self._retrying = retrying
        self._connection = HttpConnection(uri, credentials, retrying)
        self.address = self._connection.address
        self._others: dict[str, HttpConnection] = {}

    def call(self, operation: Operation[Request, Answer], request: Request) -> Answer:
        """Send ``request`` and return the server's answer."""
        body = self._connection.send(make_exchange(operation, request))
        try:
            return msgspec.json.decode(body or b"{}", type=operation.answer, strict=False)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ServerRefused(
                "UNREADABLE_ANSWER",
                f"{self.address} answered {operation.path} with {describe_body(body)}, which is no "
                f"answer of a tracking server ({error}); check the tracking URI",
                200,
            ) from error

    def artifacts(self, uri: str) -> Artifacts:
        """Return the artifacts under ``uri``: through the server, or in the storage it names."""
        scheme = scheme_of(uri)
        if scheme == PROXIED:
            return ProxiedArtifacts(self._connection_to(uri), read_proxied_uri(uri))
        if scheme in {"", "file"} and not is_loopback(self.address):
            raise InvalidState(
                f"the artifacts are in a folder of the machine of {self.address}, which cannot be "
                "reached from here; start the server so that it serves artifacts itself"
            )
        from .artifact_storage import open_artifacts  # noqa: PLC0415 - seldom needed

        return open_artifacts(uri)

    def close(self) -> None:
        """Close the connections."""
        for connection in (self._connection, *self._others.values()):
            connection.close()

    def _connection_to(self, uri: str) -> HttpConnection:
        """Return a connection to the host of artifacts; no credentials go to another server."""
        ours, host = urlsplit(self.address), urlsplit(uri).netloc
        if host in {"", ours.netloc}:
            return self._connection
        if host not in self._others:
            self._others[host] = HttpConnection(f"{ours.scheme}://{host}", None, self._retrying)
        return self._others[host]


def open_http(target: Target) -> HttpTransport:
    """Return the way to the server at ``target``."""
    return HttpTransport(target.uri, target.credentials, find_retrying(os.environ))


def make_exchange(operation: Operation[Request, Any], request: Request) -> Exchange:
    """Return the HTTP request that asks for ``operation``."""
    fields = request_fields(request)
    in_path = {name for name in fields if f"{{{name}}}" in operation.path}
    path = operation.path.format_map({name: _quote(name, fields[name]) for name in in_path})
    method = operation.methods[0]
    if method == "GET":
        query = tuple(
            pair
            for name, value in fields.items()
            if name not in in_path
            for pair in _query_pairs(name, value)
        )
        return Exchange(method, path, query, is_repeatable=operation.is_repeatable)
    body = encode_request(fields)  # with what is in the path too: MLflow's server asks for it
    return Exchange(method, path, (), JSON, lambda: body, operation.is_repeatable)


def _quote(name: str, value: Any) -> str:
    """Return a value as one part of a path; ``.`` and ``..`` would be other parts."""
    text = _text(name, value)
    if text in {"", ".", ".."}:
        raise InvalidParameter(f"{name}: found {text!r}, expected the name of what is meant")
    return quote(text, safe="")


def _query_pairs(name: str, value: Any) -> list[tuple[str, str]]:
    values = value if isinstance(value, list) else [value]
    return [(name, _text(name, one)) for one in values]


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidParameter(
            f"{name}: found a character that is no part of a text (a lone surrogate); leave it out"
        ) from None
    return text
