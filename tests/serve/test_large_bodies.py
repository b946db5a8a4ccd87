"""Bodies that are decoded in a thread of their own: answered as small ones are, beside others."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import numpy as np
import pytest
from mlserve.runtimes.columns import ModelInput
from mlserve.runtimes.schema import Column, ColumnSchema, DataType, Signature

from .services import model_of, serve

SIGNATURE = Signature(ColumnSchema((Column(DataType.DOUBLE, "x"),)))
CSV = {"content-type": "text/csv"}


class Doubling:
    """A row-wise runtime that doubles a column."""

    is_row_wise = True
    concurrency = 1
    own_params: frozenset[str] = frozenset()

    def predict(self, data: ModelInput, _params: Any) -> Any:
        return data.values["x"] * 2

    def close(self) -> None:
        pass


def split(rows: int) -> bytes:
    table = {"columns": ["x"], "data": [[float(i)] for i in range(rows)]}
    return json.dumps({"dataframe_split": table}).encode()


def csv(rows: int) -> bytes:
    return "\n".join(["x", *map(str, range(rows))]).encode()


@pytest.mark.parametrize(
    ("body", "headers"),
    [(split(50_000), {"content-type": "application/json"}), (csv(80_000), CSV)],
    ids=["JSON", "CSV"],
)
def test_a_large_body_is_answered_row_by_row(body: bytes, headers: dict[str, str]):
    async def scenario(client: httpx.AsyncClient) -> Any:
        return await client.post("/invocations", content=body, headers=headers)

    answer = serve(model_of(Doubling(), SIGNATURE), scenario)

    predictions = answer.json()["predictions"]
    assert len(body) > 256 * 1024
    assert predictions == (np.arange(len(predictions)) * 2).tolist()
    assert len(predictions) >= 50_000


def test_a_fault_in_a_large_body_is_told_as_in_a_small_one():
    async def scenario(client: httpx.AsyncClient) -> Any:
        body = csv(80_000) + b"\nold"
        return await client.post("/invocations", content=body, headers=CSV)

    answer = serve(model_of(Doubling(), SIGNATURE), scenario)

    assert answer.status_code == 400
    assert 'column "x", row 80000' in answer.json()["message"]


def test_others_are_answered_while_a_large_body_is_decoded():
    async def scenario(client: httpx.AsyncClient) -> list[str]:
        order: list[str] = []

        async def ask(name: str, body: bytes) -> None:
            await client.post("/invocations", content=body, headers=CSV)
            order.append(name)

        large = asyncio.create_task(ask("large", csv(400_000)))
        await asyncio.sleep(0)
        await ask("small", csv(1))
        await large
        return order

    assert serve(model_of(Doubling(), SIGNATURE), scenario) == ["small", "large"]
