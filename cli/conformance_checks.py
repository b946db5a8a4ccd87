"""A check of a contract: what it is, what comes of it, and what it expects of an answer.

The checks themselves stand in ``conformance_contracts.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .conformance_example import Example
from .conformance_service import Answer, Service, Unmet


@dataclass(frozen=True, slots=True)
class Subject:
    """What is asked: a service, with the paths that it was given and an example to predict."""

    service: Service
    example: Example
    health_route: str
    predict_route: str
    model: str


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a contract asks for.

    ``find`` returns what it found, or raises `Unmet`; ``applies`` tells whether an example allows
    it to be asked.
    """

    name: str
    clause: str
    find: Callable[[Subject], str]
    applies: Callable[[Example], bool] = lambda _: True


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of a check."""

    check: Check
    is_met: bool
    found: str


def examine(subject: Subject, checks: Sequence[Check]) -> list[Finding]:
    """Make all ``checks`` that the subject's example allows, and return what came of each."""
    return [_examine(subject, one) for one in checks if one.applies(subject.example)]


def _examine(subject: Subject, check: Check) -> Finding:
    try:
        return Finding(check, is_met=True, found=check.find(subject))
    except Unmet as unmet:
        return Finding(check, is_met=False, found=str(unmet))


def expect_status(answer: Answer, *statuses: int) -> str:
    """Return the status of ``answer`` in words where it is one of ``statuses``; raise `Unmet`."""
    if answer.status not in statuses:
        expected = " or ".join(map(str, statuses))
        told = answer.body[:300].decode("utf-8", "replace").strip()
        raise Unmet(f"status {answer.status}, expected {expected}: {told}")
    return f"status {answer.status}"


def expect_within(answer: Answer, seconds: float) -> str:
    """Return the seconds of a good ``answer`` in words where they are few enough; raise `Unmet`."""
    found = f"{expect_status(answer, 200)} after {answer.seconds:.3f} s"
    if answer.seconds > seconds:
        raise Unmet(f"{found}, expected within {seconds:g} s")
    return found


def expect_rows(predictions: Any, example: Example) -> str:
    """Tell how many ``predictions`` there are, one for each row; raise `Unmet`."""
    if not isinstance(predictions, list):
        raise Unmet(f"predictions are {type(predictions).__name__}, expected a list")
    if len(predictions) != len(example.rows):
        raise Unmet(f"{len(predictions)} predictions for {len(example.rows)} rows")
    return f"{len(predictions)} predictions for {len(example.rows)} rows"


def read_predictions(answer: Answer) -> Any:
    """Return the predictions in ``answer``; raise `Unmet`."""
    expect_status(answer, 200)
    document = answer.document()
    if not isinstance(document, dict) or "predictions" not in document:
        raise Unmet("JSON without the key predictions")
    return document["predictions"]
