"""From the event loop to the model and back: the one module that crosses into threads.

The loop owns all state (backlog, deadlines, idle threads); a thread gets a whole batch and gives
back a whole result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from time import perf_counter, thread_time
from typing import TypeVar

from ..runtimes.errors import DeadlineExceeded, QueueFull, ShuttingDown
from .batching import Backlog, Job
from .metrics import Recorder
from .pace import Pace
from .predicting import BatchResult

_MAX_GATHER_TURNS = 8
Result = TypeVar("Result")
Predict = Callable[[Sequence[Job]], BatchResult]


@dataclass(frozen=True, slots=True)
class Limits:
    """How batches are formed and when a request is refused."""

    max_batch_rows: int = 1024
    max_wait_seconds: float = 0.0
    max_queue_rows: int = 100_000
    timeout_seconds: float = 60.0


class Dispatcher:
    """Takes jobs on the event loop, has ``predict`` called on batches of them in its threads.

    A thread that is free gets all that waits, up to ``limits.max_batch_rows``; nobody waits for
    company unless ``limits.max_wait_seconds`` says so. With a ``pace``, batches that it calls quick
    are predicted on the loop itself. Must be made on the loop that it serves.
    """

    def __init__(
        self,
        predict: Predict,
        threads: int,
        limits: Limits,
        recorder: Recorder,
        pace: Pace | None = None,
    ) -> None:
        self._predict, self._limits, self._recorder = predict, limits, recorder
        self._pace = pace
        self._loop = asyncio.get_running_loop()
        self._backlog = Backlog()
        self._unanswered: dict[Job, None] = {}
        self._idle = threads
        self._is_dispatch_due = False
        self._turns, self._seen_rows = 0, 0
        self._ripening: asyncio.TimerHandle | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._closing: asyncio.Future[None] | None = None
        self._aside = ThreadPoolExecutor(1, "aside")
        self._batches: SimpleQueue[list[Job] | None] = SimpleQueue()
        self._threads = [
            Thread(target=self._run, name=f"predict-{i}", daemon=True) for i in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def new_answer(self) -> asyncio.Future[bytes]:
        """Return the answer to come of a job."""
        return self._loop.create_future()

    async def aside(self, work: Callable[[], Result]) -> Result:
        """Return what ``work`` returns, done in a thread that is there for such work.

        Raises `DeadlineExceeded` where it takes too long; if it runs then, it goes on for nobody.
        """
        if self._closing is not None:
            raise ShuttingDown
        future = self._loop.run_in_executor(self._aside, work)
        done, _ = await asyncio.wait([future], timeout=self._limits.timeout_seconds)
        if not done:
            future.cancel()
            raise DeadlineExceeded(self._limits.timeout_seconds)
        return future.result()

    def submit(self, job: Job, *, is_alone: bool = False) -> None:
        """Queue ``job``; its ``answer`` is set within the deadline, to a body or an error.

        One that ``is_alone``, so that no company can be expected, goes to a free model at once.
        Raises `QueueFull` where the rows that wait leave no room, and `ShuttingDown` after `close`.
        """
        if self._closing is not None:
            raise ShuttingDown
        backlog = self._backlog
        if backlog and backlog.rows + job.rows > self._limits.max_queue_rows:
            raise QueueFull(self._limits.max_queue_rows)
        self._unanswered[job] = None
        if self._sweep is None:
            self._sweep = self._loop.call_later(self._limits.timeout_seconds, self._expire)
        is_first = len(self._unanswered) == 1 and not self._limits.max_wait_seconds
        if is_alone and is_first and self._idle:
            self._begin([job])  # with nothing to choose from, it need not go through the backlog
            return
        backlog.add(job)
        if self._idle:
            self._plan_dispatch()
        else:
            self._recorder.queued_rows.set(backlog.rows)

    async def close(self) -> None:
        """Refuse new jobs, wait until all accepted ones are answered, and end the threads."""
        if self._closing is None:
            self._closing = self._loop.create_future()
            self._dispatch()
        if self._unanswered:
            await self._closing
        for timer in (self._sweep, self._ripening):
            if timer is not None:
                timer.cancel()
        self._aside.shutdown(wait=False, cancel_futures=True)
        for _ in self._threads:
            self._batches.put(None)

    def _plan_dispatch(self) -> None:
        if self._backlog and not self._is_dispatch_due:
            self._is_dispatch_due = True
            self._turns, self._seen_rows = 0, self._backlog.rows
            self._loop.call_soon(self._gather)

    def _gather(self) -> None:
        """Dispatch once a turn of the loop brings no more rows.

        Requests whose bytes have arrived already are read in the next turns, and join the batch.
        """
        rows = self._backlog.rows
        if rows > self._seen_rows and self._turns < _MAX_GATHER_TURNS:
            self._turns, self._seen_rows = self._turns + 1, rows
            self._loop.call_soon(self._gather)
        else:
            self._is_dispatch_due = False
            self._dispatch()

    def _dispatch(self) -> None:
        """Give each idle thread a batch, as long as jobs wait and have waited enough."""
        backlog = self._backlog
        while self._idle and backlog and self._is_ripe():
            batch = backlog.take(self._limits.max_batch_rows)
            if batch:
                self._begin(batch)
        self._recorder.queued_rows.set(backlog.rows)

    def _is_ripe(self) -> bool:
        """Tell whether the next batch may go; if not yet, come back when it may."""
        limits, backlog = self._limits, self._backlog
        if not limits.max_wait_seconds or backlog.rows >= limits.max_batch_rows:
            return True
        wait = backlog.oldest().queued_at + limits.max_wait_seconds - perf_counter()
        if wait <= 0 or self._closing is not None:
            return True
        if self._ripening is None:
            self._ripening = self._loop.call_later(wait, self._ripen)
        return False

    def _ripen(self) -> None:
        self._ripening = None
        self._dispatch()

    def _begin(self, batch: list[Job]) -> None:
        """Have ``batch`` predicted by a thread, or at once where handing over takes longer."""
        self._idle -= 1
        now, rows = perf_counter(), 0
        observe = self._recorder.queue_seconds.observe
        for job in batch:
            observe(now - job.queued_at)
            rows += job.rows
        if self._pace is not None and self._pace.is_quick(rows):
            self._deliver(batch, *self._result(batch))
        else:
            self._batches.put(batch)

    def _result(self, batch: list[Job]) -> tuple[BatchResult | Exception, float]:
        """Return what became of ``batch``, and the seconds that this thread worked on it."""
        started = thread_time()
        try:
            result = self._predict(batch)
        except Exception as error:  # noqa: BLE001 - a fault must end neither thread nor loop
            return error, 0.0
        return result, thread_time() - started

    def _run(self) -> None:
        """Predict batches until told to end; the body of a prediction thread."""
        while (batch := self._batches.get()) is not None:
            result = self._result(batch)
            try:
                self._loop.call_soon_threadsafe(self._deliver, batch, *result)
            except RuntimeError:  # the loop was closed while the model was busy
                return

    def _deliver(
        self, batch: list[Job], result: BatchResult | Exception, worked_seconds: float
    ) -> None:
        self._idle += 1
        self._plan_dispatch()
        if isinstance(result, Exception):
            for job in batch:
                self._settle(job, result)
        else:
            self._observe(result)
            if self._pace is not None:
                seconds = result.predict_seconds + result.encode_seconds
                self._pace.observe(result.rows, seconds, worked_seconds)
            for job, answer in zip(batch, result.answers, strict=True):
                self._settle(job, answer)
        if self._closing is not None and not self._unanswered and not self._closing.done():
            self._closing.set_result(None)

    def _observe(self, result: BatchResult) -> None:
        recorder = self._recorder
        recorder.batches.add()
        recorder.rows.add(result.rows)
        recorder.batch_rows.observe(result.rows)
        recorder.predict_seconds.observe(result.predict_seconds)
        recorder.encode_seconds.observe(result.encode_seconds)

    def _settle(self, job: Job, answer: bytes | Exception) -> None:
        self._unanswered.pop(job, None)
        if job.answer.done():
            return
        if isinstance(answer, Exception):
            job.answer.set_exception(answer)
        else:
            job.answer.set_result(answer)

    def _expire(self) -> None:
        """Answer the jobs whose time is over, and come back when the next one's is."""
        self._sweep = None
        timeout = self._limits.timeout_seconds
        now = perf_counter()
        for job in list(self._unanswered):
            remaining = job.queued_at + timeout - now
            if remaining > 0:
                self._sweep = self._loop.call_later(remaining, self._expire)
                break
            self._settle(job, DeadlineExceeded(timeout))
        self._backlog.drop_answered()
        self._recorder.queued_rows.set(self._backlog.rows)
        if self._closing is not None and not self._unanswered and not self._closing.done():
            self._closing.set_result(None)
