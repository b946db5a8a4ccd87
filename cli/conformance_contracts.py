"""What each contract asks of a service: a table of checks, each a question and what must come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from .conformance_checks import (
    Check,
    Subject,
    expect_rows,
    expect_status,
    expect_within,
    read_predictions,
)
from .conformance_example import Example
from .conformance_service import JSON, Answer, Unmet

_XML: Final = "application/xml"
_NOWHERE: Final = "no-such-model"


def _get(path: str) -> Callable[[Subject], str]:
    return lambda subject: expect_status(subject.service.get(path), 200)


# The bodies of the scoring protocol that hold the example.


def _body(example: Example) -> dict[str, Any]:
    data: dict[str, Any] = (
        {"dataframe_split": example.as_split()} if example.columns else {"inputs": example.rows}
    )
    return data | ({"params": example.params} if example.params else {})


def _invoke(subject: Subject, **headers: str) -> Answer:
    return subject.service.post("/invocations", _body(subject.example), **headers)


def _score(subject: Subject) -> str:
    read_predictions(_invoke(subject))
    return "predictions"


def _is_table(example: Example) -> bool:
    return example.columns is not None


def _same_as_split(form: str, make: Callable[[Example], Any]) -> Callable[[Subject], str]:
    """Return a check that another form of the same table gives the same predictions."""

    def find(subject: Subject) -> str:
        expected = read_predictions(_invoke(subject))
        params = {"params": subject.example.params} if subject.example.params else {}
        body = {form: make(subject.example), **params}
        if read_predictions(subject.service.post("/invocations", body)) != expected:
            raise Unmet("other predictions than for dataframe_split")
        return "the predictions of dataframe_split"

    return find


def _csv(subject: Subject) -> str:
    text = subject.example.as_csv()
    predictions = read_predictions(subject.service.post("/invocations", text, "text/csv"))
    return expect_rows(predictions, subject.example)


def _charset(subject: Subject) -> str:
    return expect_status(
        subject.service.post("/invocations", _body(subject.example), f"{JSON}; charset=utf-8"),
        200,
    )


def _refusal(body: Any) -> Callable[[Subject], str]:
    def find(subject: Subject) -> str:
        answer = subject.service.post("/invocations", body)
        found = expect_status(answer, 400)
        document = answer.document()
        if not isinstance(document, dict) or not {"error_code", "message"} <= document.keys():
            raise Unmet(f"{found} without error_code and message")
        return f"{found}, {document['error_code']}"

    return find


def _version(subject: Subject) -> str:
    answer = subject.service.get("/version")
    expect_status(answer, 200)
    if not answer.body.strip():
        raise Unmet("an empty answer")
    return answer.body[:40].decode("utf-8", "replace").strip()


# SageMaker


def _ping_in_time(subject: Subject) -> str:
    return expect_within(subject.service.get("/ping"), 2)


def _connect_in_time(subject: Subject) -> str:
    seconds = subject.service.get("/ping").connect_seconds
    if seconds > 0.25:
        raise Unmet(f"{seconds:.3f} s")
    return f"{seconds:.3f} s"


def _invoke_in_time(subject: Subject) -> str:
    return expect_within(_invoke(subject), 60)


def _typed_answer(subject: Subject) -> str:
    answer = _invoke(subject)
    expect_status(answer, 200)
    if not answer.content_type or not answer.body:
        raise Unmet("an answer without a body or its type")
    return answer.content_type


def _custom_attributes(subject: Subject) -> str:
    return expect_status(_invoke(subject, X_Amzn_SageMaker_Custom_Attributes="trace=1"), 200)


def _refused_by_caller(subject: Subject) -> str:
    answer = subject.service.post("/invocations", "{")
    if not 400 <= answer.status < 500:
        raise Unmet(f"status {answer.status}")
    return f"status {answer.status}"


def _execution_parameters(subject: Subject) -> str:
    answer = subject.service.get("/execution-parameters")
    if answer.status == 404:
        return "not offered"
    expect_status(answer, 200)
    told = answer.document()
    if not isinstance(told, dict):
        raise Unmet("no JSON object")
    transforms, payload = told.get("MaxConcurrentTransforms"), told.get("MaxPayloadInMB")
    if not isinstance(transforms, int) or not isinstance(payload, int):
        raise Unmet("no whole numbers MaxConcurrentTransforms and MaxPayloadInMB")
    if told.get("BatchStrategy") not in ("MULTI_RECORD", "SINGLE_RECORD"):
        raise Unmet(f"the BatchStrategy {told.get('BatchStrategy')}")
    if transforms * payload > 100:
        raise Unmet(f"{transforms} transforms of {payload} MB are over 100 MB")
    return f"{transforms} transforms of {payload} MB"


# Vertex AI


def _vertex_health(subject: Subject) -> str:
    return expect_within(subject.service.get(subject.health_route), 10)


def _instances(example: Example) -> dict[str, Any]:
    return {"instances": example.rows}


def _vertex_predict(subject: Subject) -> str:
    answer = subject.service.post(subject.predict_route, _instances(subject.example))
    return expect_rows(read_predictions(answer), subject.example)


def _vertex_parameters(subject: Subject) -> str:
    body = {**_instances(subject.example), "parameters": dict(subject.example.params)}
    answer = subject.service.post(subject.predict_route, body)
    return expect_rows(read_predictions(answer), subject.example)


def _vertex_type(subject: Subject) -> str:
    answer = subject.service.post(subject.predict_route, _instances(subject.example))
    expect_status(answer, 200)
    if answer.content_type.partition(";")[0].strip() != JSON:
        raise Unmet(f"the content type {answer.content_type}")
    return answer.content_type


# Azure ML


def _azure_score(make: Callable[[Example], Any]) -> Callable[[Subject], str]:
    def find(subject: Subject) -> str:
        params = {"params": subject.example.params} if subject.example.params else {}
        body = {"input_data": make(subject.example), **params}
        answer = subject.service.post(subject.predict_route, body)
        expect_status(answer, 200)
        return expect_rows(answer.document(), subject.example)

    return find


def _azure_health(subject: Subject) -> str:
    return expect_status(subject.service.get(subject.health_route), 200)


def _as_lists(example: Example) -> list[Any]:
    return example.cells() if example.columns else example.rows


def _split_with_index(example: Example) -> dict[str, Any]:
    return {**example.as_split(), "index": list(range(len(example.rows)))}


# KServe


def _kserve_path(subject: Subject, verb: str = "") -> str:
    return f"/v1/models/{quote(subject.model)}{verb}"


def _kserve_models(subject: Subject) -> str:
    answer = subject.service.get("/v1/models")
    expect_status(answer, 200)
    document = answer.document()
    models = document.get("models") if isinstance(document, dict) else None
    if not isinstance(models, list) or subject.model not in models:
        raise Unmet(f"models are {models}, expected {subject.model} among them")
    return f"{len(models)} models"


def _kserve_ready(subject: Subject) -> str:
    answer = subject.service.get(_kserve_path(subject))
    expect_status(answer, 200)
    document = answer.document()
    if not isinstance(document, dict) or document.get("name") != subject.model:
        raise Unmet("no name of the model")
    if document.get("ready") not in (True, "True"):  # KServe's own server has told both
        raise Unmet(f"ready is {document.get('ready')}")
    return "ready"


def _kserve_unknown(subject: Subject) -> str:
    return expect_status(subject.service.get(f"/v1/models/{_NOWHERE}"), 404)


def _kserve_predict(subject: Subject) -> str:
    path = _kserve_path(subject, ":predict")
    answer = subject.service.post(path, _instances(subject.example))
    return expect_rows(read_predictions(answer), subject.example)


def _kserve_predict_unknown(subject: Subject) -> str:
    path = f"/v1/models/{_NOWHERE}:predict"
    return expect_status(subject.service.post(path, _instances(subject.example)), 404)


def _kserve_refusal(subject: Subject) -> str:
    return expect_status(subject.service.post(_kserve_path(subject, ":predict"), "{"), 400)


CHECKS: Final[Mapping[str, tuple[Check, ...]]] = {
    "mlflow": (
        Check("ping", "GET /ping answers 200", _get("/ping")),
        Check("health", "GET /health answers 200", _get("/health")),
        Check("version", "GET /version answers 200 with a text", _version),
        Check("scoring", "POST /invocations answers 200 with an object of predictions", _score),
        Check(
            "records",
            "dataframe_records is read",
            _same_as_split("dataframe_records", lambda one: one.rows),
            _is_table,
        ),
        Check(
            "instances",
            "instances is read",
            _same_as_split("instances", lambda one: one.rows),
            _is_table,
        ),
        Check("inputs", "inputs is read", _same_as_split("inputs", Example.as_columns), _is_table),
        Check("csv", "text/csv is read", _csv, lambda one: one.is_plain_table),
        Check("charset", "a charset beside the media type is read", _charset),
        Check(
            "broken", "a body that is no JSON is refused with 400 and an error_code", _refusal("{")
        ),
        Check("no format", "a body with none of the four keys is refused likewise", _refusal({})),
        Check(
            "media type",
            "another media type is refused with 415",
            lambda one: expect_status(one.service.post("/invocations", "<a/>", _XML), 415),
        ),
        Check(
            "method",
            "GET /invocations is refused with 405",
            lambda one: expect_status(one.service.get("/invocations"), 405),
        ),
    ),
    "sagemaker": (
        Check("ping", "GET /ping answers 200 within 2 s", _ping_in_time),
        Check("connection", "a connection is accepted within 250 ms", _connect_in_time),
        Check("invocations", "POST /invocations answers 200 within 60 s", _invoke_in_time),
        Check("content type", "an answer has a body and says of what type", _typed_answer),
        Check("attributes", "X-Amzn-SageMaker-Custom-Attributes is let pass", _custom_attributes),
        Check("bad input", "what is the caller's fault is answered 4xx", _refused_by_caller),
        Check(
            "batch",
            "GET /execution-parameters, where offered, is whole and within 100 MB",
            _execution_parameters,
        ),
    ),
    "vertex": (
        Check("health", "the health route answers 200 within 10 s", _vertex_health),
        Check("predict", "instances give one prediction each, in predictions", _vertex_predict),
        Check("parameters", "parameters beside the instances are read", _vertex_parameters),
        Check("content type", "an answer is application/json", _vertex_type),
    ),
    "azureml": (
        Check("health", "the route of liveness and readiness answers 200", _azure_health),
        Check(
            "split",
            "input_data of columns, index and data gives a bare list",
            _azure_score(_split_with_index),
            _is_table,
        ),
        Check("rows", "input_data of rows gives a bare list", _azure_score(_as_lists)),
        Check(
            "columns",
            "input_data of columns by name gives a bare list",
            _azure_score(Example.as_columns),
            _is_table,
        ),
    ),
    "kserve": (
        Check("models", "GET /v1/models lists the model", _kserve_models),
        Check("ready", "GET /v1/models/NAME tells its name and that it is ready", _kserve_ready),
        Check("unknown", "GET of another model answers 404", _kserve_unknown),
        Check("predict", "instances give one prediction each, in predictions", _kserve_predict),
        Check(
            "predict unknown", "predictions of another model answer 404", _kserve_predict_unknown
        ),
        Check("bad input", "a body that is no JSON is refused with 400", _kserve_refusal),
    ),
}
"""The checks of each contract, in the order in which they are made."""
