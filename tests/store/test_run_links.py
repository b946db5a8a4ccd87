"""The inputs and outputs of runs, and the tag in which MLflow 2 keeps what a run wrote."""

from __future__ import annotations

import json

import pytest
from mlserve.store.entities import (
    Dataset,
    DatasetInput,
    ModelInput,
    ModelOutput,
    RunInputs,
    RunOutputs,
    Tag,
)
from mlserve.store.errors import InvalidParameter, TooLarge
from mlserve.store.tracking_operations import LOG_INPUTS, LOG_MODEL, LOG_OUTPUTS, SET_TAG
from mlserve.store.tracking_requests import LogInputs, LogModel, LogOutputs, SetTag

from .tracking import new_experiment, new_model, new_run, read_run, refusal, tags_of

TRAIN = DatasetInput(
    tags=[Tag("mlflow.data.context", "train")],
    dataset=Dataset("wine", "623bb5a7", "code", "{}", '{"columns": []}', '{"rows": 3}'),
)
TEST = DatasetInput(dataset=Dataset("wine", "99aa", "local", "{}"))
HISTORY = "mlflow.log-model.history"


def model_json(**changes):
    fields = {
        "run_id": "r",
        "artifact_path": "model",
        "utc_time_created": "2026-11-23 02:13:19",
        "model_uuid": "u",
        "flavors": {"sklearn": {"code": None, "config": {"secret": 1}}, "odd": 5},
        "signature": "left out",
    }
    return json.dumps({k: v for k, v in (fields | changes).items() if v is not None})


class TestInputs:
    def test_datasets_and_models_are_read_as_they_were_logged(self, call):
        run_id, model_id = new_run(call), new_model(call)
        request = LogInputs(run_id=run_id, datasets=[TRAIN, TEST], models=[ModelInput(model_id)])
        call(LOG_INPUTS, request)
        inputs = read_run(call, run_id).inputs
        assert sorted(inputs.dataset_inputs, key=str) == sorted([TRAIN, TEST], key=str)
        assert inputs.model_inputs == [ModelInput(model_id)]

    def test_what_is_logged_again_is_there_once(self, call):
        run_id = new_run(call)
        request = LogInputs(run_id=run_id, datasets=[TRAIN, TRAIN], models=[ModelInput("m-1")] * 2)
        call(LOG_INPUTS, request)
        call(LOG_INPUTS, request)
        assert read_run(call, run_id).inputs == RunInputs([TRAIN], [ModelInput("m-1")])

    def test_the_first_tags_of_a_use_stay(self, call):
        run_id = new_run(call)
        again = DatasetInput(tags=[Tag("mlflow.data.context", "test")], dataset=TRAIN.dataset)
        call(LOG_INPUTS, LogInputs(run_id=run_id, datasets=[TRAIN]))
        call(LOG_INPUTS, LogInputs(run_id=run_id, datasets=[again]))
        assert read_run(call, run_id).inputs == RunInputs([TRAIN])

    def test_runs_share_a_dataset_and_have_tags_of_their_own(self, call):
        experiment = new_experiment(call)
        uses = [DatasetInput(tags=[Tag("k", value)], dataset=TRAIN.dataset) for value in ("a", "b")]
        run_ids = [new_run(call, experiment) for _ in uses]
        for run_id, use in zip(run_ids, uses, strict=True):
            call(LOG_INPUTS, LogInputs(run_id=run_id, datasets=[use]))
        assert [read_run(call, run_id).inputs for run_id in run_ids] == [
            RunInputs([use]) for use in uses
        ]

    @pytest.mark.parametrize(
        "changes",
        [
            {"name": ""}, {"name": "n" * 501}, {"digest": ""}, {"digest": "d" * 37},
            {"source_type": "s" * 37}, {"source": "s" * 65_536}, {"schema": "s" * 1_048_576},
            {"name": "\0"}, {"profile": "\ud800"}, {"source": None},
        ],
    )  # fmt: skip
    def test_a_dataset_that_mlflow_does_not_take_is_refused(self, call, changes):
        run_id = new_run(call)
        fields = {"name": "n", "digest": "d", "source_type": "code", "source": "{}"}
        bad = DatasetInput(dataset=Dataset(**(fields | changes)))
        request = LogInputs(run_id=run_id, datasets=[TRAIN, bad])
        assert len(refusal(InvalidParameter, call, LOG_INPUTS, request)) < 300
        assert read_run(call, run_id).inputs == RunInputs()

    @pytest.mark.parametrize("tag", [Tag("", "v"), Tag("k" * 251, "v"), Tag("k", "v" * 501)])
    def test_a_tag_of_a_use_that_is_too_long_is_refused(self, call, tag):
        entry = DatasetInput(tags=[tag], dataset=TRAIN.dataset)
        request = LogInputs(run_id=new_run(call), datasets=[entry])
        refusal(InvalidParameter, call, LOG_INPUTS, request)

    def test_more_than_one_request_may_hold_are_refused(self, call):
        many = [ModelInput(f"m-{n}") for n in range(1001)]
        request = LogInputs(run_id=new_run(call), models=many)
        assert "at most 1000 models" in refusal(InvalidParameter, call, LOG_INPUTS, request)
        request = LogInputs(run_id=new_run(call), datasets=[TRAIN] * 1001)
        assert "at most 1000 datasets" in refusal(InvalidParameter, call, LOG_INPUTS, request)

    def test_as_many_as_one_request_may_hold_are_taken(self, call):
        run_id = new_run(call)
        many = [DatasetInput(dataset=Dataset("d", str(n), "code", "{}")) for n in range(1000)]
        call(LOG_INPUTS, LogInputs(run_id=run_id, datasets=many))
        assert len(read_run(call, run_id).inputs.dataset_inputs) == 1000


class TestOutputs:
    def test_models_are_in_the_order_of_their_steps(self, call):
        run_id = new_run(call)
        models = [ModelOutput("m-b", 3), ModelOutput("m-a", 7), ModelOutput("m-c", -1)]
        call(LOG_OUTPUTS, LogOutputs(run_id=run_id, models=models))
        assert read_run(call, run_id).outputs == RunOutputs([models[2], models[0], models[1]])
        assert read_run(call, run_id).inputs == RunInputs()

    def test_the_step_that_was_said_last_counts(self, call):
        run_id = new_run(call)
        for step in (0, 5, 5):
            call(LOG_OUTPUTS, LogOutputs(run_id=run_id, models=[ModelOutput("m-a", step)]))
        assert read_run(call, run_id).outputs == RunOutputs([ModelOutput("m-a", 5)])

    @pytest.mark.parametrize(
        "model", [ModelOutput(""), ModelOutput("m" * 35), ModelOutput("m", 2**63)]
    )
    def test_what_cannot_be_kept_is_refused(self, call, model):
        request = LogOutputs(run_id=new_run(call), models=[model])
        refusal(InvalidParameter, call, LOG_OUTPUTS, request)


class TestModelHistory:
    def test_each_model_is_added_without_the_configuration_of_its_flavors(self, call):
        run_id = new_run(call)
        for path in ("a", "b"):
            call(LOG_MODEL, LogModel(run_id=run_id, model_json=model_json(artifact_path=path)))
        assert json.loads(tags_of(call, run_id)[HISTORY]) == [
            {
                "run_id": "r",
                "artifact_path": path,
                "utc_time_created": "2026-11-23 02:13:19",
                "model_uuid": "u",
                "flavors": {"sklearn": {"code": None}, "odd": 5},
            }
            for path in ("a", "b")
        ]

    def test_a_history_longer_than_a_tag_may_be_is_kept(self, call):
        run_id = new_run(call)
        flavors = {f"flavor {n}": {} for n in range(1000)}
        call(LOG_MODEL, LogModel(run_id=run_id, model_json=model_json(flavors=flavors)))
        assert len(json.loads(tags_of(call, run_id)[HISTORY])[0]["flavors"]) == 1000

    def test_a_history_without_end_is_refused(self, call):
        flavors = {f"flavor {n}": {} for n in range(60_000)}
        request = LogModel(run_id=new_run(call), model_json=model_json(flavors=flavors))
        assert "1000000 are the most" in refusal(TooLarge, call, LOG_MODEL, request)

    @pytest.mark.parametrize("field", ["artifact_path", "flavors", "utc_time_created", "run_id"])
    def test_a_model_without_what_it_needs_is_refused_in_mlflows_words(self, call, field):
        request = LogModel(run_id=new_run(call), model_json=model_json(**{field: None}))
        message = refusal(InvalidParameter, call, LOG_MODEL, request)
        assert message == f"Model json is missing mandatory fields: ['{field}']"

    @pytest.mark.parametrize(
        "text",
        ["", "{", "[]", "5", "null", '"x"', "[" * 100_000, "9" * 5000, "\ud800"],
        ids=lambda text: ascii(text[:5]),
    )
    def test_what_is_no_model_is_refused(self, call, text):
        request = LogModel(run_id=new_run(call), model_json=text)
        assert len(refusal(InvalidParameter, call, LOG_MODEL, request)) < 300

    def test_flavors_that_are_no_object_are_refused(self, call):
        request = LogModel(run_id=new_run(call), model_json=model_json(flavors=[1]))
        assert "flavors" in refusal(InvalidParameter, call, LOG_MODEL, request)

    @pytest.mark.parametrize("value", ["no JSON", "{}", "5"])
    def test_a_history_that_somebody_spoilt_is_told(self, call, value):
        run_id = new_run(call)
        call(SET_TAG, SetTag(run_id=run_id, key=HISTORY, value=value))
        request = LogModel(run_id=run_id, model_json=model_json())
        assert "delete the tag" in refusal(InvalidParameter, call, LOG_MODEL, request)
