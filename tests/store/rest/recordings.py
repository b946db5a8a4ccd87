"""Recorded exchanges of MLflow's client with MLflow's server, sent to another server, compared.

A line of a recording is one exchange: the call of the client that it is part of, the request, and
MLflow's answer. Bytes that are nothing to a server, as those of a pickle, are recorded as their
number. Ids and names that a server makes up are translated from the recorded ones to its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx

FOLDER = Path(__file__).parents[2] / "data" / "recordings"

# When a server did something is its own affair; all other times are the client's.
TIMES = {
    "creation_time",
    "creation_timestamp",
    "creation_timestamp_ms",
    "last_update_time",
    "last_updated_timestamp",
    "last_updated_timestamp_ms",
}
# What has no order, and by what it is brought into one for the comparison.
UNORDERED = {"tags": "key", "params": "key", "metrics": "key", "model_outputs": "model_id"}
MADE_UP = {"run_id", "model_id", "run_name"}

_ID = re.compile(r"(?:m-)?[0-9a-f]{32}")


class Difference(NamedTuple):
    """Where an answer is not as MLflow's was: the request, the place in the answer, both values."""

    request: str
    place: str
    recorded: Any
    found: Any


@dataclass
class Exchange:
    """One line of a recording."""

    call: str
    method: str
    path: str
    status: int
    query: str = ""
    body: Any = None
    file: str | int | None = None
    answer: Any = None
    answer_file: str | int | None = None
    answer_type: str | None = None

    @property
    def request(self) -> str:
        """What is asked for, without ids."""
        return f"{self.method} {_ID.sub('ID', self.path)}"


def read_recording(name: str) -> list[Exchange]:
    lines = (FOLDER / name).read_text().splitlines()
    return [Exchange(**json.loads(line)) for line in lines]


class Replay:
    """Sends recorded requests to a server, and tells where its answers differ."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self.known: dict[str, str] = {}

    def translate(self, value: Any) -> Any:
        """Return ``value`` with the recorded ids and names replaced by those of this server."""
        if isinstance(value, dict):
            return {self.translate(key): self.translate(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self.translate(one) for one in value]
        if not isinstance(value, str):
            return value
        for recorded, ours in self.known.items():
            value = value.replace(recorded, ours)
        return value

    def send(self, exchange: Exchange) -> Iterator[Difference]:
        """Send one request and yield how its answer differs."""
        path = self.translate(f"{exchange.path}?{exchange.query}".rstrip("?"))
        sent: dict[str, Any] = {}
        if exchange.file is not None:
            sent = {"content": _bytes(exchange.file)}
        elif exchange.body is not None:
            sent = {"json": self.translate(exchange.body)}
        answer = self._client.request(exchange.method, path, **sent)
        found = list(self._compare(exchange, answer))
        for place, recorded, ours in found:
            yield Difference(exchange.request, place, recorded, ours)

    def _compare(
        self, exchange: Exchange, answer: httpx.Response
    ) -> Iterator[tuple[str, Any, Any]]:
        if answer.status_code != exchange.status:
            yield "status", exchange.status, f"{answer.status_code} {answer.text}"
            return
        kind = answer.headers.get("content-type", "").partition(";")[0] or None
        if kind != exchange.answer_type:
            yield "content-type", exchange.answer_type, kind
        if exchange.answer_file is not None:
            expected = _bytes(exchange.answer_file)
            if answer.content != expected:
                yield "bytes", expected, answer.content
        elif exchange.answer is not None:
            ours = answer.json()
            self._learn(exchange, ours)
            yield from compare(self.translate(exchange.answer), ours)

    def _learn(self, exchange: Exchange, ours: Any) -> None:
        """Note what this server made up for what MLflow's had made up."""
        created = exchange.request.endswith(("runs/create", "mlflow/logged-models"))
        if created and exchange.status == 200:
            (recorded_info,) = (one["info"] for one in exchange.answer.values())
            (our_info,) = (one["info"] for one in ours.values())
            for name in MADE_UP & recorded_info.keys() - exchange.body.keys():
                self.known[recorded_info[name]] = our_info[name]


def compare(recorded: Any, found: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the places at which two documents differ, with both values."""
    if isinstance(recorded, dict) and isinstance(found, dict):
        for key in recorded.keys() | found.keys():
            inner = f"{place}.{key}".lstrip(".")
            if key in TIMES and isinstance(recorded.get(key), int):
                if not isinstance(found.get(key), int):
                    yield inner, recorded[key], found.get(key)
            elif key in recorded and key in found:
                yield from compare(_sorted(key, recorded[key]), _sorted(key, found[key]), inner)
            else:
                yield inner, recorded.get(key, "nothing"), found.get(key, "nothing")
    elif isinstance(recorded, list) and isinstance(found, list):
        if len(recorded) != len(found):
            yield f"{place}[]", recorded, found
            return
        for one, other in zip(recorded, found, strict=True):
            yield from compare(one, other, f"{place}[]")
    elif recorded != found or type(recorded) is not type(found):
        yield place, recorded, found


def _sorted(key: str, value: Any) -> Any:
    if key in UNORDERED and isinstance(value, list):
        return sorted(value, key=lambda one: one[UNORDERED[key]])
    return value


def _bytes(content: str | int) -> bytes:
    return content.encode() if isinstance(content, str) else bytes(content)
