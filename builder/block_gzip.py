"""Gzip on all cores: blocks of a fixed size, so that their number changes no byte.

The result is one ordinary gzip member: each block ends at a whole byte, and knows what stood before
it (RFC 1951, RFC 1952).
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, BinaryIO, Final

BLOCK_BYTES: Final = 1 << 20

_WINDOW_BYTES: Final = 32 << 10
# No name, no time, no system: nothing that another machine would write otherwise.
_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LAST_BLOCK: Final = b"\x03\x00"


class BlockGzip(io.RawIOBase):
    """Compresses what is written to it into ``output``, which it leaves open."""

    def __init__(self, output: BinaryIO | io.RawIOBase, level: int) -> None:
        super().__init__()
        self._output, self._level = output, level
        self._block = bytearray()
        self._window = b""
        self._checksum = self._size = 0
        self._workers = os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(self._workers)
        self._waiting: deque[Future[bytes]] = deque()
        output.write(_HEADER)

    def writable(self) -> bool:
        """Say that this can be written."""
        return True

    def write(self, content: Any, /) -> int:
        """Take ``content``; memory holds a few blocks at most."""
        view = memoryview(content)
        self._checksum = zlib.crc32(view, self._checksum)
        self._size += view.nbytes
        self._block += view
        while len(self._block) >= BLOCK_BYTES:
            self._submit(bytes(self._block[:BLOCK_BYTES]))
            del self._block[:BLOCK_BYTES]
        return view.nbytes

    def close(self) -> None:
        """Write what is left."""
        if self.closed:
            return
        try:
            self._submit(bytes(self._block))
            while self._waiting:
                self._write_first()
            self._output.write(_LAST_BLOCK)
            self._output.write(struct.pack("<II", self._checksum, self._size & 0xFFFF_FFFF))
        finally:
            self._pool.shutdown(cancel_futures=True)
            super().close()

    def _submit(self, block: bytes) -> None:
        if len(self._waiting) > 2 * self._workers:
            self._write_first()
        self._waiting.append(self._pool.submit(_deflate, block, self._window, self._level))
        self._window = block[-_WINDOW_BYTES:]

    def _write_first(self) -> None:
        self._output.write(self._waiting.popleft().result())


def _deflate(block: bytes, window: bytes, level: int) -> bytes:
    packing = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=window)
    return packing.compress(block) + packing.flush(zlib.Z_SYNC_FLUSH)
