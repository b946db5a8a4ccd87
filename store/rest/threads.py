"""The threads in which a server does what blocks: the database and the artifacts."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, TypeVarTuple

from ..errors import StoreUnavailable
from ..operation import Role
from .routing import AnyOperation

if TYPE_CHECKING:
    from ..database import Database

Arguments = TypeVarTuple("Arguments")
Result = TypeVar("Result")
Together = Callable[[], AbstractContextManager[None]]

MOST_TOGETHER = 32
"""How many writes share a commit, at most: the first of them waits for the last."""


class _Task(NamedTuple):
    work: Callable[[], Any]
    answer: asyncio.Future[Any]


class _Failure(NamedTuple):
    error: Exception


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


class SharedLane:
    """One thread that does all that waits within one ``together``, first come first served.

    What is done there, and that it was, is told once the block has ended: where that fails, nobody
    is told that anything was done.
    """

    def __init__(self, name: str, together: Together, most: int) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._together, self._most = together, most
        self._waiting: deque[_Task] = deque()
        self._is_busy = False

    async def run(self, work: Callable[[*Arguments], Result], *arguments: *Arguments) -> Result:
        """Return what ``work`` returns; raises `StoreUnavailable` where too much waits already."""
        if len(self._waiting) >= self._most:
            raise StoreUnavailable(f"{self._most} requests wait already; try again shortly")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Result] = loop.create_future()
        self._waiting.append(_Task(partial(work, *arguments), answer))
        if not self._is_busy:
            self._is_busy = True
            loop.call_soon(self._begin, loop)  # not at once: more may come in this turn
        return await answer

    def close(self) -> None:
        """Wait for what was begun; what waits is given up."""
        for task in self._waiting:
            task.answer.cancel()
        self._pool.shutdown(cancel_futures=True)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        tasks = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_TOGETHER))]
        self._is_busy = bool(tasks)
        if tasks:
            self._pool.submit(self._do, tasks, loop)

    def _do(self, tasks: Sequence[_Task], loop: asyncio.AbstractEventLoop) -> None:
        outcomes: list[Any] = []
        try:
            with self._together():
                outcomes.extend(_try(task.work) for task in tasks)
        except Exception as error:  # noqa: BLE001 - each of the tasks is told
            failed = [one if isinstance(one, _Failure) else _Failure(error) for one in outcomes]
            outcomes = failed or [_Failure(error)] * len(tasks)
        loop.call_soon_threadsafe(self._end, tasks, outcomes, loop)

    def _end(
        self, tasks: Sequence[_Task], outcomes: Sequence[Any], loop: asyncio.AbstractEventLoop
    ) -> None:
        for task, outcome in zip(tasks, outcomes, strict=True):
            if task.answer.done():
                continue
            if isinstance(outcome, _Failure):
                task.answer.set_exception(outcome.error)
            else:
                task.answer.set_result(outcome)
        self._begin(loop)


def _try(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - it is for the one who asked for this work
        return _Failure(error)


class Threads:
    """The lanes of a server: none of them waits for what another one does.

    Writes take turns in SQLite: they have one thread, and those that wait share a commit. Passwords
    have one too: guessing them must not take the machine.
    """

    def __init__(self, database: Database) -> None:
        self.reads = Lane("reads", 8, 2000)
        self.writes: Lane | SharedLane = Lane("writes", 16, 2000)
        if database.is_sqlite:
            self.writes = SharedLane("writes", database.together, 2000)
        self.artifacts = Lane("artifacts", 64, 2000)
        self.passwords = Lane("passwords", 1, 100)

    def lane_of(self, operation: AnyOperation) -> Lane | SharedLane:
        """Return the lane in which ``operation`` is done."""
        if operation.work in SLOW:
            return self.artifacts
        return self.reads if operation.role is Role.READER else self.writes

    def close(self) -> None:
        """End all threads, once they have done what they began."""
        for lane in (self.reads, self.writes, self.artifacts, self.passwords):
            lane.close()
