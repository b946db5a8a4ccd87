"""What logging without waiting returns: something to wait for, as MLflow's scripts expect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunOperations:
    """What was logged without waiting; ``wait`` returns when the store has it."""

    _finish: Callable[[], None]

    def wait(self) -> None:
        """Return when the store has what was logged; raises what went wrong."""
        self._finish()
