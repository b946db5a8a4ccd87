"""Runs: what a new one has, its status and name, deletion and restoration, loading many."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from mlserve.store.entities import Metric, Param, RunInputs, RunOutputs, Tag
from mlserve.store.errors import InvalidParameter, NotFound
from mlserve.store.runs import load_runs
from mlserve.store.tracking_operations import (
    CREATE_RUN,
    DELETE_RUN,
    DELETE_TAG,
    GET_RUN,
    LOG_BATCH,
    LOG_INPUTS,
    LOG_METRIC,
    LOG_MODEL,
    LOG_OUTPUTS,
    LOG_PARAM,
    RESTORE_RUN,
    SET_TAG,
    UPDATE_RUN,
)
from mlserve.store.tracking_requests import (
    CreateRun,
    DeleteTag,
    LogBatch,
    LogInputs,
    LogMetric,
    LogModel,
    LogOutputs,
    LogParam,
    RunId,
    SetTag,
    UpdateRun,
)

from .tracking import NOWHERE, new_experiment, new_run, read_run, refusal, tags_of

NAME = "mlflow.runName"


def writes(run_id):
    """Every operation that changes a run, ready to be done."""
    return [
        (UPDATE_RUN, UpdateRun(run_id=run_id, status="FINISHED")),
        (UPDATE_RUN, UpdateRun(run_id=run_id)),
        (LOG_METRIC, LogMetric(run_id=run_id, key="m", value=1.0, timestamp=1)),
        (LOG_PARAM, LogParam(run_id=run_id, key="p", value="1")),
        (LOG_BATCH, LogBatch(run_id=run_id)),
        (LOG_BATCH, LogBatch(run_id=run_id, tags=[Tag(NAME, "n")])),
        (SET_TAG, SetTag(run_id=run_id, key="t", value="1")),
        (DELETE_TAG, DeleteTag(run_id=run_id, key=NAME)),
        (LOG_INPUTS, LogInputs(run_id=run_id)),
        (LOG_OUTPUTS, LogOutputs(run_id=run_id)),
        (
            LOG_MODEL,
            LogModel(
                run_id=run_id,
                model_json='{"artifact_path":"m","flavors":{},"utc_time_created":"","run_id":"r"}',
            ),
        ),
    ]


class TestRuns:
    def test_a_new_one_is_answered_as_mlflow_does(self, call):
        experiment = new_experiment(call)
        tags = [Tag("mlflow.user", "ann"), Tag("k", "v")]
        run = call(CREATE_RUN, CreateRun(experiment, "ann", "first", 17, tags)).run
        assert run.info.run_uuid == run.info.run_id
        assert re.fullmatch("[0-9a-f]{32}", run.info.run_id)
        assert (run.info.run_name, run.info.user_id) == ("first", "ann")
        assert (run.info.status, run.info.lifecycle_stage) == ("RUNNING", "active")
        assert (run.info.start_time, run.info.end_time) == (17, None)
        assert run.info.artifact_uri == (
            f"mlflow-artifacts:/{experiment}/{run.info.run_id}/artifacts"
        )
        assert run.data.tags == [*tags, Tag(NAME, "first")]
        assert (run.inputs, run.outputs) == (RunInputs(), None)

    def test_a_new_one_is_read_as_it_was_answered(self, call):
        made = call(CREATE_RUN, CreateRun(run_name="n", tags=[Tag("a", "1"), Tag("z", "2")])).run
        run = read_run(call, made.info.run_id)
        assert run.info == made.info
        assert run.data.tags == sorted(made.data.tags, key=lambda tag: tag.key)
        assert (run.inputs, run.outputs) == (RunInputs(), RunOutputs())

    def test_one_without_a_name_gets_a_readable_one(self, call):
        run = call(CREATE_RUN, CreateRun()).run
        assert re.fullmatch(r"[a-z]+-[a-z]+-\d{1,3}", run.info.run_name)
        assert run.data.tags == [Tag(NAME, run.info.run_name)]

    def test_the_name_may_be_given_by_its_tag(self, call):
        run = call(CREATE_RUN, CreateRun(tags=[Tag(NAME, "n")])).run
        assert (run.info.run_name, run.data.tags) == ("n", [Tag(NAME, "n")])

    def test_two_names_that_differ_are_refused_in_mlflows_words(self, call):
        request = CreateRun(run_name="a", tags=[Tag(NAME, "b")])
        assert refusal(InvalidParameter, call, CREATE_RUN, request) == (
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different "
            "values (run_name='a', mlflow.runName='b')."
        )

    @pytest.mark.parametrize(
        ("user", "tags", "expected"),
        [("ann", [Tag("mlflow.user", "bob")], "ann"), (None, [Tag("mlflow.user", "bob")], "bob")],
    )
    def test_the_user_is_who_is_named(self, call, user, tags, expected):
        assert call(CREATE_RUN, CreateRun(user_id=user, tags=tags)).run.info.user_id == expected

    def test_an_empty_experiment_is_the_first(self, call):
        assert call(CREATE_RUN, CreateRun("")).run.info.experiment_id == "0"

    def test_the_last_of_two_tags_with_one_key_counts(self, call):
        run = call(CREATE_RUN, CreateRun(tags=[Tag("k", "1"), Tag("k", "2")])).run
        assert tags_of(call, run.info.run_id)["k"] == "2"

    @pytest.mark.parametrize(
        "request_",
        [
            CreateRun(run_name="n" * 251),
            CreateRun(user_id="u" * 257),
            CreateRun(start_time=2**63),
            CreateRun(tags=[Tag("", "v")]),
            CreateRun(tags=[Tag("k" * 251, "v")]),
            CreateRun(tags=[Tag("k", "\0")]),
            CreateRun(tags=[Tag("\ud800", "")]),
            CreateRun("x"),
        ],
    )
    def test_what_cannot_be_kept_is_refused(self, call, request_):
        refusal(InvalidParameter, call, CREATE_RUN, request_)

    def test_one_in_no_experiment_is_refused(self, call):
        assert refusal(NotFound, call, CREATE_RUN, CreateRun("99")) == (
            "No Experiment with id=99 exists"
        )

    def test_one_is_found_by_the_old_name_of_its_id(self, call):
        run_id = new_run(call)
        assert call(GET_RUN, RunId(run_uuid=run_id)).run.info.run_id == run_id

    def test_no_id_is_refused_in_mlflows_words(self, call):
        assert refusal(InvalidParameter, call, GET_RUN, RunId()) == (
            "Missing value for required parameter 'run_id'. "
            "See the API docs for more information about request parameters."
        )

    def test_one_that_is_not_there_is_not_found_in_mlflows_words(self, call):
        for operation, request in [
            *writes(NOWHERE),
            (GET_RUN, RunId(run_id=NOWHERE)),
            (DELETE_RUN, RunId(run_id=NOWHERE)),
            (RESTORE_RUN, RunId(run_id=NOWHERE)),
        ]:
            message = refusal(NotFound, call, operation, request)
            assert message == f"Run with id={NOWHERE} not found"

    def test_the_message_about_a_long_id_is_short(self, call):
        assert len(refusal(NotFound, call, GET_RUN, RunId(run_id="r" * 100_000))) < 200

    def test_one_is_ended(self, call):
        run_id = new_run(call)
        request = UpdateRun(run_id=run_id, status="FINISHED", end_time=99)
        info = call(UPDATE_RUN, request).run_info
        assert (info.status, info.end_time) == ("FINISHED", 99)
        assert read_run(call, run_id).info == info

    def test_any_status_may_follow_any_other(self, call):
        run_id = new_run(call)
        for status in ["KILLED", "RUNNING", "FAILED", "SCHEDULED", "FINISHED", "RUNNING"]:
            info = call(UPDATE_RUN, UpdateRun(run_id=run_id, status=status)).run_info
            assert info.status == status

    @pytest.mark.parametrize("status", ["", "finished", "READY", "x" * 1000])
    def test_a_status_that_there_is_not_is_refused_with_those_that_there_are(self, call, status):
        request = UpdateRun(run_id=new_run(call), status=status)
        message = refusal(InvalidParameter, call, UPDATE_RUN, request)
        assert "RUNNING, SCHEDULED, FINISHED, FAILED, KILLED" in message
        assert len(message) < 300

    def test_one_gets_another_name_in_its_tag_too(self, call):
        run_id = new_run(call)
        call(UPDATE_RUN, UpdateRun(run_id=run_id, run_name="other"))
        assert read_run(call, run_id).info.run_name == "other"
        assert tags_of(call, run_id)[NAME] == "other"

    def test_an_update_that_says_nothing_changes_nothing(self, call):
        run_id = new_run(call)
        before = read_run(call, run_id)
        assert call(UPDATE_RUN, UpdateRun(run_id=run_id, run_name="")).run_info == before.info
        assert read_run(call, run_id) == before

    def test_one_is_deleted_and_restored(self, call):
        run_id = new_run(call)
        before = read_run(call, run_id)
        call(DELETE_RUN, RunId(run_id=run_id))
        call(DELETE_RUN, RunId(run_id=run_id))
        assert read_run(call, run_id).info.lifecycle_stage == "deleted"
        call(RESTORE_RUN, RunId(run_id=run_id))
        call(RESTORE_RUN, RunId(run_id=run_id))
        assert read_run(call, run_id) == before

    def test_a_deleted_one_is_not_written_in(self, call):
        run_id = new_run(call)
        call(DELETE_RUN, RunId(run_id=run_id))
        before = read_run(call, run_id)
        for operation, request in writes(run_id):
            assert refusal(InvalidParameter, call, operation, request) == (
                f"The run {run_id} must be in the 'active' state. Current state is deleted."
            )
        assert read_run(call, run_id) == before


def test_the_caller_is_the_user_where_none_is_named(store):
    run = CREATE_RUN.run(replace(store, caller="carol"), CreateRun()).run
    assert run.info.user_id == "carol"


def test_a_run_starts_when_it_is_made_where_no_time_is_named(store):
    run = CREATE_RUN.run(replace(store, clock=lambda: 1234), CreateRun()).run
    assert run.info.start_time == 1234


def test_runs_are_loaded_whole_in_the_order_asked_for(store, call):
    run_ids = [new_run(call) for _ in range(4)]
    for number, run_id in enumerate(run_ids):
        batch = LogBatch(
            run_id=run_id,
            metrics=[Metric("m", float(number), 1, 2)],
            params=[Param("p", str(number))],
        )
        call(LOG_BATCH, batch)
    wanted = [run_ids[2], NOWHERE, run_ids[0], run_ids[3]]
    with store.database.read() as connection:
        loaded = load_runs(connection, wanted)
    assert loaded == [read_run(call, run_id) for run_id in wanted if run_id != NOWHERE]
    assert [run.data.params for run in loaded] == [[Param("p", n)] for n in "203"]


def test_no_runs_are_loaded_where_none_are_asked_for(store):
    with store.database.read() as connection:
        assert load_runs(connection, []) == []


def test_more_runs_are_loaded_at_once_than_a_statement_may_have_parameters(store, call):
    run_id = new_run(call)
    with store.database.read() as connection:
        loaded = load_runs(connection, [*("x" * 31 + str(n) for n in range(70_000)), run_id])
    assert [run.info.run_id for run in loaded] == [run_id]
