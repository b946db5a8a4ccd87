"""What a tracking server's refusal means here: its error code as one of the store's errors."""

from __future__ import annotations

import msgspec

from ..runtimes.errors import shorten
from .errors import (
    AlreadyExists,
    CorruptArtifact,
    Forbidden,
    InvalidParameter,
    InvalidState,
    NotFound,
    ServerRefused,
    StoreError,
    StoreUnavailable,
    TooLarge,
    Unauthenticated,
)

MOST_CHARACTERS = 2000
"""Of a server's message that are shown."""

_NO_ENDPOINT = (
    "has no such operation; check that the tracking URI is the address of a tracking server, and "
    "that this server offers what was asked for: what is mlserve's own, MLflow's does not"
)

_KINDS: dict[str, type[StoreError]] = {
    "ALREADY_EXISTS": AlreadyExists,
    "BAD_REQUEST": InvalidParameter,
    "CUSTOMER_UNAUTHORIZED": Unauthenticated,
    "DATA_LOSS": CorruptArtifact,
    "INVALID_PARAMETER_VALUE": InvalidParameter,
    "INVALID_STATE": InvalidState,
    "NOT_FOUND": NotFound,
    "PERMISSION_DENIED": Forbidden,
    "RESOURCE_ALREADY_EXISTS": AlreadyExists,
    "RESOURCE_DOES_NOT_EXIST": NotFound,
    "TEMPORARILY_UNAVAILABLE": StoreUnavailable,
    "UNAUTHENTICATED": Unauthenticated,
}
_KINDS_BY_STATUS: dict[int, type[StoreError]] = {
    400: InvalidParameter,
    401: Unauthenticated,
    403: Forbidden,
    413: TooLarge,
    502: StoreUnavailable,
    503: StoreUnavailable,
    504: StoreUnavailable,
}


class Refusal(msgspec.Struct, frozen=True):
    """The body of a refusal, as MLflow's servers write it."""

    error_code: str | int = ""
    message: str = ""


def read_refusal(status: int, body: bytes, server: str) -> StoreError:
    """Return the error that an answer of ``server`` with this status stands for."""
    try:
        refusal = msgspec.json.decode(body, type=Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError):
        refusal = Refusal()
    code, message = str(refusal.error_code), _cut(refusal.message)
    kind = _KINDS.get(code) or _KINDS_BY_STATUS.get(status)
    if kind is None or not message:
        return _without_message(status, code, message, server)
    # The message is the server's own: the class would compose one of facts that are not here.
    return kind.__new__(kind, message)


def _without_message(status: int, code: str, message: str, server: str) -> StoreError:
    kind = _KINDS_BY_STATUS.get(status)
    if kind is Unauthenticated:
        return Unauthenticated()
    if kind is not None:
        return kind.__new__(kind, message or f"{server} answered {status} without a reason")
    if status == 404 and not message:
        return ServerRefused("ENDPOINT_NOT_FOUND", f"{server} {_NO_ENDPOINT}", status)
    return ServerRefused(code or f"HTTP {status}", message or f"{server} gave no reason", status)


def _cut(message: str) -> str:
    if len(message) <= MOST_CHARACTERS:
        return message
    return f"{message[:MOST_CHARACTERS]}…"


def describe_body(body: bytes) -> str:
    """Return the beginning of what is no answer, for a message."""
    return shorten(body[:400].decode("utf-8", "replace").strip()) or "nothing"
