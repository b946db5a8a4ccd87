"""Bodies of requests: read whole up to a limit, or as a file that a thread reads."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from ..errors import InvalidParameter, StoreUnavailable, TooLarge
from .answers import Receive, RequestHeaders

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

DISCONNECT = "http.disconnect"


def declared_length(headers: RequestHeaders) -> int:
    """Return the Content-Length, or 0 where there is none."""
    found = [value for name, value in headers if name == b"content-length"]
    return int(found[0]) if found and found[0].isdigit() else 0


class Bodies:
    """Reads whole bodies of at most ``limit`` bytes, and holds at most ``most`` bytes at once."""

    def __init__(self, limit: int, most: int) -> None:
        self._limit, self._most, self._held = limit, most, 0

    @asynccontextmanager
    async def read(self, headers: RequestHeaders, receive: Receive) -> AsyncIterator[bytes]:
        """Give the body, which counts as held until the end of the context.

        Raises `TooLarge`, and `StoreUnavailable` where others hold too much.
        """
        require_within(declared_length(headers), self._limit)
        pieces: list[bytes] = []
        size, more = 0, True
        try:
            while more:
                piece, more = _take(await receive())
                size += len(piece)
                self._hold(len(piece))
                require_within(size, self._limit)
                pieces.append(piece)
            yield pieces[0] if len(pieces) == 1 else b"".join(pieces)
        finally:
            self._held -= size

    def _hold(self, size: int) -> None:
        self._held += size
        if self._held > self._most:
            raise StoreUnavailable(f"requests of {self._most} bytes are being read; try again")


class BodyFile(io.RawIOBase):
    """The body of a request as a file, read by a thread while the loop receives it.

    Only one piece of it is ever in memory. ``limit`` of 0 is none. Reading raises `TooLarge`, and
    `InvalidParameter` where the client goes before the end.
    """

    def __init__(self, receive: Receive, limit: int) -> None:
        super().__init__()
        self._receive, self._limit = receive, limit
        self._loop = asyncio.get_running_loop()
        self._rest, self._size, self._more = memoryview(b""), 0, True

    def readable(self) -> bool:
        """Whether it can be read, which is all that can be done with it."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill ``buffer`` with what is there, and return how much; 0 is the end."""
        while not self._rest and self._more:
            self._rest = memoryview(self._next())
        target = memoryview(buffer).cast("B")
        size = min(len(target), len(self._rest))
        target[:size], self._rest = self._rest[:size], self._rest[size:]
        return size

    def _next(self) -> bytes:
        message: Any = asyncio.run_coroutine_threadsafe(self._ask(), self._loop).result()
        piece, self._more = _take(message)
        self._size += len(piece)
        if self._limit:
            require_within(self._size, self._limit)
        return piece

    async def _ask(self) -> Any:
        return await self._receive()


def _take(message: Any) -> tuple[bytes, bool]:
    if message["type"] == DISCONNECT:
        raise InvalidParameter("the request ended before the end of its body")
    return message.get("body", b""), message.get("more_body", False)


def require_within(size: int, limit: int) -> None:
    """Raise `TooLarge` for a body over ``limit`` bytes."""
    if size > limit:
        raise TooLarge(
            f"the request body is larger than the limit of {limit} bytes; send less a request"
        )
