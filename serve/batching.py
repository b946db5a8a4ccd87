"""Natural batching, decided: which waiting jobs the model gets next. No clock, thread or socket."""

from __future__ import annotations

from asyncio import Future
from collections import deque
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

from ..runtimes.columns import ModelInput

Rows = list[tuple[Any, ...]]
"""Rows in schema order whose cells a typed decoder has checked, not yet columns."""


@dataclass(eq=False, slots=True)
class Job:
    """One request on its way through the model; awaiting it gives its answer.

    Jobs with equal ``key`` may share a call of the model. ``is_bare`` asks for an answer without
    the ``predictions`` wrapper. ``answer`` is set to the encoded body or to an error.
    """

    data: Rows | ModelInput
    rows: int
    params: Mapping[str, Any]
    key: object
    is_bare: bool
    queued_at: float
    answer: Future[bytes]

    def __await__(self) -> Generator[Any, None, bytes]:
        """Wait for the answer; an error is raised."""
        return self.answer.__await__()


class Backlog:
    """The jobs that wait, oldest first, kept apart by key."""

    def __init__(self) -> None:
        self.rows = 0
        self._queues: dict[object, deque[Job]] = {}

    def __bool__(self) -> bool:
        return bool(self._queues)

    def add(self, job: Job) -> None:
        """Put ``job`` behind those of its key."""
        self.rows += job.rows
        queue = self._queues.get(job.key)
        if queue is None:
            self._queues[job.key] = deque((job,))
        else:
            queue.append(job)

    def drop_answered(self) -> None:
        """Remove the jobs that are answered already: too late, or their client is gone."""
        waiting = [job for queue in self._queues.values() for job in queue if not job.answer.done()]
        self.rows = 0
        self._queues.clear()
        for job in waiting:
            self.add(job)

    def oldest(self) -> Job:
        """Return the first job of the key whose turn it is."""
        return next(iter(self._queues.values()))[0]

    def take(self, max_rows: int) -> list[Job]:
        """Remove and return the next batch: jobs of one key in order, at most ``max_rows`` rows.

        A job of more rows than that is a batch by itself. Keys take turns; jobs that are answered
        already (too late, or their client is gone) are dropped on the way.
        """
        key, queue = next(iter(self._queues.items()))
        batch: list[Job] = []
        rows = 0
        while queue and (not batch or rows + queue[0].rows <= max_rows):
            job = queue.popleft()
            self.rows -= job.rows
            if not job.answer.done():
                batch.append(job)
                rows += job.rows
        del self._queues[key]
        if queue:
            self._queues[key] = queue
        return batch
