"""The routes of platforms: their forms of bodies, and that they predict as /invocations does."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import httpx
import numpy as np
import pytest
from mlserve.runtimes.modelspec import ModelSpec
from mlserve.runtimes.schema import (
    Array,
    Column,
    ColumnSchema,
    DataType,
    ParamSpec,
    Signature,
)
from mlserve.serve.platform_bodies import list_rows, translate_instances, unwrap_rows
from openapi_spec_validator import OpenAPIV31SpecValidator

from .services import Gated, client_of, make_service, model_of, serve, until

DOCS = (Path(__file__).parents[2] / "docs" / "contracts.md").read_text()
SHOWN = [json.loads(block) for block in re.findall(r"```json\n(.*?)\n```", DOCS, re.DOTALL)]
REQUESTS = [one for one in SHOWN if isinstance(one, dict) and "predictions" not in one]
ALL = ("azureml", "kserve", "sagemaker", "vertex")
ROUTES = {"vertex": "/predict", "kserve": "/v1/models/churn:predict", "azureml": "/score"}
ROWS = [[31, "basic"], [45.5, None]]
SIGNATURE = Signature(
    ColumnSchema((Column(DataType.DOUBLE, "age"), Column(DataType.STRING, "plan", required=False))),
    params=(ParamSpec("threshold", DataType.DOUBLE, 0.5),),
)


class Churn:
    """A runtime that gives 1 for a row without a plan, and knows what it was asked last."""

    own_params = frozenset()
    concurrency = 1
    is_row_wise = True

    def __init__(self, *, is_wide: bool = False) -> None:
        self.is_wide = is_wide

    def predict(self, data, params):
        self.ages, self.params = list(data.values["age"]), dict(params)
        churns = np.array([int(plan is None) for plan in data.values["plan"]])
        return {"label": churns, "score": churns / 2} if self.is_wide else churns

    def close(self) -> None:
        """Nothing is held."""


def post(path: str, body: object, runtime: Churn | None = None, **settings) -> httpx.Response:
    settings = {"contracts": ALL, "model_name": "churn"} | settings
    model = model_of(runtime or Churn(), SIGNATURE)
    return serve(model, lambda client: client.post(path, json=body), **settings)


def get(path: str, method: str = "GET", **settings) -> httpx.Response:
    settings = {"contracts": ALL, "model_name": "churn"} | settings
    return serve(
        model_of(Churn(), SIGNATURE), lambda client: client.request(method, path), **settings
    )


@pytest.mark.parametrize("body", REQUESTS, ids=json.dumps)
def test_each_body_in_the_docs_gets_the_answer_in_the_docs(body):
    routes = ["/score"] if "input_data" in body else ["/predict", ROUTES["kserve"]]
    for route in routes:
        answer = post(route, body)
        assert answer.status_code == 200, answer.text
        assert answer.json() == ([0, 1] if route == "/score" else {"predictions": [0, 1]})
        assert answer.json() in SHOWN


def test_the_docs_show_each_form():
    assert len(REQUESTS) == 5


def test_parameters_are_the_params_of_the_model():
    runtime = Churn()
    post("/predict", {"instances": ROWS, "parameters": {"threshold": 0.25}}, runtime)
    assert (runtime.ages, runtime.params) == ([31, 45.5], {"threshold": 0.25})


def test_lists_of_cells_are_no_rows_of_the_scoring_protocol():
    assert post("/invocations", {"instances": ROWS}).status_code == 400


@pytest.mark.parametrize("route", ROUTES.values())
def test_bodies_of_the_scoring_protocol_are_taken_too(route):
    body = {"dataframe_split": {"columns": ["age", "plan"], "data": ROWS}}
    assert post(route, body).status_code == 200


@pytest.mark.parametrize("route", ["/predict", ROUTES["kserve"]])
def test_several_outputs_are_one_entry_a_row(route):
    answer = post(route, {"instances": ROWS}, Churn(is_wide=True))
    expected = [{"label": 0, "score": 0.0}, {"label": 1, "score": 0.5}]
    assert answer.json() == {"predictions": expected}
    assert post("/score", {"input_data": ROWS}, Churn(is_wide=True)).json() == expected


@pytest.mark.parametrize("prediction", [b"{}", b'{"a":[1],"b":[1,2]}', b'{"a":1}', b"7"])
def test_what_has_no_rows_is_answered_as_it_is(prediction):
    answer = b'{"predictions":%b}' % prediction
    assert list_rows(answer) == answer
    assert unwrap_rows(answer) == prediction


def test_an_answer_without_predictions_around_it_stays():
    assert unwrap_rows(b'{"choices":[]}') == b'{"choices":[]}'


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"instances": [[1, "x"], [2]]}, "row 1: found 1 values, expected a list of 2 values"),
        ({"instances": [[1, "x"], {"age": 1}]}, "row 1: found no list"),
        ({"instances": []}, "lacks column"),
        ({"instances": None}, "lacks column"),
        ({"instances": "x"}, "lacks column"),
        ({"instances": [["x", "x"]]}, 'column "age", row 0: found a string'),
        ({"instances": [[1, "x"]], "parameters": [1]}, "params: found"),
        ({"instances": [[1, "x"]], "parameters": {"threshold": "high"}}, "threshold"),
        ({}, "none of"),
        ([], "expected a JSON object"),
    ],
    ids=json.dumps,
)
def test_instances_that_do_not_fit_are_told(body, words):
    answer = post("/predict", body)
    assert answer.status_code == 400
    assert words in answer.json()["message"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"data": []}, "none of the keys input_data, dataframe_split"),
        ({"input_data": None}, "lacks column"),
        ({"input_data": []}, "lacks column"),
        ({"input_data": {"columns": ["age"], "data": [[1, 2]]}}, "row 0: found 2 values"),
        ({"input_data": {"age": ["x"], "plan": ["x"]}}, 'column "age", row 0'),
    ],
    ids=json.dumps,
)
def test_input_data_that_do_not_fit_are_told(body, words):
    answer = post("/score", body)
    assert answer.status_code == 400
    assert words in answer.json()["message"]


def test_lists_are_the_cells_of_a_model_of_one_nested_column():
    spec = ModelSpec({}, Signature(ColumnSchema((Column(Array(DataType.LONG), "x"),))))
    assert translate_instances({"instances": [[1, 2]]}, spec)["instances"] == [[1, 2]]


def test_a_model_with_type_hints_gets_the_instances_as_its_input():
    spec = ModelSpec({}, SIGNATURE, is_signature_from_type_hint=True)
    body = translate_instances({"instances": ["a"], "parameters": {"t": 1}}, spec)
    assert body == {"inputs": ["a"], "params": {"t": 1}}


def test_requests_of_all_routes_share_a_call_of_the_model():
    runtime = Gated()
    signature = Signature(ColumnSchema((Column(DataType.DOUBLE, "x"),)))
    row = {"instances": [{"x": 1}]}

    async def scenario(client):
        runtime.gate.clear()
        first = asyncio.create_task(client.post("/invocations", json=row))
        await asyncio.to_thread(runtime.entered.wait)
        paths = ("/invocations", "/predict", "/v1/models/m:predict")
        others = [asyncio.create_task(client.post(path, json=row)) for path in paths]
        await until(client, "mlserve_queued_rows", 3)
        runtime.gate.set()
        return [answer.json() for answer in await asyncio.gather(first, *others)]

    settings = {"contracts": ALL, "model_name": "m", "max_batch_rows": 8}
    answers = serve(model_of(runtime, signature), scenario, **settings)
    assert answers == [{"predictions": [2]}] * 4
    assert runtime.calls[-1] == [1, 1, 1]


def test_kserve_lists_the_model_and_tells_that_it_is_ready():
    assert get("/v1/models").json() == {"models": ["churn"]}
    assert get("/v1/models/churn").json() == {"name": "churn", "ready": True}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/models/other", 404),
        ("POST", "/v1/models/other:predict", 404),
        ("POST", "/v1/models/churn", 405),
        ("GET", "/v1/models/churn:predict", 405),
        ("POST", "/v1/models", 405),
        ("GET", "/score", 405),
        ("GET", "/predict", 405),
        ("POST", "/execution-parameters", 405),
    ],
)
def test_another_model_or_method_is_refused(method, path, status):
    answer = get(path, method)
    assert answer.status_code == status
    assert answer.json().keys() == {"error_code", "message"}


@pytest.mark.parametrize("name", ["a b", "é", "{x}{x}", "a/b"])
def test_a_model_of_any_name_is_found(name):
    assert get(f"/v1/models/{name}", model_name=name).json()["name"] == name
    body = {"instances": ROWS}
    assert post(f"/v1/models/{name}:predict", body, model_name=name).status_code == 200


@pytest.mark.parametrize(("body_mb", "workers"), [(64, 1), (64, 64), (1, 64), (1, 1024)])
def test_a_batch_transform_is_told_what_the_service_takes(body_mb, workers):
    told = get("/execution-parameters", max_body_mb=body_mb, workers=workers).json()
    assert told["BatchStrategy"] == "MULTI_RECORD"
    assert 1 <= told["MaxPayloadInMB"] <= body_mb
    assert 1 <= told["MaxConcurrentTransforms"] * told["MaxPayloadInMB"] <= 100


@pytest.mark.parametrize("path", ["/score", "/predict", "/v1/models", "/execution-parameters"])
def test_a_route_that_nobody_asked_for_is_not_there(path):
    assert get(path, contracts=()).status_code == 404


def test_azure_asks_for_health_where_others_see_the_page():
    assert get("/").json() == {"status": "ready"}
    assert "<html" in get("/", contracts=("kserve",)).text


@pytest.mark.parametrize("path", ["/", "/here", "/v1/models/churn"])
def test_the_paths_that_the_environment_chose_come_first(path):
    settings = {"health_route": path, "predict_route": path}
    assert get(path, **settings).json() == {"status": "ready"}
    assert post(path, {"instances": ROWS}, **settings).status_code == 200


def test_the_scoring_route_may_be_the_one_that_the_environment_chose():
    settings = {"contracts": ("vertex",), "predict_route": "/invocations"}
    assert post("/invocations", {"instances": ROWS}, **settings).status_code == 200


@pytest.mark.parametrize("path", ["/", "/alive", "/v1/models/churn"])
def test_a_service_that_is_not_ready_says_so_on_every_route_of_health(path):
    async def main() -> httpx.Response:
        settings = {"contracts": ALL, "model_name": "churn", "health_route": "/alive"}
        async with client_of(make_service(model_of(Churn(), SIGNATURE), **settings)) as client:
            return await client.get(path)

    assert asyncio.run(main()).status_code == 503


@pytest.mark.parametrize("name", ["churn", "a b", "{x}"])
def test_the_description_has_the_routes_of_platforms(name):
    document = get("/openapi.json", model_name=name, health_route="/v1/alive").json()
    OpenAPIV31SpecValidator(document).validate()
    told = {f"{method} {path}" for path, methods in document["paths"].items() for method in methods}
    expected = {"get /v1/alive", "get /", "get /v1/models", "get /execution-parameters"}
    expected |= {"post /predict", "post /score"}
    if "{" not in name:
        expected |= {f"get /v1/models/{name}", f"post /v1/models/{name}:predict"}
    assert expected <= told
