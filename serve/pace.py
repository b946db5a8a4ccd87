"""Whether a batch is so quick that handing it to a thread would cost more than predicting it."""

from __future__ import annotations

from math import inf

SMALL_ROWS = 128
QUICK_SECONDS = 0.0005
_DECAY = 0.95


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
