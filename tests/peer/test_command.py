"""The real command answers over real sockets what MLflow answers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from ..serve.processes import Program, running
from .exchanges import Exchange, Request, csv_request, json_request, read_answer

MODEL = "sklearn_mixed"
ROW = {
    "boolean": True,
    "integer": 7,
    "long": 2**40,
    "float": 0.25,
    "double": 0.5,
    "string": "x",
    "binary": "YWI=",
    "datetime": "2020-01-02T03:04:05",
}
COLUMNS = {name: [cell, cell] for name, cell in ROW.items()}


@pytest.fixture(scope="module", name="service")
def _service(peer) -> Iterator[Program]:
    command = [sys.executable, "-m", "mlserve", "models", "serve", "-m", str(peer.folder / MODEL)]
    with running(*command, "-p", "0", "--log-format", "json") as program:
        yield program


@pytest.mark.parametrize(
    "request_",
    [
        json_request({"dataframe_records": [ROW]}),
        json_request({"dataframe_split": {"columns": list(ROW), "data": [list(ROW.values())]}}),
        json_request({"inputs": COLUMNS}),
        json_request({"instances": [ROW, ROW]}),
        json_request({"dataframe_records": [{**ROW, "long": "x"}]}),
        json_request({"dataframe_records": []}),
        json_request({}),
        csv_request("a,b\n1,2\n"),
        Request(b"{"),
        Request(b"", (), "GET"),
        Request(b"", (), "GET", "/ping"),
        Request(b"", (), "GET", "/nowhere"),
    ],
    ids=lambda request: f"{request.method} {request.path} {request.body[:40]}",
)
def test_the_command_answers_as_mlflow_does(service, peer, request_):
    with closing(service.connect()) as connection:
        connection.request(request_.method, request_.path, request_.body, dict(request_.headers))
        response = connection.getresponse()
        ours = read_answer(response.status, response.read())
    exchange = Exchange(MODEL, request_, peer.ask(MODEL, request_), ours)
    assert exchange.is_same, str(exchange)
