"""Answers as HTTP has them: a store's answer or an error as status, headers and JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, NamedTuple

import msgspec

from ..entities import Entity
from ..errors import StoreUnavailable, Unauthenticated
from .refusals import RangeOutside, WrongMethod
from .statuses import find_status

Headers = tuple[tuple[bytes, bytes], ...]
RequestHeaders = Sequence[tuple[bytes, bytes]]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

# Whatever a name or a tag holds, no browser may take an answer for a page.
JSON: Headers = ((b"content-type", b"application/json"), (b"x-content-type-options", b"nosniff"))

RETRY_SECONDS = 1

_BUSY = "the store cannot answer now; try again shortly"
_FAILED = "the server failed on this request"

_encode = msgspec.json.Encoder().encode


class Answer(NamedTuple):
    """A whole answer: status, headers as ASGI takes them, body."""

    status: int
    headers: Headers
    body: bytes

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        """Send it; uvicorn leaves the body of an answer to HEAD out."""
        length = (b"content-length", str(len(self.body)).encode())
        await send(
            {
                "type": "http.response.start",
                "status": self.status,
                "headers": [*self.headers, length],
            }
        )
        await send({"type": "http.response.body", "body": self.body})


def encode_answer(answer: Entity) -> bytes:
    """Return the JSON of what an operation answered."""
    return _encode(answer)


def json_answer(body: bytes) -> Answer:
    """Return the answer that all went well and ``body`` is the result."""
    return Answer(200, JSON, body)


def error_answer(error: BaseException, request_id: str) -> Answer:
    """Return the answer for ``error`` in MLflow's shape, ``error_code`` and ``message``.

    One that does not tell what happened carries ``request_id``, under which the log does.
    """
    status = find_status(error)
    told = str(error)
    if not status.is_told:
        is_busy = isinstance(error, StoreUnavailable)
        told = _BUSY if is_busy else _FAILED
        told = f"{told} (request id {request_id})"
    body = _encode({"error_code": status.code, "message": _as_unicode(told)})
    return Answer(status.http, (*JSON, *_headers(error)), body)


def _headers(error: BaseException) -> Headers:
    match error:
        case Unauthenticated():
            return ((b"www-authenticate", b'Basic realm="mlserve", charset="UTF-8"'),)
        case WrongMethod():
            return ((b"allow", error.allowed.encode()),)
        case RangeOutside():
            return ((b"content-range", b"bytes */%d" % error.size),)
        case StoreUnavailable():
            return ((b"retry-after", str(RETRY_SECONDS).encode()),)
        case _:
            return ()


def _as_unicode(text: str) -> str:
    """Return ``text`` with lone surrogates, which no UTF-8 can carry, spelt out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
