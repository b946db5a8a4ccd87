"""A request, the answers of both services to it, and whether these are the same."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

JSON = (("content-type", "application/json"),)
CSV = (("content-type", "text/csv"),)
# MLflow turns float32 into text by way of float64, and so do we; sums may differ in the last bits.
_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Request:
    """What both services are asked: by default a JSON body to /invocations."""

    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = JSON
    method: str = "POST"
    path: str = "/invocations"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service said: ``value`` is the ``text`` of the body as JSON, where it is that."""

    status: int
    value: Any
    text: str

    @property
    def status_class(self) -> int:
        return self.status // 100

    @property
    def message(self) -> str:
        """What an error says of itself."""
        if isinstance(self.value, dict):
            return str(self.value.get("message", self.value))
        return str(self.value)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request to one model, answered by both."""

    model: str
    request: Request
    theirs: Answer
    ours: Answer

    @property
    def is_same(self) -> bool:
        """Whether the status class is the same and, where both predict, the prediction."""
        if self.theirs.status_class != self.ours.status_class:
            return False
        return self.theirs.status_class != 2 or is_equal(self.theirs.value, self.ours.value)

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.request.method} {self.request.path} of {self.model}",
                f"{dict(self.request.headers)}: {self.request.body[:1500]!r}",
                f"MLflow:  {self.theirs.status} {_shorten(self.theirs.value)}",
                f"mlserve: {self.ours.status} {_shorten(self.ours.value)}",
            ]
        )


def json_request(document: Any) -> Request:
    """Return the request with ``document`` as its JSON body; NaN and Infinity become literals."""
    return Request(json.dumps(document).encode())


def csv_request(text: str) -> Request:
    """Return the request with a CSV body."""
    return Request(text.encode(), CSV)


def read_answer(status: int, body: bytes) -> Answer:
    """Return the answer in a response; NaN and infinities, which MLflow writes, are None."""
    text = body.decode("utf-8", "replace")
    try:
        return Answer(status, json.loads(body, parse_constant=lambda _: None), text)
    except ValueError:
        return Answer(status, text, text)


def is_equal(theirs: Any, ours: Any) -> bool:
    """Tell whether two JSON values are the same: numbers by a tolerance, and never booleans."""
    match theirs, ours:
        case (bool(), _) | (_, bool()):
            return theirs is ours
        case (int() | float(), int() | float()):
            return theirs == ours or math.isclose(theirs, ours, rel_tol=_TOLERANCE)
        case list(), list():
            return len(theirs) == len(ours) and all(map(is_equal, theirs, ours))
        case dict(), dict():
            return theirs.keys() == ours.keys() and all(
                is_equal(value, ours[key]) for key, value in theirs.items()
            )
        case _:
            return type(theirs) is type(ours) and theirs == ours


def _shorten(value: Any) -> str:
    text = json.dumps(value) if isinstance(value, Mapping | list) else str(value)
    return text if len(text) < 1200 else f"{text[:600]} ... {text[-600:]}"
