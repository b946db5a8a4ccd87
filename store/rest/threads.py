"""The threads in which a server does what blocks: the database and the artifacts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

from ..errors import StoreUnavailable
from ..operation import Role
from .routing import AnyOperation

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")

# Work that reads or writes artifacts, which may be far away, beside the database.
SLOW = frozenset(
    {
        "model_versions:create_model_version",
        "run_artifacts:list_artifacts",
        "run_artifacts:list_logged_model_artifacts",
    }
)


class Lane:
    """A few threads, and the work that waits for one, first come first served."""

    def __init__(self, name: str, threads: int, most: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._most, self._inside = most, 0

    async def run(self, work: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
        """Return what ``work`` returns; raises `StoreUnavailable` where too much waits already."""
        if self._inside >= self._most:
            raise StoreUnavailable(f"{self._most} requests wait already; try again shortly")
        self._inside += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)
        finally:
            self._inside -= 1

    def close(self) -> None:
        """Wait for what was begun; what waits is given up."""
        self._pool.shutdown(cancel_futures=True)


class Threads:
    """The lanes of a server: none of them waits for what another one does.

    Writes take turns in SQLite, and those that wait share a commit: their threads are as many as
    are to share one. Passwords have one thread: guessing them must not take the machine.
    """

    def __init__(self) -> None:
        self.reads = Lane("reads", 8, 2000)
        self.writes = Lane("writes", 16, 2000)
        self.artifacts = Lane("artifacts", 64, 2000)
        self.passwords = Lane("passwords", 1, 100)

    def lane_of(self, operation: AnyOperation) -> Lane:
        """Return the lane in which ``operation`` is done."""
        if operation.work in SLOW:
            return self.artifacts
        return self.reads if operation.role is Role.READER else self.writes

    def close(self) -> None:
        """End all threads, once they have done what they began."""
        for lane in (self.reads, self.writes, self.artifacts, self.passwords):
            lane.close()
