"""What the tests of tracking make and look at: experiments, runs and logged models."""

from __future__ import annotations

from itertools import count

import pytest
from mlserve.store.entities import Run
from mlserve.store.errors import StoreError
from mlserve.store.tracking_operations import (
    CREATE_EXPERIMENT,
    CREATE_LOGGED_MODEL,
    CREATE_RUN,
    GET_METRIC_HISTORY,
    GET_RUN,
)
from mlserve.store.tracking_requests import (
    CreateExperiment,
    CreateLoggedModel,
    CreateRun,
    GetMetricHistory,
    RunId,
)

LARGEST = 1.7976931348623157e308
NOWHERE = "0" * 32
_numbers = count()


def new_experiment(call) -> str:
    """Make an experiment, and return its id."""
    return call(CREATE_EXPERIMENT, CreateExperiment(f"experiment {next(_numbers)}")).experiment_id


def new_run(call, experiment_id: str = "0") -> str:
    """Make a run, and return its id."""
    return call(CREATE_RUN, CreateRun(experiment_id, user_id="me")).run.info.run_id


def new_model(call, **fields) -> str:
    """Make a logged model, and return its id."""
    return call(CREATE_LOGGED_MODEL, CreateLoggedModel("0", **fields)).model.info.model_id


def read_run(call, run_id: str) -> Run:
    return call(GET_RUN, RunId(run_id=run_id)).run


def tags_of(call, run_id: str) -> dict[str, str]:
    return {tag.key: tag.value for tag in read_run(call, run_id).data.tags}


def params_of(call, run_id: str) -> dict[str, str]:
    return {param.key: param.value for param in read_run(call, run_id).data.params}


def history(call, run_id: str, key: str = "m") -> list[tuple]:
    """Return the time, step and value of each point of a metric, in the order of the history."""
    answer = call(GET_METRIC_HISTORY, GetMetricHistory(run_id=run_id, metric_key=key))
    return [(point.timestamp, point.step, point.value) for point in answer.metrics]


def latest(call, run_id: str) -> dict[str, tuple]:
    """Return the step, time and value of the latest point of each metric."""
    return {
        point.key: (point.step, point.timestamp, point.value)
        for point in read_run(call, run_id).data.metrics
    }


def refusal(kind: type[StoreError], call, operation, request) -> str:
    """Return the message with which an operation is refused, which has to be a ``kind``."""
    with pytest.raises(kind) as caught:
        call(operation, request)
    assert type(caught.value) is kind
    return str(caught.value)
