"""Our service of each model, asked over ASGI with no socket between."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
from mlserve.runtimes.flavors import load_model
from mlserve.serve.app import Service
from mlserve.serve.metrics import MetricStore
from mlserve.serve.settings import Settings

from .exchanges import Answer, Request, read_answer

DEADLINE_SECONDS = 60


class OurServices:
    """The services of the models below ``folder``, each started when it is first asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runner = asyncio.Runner()
        self._lives: dict[str, _Life] = {}

    def ask(self, model: str, request: Request) -> Answer:
        """Return our answer to ``request``, which must be strict JSON."""
        response = self._runner.run(self._send(model, request))
        if request.path == "/invocations" and response.is_success:
            json.loads(response.content, parse_constant=_refuse)
        return read_answer(response.status_code, response.content)

    def close(self) -> None:
        """Stop all services."""
        for life in self._lives.values():
            self._runner.run(life.stop())
        self._runner.close()

    async def _send(self, model: str, request: Request) -> httpx.Response:
        if model not in self._lives:
            life = self._lives[model] = _Life(_load(self._folder / model))
            await life.start()
        transport = httpx.ASGITransport(app=self._lives[model].app)
        async with httpx.AsyncClient(transport=transport, base_url="http://mlserve") as client:
            return await client.request(
                request.method,
                request.path,
                content=request.body,
                headers=list(request.headers),
                timeout=DEADLINE_SECONDS,
            )


class _Life:
    """The ASGI lifespan of a service."""

    def __init__(self, app: Service) -> None:
        self.app = app

    async def start(self) -> None:
        self._received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._sent: asyncio.Queue[Any] = asyncio.Queue()
        scope: Any = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        self._task = asyncio.create_task(self.app(scope, self._received.get, self._sent.put))
        await self._pass("startup")

    async def stop(self) -> None:
        await self._pass("shutdown")
        await self._task

    async def _pass(self, stage: str) -> None:
        await self._received.put({"type": f"lifespan.{stage}"})
        message = await asyncio.wait_for(self._sent.get(), DEADLINE_SECONDS)
        assert message == {"type": f"lifespan.{stage}.complete"}


def _load(folder: Path) -> Service:
    return Service(load_model(folder), Settings(model=folder), MetricStore())


def _refuse(literal: str) -> None:
    raise AssertionError(f"{literal} is no JSON")
