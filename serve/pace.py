"""Whether a batch is so quick that handing it to a thread would cost more than predicting it."""

from __future__ import annotations

import resource
from math import inf
from time import thread_time

SMALL_ROWS = 128
QUICK_SECONDS = 0.001  # the largest body that is decoded on the loop takes about as long
_DECAY = 0.95
_WHO = getattr(resource, "RUSAGE_THREAD", resource.RUSAGE_SELF)  # macOS knows the process alone


class Pace:
    """The time that small batches took lately: a maximum that fades, so one slow call counts long.

    Until a batch was seen nothing is quick.
    """

    def __init__(self) -> None:
        self._seconds = inf

    def observe(self, rows: int, seconds: float) -> None:
        """Take note of a batch of ``rows`` that took ``seconds``."""
        if rows <= SMALL_ROWS:
            faded = self._seconds * _DECAY if self._seconds < inf else seconds
            self._seconds = max(seconds, faded)

    def is_quick(self, rows: int) -> bool:
        """Tell whether a batch of ``rows`` can be expected within `QUICK_SECONDS`."""
        return rows <= SMALL_ROWS and self._seconds < QUICK_SECONDS


class Stint:
    """What a thread does from now on, measured without the time that others take its core away.

    On a busy machine that happens to any call; no thread would have been quicker.
    """

    def __init__(self) -> None:
        self._losses, self._worked = resource.getrusage(_WHO).ru_nivcsw, thread_time()

    def own_seconds(self, elapsed: float) -> float:
        """Return ``elapsed``, which have passed, or where others had the core, what was worked."""
        if resource.getrusage(_WHO).ru_nivcsw == self._losses:
            return elapsed
        return thread_time() - self._worked
