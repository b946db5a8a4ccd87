"""Whether a batch is so quick that handing it to a thread would cost more than predicting it."""

from __future__ import annotations

import resource
from collections.abc import Callable
from math import inf

SMALL_ROWS = 128
QUICK_SECONDS = 0.001  # the largest body that is decoded on the loop takes about as long
_DECAY = 0.95


def _count_lost_cores() -> int:
    """Return how often this process had to leave a core to others."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


class Pace:
    """The time that small batches took lately: a maximum that fades, so one slow call counts long.

    On a busy machine any call may take long, because others have the core meanwhile; no thread
    would have been quicker, and only the work counts. Until a batch was seen nothing is quick.
    """

    def __init__(self, count_losses: Callable[[], int] = _count_lost_cores) -> None:
        self._count_losses, self._losses = count_losses, count_losses()
        self._seconds = inf

    def observe(self, rows: int, seconds: float, worked_seconds: float) -> None:
        """Take note of a batch of ``rows`` that took ``seconds``, in part of them waiting."""
        if rows <= SMALL_ROWS:
            if seconds >= QUICK_SECONDS and self._has_lost_cores():
                seconds = worked_seconds
            faded = self._seconds * _DECAY if self._seconds < inf else seconds
            self._seconds = max(seconds, faded)

    def is_quick(self, rows: int) -> bool:
        """Tell whether a batch of ``rows`` can be expected within `QUICK_SECONDS`."""
        return rows <= SMALL_ROWS and self._seconds < QUICK_SECONDS

    def _has_lost_cores(self) -> bool:
        """Tell whether the process had to leave a core since this was asked last.

        That may have been during another call. But a model that itself waits, for a device, is
        slow in each call, and so in one without a loss.
        """
        before, self._losses = self._losses, self._count_losses()
        return self._losses > before
