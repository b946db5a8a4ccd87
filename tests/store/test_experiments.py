"""Experiments: names, tags, where the artifacts are, deletion and restoration."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlserve.store.entities import Tag
from mlserve.store.errors import AlreadyExists, InvalidParameter, InvalidState, NotFound
from mlserve.store.experiments import load_experiments
from mlserve.store.tracking_operations import (
    CREATE_EXPERIMENT,
    CREATE_RUN,
    DELETE_EXPERIMENT,
    DELETE_EXPERIMENT_TAG,
    DELETE_RUN,
    GET_EXPERIMENT,
    GET_EXPERIMENT_BY_NAME,
    RESTORE_EXPERIMENT,
    SET_EXPERIMENT_TAG,
    UPDATE_EXPERIMENT,
)
from mlserve.store.tracking_requests import (
    CreateExperiment,
    CreateRun,
    DeleteExperimentTag,
    ExperimentId,
    GetExperimentByName,
    RunId,
    SetExperimentTag,
    UpdateExperiment,
)

from .tracking import new_experiment, new_run, read_run, refusal


def read(call, experiment_id):
    return call(GET_EXPERIMENT, ExperimentId(experiment_id)).experiment


class TestExperiments:
    def test_the_first_is_there_from_the_start(self, call):
        first = read(call, "0")
        assert (first.name, first.lifecycle_stage) == ("Default", "active")
        assert first.artifact_location == "mlflow-artifacts:/0"

    def test_a_new_one_is_read_as_it_was_made(self, call):
        made = call(CREATE_EXPERIMENT, CreateExperiment("e", tags=[Tag("k", "v"), Tag("a", "")]))
        experiment = read(call, made.experiment_id)
        assert made.experiment_id == "1"
        assert (experiment.name, experiment.artifact_location) == ("e", "mlflow-artifacts:/1")
        assert experiment.tags == [Tag("a", ""), Tag("k", "v")]
        assert experiment.creation_time == experiment.last_update_time > 0

    def test_one_is_found_by_its_name(self, call):
        number = new_experiment(call)
        name = read(call, number).name
        found = call(GET_EXPERIMENT_BY_NAME, GetExperimentByName(name)).experiment
        assert found.experiment_id == number

    def test_a_name_that_nobody_has_is_not_found_in_mlflows_words(self, call):
        message = refusal(NotFound, call, GET_EXPERIMENT_BY_NAME, GetExperimentByName("x"))
        assert message == "Could not find experiment with name 'x'"

    def test_a_name_that_is_taken_is_refused(self, call):
        call(CREATE_EXPERIMENT, CreateExperiment("e"))
        message = refusal(AlreadyExists, call, CREATE_EXPERIMENT, CreateExperiment("e"))
        assert message.startswith("Experiment(name=e) already exists")

    def test_a_deleted_one_keeps_its_name(self, call):
        number = call(CREATE_EXPERIMENT, CreateExperiment("e")).experiment_id
        call(DELETE_EXPERIMENT, ExperimentId(number))
        assert "restored" in refusal(AlreadyExists, call, CREATE_EXPERIMENT, CreateExperiment("e"))
        found = call(GET_EXPERIMENT_BY_NAME, GetExperimentByName("e")).experiment
        assert found.lifecycle_stage == "deleted"

    def test_the_number_of_one_that_was_refused_is_not_lost_in_the_answer(self, call):
        call(CREATE_EXPERIMENT, CreateExperiment("e"))
        refusal(AlreadyExists, call, CREATE_EXPERIMENT, CreateExperiment("e"))
        number = call(CREATE_EXPERIMENT, CreateExperiment("f")).experiment_id
        assert read(call, number).artifact_location == f"mlflow-artifacts:/{number}"

    @pytest.mark.parametrize("name", ["", "n" * 501, "a\0b", "\ud800"])
    def test_a_name_that_cannot_be_kept_is_refused(self, call, name):
        refusal(InvalidParameter, call, CREATE_EXPERIMENT, CreateExperiment(name))

    def test_names_differ_by_case_and_hold_anything_else(self, call):
        names = ["e", "E", "é", "n" * 500, "a/b", "'; DROP TABLE runs; --", "<script>"]
        for name in names:
            call(CREATE_EXPERIMENT, CreateExperiment(name))
        found = [call(GET_EXPERIMENT_BY_NAME, GetExperimentByName(name)) for name in names]
        assert [answer.experiment.name for answer in found] == names

    def test_one_gets_another_name(self, call):
        number = new_experiment(call)
        call(UPDATE_EXPERIMENT, UpdateExperiment(number, "other"))
        assert read(call, number).name == "other"

    def test_one_may_get_the_name_that_it_has(self, call):
        call(UPDATE_EXPERIMENT, UpdateExperiment("0", "Default"))

    def test_another_name_that_is_taken_is_refused(self, call):
        number = new_experiment(call)
        refusal(AlreadyExists, call, UPDATE_EXPERIMENT, UpdateExperiment(number, "Default"))
        assert read(call, number).name != "Default"

    @pytest.mark.parametrize("name", [None, ""])
    def test_no_other_name_is_refused_in_mlflows_words(self, call, name):
        message = refusal(InvalidParameter, call, UPDATE_EXPERIMENT, UpdateExperiment("0", name))
        assert message == (
            "Missing value for required parameter 'new_name'. "
            "See the API docs for more information about request parameters."
        )

    def test_a_deleted_one_is_neither_renamed_nor_tagged(self, call):
        number = new_experiment(call)
        call(SET_EXPERIMENT_TAG, SetExperimentTag(number, "k", "v"))
        call(DELETE_EXPERIMENT, ExperimentId(number))
        refusal(InvalidState, call, UPDATE_EXPERIMENT, UpdateExperiment(number, "other"))
        for operation, request in (
            (SET_EXPERIMENT_TAG, SetExperimentTag(number, "k", "w")),
            (DELETE_EXPERIMENT_TAG, DeleteExperimentTag(number, "k")),
            (CREATE_RUN, CreateRun(number)),
        ):
            message = refusal(InvalidParameter, call, operation, request)
            assert message == (
                f"The experiment {number} must be in the 'active' state. Current state is deleted."
            )

    def test_one_is_deleted_with_its_runs_and_restored_with_them(self, call):
        number = new_experiment(call)
        run_id, elsewhere = new_run(call, number), new_run(call)
        call(DELETE_EXPERIMENT, ExperimentId(number))
        stages = [read_run(call, name).info.lifecycle_stage for name in (run_id, elsewhere)]
        assert (read(call, number).lifecycle_stage, stages) == ("deleted", ["deleted", "active"])
        call(RESTORE_EXPERIMENT, ExperimentId(number))
        assert read(call, number).lifecycle_stage == "active"
        assert read_run(call, run_id).info.lifecycle_stage == "active"

    def test_a_run_that_was_deleted_before_comes_back_too(self, call):
        number = new_experiment(call)
        run_id = new_run(call, number)
        call(DELETE_RUN, RunId(run_id=run_id))
        call(DELETE_EXPERIMENT, ExperimentId(number))
        call(RESTORE_EXPERIMENT, ExperimentId(number))
        assert read_run(call, run_id).info.lifecycle_stage == "active"

    def test_only_an_active_one_is_deleted_and_only_a_deleted_one_restored(self, call):
        number = new_experiment(call)
        gone = f"No Experiment with id={number} exists"
        assert refusal(NotFound, call, RESTORE_EXPERIMENT, ExperimentId(number)) == gone
        call(DELETE_EXPERIMENT, ExperimentId(number))
        assert refusal(NotFound, call, DELETE_EXPERIMENT, ExperimentId(number)) == gone

    def test_a_tag_is_set_over_what_it_was_and_deleted(self, call):
        call(SET_EXPERIMENT_TAG, SetExperimentTag("0", "k", "v"))
        call(SET_EXPERIMENT_TAG, SetExperimentTag("0", "k", "w" * 20_000))
        assert read(call, "0").tags == [Tag("k", "w" * 20_000)]
        call(DELETE_EXPERIMENT_TAG, DeleteExperimentTag("0", "k"))
        assert read(call, "0").tags == []
        message = refusal(NotFound, call, DELETE_EXPERIMENT_TAG, DeleteExperimentTag("0", "k"))
        assert message == "No tag with name: k in experiment with id 0"

    @pytest.mark.parametrize(
        ("key", "value"),
        [("", "v"), ("../x", "v"), ("a$", "v"), ("k" * 251, "v"), ("k", "v" * 20_001), ("k", "\0")],
    )
    def test_a_tag_that_mlflow_does_not_take_is_refused(self, call, key, value):
        refusal(InvalidParameter, call, SET_EXPERIMENT_TAG, SetExperimentTag("0", key, value))
        refusal(
            InvalidParameter,
            call,
            CREATE_EXPERIMENT,
            CreateExperiment("e", tags=[Tag(key, value)]),
        )

    @pytest.mark.parametrize(
        ("number", "kind"),
        [("999", NotFound), ("-1", NotFound), ("9" * 40, NotFound), ("", InvalidParameter),
         ("x", InvalidParameter), ("1.0", InvalidParameter), (" 0", InvalidParameter),
         ("\u0660", InvalidParameter), ("0\n", InvalidParameter)],
    )  # fmt: skip
    def test_a_number_that_no_experiment_has_is_the_callers_fault(self, call, number, kind):
        for operation in (GET_EXPERIMENT, DELETE_EXPERIMENT, RESTORE_EXPERIMENT):
            refusal(kind, call, operation, ExperimentId(number))

    @pytest.mark.parametrize(
        ("location", "kept"),
        [("s3://bucket/folder/", "s3://bucket/folder"),
         ("mlflow-artifacts:/team/a/", "mlflow-artifacts:/team/a")],
    )  # fmt: skip
    def test_the_place_of_the_artifacts_can_be_chosen(self, call, location, kept):
        number = call(CREATE_EXPERIMENT, CreateExperiment("e", location)).experiment_id
        assert read(call, number).artifact_location == kept
        run = read_run(call, new_run(call, number)).info
        assert run.artifact_uri == f"{kept}/{run.run_id}/artifacts"

    def test_a_folder_is_named_from_the_root(self, call):
        number = call(CREATE_EXPERIMENT, CreateExperiment("e", "here/x/../y")).experiment_id
        assert read(call, number).artifact_location == f"file://{Path.cwd()}/here/y"


def test_experiments_are_loaded_in_the_order_asked_for(store, call):
    numbers = [int(new_experiment(call)) for _ in range(3)]
    call(SET_EXPERIMENT_TAG, SetExperimentTag(str(numbers[1]), "k", "v"))
    with store.database.read() as connection:
        found = load_experiments(connection, [numbers[2], 99, 0, numbers[1]])
    assert [e.experiment_id for e in found] == [str(numbers[2]), "0", str(numbers[1])]
    assert [e.tags for e in found] == [[], [], [Tag("k", "v")]]
