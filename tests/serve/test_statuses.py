"""Each error is answered with its own status, MLflow's error code and a message."""

from __future__ import annotations

import inspect
import json

import pytest
from mlserve.runtimes import errors
from mlserve.serve.statuses import STATUSES, encode_error, find_status

CLASSES = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.MLServeError) and kind is not errors.MLServeError
]

# MLflow's map of error codes to statuses, for the codes that mlserve answers with.
MLFLOW_STATUSES = {
    "BAD_REQUEST": 400,
    "INVALID_PARAMETER_VALUE": 400,
    "TEMPORARILY_UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
    "INTERNAL_ERROR": 500,
}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_class_has_a_row_of_its_own_or_of_an_ancestor(kind: type[Exception]) -> None:
    assert any(ancestor in STATUSES for ancestor in kind.__mro__)


def test_the_root_has_no_row_so_that_a_new_branch_must_get_one() -> None:
    assert not any(ancestor in STATUSES for ancestor in errors.MLServeError.__mro__)


@pytest.mark.parametrize("status", STATUSES.values(), ids=lambda status: f"{status.http}")
def test_an_error_code_means_the_class_of_status_that_it_means_in_mlflow(status) -> None:
    assert MLFLOW_STATUSES[status.code] // 100 == status.http // 100


@pytest.mark.parametrize(
    ("error", "http", "code"),
    [
        (errors.MalformedRequest("no JSON"), 400, "BAD_REQUEST"),
        (errors.SchemaViolation("no column"), 400, "INVALID_PARAMETER_VALUE"),
        (errors.MissingColumns(["a"], ["b"]), 400, "INVALID_PARAMETER_VALUE"),
        (errors.InvalidCell("a", 3, "a string", "double"), 400, "INVALID_PARAMETER_VALUE"),
        (errors.InvalidParams("no param"), 400, "INVALID_PARAMETER_VALUE"),
        (errors.UnsupportedContentType("text/plain"), 415, "BAD_REQUEST"),
        (errors.BodyTooLarge(100), 413, "BAD_REQUEST"),
        (errors.QueueFull(10), 503, "TEMPORARILY_UNAVAILABLE"),
        (errors.ShuttingDown(), 503, "TEMPORARILY_UNAVAILABLE"),
        (errors.DeadlineExceeded(60), 504, "DEADLINE_EXCEEDED"),
        (errors.PredictionFailed(ValueError("secret")), 400, "BAD_REQUEST"),
        (
            errors.ModelRefused("RESOURCE_DOES_NOT_EXIST", "no such user"),
            404,
            "RESOURCE_DOES_NOT_EXIST",
        ),
        (errors.ModelRefused("NOT_IMPLEMENTED", "not yet"), 501, "NOT_IMPLEMENTED"),
        (errors.ModelRefused("UNHEARD_OF", "odd"), 500, "INTERNAL_ERROR"),
        (errors.WrongRowCount(1, 2), 500, "INTERNAL_ERROR"),
        (errors.UnencodablePrediction("set"), 500, "INTERNAL_ERROR"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_an_error_is_answered_with_its_status_and_code(error, http, code) -> None:
    answer = encode_error(error, "r-1")
    assert (answer.status, json.loads(answer.body)["error_code"]) == (http, code)


def test_the_callers_fault_is_told_word_for_word() -> None:
    answer = encode_error(errors.InvalidParams("params: found a list, expected an object"), "r-1")
    assert json.loads(answer.body) == {
        "error_code": "INVALID_PARAMETER_VALUE",
        "message": "params: found a list, expected an object",
    }


def test_a_fault_of_the_service_names_the_request() -> None:
    answer = encode_error(errors.WrongRowCount(3, 4), "r-1")
    assert json.loads(answer.body)["message"] == (
        "the model returned 3 rows for 4 rows of input (request id r-1)"
    )


@pytest.mark.parametrize(
    "error", [RuntimeError("/etc/secret"), errors.MLServeError("/etc/secret")], ids=repr
)
def test_an_unknown_exception_is_500_without_detail(error: Exception) -> None:
    answer = encode_error(error, "r-1")
    assert answer.status == 500
    assert json.loads(answer.body) == {
        "error_code": "INTERNAL_ERROR",
        "message": "the service failed on this request (request id r-1)",
    }


@pytest.mark.parametrize("error", [errors.QueueFull(1), errors.ShuttingDown()], ids=repr)
def test_a_refusal_for_now_says_when_to_try_again(error: errors.Unavailable) -> None:
    assert (b"retry-after", b"1") in encode_error(error, "r-1").headers


def test_a_fault_that_stays_does_not_invite_a_retry() -> None:
    names = [name for name, _ in encode_error(errors.WrongRowCount(1, 2), "r-1").headers]
    assert names == [b"content-type"]


def test_a_message_with_a_lone_surrogate_is_still_json() -> None:
    answer = encode_error(errors.SchemaViolation('column "\ud800"'), "r-1")
    assert json.loads(answer.body)["message"] == 'column "\\ud800"'


def test_a_class_that_is_derived_from_a_known_one_is_answered_as_that_one() -> None:
    class NewRefusal(errors.QueueFull):
        pass

    assert find_status(NewRefusal(1)) is STATUSES[errors.Unavailable]
