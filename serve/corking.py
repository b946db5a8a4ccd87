"""An answer's head and body in one write: uvicorn makes two, each a system call."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_SMALL_BYTES = 64 * 1024  # copying so few is quicker than handing over two buffers


class CorkedTransport:
    """A transport that holds a first write back until the second, or the loop's next turn.

    Everything else goes to ``transport`` as it is.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._call_soon = loop.call_soon
        self._held: bytes | None = None
        self.is_closing = transport.is_closing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write ``data`` behind what is held, or hold it."""
        held = self._held
        if held is None:
            self._held = data
            self._call_soon(self._uncork)
        else:
            self._held = None
            if len(data) <= _SMALL_BYTES:
                self._transport.write(held + data)
            else:
                self._transport.writelines((held, data))

    def close(self) -> None:
        """Write what is held, then close."""
        self._uncork()
        self._transport.close()

    def _uncork(self) -> None:
        if self._held is not None:
            self._transport.write(self._held)
            self._held = None


class CorkedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol over a `CorkedTransport`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Serve the connection."""
        super().connection_made(CorkedTransport(transport, self.loop))  # type: ignore[arg-type]
