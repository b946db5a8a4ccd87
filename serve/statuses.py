"""The HTTP status and MLflow's error code of every error, and the body that tells it.

This module owns the table; ``runtimes/errors.py`` owns the messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import NamedTuple

import orjson

from ..runtimes.errors import (
    BodyTooLarge,
    DeadlineExceeded,
    InvalidInput,
    InvalidParams,
    InvalidPrediction,
    InvalidSetting,
    MalformedRequest,
    ModelError,
    ModelRefused,
    PredictionFailed,
    RequestRefused,
    SchemaViolation,
    Unavailable,
    UnsupportedContentType,
)
from ..runtimes.standin.exceptions import HTTP_STATUSES

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Status:
    """How one kind of error is answered.

    ``is_told`` says whether the caller gets the error's own message, which otherwise goes to the
    log alone.
    """

    http: int
    code: str
    is_told: bool = True


class ErrorAnswer(NamedTuple):
    """An error as a response: status, JSON body, and headers as ASGI takes them."""

    status: int
    body: bytes
    headers: Headers


INTERNAL_ERROR = Status(500, "INTERNAL_ERROR", is_told=False)

STATUSES: Mapping[type[Exception], Status] = MappingProxyType(
    {
        ModelError: INTERNAL_ERROR,
        InvalidInput: Status(400, "BAD_REQUEST"),
        MalformedRequest: Status(400, "BAD_REQUEST"),
        SchemaViolation: Status(400, "INVALID_PARAMETER_VALUE"),
        InvalidParams: Status(400, "INVALID_PARAMETER_VALUE"),
        RequestRefused: Status(400, "BAD_REQUEST"),
        UnsupportedContentType: Status(415, "BAD_REQUEST"),
        BodyTooLarge: Status(413, "BAD_REQUEST"),
        Unavailable: Status(503, "TEMPORARILY_UNAVAILABLE"),
        DeadlineExceeded: Status(504, "DEADLINE_EXCEEDED"),
        PredictionFailed: Status(400, "BAD_REQUEST"),
        ModelRefused: Status(500, "INTERNAL_ERROR"),
        InvalidPrediction: Status(500, "INTERNAL_ERROR"),
        InvalidSetting: INTERNAL_ERROR,
    }
)

_JSON = (b"content-type", b"application/json")


def find_status(error: BaseException) -> Status:
    """Return the row of ``error``'s class or of its nearest ancestor that has one.

    A model that chose one of MLflow's error codes gets that code and the status that MLflow gives
    it. What no row covers, such as an exception that nobody foresaw, is an internal error.
    """
    if isinstance(error, ModelRefused) and error.code in HTTP_STATUSES:
        return Status(HTTP_STATUSES[error.code], error.code)
    rows = (STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    return next(rows, INTERNAL_ERROR)


def encode_error(error: BaseException, request_id: str) -> ErrorAnswer:
    """Return the response for ``error`` in MLflow's shape, ``error_code`` and ``message``.

    An answer of 5xx carries ``request_id``, under which the log has the rest.
    """
    status = find_status(error)
    told = str(error) if status.is_told else "the service failed on this request"
    message = (
        f"{told} (request id {request_id})"
        if status.http >= HTTPStatus.INTERNAL_SERVER_ERROR
        else told
    )
    body = orjson.dumps({"error_code": status.code, "message": _as_unicode(message)})
    return ErrorAnswer(status.http, body, _headers(error))


def _headers(error: BaseException) -> Headers:
    if isinstance(error, Unavailable):
        return (_JSON, (b"retry-after", str(error.retry_after_seconds).encode()))
    return (_JSON,)


def _as_unicode(text: str) -> str:
    """Return ``text`` with lone surrogates, which no UTF-8 can carry, spelt out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
