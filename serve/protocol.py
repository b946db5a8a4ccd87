"""The HTTP/1.1 of one connection: other protocols declined, slow clients not waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Sized
from typing import Any, Final

import httptools
import orjson
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from .corking import CorkedProtocol

CLIENT_SECONDS: Final = 75
"""How long a client may take for the whole head of a request, and between two pieces of a body."""

MOST_FRAME_BYTES: Final = 512 * 1024
"""How much of a request may come that is no body: its head, or what stands about chunks. It is
checked at each read, and a read may hold 256 KiB of requests that came before."""

_BAD_REQUEST, _TOO_LARGE = b"400 Bad Request", b"431 Request Header Fields Too Large"


class Flow(FlowControl):
    """Reads no further while requests wait in ``pipeline``, which would grow without bound."""

    def __init__(self, transport: asyncio.Transport, pipeline: Sized) -> None:
        super().__init__(transport)
        self._pipeline = pipeline

    def resume_reading(self) -> None:
        """Read on, unless a whole request waits already."""
        if self.read_paused and not self._pipeline:
            super().resume_reading()


class Protocol(CorkedProtocol):
    """Reads the requests of one connection.

    A request that offers to go on in another protocol, as Java's client does in each first one, is
    answered in HTTP/1.1 (RFC 9110, 7.8). One that does not come in time ends the connection. Where
    many come ahead of their answers, those of one read wait here, the others in the kernel.
    """

    client_seconds: float = CLIENT_SECONDS
    _deadline: asyncio.TimerHandle | None = None
    _framed: RequestResponseCycle | None = None
    _frame_bytes: int = 0

    def connection_made(self, transport: Any) -> None:
        """Start to wait for the first request."""
        super().connection_made(transport)
        self.flow = Flow(self.transport, self.pipeline)
        self._expect_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        super().connection_lost(exc)
        self._expect_nothing()

    def data_received(self, data: bytes) -> None:
        """Read what came, which may be a part of a request or several."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._decline(data[offer.args[0] :])
        except httptools.HttpParserError:
            self._refuse(_BAD_REQUEST, "the request is no valid HTTP/1.1")
        else:
            cycle: RequestResponseCycle | None = self.cycle  # None before the first request
            if (
                self._deadline is not None
                or cycle is None
                or cycle.more_body
                or cycle.response_complete
                or cycle.scope is not self.scope
            ):
                self._look_ahead(cycle, len(data))

    def _look_ahead(self, cycle: RequestResponseCycle | None, size: int) -> None:
        """Wait for what is missing of the requests read so far, of which ``size`` bytes are new.

        ``cycle`` is the last request whose head is whole.
        """
        if cycle is not self._framed:
            self._framed, self._frame_bytes = cycle, 0
            self._expect_nothing()
        is_over = cycle is None or cycle.response_complete
        is_head = cycle is None or cycle.scope is not self.scope
        is_body = not is_over and not is_head and self.cycle.more_body
        if is_head or (is_body and not self.cycle.body):
            self._frame_bytes += size
        else:
            self._frame_bytes = 0
        if self._frame_bytes > MOST_FRAME_BYTES:
            self._refuse(_TOO_LARGE, f"the head is larger than {MOST_FRAME_BYTES} bytes")
            return
        if not is_over:
            self._expect_nothing()
        if is_over or (is_body and not self.pipeline):  # with a pipeline, it is not read on
            self._expect_more()
        if is_over and not is_head:
            self.headers.clear()  # the trailers of a body that is read for nobody

    def _refuse(self, status: bytes, message: str) -> None:
        """Answer what uvicorn reads no request from in the shape of all errors, and end."""
        self.logger.warning("refused: %s", message)
        body = orjson.dumps({"error_code": "BAD_REQUEST", "message": message})
        self.transport.write(
            b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
            b"connection: close\r\n\r\n%s" % (status, len(body), body)
        )
        self.transport.close()

    def _should_upgrade(self) -> bool:
        """Whether uvicorn leaves the request alone, so that it can be read once more."""
        return bool(self.parser.get_method() != b"CONNECT")

    def _decline(self, rest: bytes) -> None:
        """Read the request again without its offer; ``rest`` is what came behind its head."""
        if not self._should_upgrade():
            return
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        kept = [(name, value) for name, value in self.headers if name != b"upgrade"]
        lines = [b"%s %s HTTP/%s" % (method, self.url, version)]
        lines += [b"%s: %s" % header for header in kept]
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join([*lines, b"", rest]))

    def _expect_more(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.client_seconds, self._give_up)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.close()
