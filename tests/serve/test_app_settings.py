"""What the settings say of batches is what the service does."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from .services import Gated, model_of, serve


def calls_of_two_requests(**settings: Any) -> list[Any]:
    """Return what the model is asked when two requests of a row come at once."""
    runtime = Gated()

    async def scenario(client: httpx.AsyncClient) -> list[httpx.Response]:
        documents = [{"inputs": [[1.5]]}, {"inputs": [[2.5]]}]
        posts = [client.post("/invocations", json=document) for document in documents]
        return await asyncio.gather(*posts)

    answers = serve(model_of(runtime), scenario, **settings)
    assert [answer.json()["predictions"] for answer in answers] == [[[3.0]], [[5.0]]]
    return runtime.calls


def test_a_batch_has_no_more_rows_than_the_settings_allow():
    calls = calls_of_two_requests(max_batch_rows=1, max_wait_ms=10)
    assert calls == [[[1.5]], [[2.5]]]


def test_a_request_waits_for_others_as_long_as_the_settings_say():
    calls = calls_of_two_requests(max_batch_rows=2, max_wait_ms=60_000)
    assert calls == [[[1.5], [2.5]]]
