"""Connections taken off a listening socket that several workers share, in fair shares.

The kernel wakes every idle worker, and the first to run would take all that wait: with connections
that are kept alive, one worker would do all the work of a client with a pool of them.
"""

from __future__ import annotations

import asyncio
import logging
import mmap
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from .listening import BACKLOG

TURN_SECONDS: Final = 0.001
"""How long a worker that is ahead leaves new connections to the others."""

_FAULT_SECONDS: Final = 1.0
_CELL_BYTES: Final = 8

logger = logging.getLogger("mlserve.serve")


class Shares:
    """How many connections each worker has, in a file that all of them map.

    A cell holds the number and one; 0 stands for a worker that takes no connections.
    """

    def __init__(self, path: Path, workers: int, index: int) -> None:
        with path.open("a+b") as file:
            file.truncate(workers * _CELL_BYTES)
            self._cells = memoryview(mmap.mmap(file.fileno(), workers * _CELL_BYTES)).cast("q")
        self._index = index

    def publish(self, connections: int) -> None:
        """Tell the others how many connections this worker has."""
        self._cells[self._index] = connections + 1

    def withdraw(self) -> None:
        """Tell the others that this worker takes no more connections."""
        self._cells[self._index] = 0

    def is_ahead(self) -> bool:
        """Whether this worker has so many more than another one that it should wait its turn."""
        least = min((cell for cell in self._cells if cell), default=0)
        return self._cells[self._index] > least + least // 8


class Acceptor:
    """Listens on ``listener`` and hands each connection to ``connect``.

    ``count`` returns how many connections this worker has. One that is ahead of another still
    takes one a turn, because the other may be stuck.
    """

    def __init__(
        self,
        listener: socket.socket,
        shares: Shares,
        connect: Callable[[socket.socket], None],
        count: Callable[[], int],
    ) -> None:
        self._listener, self._shares = listener, shares
        self._connect, self._count = connect, count
        self._loop = asyncio.get_running_loop()
        self._pause: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Listen, and accept from now on."""
        self._listener.setblocking(False)
        self._listener.listen(BACKLOG)
        self._shares.publish(self._count())
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def publish(self) -> None:
        """Tell the others the present number of connections."""
        self._shares.publish(self._count())

    def close(self) -> None:
        """Accept no more and close the listener."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listener.fileno())
        self._shares.withdraw()
        self._listener.close()

    def _accept(self, at_least: int = 0) -> None:
        had, taken = self._count(), 0
        self._shares.publish(had)
        while taken < at_least or not self._shares.is_ahead():
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                logger.warning("a connection could not be accepted: %s", error)
                self._wait(_FAULT_SECONDS)
                return
            taken += 1
            self._shares.publish(had + taken)
            self._connect(connection)
        self._wait(TURN_SECONDS)

    def _wait(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener.fileno())
        self._pause = self._loop.call_later(seconds, self._resume)

    def _resume(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listener.fileno(), self._accept)
        self._accept(at_least=1)
