"""What a worker is told at its start, and the messages between it and its supervisor.

Their channel is one socket: down goes an `Assignment`, then its end; up goes one `Report`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from .settings import Settings

OnReady = Callable[[str, str], None]
"""Called once, with the names of the model and its flavor, when all workers answer requests."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A worker's place among the workers, and the files that all of them share, if any."""

    index: int = 0
    metrics: Path | None = None
    connections: Path | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """What to serve, where: the loader as "module:attribute", the listener as a descriptor."""

    settings: Settings
    loader: str
    slot: Slot
    listener: int


@dataclass(frozen=True, slots=True)
class Report:
    """A worker's first words: the model that it serves, or the ``error`` that it ends with."""

    model: str = ""
    flavor: str = ""
    error: str | None = None


def write_report(report: Report) -> bytes:
    """Return ``report`` as one line."""
    return json.dumps(asdict(report)).encode() + b"\n"


def read_report(line: bytes) -> Report | None:
    """Return the report in ``line``, or None where the worker ended without one."""
    return Report(**json.loads(line)) if line.endswith(b"\n") else None
