"""POST /invocations and its like, the hot routes: a plain ASGI endpoint from request to answer."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import partial
from http import HTTPStatus
from time import perf_counter
from typing import Any

from ..runtimes.errors import (
    BodyTooLarge,
    DeadlineExceeded,
    InvalidInput,
    MalformedRequest,
    MLServeError,
    ModelRefused,
    NotReady,
    PredictionFailed,
    QueueFull,
    ShuttingDown,
    UnsupportedContentType,
)
from .batching import Job
from .decoding import Decoded, Decoder
from .dispatch import Dispatcher
from .logs import AccessLog
from .metrics import Recorder
from .request_ids import Scope
from .statuses import ErrorAnswer, encode_error

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Reshape = Callable[[bytes], bytes]

logger = logging.getLogger("mlserve.serve")
_JSON = (b"content-type", b"application/json")
_MOST_DIGITS = 20
_LARGE_BODY_BYTES = 256 * 1024
_MODEL_FAULTS = (ModelRefused, PredictionFailed)
_REJECTIONS: tuple[tuple[type[MLServeError], str], ...] = (
    (InvalidInput, "invalid"),
    (QueueFull, "queue_full"),
    (DeadlineExceeded, "deadline"),
    (BodyTooLarge, "body_too_large"),
    (UnsupportedContentType, "content_type"),
    (NotReady, "not_ready"),
    (ShuttingDown, "shutting_down"),
)


class ClientDisconnected(Exception):
    """The client went away before its request was whole."""


class Invocations:
    """Answers scoring requests for one model.

    ``dispatcher`` is there from `start` to the end of the service; ``reshape`` gives a good answer
    the form that a platform expects.
    """

    def __init__(
        self,
        decoder: Decoder,
        recorder: Recorder,
        max_body_bytes: int,
        access_log: AccessLog | None = None,
        reshape: Reshape | None = None,
    ) -> None:
        self._decoder, self._recorder = decoder, recorder
        self._reshape = reshape
        self._max_body_bytes, self._access_log = max_body_bytes, access_log
        self._dispatcher: Dispatcher | None = None
        self._last_client: object = None

    def start(self, dispatcher: Dispatcher) -> None:
        """Send what comes from now on to ``dispatcher``."""
        self._dispatcher = dispatcher

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; its id stands in ``scope["request_id"]``."""
        started = perf_counter()
        recorder = self._recorder
        request_id: str = scope["request_id"]
        recorder.in_flight.add(1)
        try:
            content_type = self._read_head(scope["headers"])
            message = await receive()
            if message.get("more_body") or message["type"] != "http.request":
                body = await self._read_rest(message, receive)
            else:
                body = message.get("body", b"")
            # Held until this request is over, for its rows to be freed behind the answer.
            pending = self.submit(body, content_type, scope.get("client"))
            answer = await pending
            if self._reshape is not None:
                answer = self._reshape(answer)
            status, headers = 200, [_JSON]
        except ClientDisconnected:  # for the log and the metrics: nobody reads the answer
            status, answer, headers = 499, b"", []
        except Exception as error:  # noqa: BLE001 - at the edge, every fault becomes an answer
            status, answer, error_headers = self._refuse(error, request_id)
            headers = [*error_headers]
        finally:
            recorder.in_flight.add(-1)
        headers.append((b"content-length", b"%d" % len(answer)))
        headers.append((b"x-request-id", request_id.encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})
        seconds = perf_counter() - started
        recorder.answered(status)
        recorder.request_seconds.observe(seconds)
        if self._access_log is not None:
            self._access_log(scope, status, seconds, len(answer), request_id)

    def submit(
        self, body: bytes, content_type: bytes = b"application/json", client: object = None
    ) -> Awaitable[bytes]:
        """Return the answer to come to ``body``; this, or awaiting it, raises what is wrong.

        ``client`` is one object for all requests of a connection, which come one after the other:
        one that follows another of its connection has no company.
        """
        dispatcher = self._dispatcher
        if dispatcher is None:
            raise NotReady
        if len(body) > _LARGE_BODY_BYTES:
            return self._submit_large(dispatcher, body, content_type)
        is_alone = client is self._last_client and client is not None
        self._last_client = client
        started = perf_counter()
        decoded = self._decoder.decode(body, content_type)
        return self._queue(dispatcher, decoded, started, is_alone=is_alone)

    async def _submit_large(
        self, dispatcher: Dispatcher, body: bytes, content_type: bytes
    ) -> bytes:
        """Answer a body whose decoding would keep others waiting for too long on the loop."""
        if len(body) > self._max_body_bytes:
            raise BodyTooLarge(self._max_body_bytes)
        started = perf_counter()
        decoded = await dispatcher.aside(partial(self._decoder.decode, body, content_type))
        return await self._queue(dispatcher, decoded, started)

    def _queue(
        self, dispatcher: Dispatcher, decoded: Decoded, started: float, *, is_alone: bool = False
    ) -> Job:
        queued_at = perf_counter()
        self._recorder.decode_seconds.observe(queued_at - started)
        job = Job(*decoded, queued_at, dispatcher.new_answer())
        dispatcher.submit(job, is_alone=is_alone)
        return job

    def _read_head(self, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Return the content type, of a request whose length is within the limit."""
        content_type, length = b"", 0
        for name, value in headers:
            if name == b"content-type":
                content_type = value
            elif name == b"content-length":
                length = _read_length(value)
        if length > self._max_body_bytes:
            raise BodyTooLarge(self._max_body_bytes)
        return content_type

    async def _read_rest(self, message: Message, receive: Receive) -> bytes:
        chunks, size = [], 0
        while message["type"] == "http.request":
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self._max_body_bytes:
                raise BodyTooLarge(self._max_body_bytes)
            chunks.append(chunk)
            if not message.get("more_body"):
                return b"".join(chunks)
            message = await receive()
        raise ClientDisconnected

    def _refuse(self, error: Exception, request_id: str) -> ErrorAnswer:
        for kind, reason in _REJECTIONS:
            if isinstance(error, kind):
                self._recorder.rejected(reason)
        answer = encode_error(error, request_id)
        if answer.status == HTTPStatus.INTERNAL_SERVER_ERROR or isinstance(error, _MODEL_FAULTS):
            logger.error("%s", error, exc_info=error, extra={"request_id": request_id})
        return answer


def _read_length(value: bytes) -> int:
    """Return the number of a Content-Length header, which is digits alone (RFC 9110, 8.6)."""
    if not value.isdigit() or len(value) > _MOST_DIGITS:
        raise MalformedRequest("the Content-Length header is no whole number; send one, or none")
    return int(value)
