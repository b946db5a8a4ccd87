"""Many who track at once: nothing is lost, and nobody is told of a fault of ours."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from mlserve.store.entities import Dataset, DatasetInput, Metric, ModelOutput, Param, Tag
from mlserve.store.errors import AlreadyExists, InvalidParameter, NotFound, StoreError
from mlserve.store.tracking_operations import (
    CREATE_EXPERIMENT,
    CREATE_RUN,
    DELETE_EXPERIMENT,
    DELETE_TAG,
    GET_EXPERIMENT,
    LOG_BATCH,
    LOG_INPUTS,
    LOG_LOGGED_MODEL_PARAMS,
    LOG_MODEL,
    LOG_OUTPUTS,
    LOG_PARAM,
    RESTORE_EXPERIMENT,
    SET_TAG,
    UPDATE_EXPERIMENT,
    UPDATE_RUN,
)
from mlserve.store.tracking_requests import (
    CreateExperiment,
    CreateRun,
    DeleteTag,
    ExperimentId,
    LogBatch,
    LogInputs,
    LogLoggedModelParams,
    LogModel,
    LogOutputs,
    LogParam,
    SetTag,
    UpdateExperiment,
    UpdateRun,
)

from .tracking import (
    history,
    latest,
    new_experiment,
    new_model,
    new_run,
    params_of,
    read_run,
    tags_of,
)

CALLERS = 8


def all_at_once(work):
    """Do ``work(number)`` in several threads at once; return what each gave, or was refused by."""
    barrier = Barrier(CALLERS)

    def do(number):
        barrier.wait(30)
        try:
            return work(number)
        except StoreError as error:
            return error

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(do, range(CALLERS)))


def kinds(results):
    return [type(result) for result in results if isinstance(result, StoreError)]


def test_of_many_experiments_with_one_name_one_is_made(call):
    results = all_at_once(lambda _: call(CREATE_EXPERIMENT, CreateExperiment("e")))
    assert kinds(results) == [AlreadyExists] * (CALLERS - 1)


def test_of_many_experiments_that_get_one_name_one_does(call):
    numbers = [new_experiment(call) for _ in range(CALLERS)]
    results = all_at_once(lambda n: call(UPDATE_EXPERIMENT, UpdateExperiment(numbers[n], "x")))
    assert kinds(results) == [AlreadyExists] * (CALLERS - 1)


def test_of_many_values_of_one_param_one_stays(call):
    run_id = new_run(call)
    results = all_at_once(lambda n: call(LOG_PARAM, LogParam(run_id=run_id, key="p", value=str(n))))
    assert kinds(results) == [InvalidParameter] * (CALLERS - 1)
    winner = next(n for n, result in enumerate(results) if not isinstance(result, StoreError))
    assert params_of(call, run_id) == {"p": str(winner)}


def test_one_value_of_one_param_may_be_logged_by_many(call):
    run_id, model_id = new_run(call), new_model(call)
    results = all_at_once(lambda _: call(LOG_PARAM, LogParam(run_id=run_id, key="p", value="1")))
    request = LogLoggedModelParams(model_id, [Param("p", "1")])
    results += all_at_once(lambda _: call(LOG_LOGGED_MODEL_PARAMS, request))
    assert kinds(results) == []


def test_batches_that_meet_in_any_order_lose_no_point_and_leave_the_latest(call):
    run_id = new_run(call)
    keys = [f"m{n}" for n in range(20)]

    def log(number):
        for step in range(5):
            metrics = [Metric(key, float(number), step, number * 5 + step) for key in keys]
            shared = [Metric(key, -1.0, 0, 0) for key in keys]
            batch = [*metrics, *shared]
            params = [Param(key, "1") for key in keys]
            tags = [Tag(key, str(number)) for key in keys]
            if number % 2:
                batch, params, tags = batch[::-1], params[::-1], tags[::-1]
            call(LOG_BATCH, LogBatch(run_id=run_id, metrics=batch, params=params, tags=tags))

    assert kinds(all_at_once(log)) == []
    for key in keys:
        steps = sorted(step for _, step, value in history(call, run_id, key) if value >= 0)
        assert steps == list(range(CALLERS * 5))
        assert len(history(call, run_id, key)) == CALLERS * 5 + 1
    last = CALLERS - 1
    assert set(latest(call, run_id).values()) == {(CALLERS * 5 - 1, 4, float(last))}
    assert len({value for key, value in tags_of(call, run_id).items() if key in keys}) == 1


def test_who_rename_and_log_in_one_run_do_not_block_each_other(call):
    run_id = new_run(call)

    def work(number):
        for _ in range(10):
            name = f"name {number}"
            if number % 2:
                call(UPDATE_RUN, UpdateRun(run_id=run_id, run_name=name, status="FINISHED"))
            else:
                batch = LogBatch(
                    run_id=run_id,
                    tags=[Tag("a", name), Tag("mlflow.runName", name)],
                    params=[Param("p", "1")],
                )
                call(LOG_BATCH, batch)

    assert kinds(all_at_once(work)) == []
    assert tags_of(call, run_id)["mlflow.runName"] == read_run(call, run_id).info.run_name


def test_no_model_is_lost_from_the_history_that_many_add_to(call):
    run_id = new_run(call)

    def add(number):
        model = {"artifact_path": str(number), "flavors": {}, "utc_time_created": "", "run_id": ""}
        call(LOG_MODEL, LogModel(run_id=run_id, model_json=json.dumps(model)))

    assert kinds(all_at_once(add)) == []
    models = json.loads(tags_of(call, run_id)["mlflow.log-model.history"])
    assert sorted(model["artifact_path"] for model in models) == [str(n) for n in range(CALLERS)]


def test_one_dataset_that_many_runs_use_is_there_once(call):
    experiment = new_experiment(call)
    run_ids = [new_run(call, experiment) for _ in range(CALLERS)]
    entries = [DatasetInput(dataset=Dataset(f"d{n}", "x", "code", "{}")) for n in range(20)]

    def link(number):
        given = entries if number % 2 else entries[::-1]
        call(LOG_INPUTS, LogInputs(run_id=run_ids[number], datasets=given))
        models = [ModelOutput(f"m-{n}", number) for n in range(10)]
        call(LOG_OUTPUTS, LogOutputs(run_id=run_ids[0], models=models[:: number % 2 * 2 - 1]))

    assert kinds(all_at_once(link)) == []
    for run_id in run_ids:
        found = read_run(call, run_id).inputs.dataset_inputs
        assert sorted(found, key=str) == sorted(entries, key=str)


def test_a_tag_may_be_set_and_deleted_by_many(call):
    run_id = new_run(call)

    def work(number):
        call(SET_TAG, SetTag(run_id=run_id, key="k", value=str(number)))
        call(DELETE_TAG, DeleteTag(run_id=run_id, key="k"))

    assert set(kinds(all_at_once(work))) <= {NotFound}
    assert "k" not in tags_of(call, run_id)


@pytest.mark.parametrize("rounds", [5])
def test_no_run_is_active_in_an_experiment_that_was_deleted_meanwhile(call, rounds):
    for _ in range(rounds):
        experiment = new_experiment(call)

        def work(number, experiment=experiment):
            if number == 0:
                return call(DELETE_EXPERIMENT, ExperimentId(experiment))
            return call(CREATE_RUN, CreateRun(experiment)).run.info.run_id

        _, *made = all_at_once(work)
        assert set(kinds(made)) <= {InvalidParameter}
        run_ids = [result for result in made if isinstance(result, str)]
        stages = {read_run(call, run_id).info.lifecycle_stage for run_id in run_ids}
        assert stages <= {"deleted"}


def test_an_experiment_that_is_deleted_and_restored_by_many_is_whole_at_the_end(call):
    experiment = new_experiment(call)
    run_ids = [new_run(call, experiment) for _ in range(5)]

    def work(number):
        request = ExperimentId(experiment)
        call(DELETE_EXPERIMENT if number % 2 else RESTORE_EXPERIMENT, request)

    assert set(kinds(all_at_once(work))) <= {NotFound}
    stage = call(GET_EXPERIMENT, ExperimentId(experiment)).experiment.lifecycle_stage
    assert {read_run(call, run_id).info.lifecycle_stage for run_id in run_ids} == {stage}
