"""Our answers have a form of their own where MLflow's would do harm."""

from __future__ import annotations

import pytest
from mlserve.serve.statuses import STATUSES

from .forms import FORMS

pytestmark = pytest.mark.filterwarnings("ignore")
BAD = [form for form in FORMS if form.key != "strict-json"]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.key}: {form.has}")
def test_our_answer_has_not_what_mlflows_has(ask, form):
    exchange = ask(form.model, form.request)
    assert exchange.is_same, str(exchange)
    assert form.has in exchange.theirs.text
    assert form.has not in exchange.ours.text


@pytest.mark.parametrize("form", BAD, ids=lambda form: f"{form.key}: {form.has}")
def test_every_error_of_ours_is_an_object_of_a_code_and_a_message(ask, form):
    error = ask(form.model, form.request).ours.value
    assert error.keys() == {"error_code", "message"}
    assert error["error_code"] in {status.code for status in STATUSES.values()} | {
        "ENDPOINT_NOT_FOUND"
    }


def test_mlflows_client_reads_our_answer(peer, ask):
    form = next(form for form in FORMS if form.key == "strict-json")
    answer = ask(form.model, form.request).ours.text
    assert peer.read_predictions(answer) == [0.5, None, None, None]
