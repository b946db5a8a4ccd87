"""When a client tries again what failed, and how long it waits before."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from ..runtimes.errors import InvalidSetting, shorten

TRANSIENT_STATUSES = frozenset({429, 502, 503, 504})
"""The answers that say that the same request may succeed later."""

_VARIABLES = ("MLSERVE_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_MAX_RETRIES")


@dataclass(frozen=True, slots=True)
class Retrying:
    """Tries again ``most`` times at most, and waits twice as long each time, with some jitter.

    The default comes to about 25 seconds in all: as long as a server takes to start again.
    """

    most: int = 7
    first_seconds: float = 0.2
    longest_seconds: float = 10.0
    longest_asked_seconds: float = 60.0
    wait: Callable[[float], None] = time.sleep
    draw: Callable[[], float] = random.random

    def pause(self, attempt: int, asked: str | None = None) -> bool:
        """Wait after the attempt of this number, from 0; return False once there were enough.

        ``asked`` is the header Retry-After of the answer: seconds, or a date.
        """
        if attempt >= self.most:
            return False
        seconds = min(self.first_seconds * 2**attempt, self.longest_seconds)
        seconds *= 0.75 + self.draw() / 2
        if (wanted := _read_retry_after(asked)) is not None:
            seconds = max(seconds, min(wanted, self.longest_asked_seconds))
        self.wait(seconds)
        return True


def find_retrying(environment: Mapping[str, str]) -> Retrying:
    """Return how often to try again, as the environment says."""
    for variable in _VARIABLES:
        if text := environment.get(variable):
            if not (text.isascii() and text.isdecimal() and len(text) <= 3):
                raise InvalidSetting(
                    f"{variable}: found {shorten(text)}, expected a whole number from 0 to 999"
                )
            return Retrying(most=int(text))
    return Retrying()


def _read_retry_after(text: str | None) -> float | None:
    if not text:
        return None
    try:
        if text.strip().isdecimal():
            return float(text)
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
