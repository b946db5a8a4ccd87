"""What the settings say of batches is what the service does."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx

from .services import Gated, model_of, serve, until


def post(client: httpx.AsyncClient, value: float) -> asyncio.Task[httpx.Response]:
    return asyncio.create_task(client.post("/invocations", json={"inputs": [[value]]}))


def test_a_batch_has_no_more_rows_than_the_settings_allow():
    runtime = Gated()

    async def scenario(client: httpx.AsyncClient) -> list[httpx.Response]:
        return await asyncio.gather(*(post(client, value) for value in (1.5, 2.5)))

    answers = serve(model_of(runtime), scenario, max_batch_rows=1)
    assert [answer.json()["predictions"] for answer in answers] == [[[3.0]], [[5.0]]]
    assert runtime.calls == [[[1.5]], [[2.5]]]


def test_a_request_waits_for_others_as_long_as_the_settings_say():
    runtime = Gated()

    async def scenario(client: httpx.AsyncClient) -> list[Any]:
        first = post(client, 1.5)
        waiting = asyncio.create_task(until(client, "mlserve_queued_rows", 1))
        await asyncio.wait([first, waiting], return_when=asyncio.FIRST_COMPLETED)
        assert not first.done()
        return await asyncio.gather(first, post(client, 2.5))

    serve(model_of(runtime), scenario, max_batch_rows=2, max_wait_ms=60_000)
    assert runtime.calls == [[[1.5], [2.5]]]


def test_the_models_name_and_version_stand_in_metrics_description_and_page():
    async def scenario(client: httpx.AsyncClient) -> list[str]:
        return [(await client.get(path)).text for path in ("/metrics", "/openapi.json", "/")]

    settings = {"model_name": "churn", "model_version": "3-beta"}
    metrics, description, page = serve(model_of(Gated()), scenario, **settings)
    assert 'mlserve_batches_total{model="churn",version="3-beta"} 0.0' in metrics
    assert json.loads(description)["info"]["version"] == "3-beta"
    assert "churn" in json.loads(description)["info"]["title"]
    assert "churn" in page
    assert "3-beta" in page
