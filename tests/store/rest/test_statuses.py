"""The status and the code of every error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mlserve.runtimes.errors import InvalidSetting, MissingExtra, MLServeError
from mlserve.store import errors
from mlserve.store.rest import refusals
from mlserve.store.rest.answers import error_answer
from mlserve.store.rest.statuses import STATUSES, find_status

# Those after which MLflow's clients try again, for minutes.
RETRIED = {408, 429, 500, 502, 503, 504}
OURS = {errors.StoreUnavailable, errors.ServerRefused}
ROOTS = {errors.StoreError, refusals.Refusal}


def below(root):
    return {root}.union(*(below(kind) for kind in root.__subclasses__()))


ERRORS = below(errors.StoreError) | below(refusals.Refusal)


@pytest.mark.parametrize("kind", ERRORS - ROOTS, ids=lambda kind: kind.__name__)
def test_every_error_has_a_row_of_its_own_or_of_a_parent_that_is_no_root(kind):
    assert any(parent in STATUSES for parent in kind.__mro__ if parent in ERRORS)


@pytest.mark.parametrize("kind", ERRORS - ROOTS - OURS, ids=lambda kind: kind.__name__)
def test_no_fault_of_a_client_has_a_status_after_which_it_tries_again(kind):
    status = find_status(kind.__new__(kind))
    assert status.http not in RETRIED
    assert status.is_told


@pytest.mark.parametrize("error", [ZeroDivisionError(), InvalidSetting("x"), MLServeError("x")])
def test_what_nobody_foresaw_is_an_internal_error(error):
    assert (find_status(error).http, find_status(error).code) == (500, "INTERNAL_ERROR")


def test_an_error_is_told_in_the_shape_of_mlflow():
    answer = error_answer(errors.NotFound("Run with id=x not found"), "id-1")
    assert answer.status == 404
    assert json.loads(answer.body) == {
        "error_code": "RESOURCE_DOES_NOT_EXIST",
        "message": "Run with id=x not found",
    }


def test_an_internal_error_tells_its_id_and_nothing_else():
    answer = error_answer(ZeroDivisionError("the secret"), "id-1")
    assert b"id-1" in answer.body
    assert b"secret" not in answer.body


def test_a_store_that_does_not_answer_asks_to_try_again_and_tells_no_address():
    answer = error_answer(errors.StoreUnavailable("no connection to db.internal"), "id-1")
    assert (b"retry-after", b"1") in answer.headers
    assert (answer.status, b"db.internal" in answer.body) == (503, False)


def test_a_package_that_is_missing_on_the_server_is_told_and_not_tried_again():
    answer = error_answer(MissingExtra("S3", "s3fs", "s3"), "id-1")
    assert (answer.status, b"s3fs" in answer.body) == (501, True)


def test_a_lone_surrogate_in_a_message_is_spelt_out():
    answer = error_answer(errors.NotFound("\ud800"), "id-1")
    assert json.loads(answer.body)["message"] == "\\ud800"


@pytest.mark.parametrize(
    ("error", "header"),
    [
        (
            errors.Unauthenticated(),
            (b"www-authenticate", b'Basic realm="mlserve", charset="UTF-8"'),
        ),
        (refusals.WrongMethod("PUT", "/x", ["POST", "GET"]), (b"allow", b"GET, POST")),
        (refusals.RangeOutside("bytes=9-", 5), (b"content-range", b"bytes */5")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_client_needs_to_do_better_is_in_the_headers(error, header):
    assert header in error_answer(error, "id-1").headers


@pytest.mark.parametrize("status", {*STATUSES.values()}, ids=str)
def test_the_docs_tell_when_a_status_is_answered(status):
    page = (Path(__file__).parents[3] / "docs" / "store-protocol.md").read_text()
    # No server of ours asks another one.
    assert f"| {status.http} | `{status.code}` |" in page or status.http == 502
