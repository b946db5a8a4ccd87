"""Progress as people see it: one line that changes on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TextIO

from .tables import cut

SECONDS_ON_A_TERMINAL: Final = 0.1
SECONDS_ELSEWHERE: Final = 10.0
_BACK: Final = "\r\x1b[K"
"""To the beginning of the line, and nothing in it any more."""


@dataclass(slots=True)
class Progress:
    """Tells on ``stream`` how far something is; ``width`` is that of a terminal, None elsewhere."""

    stream: TextIO
    width: int | None = None
    clock: Callable[[], float] = time.monotonic
    _began: float | None = field(default=None, init=False)
    _told: float = field(default=0.0, init=False)

    def show(self, done: int, total: int, details: str) -> None:
        """Tell how far it is, unless that was told just now."""
        now = self.clock()
        if self._began is None:
            self._began = self._told = now
        wait = SECONDS_ELSEWHERE if self.width is None else SECONDS_ON_A_TERMINAL
        if now - self._told < wait:
            return
        self._told = now
        line = format_progress(done, total, now - self._began, details)
        if self.width is None:
            self.stream.write(f"{line}\n")
            self.stream.flush()
        else:
            self.note(line)

    def note(self, line: str) -> None:
        """Write the line that changes, where there is one."""
        if self.width is not None:
            self.stream.write(_BACK + cut(line, self.width - 1))
            self.stream.flush()

    def say(self, line: str) -> None:
        """Write a line of its own, above the one that changes."""
        self.clear()
        self.stream.write(f"{line}\n")

    def clear(self) -> None:
        """Take the line that changes away."""
        if self.width is not None:
            self.stream.write(_BACK)
            self.stream.flush()


def format_progress(done: int, total: int, seconds: float, details: str) -> str:
    """Return how far something is: how much is done, how fast, and how long it will still take."""
    rate = done / seconds if seconds > 0 else 0.0
    text = f"{done:,} of {total:,}, {rate:,.1f} a second"
    if 0 < done < total and rate:
        text += f", {format_seconds((total - done) / rate)} left"
    return f"{text}, {details}" if details else text


def format_seconds(seconds: float) -> str:
    """Return a time that something takes: 8 s, 3 min, 2 h 5 min."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
