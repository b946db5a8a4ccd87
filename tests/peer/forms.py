"""How our answers differ from MLflow's in form where they agree in what they say."""

from __future__ import annotations

from dataclasses import dataclass

from .cases import ROW
from .exchanges import Request, json_request


@dataclass(frozen=True, slots=True)
class Form:
    """Something that one request shows: ``has`` is in MLflow's answer, and never in ours."""

    key: str
    model: str
    request: Request
    has: str


def _answer(kind: str) -> Request:
    return json_request({"inputs": [kind]})


FORMS = [
    Form("strict-json", "answers", _answer("floats"), "NaN"),
    Form("strict-json", "answers", _answer("nested_nan"), "Infinity"),
    Form("no-stack-traces", "answers", _answer("value_error"), "Traceback"),
    Form("no-echo", "answers", _answer("value_error_x"), "value_error_x"),
    Form(
        "no-echo",
        "sklearn_pickle",
        json_request({"dataframe_records": [{**ROW, "a": "a secret"}]}),
        "a secret",
    ),
    Form("json-errors", "sklearn_pickle", Request(b"", (), "GET", "/nowhere"), '{"detail":'),
    Form(
        "json-errors",
        "sklearn_pickle",
        Request(b"x", (("content-type", "text/plain"),)),
        "This predictor only supports",
    ),
]
