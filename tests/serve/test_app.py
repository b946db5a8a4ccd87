"""The whole service around real models: its answers, its health, its batches, its numbers."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import AsyncExitStack
from pathlib import Path
from shutil import copytree
from typing import Any

import httpx
import pytest
import yaml
from mlserve import save_model
from mlserve.runtimes.example import read_example
from mlserve.runtimes.flavors import Model, load_model
from mlserve.runtimes.modelspec import ModelSpec
from mlserve.runtimes.schema import Column, ColumnSchema, DataType, Signature
from mlserve.runtimes.signature import write_signature
from mlserve.serve.logs import JsonFormatter
from skl2onnx.common.data_types import FloatTensorType

from ..runtimes.trained import IRIS, compile_onnx, iris_classifier, write_onnx
from .services import (
    Gated,
    ask,
    client_of,
    lifespan,
    make_service,
    metrics,
    model_of,
    serve,
    try_examples,
    until,
)

HEALTH = ["/ping", "/health", "/healthz", "/readyz"]
NAMES = list(IRIS.data.columns)
ROWS = IRIS.data.iloc[[0, 60, 120]].to_numpy().tolist()
SECRET = "s3cr3t-p4yl04d"
KINDS = ["sklearn", "onnx", "python_function"]

PYTHON_MODEL = """
from mlflow.models import set_model

def predict(model_input):
    if (model_input < 0).any(axis=None):
        raise ValueError(f"below zero: {model_input.to_dict()}")
    return model_input.sum(axis=1).tolist()

set_model(predict)
"""


def declare(folder: Path, **example: Any) -> Path:
    """Give the model in ``folder`` the signature of iris and a request as its example."""
    columns = ColumnSchema(tuple(Column(DataType.DOUBLE, name) for name in NAMES))
    document = yaml.safe_load((folder / "MLmodel").read_text())
    document["signature"] = write_signature(Signature(columns))
    (folder / "MLmodel").write_text(yaml.safe_dump(document))
    (folder / "serving_input_example.json").write_text(json.dumps(example or split(ROWS[:2])))
    return folder


def write_python_model(folder: Path, code: str = PYTHON_MODEL, **example: Any) -> Path:
    folder.mkdir()
    (folder / "model.py").write_text(code)
    flavor = {"loader_module": "mlflow.pyfunc.loaders.code_model", "model_code_path": "model.py"}
    (folder / "MLmodel").write_text(yaml.safe_dump({"flavors": {"python_function": flavor}}))
    return declare(folder, **example)


def split(rows: Any, **more: Any) -> dict[str, Any]:
    return {"dataframe_split": {"columns": NAMES, "data": rows}, **more}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    parent = tmp_path_factory.mktemp("models")
    graph = compile_onnx(iris_classifier(), [("x", FloatTensorType([None, len(NAMES)]))])
    return {
        "sklearn": save_model(iris_classifier(), parent / "sklearn", example=IRIS.data.head(2)),
        "onnx": declare(write_onnx(parent / "onnx", graph)),
        "python_function": write_python_model(parent / "python_function"),
    }


@pytest.fixture
def model(request: pytest.FixtureRequest, folders: dict[str, Path]) -> Model:
    """A model of the kind that the test is parametrized with, loaded anew: a service closes it."""
    return load_model(folders[request.param])


every_model = pytest.mark.parametrize("model", KINDS, indirect=True)
a_model = pytest.mark.parametrize("model", ["sklearn"], indirect=True)


def labels(answer: httpx.Response) -> Any:
    """Return the predicted classes, or sums, of an answer."""
    predictions = answer.json()["predictions"]
    return [row["label"] if isinstance(row, dict) else row for row in predictions]


def expected(kind: str) -> Any:
    if kind == "python_function":
        return pytest.approx([sum(row) for row in ROWS])
    return iris_classifier().predict(IRIS.data.iloc[[0, 60, 120]]).tolist()


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (json.dumps(split(ROWS)), "application/json"),
        (json.dumps(split(ROWS, params={"x": 1})), "application/json; charset=utf-8"),
        (
            json.dumps({"inputs": dict(zip(NAMES, zip(*ROWS, strict=True), strict=True))}),
            "application/json",
        ),
        (
            json.dumps({"instances": [dict(zip(NAMES, row, strict=True)) for row in ROWS]}),
            "application/json",
        ),
        (
            "\n".join(",".join(map(str, row)) for row in [NAMES, *ROWS]),
            "text/csv",
        ),
    ],
    ids=["split", "split with params", "inputs", "instances", "csv"],
)
@every_model
def test_a_model_answers_what_it_predicts(model, body, content_type, request):
    headers = {"content-type": content_type}
    answer = ask(model, "POST", "/invocations", content=body, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    kind = request.node.callspec.params["model"]
    assert labels(answer) == expected(kind)


@every_model
def test_the_recorded_example_is_shown_and_is_a_request_that_works(model):
    (shown, answer), in_csv = serve(model, try_examples)
    assert shown == json.loads(read_example(model.folder, model.spec))
    assert (answer.status_code, in_csv[1].status_code) == (200, 200)


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_made_of_a_signature_is_a_request_that_works(folders, kind, tmp_path):
    folder = copytree(folders[kind], tmp_path / kind)
    for recorded in folder.glob("*example*"):
        recorded.unlink()
    model = load_model(folder)
    assert read_example(model.folder, model.spec) is None
    (shown, answer), in_csv = serve(model, try_examples)
    assert shown == split([[0.5] * len(NAMES)])
    assert (answer.status_code, in_csv[1].status_code) == (200, 200)


@every_model
def test_a_model_that_predicts_its_example_is_ready(model):
    async def scenario(client: httpx.AsyncClient) -> set[int]:
        return {(await client.get(path)).status_code for path in HEALTH}

    assert serve(model, scenario) == {200}


@every_model
def test_a_model_whose_example_fails_says_so_and_answers_all_the_same(model, tmp_path, caplog):
    (tmp_path / "serving_input_example.json").write_text(json.dumps(split([["x"] * 4])))
    broken = Model(tmp_path, model.spec, model.flavor, model.runtime)

    async def scenario(client: httpx.AsyncClient) -> tuple[Any, httpx.Response]:
        health = [await client.get(path) for path in HEALTH]
        return health, await client.post("/invocations", json=split(ROWS))

    health, answer = serve(broken, scenario)
    assert answer.status_code == 200
    assert {one.status_code for one in health} == {503}
    (text,) = {one.text for one in health}
    assert json.loads(text) == {
        "error_code": "TEMPORARILY_UNAVAILABLE",
        "message": "the model failed on its own input example: "
        'column "sepal length (cm)", row 0: found a string, expected double',
    }
    assert "the model failed on its own input example" in caplog.text


def test_a_model_that_raises_on_its_example_is_not_ready_and_keeps_its_exception_to_the_log(
    tmp_path, caplog
):
    example = split([[-1.25, 0, 0, 0]])
    broken = load_model(write_python_model(tmp_path / "model", **example))
    answer = ask(broken, "GET", "/readyz")
    assert answer.status_code == 503
    assert "(ValueError)" in answer.json()["message"]
    assert "1.25" not in answer.text
    assert "1.25" in caplog.text


@a_model
def test_an_example_that_cannot_be_read_keeps_no_model_from_being_ready(model, tmp_path, caplog):
    (tmp_path / "serving_input_example.json").write_text("{")
    broken = Model(tmp_path, model.spec, model.flavor, model.runtime)
    assert ask(broken, "GET", "/readyz").status_code == 200
    assert "the input example is left out" in caplog.text


ONE_COLUMN = Signature(ColumnSchema((Column(DataType.DOUBLE, "x"),)))


def test_a_model_that_is_warming_up_is_not_ready():
    runtime = Gated()
    runtime.gate.clear()

    async def main() -> list[httpx.Response]:
        service = make_service(model_of(runtime, ONE_COLUMN))
        async with client_of(service) as client, AsyncExitStack() as stack:
            starting = asyncio.create_task(stack.enter_async_context(lifespan(service)))
            assert await asyncio.to_thread(runtime.entered.wait, 60)
            before = await client.get("/readyz")
            runtime.gate.set()
            await starting
            ready = await client.get("/readyz")
            await stack.aclose()
            return [before, ready, await client.get("/readyz")]

    before, ready, after = asyncio.run(main())
    assert before.status_code == 503
    assert before.json()["message"] == "the model is not warmed up yet"
    assert ready.status_code == 200
    assert after.status_code == 503
    assert "the service is shutting down" in after.json()["message"]


def test_a_first_prediction_that_is_too_slow_has_its_time_again():
    runtime = Gated()
    runtime.gate.clear()

    async def main() -> int:
        asyncio.get_running_loop().call_later(0.7, runtime.gate.set)
        service = make_service(model_of(runtime, ONE_COLUMN), timeout_seconds=0.5)
        async with lifespan(service), client_of(service) as client:
            return (await client.get("/readyz")).status_code

    assert asyncio.run(main()) == 200


def test_the_service_closes_its_model_at_the_end():
    runtime = Gated()
    ask(model_of(runtime), "GET", "/ping")
    assert runtime.is_closed


class TestRequestIds:
    def post(self, model: Model, document: Any, **headers: str) -> httpx.Response:
        return ask(model, "POST", "/invocations", json=document, headers=headers)

    @a_model
    def test_the_callers_own_comes_back(self, model):
        answer = self.post(model, split(ROWS), **{"X-Request-Id": "req-7:a/b"})
        assert answer.headers["x-request-id"] == "req-7:a/b"

    @a_model
    def test_the_callers_own_comes_back_with_an_error(self, model):
        answer = self.post(model, {}, **{"X-Request-Id": "req-7"})
        assert answer.status_code == 400
        assert answer.headers["x-request-id"] == "req-7"

    @pytest.mark.parametrize("given", ["", "a b", "x" * 200, "é", '"><script>'])
    @a_model
    def test_a_harmful_one_is_replaced(self, model, given):
        headers = {"x-request-id": given.encode("latin-1")}
        answer = ask(model, "POST", "/invocations", json=split(ROWS), headers=headers)
        assert answer.status_code == 200
        assert answer.headers["x-request-id"] not in {"", given}

    @a_model
    def test_each_request_gets_its_own(self, model):
        async def scenario(client: httpx.AsyncClient) -> set[str]:
            answers = [await client.post("/invocations", json=split(ROWS)) for _ in range(3)]
            return {answer.headers["x-request-id"] for answer in answers}

        assert len(serve(model, scenario)) == 3


@a_model
def test_a_request_has_its_line_in_the_access_log(model, caplog):
    caplog.set_level(logging.INFO, "mlserve.access")
    headers = {"x-request-id": "req-7", "authorization": SECRET}
    answer = ask(model, "POST", f"/invocations?key={SECRET}", json=split(ROWS), headers=headers)
    (record,) = [record for record in caplog.records if record.name == "mlserve.access"]
    assert record.request_id == "req-7"
    assert 0 < record.fields.pop("seconds") < 60
    assert record.fields == {
        "method": "POST",
        "path": "/invocations",
        "status": 200,
        "bytes": len(answer.content),
        "client": "127.0.0.1",
    }
    assert SECRET not in JsonFormatter().format(record)


@a_model
def test_metrics_tell_the_known_traffic(model):
    requests: list[Any] = [
        *[(json.dumps(split(ROWS)), "application/json")] * 4,
        ("{", "application/json"),
        (json.dumps(split([["x"] * 4])), "application/json"),
        ("{}", "text/plain"),
        (" " * (2**20 + 1), "application/json"),
    ]

    async def scenario(client: httpx.AsyncClient) -> tuple[dict[str, float], dict[str, float]]:
        before = await metrics(client)
        for body, content_type in requests:
            headers = {"content-type": content_type}
            await client.post("/invocations", content=body, headers=headers)
        return before, await metrics(client)

    before, after = serve(model, scenario, max_body_mb=1)
    changes = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    counts = {n: c for n, c in changes.items() if "seconds" not in n and "_bucket" not in n}
    assert counts == {
        "mlserve_requests_total 200": 4,
        "mlserve_requests_total 400": 2,
        "mlserve_requests_total 413": 1,
        "mlserve_requests_total 415": 1,
        "mlserve_rows_total": 12,
        "mlserve_batches_total": 4,
        "mlserve_rejected_total invalid": 2,
        "mlserve_rejected_total content_type": 1,
        "mlserve_rejected_total body_too_large": 1,
        "mlserve_batch_rows_count": 4,
        "mlserve_batch_rows_sum": 12,
    }
    assert changes["mlserve_batch_rows_bucket 4.0"] == 4
    assert changes["mlserve_request_seconds_count"] == 8
    assert changes["mlserve_decode_seconds_count"] == 4
    assert changes["mlserve_predict_seconds_count"] == 4
    assert after["mlserve_requests_in_flight"] == after["mlserve_queued_rows"] == 0


async def held(client: httpx.AsyncClient, runtime: Gated) -> asyncio.Task[httpx.Response]:
    """Keep the model busy with a request until its gate is opened."""
    runtime.gate.clear()
    task = asyncio.create_task(client.post("/invocations", json={"inputs": [[0.0]]}))
    assert await asyncio.to_thread(runtime.entered.wait, 60)
    return task


class TestBatches:
    def send_while_busy(self, runtime: Gated, *documents: Any, **settings: Any) -> list[Any]:
        """Send ``documents`` while the model is busy, and return their answers."""

        async def scenario(client: httpx.AsyncClient) -> list[httpx.Response]:
            first = await held(client, runtime)
            tasks = [
                asyncio.create_task(client.post("/invocations", json=document))
                for document in documents
            ]
            await until(client, "mlserve_requests_in_flight", 1 + len(documents))
            runtime.gate.set()
            answers = await asyncio.gather(first, *tasks)
            assert answers[0].status_code == 200
            return answers[1:]

        return serve(model_of(runtime), scenario, **settings)

    def test_requests_that_wait_together_are_one_call(self):
        runtime = Gated()
        documents = [{"inputs": [[1.5]]}, {"inputs": [[2.5], [3.5]]}]
        answers = self.send_while_busy(runtime, *documents)
        assert [answer.json()["predictions"] for answer in answers] == [[[3.0]], [[5.0], [7.0]]]
        assert runtime.calls[1:] == [[[1.5], [2.5], [3.5]]]

    def test_one_that_fails_fails_alone(self):
        runtime = Gated()
        documents = [{"inputs": [[x]]} for x in (1.5, -2.5, 3.5)]
        answers = self.send_while_busy(runtime, *documents)
        assert [answer.status_code for answer in answers] == [200, 400, 200]
        assert answers[2].json() == {"predictions": [[7.0]]}
        assert runtime.calls[1] == [[1.5], [-2.5], [3.5]]

    def test_different_params_never_share_a_call(self):
        runtime = Gated()
        documents = [{"inputs": [[1.5]], "params": {"factor": factor}} for factor in (1, 10, 1)]
        answers = self.send_while_busy(runtime, *documents)
        assert [answer.json()["predictions"] for answer in answers] == [[[1.5]], [[15.0]], [[1.5]]]
        assert runtime.calls[1:] == [[[1.5], [1.5]], [[1.5]]]

    def test_a_model_that_looks_at_all_rows_gets_each_request_alone(self):
        runtime = Gated(is_row_wise=False)
        documents = [{"inputs": [[x]]} for x in (1.5, 2.5)]
        self.send_while_busy(runtime, *documents)
        assert runtime.calls[1:] == [[[1.5]], [[2.5]]]

    def test_a_prediction_of_another_length_is_no_answer_for_anybody_and_says_so(self):
        async def scenario(client: httpx.AsyncClient) -> list[httpx.Response]:
            posts = [client.post("/invocations", json={"inputs": [[x]]}) for x in (1.5, 2.5)]
            return await asyncio.gather(*posts)

        for answer in serve(model_of(Gated(extra_rows=1)), scenario):
            assert answer.status_code == 500
            assert answer.json()["error_code"] == "INTERNAL_ERROR"
            assert "the model returned 2 rows for 1 rows of input" in answer.json()["message"]

    def test_a_full_queue_is_refused_with_503(self):
        runtime = Gated()

        async def scenario(client: httpx.AsyncClient) -> Any:
            first = await held(client, runtime)
            second = asyncio.create_task(client.post("/invocations", json={"inputs": [[1.5]] * 5}))
            await until(client, "mlserve_requests_in_flight", 2)
            refused = await client.post("/invocations", json={"inputs": [[2.5]]})
            samples = await metrics(client)
            runtime.gate.set()
            return refused, samples, [(await first).status_code, (await second).status_code]

        refused, samples, others = serve(model_of(runtime), scenario, max_queue_rows=5)
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
        assert "the queue is full (5 rows" in refused.json()["message"]
        assert samples["mlserve_rejected_total queue_full"] == 1
        assert samples["mlserve_requests_in_flight"] == 2
        assert others == [200, 200]

    def test_a_request_past_its_deadline_is_refused_with_504(self):
        runtime = Gated()

        async def scenario(client: httpx.AsyncClient) -> Any:
            late = await (await held(client, runtime))
            runtime.gate.set()
            return late, await client.post("/invocations", json={"inputs": [[1.5]]})

        late, after = serve(model_of(runtime), scenario, timeout_seconds=0.5)
        assert late.status_code == 504
        assert late.json()["error_code"] == "DEADLINE_EXCEEDED"
        assert "was not answered within 0.5 s" in late.json()["message"]
        assert after.status_code == 200


VALID = split([[1, 2, 3, 4]])
HOSTILE: dict[str, tuple[Any, str]] = {
    "empty": (b"", "application/json"),
    "text": (SECRET.encode(), "application/json"),
    "cut off": (json.dumps({"inputs": SECRET})[:-2].encode(), "application/json"),
    "not utf-8": (b'{"inputs": "%s\xff"}' % SECRET.encode(), "application/json"),
    "half a surrogate": (b'{"inputs": "%s\\ud800"}' % SECRET.encode(), "application/json"),
    "brackets": (b"[" * 100_000, "application/json"),
    "objects": (b'{"inputs":' * 100_000, "application/json"),
    "deep inputs": (b'{"inputs": %s1%s}' % (b"[" * 900, b"]" * 900), "application/json"),
    "deep cells": (
        b'{"dataframe_split": {"data": [[%s1%s]]}}' % (b"[" * 900, b"]" * 900),
        "application/json",
    ),
    "a list": ([SECRET], "application/json"),
    "a string": (SECRET, "application/json"),
    "null": (None, "application/json"),
    "no format": ({"rows": [[SECRET]]}, "application/json"),
    "two formats": ({"inputs": [SECRET], **VALID}, "application/json"),
    "text for a number": (split([[SECRET, 2, 3, 4]]), "application/json"),
    "a list for a number": (split([[[SECRET], 2, 3, 4]]), "application/json"),
    "an object for a number": (split([[{SECRET: SECRET}, 2, 3, 4]]), "application/json"),
    "a large number": (split([[10**400, 2, 3, 4]]), "application/json"),
    "ragged": (split([[1, 2, 3, 4], [SECRET]]), "application/json"),
    "no rows": (split([]), "application/json"),
    "columns missing": (
        {"dataframe_split": {"columns": ["x"], "data": [[SECRET]]}},
        "application/json",
    ),
    "columns of another type": (
        {"dataframe_split": {"columns": {"a": SECRET}, "data": [[1]]}},
        "application/json",
    ),
    "split of text": ({"dataframe_split": SECRET}, "application/json"),
    "records of text": ({"dataframe_records": [SECRET]}, "application/json"),
    "records without columns": ({"dataframe_records": [{}, {}]}, "application/json"),
    "instances of text": ({"instances": SECRET}, "application/json"),
    "inputs of text": ({"inputs": [[SECRET]]}, "application/json"),
    "inputs of unequal length": ({"inputs": {"a": [SECRET], "b": []}}, "application/json"),
    "null inputs": ({"inputs": None}, "application/json"),
    "unwrapped": ({"messages": [{"role": "user", "content": SECRET}]}, "application/json"),
    "csv of text": (f"{','.join(NAMES)}\n{SECRET},2,3,4\n".encode(), "text/csv"),
    "csv without columns": (f"x\n{SECRET}\n".encode(), "text/csv"),
    "csv of more fields": (f"{','.join(NAMES)}\n1,2,3,4,{SECRET}\n".encode(), "text/csv"),
    "csv with an open quote": (f'{",".join(NAMES)}\n"{SECRET},2,3,4\n'.encode(), "text/csv"),
    "csv that is not utf-8": (f"{SECRET},é\n".encode("latin-1"), "text/csv"),
    "empty csv": (b"", "text/csv"),
    "nul": (b"\0" * 100, "application/json"),
    "nul csv": (f"{SECRET}\0\n1\n".encode(), "text/csv"),
    "no content type": (VALID, ""),
    "another content type": (VALID, "application/x-ndjson"),
    "another charset": (VALID, "application/json; charset=ebcdic"),
    "another parameter": (VALID, "application/json; format=pandas-split"),
    "a wrong charset": (b'{"inputs": "%s"}' % SECRET.encode(), "application/json; charset=utf-16"),
}


@every_model
def test_no_hostile_body_gets_more_than_a_refusal(model, caplog):
    caplog.set_level(logging.DEBUG)

    async def scenario(client: httpx.AsyncClient) -> dict[str, httpx.Response]:
        answers = {}
        for name, (document, content_type) in HOSTILE.items():
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            headers = {"content-type": content_type}
            answers[name] = await client.post("/invocations", content=body, headers=headers)
            good = await client.post("/invocations", json=VALID)
            assert good.status_code == 200, name
        answers["samples"] = await metrics(client)
        return answers

    answers = serve(model, scenario)
    samples = answers.pop("samples")
    assert {name for name, one in answers.items() if not 400 <= one.status_code < 500} == set()
    for name, answer in answers.items():
        assert answer.headers["content-type"] == "application/json", name
        assert answer.json().keys() == {"error_code", "message"}, name
        assert len(answer.content) < 1000, name
        assert SECRET not in answer.text, name
    assert SECRET not in "\n".join(JsonFormatter().format(record) for record in caplog.records)
    assert samples["mlserve_requests_in_flight"] == samples["mlserve_queued_rows"] == 0


@every_model
def test_what_the_model_raises_goes_to_the_log_alone(model, caplog):
    rows = [[-1234.5, 2, 3, 4]] if model.flavor == "python_function" else [[None, 2, 3, 4]]
    answer = ask(model, "POST", "/invocations", json=split(rows), headers={"x-request-id": "req-7"})
    if model.flavor == "onnx":  # a graph computes with NaN
        assert answer.status_code == 200
        return
    assert answer.status_code == 400
    assert answer.json() == {
        "error_code": "BAD_REQUEST",
        "message": "the model raised an error while it evaluated the input (ValueError); "
        "check that the input is what the model was trained on",
    }
    (record,) = [record for record in caplog.records if record.exc_info]
    assert record.request_id == "req-7"
    assert "Traceback" in JsonFormatter().format(record)


def test_a_model_without_a_signature_takes_arrays(tmp_path):
    folder = write_onnx(
        tmp_path, compile_onnx(iris_classifier(), [("x", FloatTensorType([None, 4]))])
    )
    answer = ask(load_model(folder), "POST", "/invocations", json={"inputs": ROWS})
    assert answer.json()["predictions"]["label"] == [0, 1, 2]


def test_an_unwrapped_payload_is_answered_without_predictions_around_it():
    class Chat:
        """A runtime that answers a chat."""

        is_row_wise, concurrency, own_params = False, 1, frozenset()

        def predict(self, data, params):
            return {"choices": [data.value["messages"][0]["content"]], "params": params}

        def close(self):
            pass

    model = Model(Path(), ModelSpec({}), "chat", Chat())
    document = {"messages": [{"role": "user", "content": "hello"}]}
    answer = ask(model, "POST", "/invocations", json=document)
    assert answer.json() == {"choices": ["hello"], "params": {}}


@a_model
def test_a_slash_too_many_reaches_the_model_by_its_redirect(model):
    async def scenario(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post("/invocations/", json=split(ROWS), follow_redirects=True)

    answer = serve(model, scenario)
    assert [one.status_code for one in answer.history] == [307]
    assert labels(answer) == [0, 1, 2]


def test_a_prediction_that_has_no_json_form_is_a_fault_of_the_model():
    class Odd(Gated):
        """A runtime that answers a set."""

        def predict(self, data, params):  # noqa: ARG002
            return {1, 2}

    model = model_of(Odd(is_row_wise=False))
    answer = ask(model, "POST", "/invocations", json={"inputs": [[1.5]]})
    assert answer.status_code == 500
    assert "a value of type set, which has no JSON form" in answer.json()["message"]


def test_numbers_that_json_lacks_are_null():
    body, headers = b'{"inputs": [[1.5], [NaN], [Infinity]]}', {"content-type": "application/json"}
    answer = ask(model_of(Gated()), "POST", "/invocations", content=body, headers=headers)
    assert answer.json() == {"predictions": [[3.0], [None], [None]]}
