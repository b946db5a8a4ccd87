"""What an import did: how much of what, and what it could not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Failure(NamedTuple):
    """What was not copied, or not all of it, and why."""

    what: str
    reason: str


@dataclass(slots=True)
class Tally:
    """What an import did so far, of ``total`` runs, logged models and registered models in all.

    ``left_out`` counts what the source holds and no import copies.
    """

    total: int = 0
    done: int = 0
    copied: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    left_out: Mapping[str, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    def fail(self, what: str, reason: object) -> None:
        """Note that something was not copied."""
        self.failures.append(Failure(what, str(reason)))
