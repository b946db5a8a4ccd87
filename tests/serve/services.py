"""Services for tests, without sockets: the ASGI application within its lifespan, and its client."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import numpy as np
from mlserve.runtimes.columns import Columns
from mlserve.runtimes.flavors import Model
from mlserve.runtimes.modelspec import ModelSpec
from mlserve.runtimes.schema import Signature
from mlserve.serve.app import Service
from mlserve.serve.logs import AccessLog
from mlserve.serve.metrics import MetricStore
from mlserve.serve.settings import Settings

DEADLINE_SECONDS = 60


class Gated:
    """A runtime that doubles numbers, or column x: it stands still while its gate is closed."""

    own_params = frozenset({"factor"})
    concurrency = 1

    def __init__(self, *, is_row_wise: bool = True, extra_rows: int = 0) -> None:
        self.is_row_wise, self.extra_rows = is_row_wise, extra_rows
        self.gate, self.entered = Event(), Event()
        self.gate.set()
        self.calls: list[Any] = []
        self.is_closed = False

    def predict(self, data: Any, params: Any) -> Any:
        if isinstance(data, Columns):
            data = data.values["x"]
        self.entered.set()
        assert self.gate.wait(DEADLINE_SECONDS)
        self.calls.append(data.tolist())
        if (data < 0).any():
            raise ValueError(f"{data.tolist()} is below zero")
        doubled = data * params.get("factor", 2)
        return np.concatenate([doubled, np.zeros((self.extra_rows, *data.shape[1:]))])

    def close(self) -> None:
        self.is_closed = True


def model_of(runtime: Any, signature: Signature | None = None) -> Model:
    return Model(Path(), ModelSpec({}, signature), "gated", runtime)


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """Start ``app`` as a server does, and stop it at the end."""
    to_app: asyncio.Queue[Any] = asyncio.Queue()
    from_app: asyncio.Queue[Any] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    task = asyncio.create_task(app(scope, to_app.get, from_app.put))
    await to_app.put({"type": "lifespan.startup"})
    assert (await from_app.get())["type"] == "lifespan.startup.complete"
    try:
        yield
    finally:
        await to_app.put({"type": "lifespan.shutdown"})
        assert (await from_app.get())["type"] == "lifespan.shutdown.complete"
        await task


def make_service(model: Model, **settings: Any) -> Service:
    folder = settings.pop("model", model.folder)
    return Service(model, Settings(model=folder, **settings), MetricStore(), access_log=AccessLog())


def client_of(service: Service) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=service), base_url="http://service", timeout=None
    )


Scenario = Callable[[httpx.AsyncClient], Awaitable[Any]]


def serve(model: Model, scenario: Scenario, **settings: Any) -> Any:
    """Return what ``scenario`` returns, given a client of a service of ``model``."""

    async def main() -> Any:
        service = make_service(model, **settings)
        async with lifespan(service), client_of(service) as client:
            return await scenario(client)

    async def in_time() -> Any:
        return await asyncio.wait_for(main(), DEADLINE_SECONDS)

    return asyncio.run(in_time())


def ask(model: Model, method: str, path: str, **request: Any) -> httpx.Response:
    """Return the answer of a service of ``model`` to one request."""
    return serve(model, lambda client: client.request(method, path, **request))


async def try_examples(client: httpx.AsyncClient) -> list[tuple[Any, httpx.Response]]:
    """Return each example of a request in /openapi.json, JSON first, and the answer to it."""
    scoring = (await client.get("/openapi.json")).json()["paths"]["/invocations"]["post"]
    examples = []
    for media_type, body in scoring["requestBody"]["content"].items():
        if "example" in body:
            shown = body["example"]
            content = shown if isinstance(shown, str) else json.dumps(shown)
            headers = {"content-type": media_type}
            answer = await client.post("/invocations", content=content, headers=headers)
            examples.append((shown, answer))
    return examples


async def metrics(client: httpx.AsyncClient) -> dict[str, float]:
    """Return each sample of /metrics by its name and its own label, like ``x_total 200``."""
    text = (await client.get("/metrics")).text
    samples = {}
    for name, labels, value in re.findall(r"(?m)^(\w+)\{(.*)\} (\S+)$", text):
        own = re.findall(r'(?:status|reason|le)="([^"]*)"', labels)
        samples[" ".join([name, *own])] = float(value)
    return samples


async def until(client: httpx.AsyncClient, sample: str, value: float) -> None:
    """Wait until /metrics shows ``value`` for ``sample``."""
    while (await metrics(client))[sample] != value:  # noqa: ASYNC110 - a service tells of no event
        await asyncio.sleep(0.001)
