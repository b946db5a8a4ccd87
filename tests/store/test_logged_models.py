"""Logged models: what a new one has, its status, tags, params and deletion."""

from __future__ import annotations

import re

import pytest
from mlserve.store.entities import Metric, Param, Tag
from mlserve.store.errors import InvalidParameter, NotFound
from mlserve.store.logged_models import load_logged_models
from mlserve.store.tracking_operations import (
    CREATE_LOGGED_MODEL,
    DELETE_EXPERIMENT,
    DELETE_LOGGED_MODEL,
    DELETE_LOGGED_MODEL_TAG,
    FINALIZE_LOGGED_MODEL,
    GET_LOGGED_MODEL,
    LOG_BATCH,
    LOG_LOGGED_MODEL_PARAMS,
    SET_LOGGED_MODEL_TAGS,
)
from mlserve.store.tracking_requests import (
    CreateLoggedModel,
    DeleteLoggedModelTag,
    ExperimentId,
    FinalizeLoggedModel,
    LogBatch,
    LoggedModelId,
    LogLoggedModelParams,
    SetLoggedModelTags,
)

from .tracking import new_experiment, new_model, new_run, read_run, refusal

MISSING = "m-" + "0" * 32


def read(call, model_id):
    return call(GET_LOGGED_MODEL, LoggedModelId(model_id)).model


def writes(model_id):
    """Every operation that changes a logged model but its deletion."""
    return [
        (FINALIZE_LOGGED_MODEL, FinalizeLoggedModel(model_id, "LOGGED_MODEL_READY")),
        (SET_LOGGED_MODEL_TAGS, SetLoggedModelTags(model_id, [Tag("k", "v")])),
        (DELETE_LOGGED_MODEL_TAG, DeleteLoggedModelTag(model_id, "k")),
        (LOG_LOGGED_MODEL_PARAMS, LogLoggedModelParams(model_id, [Param("k", "v")])),
    ]


class TestLoggedModels:
    def test_a_new_one_is_answered_as_mlflow_does(self, call):
        experiment = new_experiment(call)
        run_id = new_run(call, experiment)
        request = CreateLoggedModel(
            experiment, "model", "agent", run_id, [Param("p", "1")], [Tag("b", "2"), Tag("a", "")]
        )
        model = call(CREATE_LOGGED_MODEL, request).model
        info = model.info
        assert re.fullmatch("m-[0-9a-f]{32}", info.model_id)
        assert (info.experiment_id, info.name, info.model_type) == (experiment, "model", "agent")
        assert (info.status, info.source_run_id) == ("LOGGED_MODEL_PENDING", run_id)
        assert info.artifact_uri == (
            f"mlflow-artifacts:/{experiment}/models/{info.model_id}/artifacts"
        )
        assert info.creation_timestamp_ms == info.last_updated_timestamp_ms > 0
        assert info.tags == [Tag("a", ""), Tag("b", "2")]
        assert (model.data.params, model.data.metrics) == ([Param("p", "1")], [])
        assert read(call, info.model_id) == model

    @pytest.mark.parametrize("name", [None, ""])
    def test_one_without_a_name_gets_a_readable_one(self, call, name):
        model = call(CREATE_LOGGED_MODEL, CreateLoggedModel("0", name)).model
        assert re.fullmatch(r"[a-z]+-[a-z]+-\d{1,3}", model.info.name)
        assert (model.info.model_type, model.info.source_run_id) == ("", None)

    @pytest.mark.parametrize("name", ["a/b", "a:b", "a.b", "a%b", 'a"b', "a'b", "../a", "a\0"])
    def test_a_name_that_mlflow_does_not_take_is_refused(self, call, name):
        refusal(InvalidParameter, call, CREATE_LOGGED_MODEL, CreateLoggedModel("0", name))

    @pytest.mark.parametrize(
        "fields",
        [
            {"name": "n" * 501}, {"model_type": "t" * 501}, {"source_run_id": "r" * 33},
            {"params": [Param("", "1")]}, {"params": [Param("k" * 251, "1")]},
            {"params": [Param("k", "1"), Param("k", "2")]}, {"tags": [Tag("k", "\0")]},
            {"params": [Param("k", "v" * 100_001)]}, {"tags": [Tag("\ud800", "")]},
        ],
    )  # fmt: skip
    def test_what_cannot_be_kept_is_refused(self, call, fields):
        refusal(InvalidParameter, call, CREATE_LOGGED_MODEL, CreateLoggedModel("0", **fields))

    def test_one_in_an_experiment_that_is_not_there_or_deleted_is_refused(self, call):
        experiment = new_experiment(call)
        call(DELETE_EXPERIMENT, ExperimentId(experiment))
        refusal(InvalidParameter, call, CREATE_LOGGED_MODEL, CreateLoggedModel(experiment))
        refusal(NotFound, call, CREATE_LOGGED_MODEL, CreateLoggedModel("99"))

    @pytest.mark.parametrize("status", ["LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"])
    def test_one_is_finished(self, call, status):
        model_id = new_model(call)
        request = FinalizeLoggedModel(model_id, status)
        answer = call(FINALIZE_LOGGED_MODEL, request)
        assert answer.model.info.status == status
        assert read(call, model_id) == answer.model

    @pytest.mark.parametrize("status", ["", "READY", "LOGGED_MODEL_STATUS_UNSPECIFIED", "x"])
    def test_a_status_that_there_is_not_is_refused(self, call, status):
        request = FinalizeLoggedModel(new_model(call), status)
        refusal(InvalidParameter, call, FINALIZE_LOGGED_MODEL, request)

    def test_tags_are_set_over_what_they_were_and_deleted(self, call):
        model_id = new_model(call, tags=[Tag("a", "1"), Tag("b", "1")])
        tags = [Tag("b", "2"), Tag("c(d)", "2"), Tag("b", "3")]
        call(SET_LOGGED_MODEL_TAGS, SetLoggedModelTags(model_id, tags))
        call(DELETE_LOGGED_MODEL_TAG, DeleteLoggedModelTag(model_id, "a"))
        assert read(call, model_id).info.tags == [Tag("b", "3"), Tag("c(d)", "2")]

    def test_a_tag_that_is_not_there_cannot_be_deleted(self, call):
        model_id = new_model(call)
        request = DeleteLoggedModelTag(model_id, "a")
        message = refusal(NotFound, call, DELETE_LOGGED_MODEL_TAG, request)
        assert message == f"No tag with key 'a' found for model with ID '{model_id}'."

    def test_params_are_written_once_and_all_or_none(self, call):
        model_id = new_model(call, params=[Param("a", "1")])
        call(LOG_LOGGED_MODEL_PARAMS, LogLoggedModelParams(model_id, [Param("a", "1")]))
        changed = LogLoggedModelParams(model_id, [Param("b", "1"), Param("a", "2")])
        assert refusal(InvalidParameter, call, LOG_LOGGED_MODEL_PARAMS, changed) == (
            "Changing param values is not allowed. Param with key='a' was already logged with "
            f"value='1' for model ID='{model_id}'. Attempted logging new value '2'."
        )
        assert read(call, model_id).data.params == [Param("a", "1")]

    def test_a_deleted_one_is_gone_and_stays_so(self, call):
        model_id = new_model(call)
        for _ in range(2):
            call(DELETE_LOGGED_MODEL, LoggedModelId(model_id))
        for operation, request in [
            *writes(model_id),
            (GET_LOGGED_MODEL, LoggedModelId(model_id)),
        ]:
            message = refusal(NotFound, call, operation, request)
            assert message == f"Logged model with ID '{model_id}' not found."

    def test_one_that_is_not_there_is_not_found_in_mlflows_words(self, call):
        for operation, request in [
            *writes(MISSING),
            (GET_LOGGED_MODEL, LoggedModelId(MISSING)),
            (DELETE_LOGGED_MODEL, LoggedModelId(MISSING)),
        ]:
            message = refusal(NotFound, call, operation, request)
            assert message == f"Logged model with ID '{MISSING}' not found."

    def test_the_metrics_that_a_client_logs_again_for_a_model_are_of_both(self, call):
        run_id = new_run(call)
        points = [Metric("m", 0.5, 1, 0), Metric("m", "NaN", 2, 1)]
        call(LOG_BATCH, LogBatch(run_id=run_id, metrics=points))
        model_id = new_model(call, source_run_id=run_id)
        again = [Metric(p.key, p.value, p.timestamp, p.step, model_id) for p in points]
        call(LOG_BATCH, LogBatch(run_id=run_id, metrics=again))
        assert read(call, model_id).data.metrics == [
            Metric(p.key, p.value, p.timestamp, p.step, model_id, run_id=run_id) for p in points
        ]
        assert read_run(call, run_id).data.metrics == [points[1]]


def test_logged_models_are_loaded_whole_in_the_order_asked_for(store, call):
    made = [new_model(call, params=[Param("p", str(n))], tags=[Tag("t", "")]) for n in range(3)]
    with store.database.read() as connection:
        loaded = load_logged_models(connection, [made[2], MISSING, made[0]])
    assert loaded == [read(call, made[2]), read(call, made[0])]
