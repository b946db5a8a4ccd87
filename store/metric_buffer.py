"""Points of metrics that wait to be sent, in batches, by a thread beside the program.

No point is dropped but one that the store refuses, and then the next call on its run says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Condition, Lock, Thread

from .entities import Metric
from .errors import StoreUnavailable
from .forking import renew_in_children
from .limits import MOST_METRICS

DELAY_SECONDS = 0.1
LIMIT = 10_000
"""Points that wait for one run before its program waits for them."""

Send = Callable[[str, list[Metric]], None]


@dataclass(slots=True)
class _Waiting:
    """The points of one run, the first ones perhaps under way, and what went wrong with some.

    Who holds ``turn`` sends; ``points`` and ``error`` are changed under the buffer's lock.
    """

    points: list[Metric] = field(default_factory=list)
    turn: Lock = field(default_factory=Lock)
    error: Exception | None = None


class MetricBuffer:
    """Sends points some ``delay_seconds`` after they were added, or once a batch is full.

    May be used by any thread. In a forked child it is empty, since what waits is the parent's to
    send, and closed: a child may end without notice.
    """

    def __init__(
        self, send: Send, delay_seconds: float = DELAY_SECONDS, limit: int = LIMIT
    ) -> None:
        self._send, self._delay_seconds, self._limit = send, delay_seconds, limit
        self._changed = Condition()
        self._runs: defaultdict[str, _Waiting] = defaultdict(_Waiting)
        self._thread: Thread | None = None
        self._is_closed = False
        renew_in_children(self)

    def renew(self) -> None:
        """Be empty and closed, without the parent's thread and locks."""
        self._changed, self._thread, self._is_closed = Condition(), None, True
        self._runs.clear()

    def add(self, run_id: str, points: Sequence[Metric]) -> None:
        """Have ``points`` sent soon; waits where too many wait already.

        Raises what went wrong in the background with earlier points of the run. These ``points``
        are kept all the same.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._has_room(run_id))
            run = self._runs[run_id]
            was_empty = not run.points
            run.points.extend(points)
            error, run.error = run.error, None
            self._start()
            if was_empty or error is not None or _is_full(run):
                self._changed.notify_all()
        if error is not None:
            raise error
        if self._is_closed:
            self.flush(run_id)

    def flush(self, run_id: str | None = None) -> None:
        """Return when all that was added, for one run or for any, is sent.

        Raises the first thing that went wrong, after the points of every run were tried.
        """
        with self._changed:
            runs = {name: run for name, run in self._runs.items() if run_id in (name, None)}
        errors = [error for name, run in runs.items() if (error := self._flush_run(name, run))]
        if errors:
            raise errors[0]

    def close(self) -> None:
        """Send all that waits; what is added later is sent at once, by who adds it."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()
        self.flush()

    def _has_room(self, run_id: str) -> bool:
        run = self._runs[run_id]
        return len(run.points) < self._limit or run.error is not None or self._is_closed

    def _start(self) -> None:
        if self._thread is None and not self._is_closed:
            self._thread = Thread(target=self._work, name="mlserve-metrics", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while self._wait_for_points():
            with self._changed:
                runs = dict(self._runs)
            for run_id, run in runs.items():
                self._send_run(run_id, run)

    def _wait_for_points(self) -> bool:
        """Wait until something is to be sent; return False once the buffer is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or any(map(_is_due, self._all())))
            self._changed.wait_for(
                lambda: self._is_closed or any(map(_is_full, self._all())), self._delay_seconds
            )
            return not self._is_closed

    def _all(self) -> Sequence[_Waiting]:
        return tuple(self._runs.values())

    def _send_run(self, run_id: str, run: _Waiting) -> None:
        """Send what waits for a run; keep what goes wrong for the run's next call."""
        try:
            while _is_due(run) and self._send_batch(run_id, run):
                pass
        except Exception as error:  # noqa: BLE001 - raised where the program next asks
            with self._changed:
                run.error = error
                self._changed.notify_all()

    def _flush_run(self, run_id: str, run: _Waiting) -> Exception | None:
        """Send what waits for a run and forget the run; return what went wrong, now or before."""
        try:
            while self._send_batch(run_id, run):
                pass
        except Exception as error:  # noqa: BLE001 - raised once every run had its turn
            return error
        with self._changed:
            before, run.error = run.error, None
            if not run.points and self._runs.get(run_id) is run:
                del self._runs[run_id]
        # Points that a store did not answer to were kept, and have been sent by now.
        return None if isinstance(before, StoreUnavailable) else before

    def _send_batch(self, run_id: str, run: _Waiting) -> bool:
        """Send the first points of a run, and return whether there were any.

        They leave the queue when they are sent or refused: a store that does not answer may later.
        """
        with run.turn:
            batch = run.points[:MOST_METRICS]
            if not batch:
                return False
            try:
                self._send(run_id, batch)
            except StoreUnavailable:
                raise
            except Exception as error:
                self._drop(run, len(batch))
                error.add_note(f"{len(batch)} points of the run {run_id} were not logged")
                raise
            self._drop(run, len(batch))
            return True

    def _drop(self, run: _Waiting, count: int) -> None:
        with self._changed:
            del run.points[:count]
            self._changed.notify_all()


def _is_due(run: _Waiting) -> bool:
    return bool(run.points) and run.error is None


def _is_full(run: _Waiting) -> bool:
    return len(run.points) >= MOST_METRICS and run.error is None
