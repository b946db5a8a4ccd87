"""Operations in this process: checked as a server checks them, safe in threads and in children."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from mlserve.store import tracking_operations as tracking
from mlserve.store.embedded import EmbeddedTransport
from mlserve.store.entities import Metric, Tag
from mlserve.store.errors import InvalidParameter
from mlserve.store.tracking_requests import (
    CreateExperiment,
    CreateRun,
    GetExperimentByName,
    GetMetricHistory,
    LogBatch,
    RunId,
    SearchExperiments,
)


@pytest.fixture
def transport(database_uri, tmp_path):
    made = EmbeddedTransport(database_uri, str(tmp_path / "artifacts"), "tester")
    yield made
    made.close()


def create_run(transport, **fields):
    return transport.call(tracking.CREATE_RUN, CreateRun(**fields)).run.info.run_id


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (5, "Invalid value 5 for parameter 'name' supplied"),
        (["a"], "for parameter 'name' supplied"),
        (None, "Missing value for required parameter 'name'"),
        ("", "Missing value for required parameter 'name'"),
        ("\ud800", "surrogates"),
        ("a\0b", "name"),
        (object(), "supplied"),
    ],
)
def test_a_field_of_another_type_is_refused_as_a_server_does(transport, name, told):
    with pytest.raises(InvalidParameter, match=told):
        transport.call(tracking.CREATE_EXPERIMENT, CreateExperiment(name))


@pytest.mark.parametrize(
    "tags", [[Tag(5, "a")], [Tag("a", 5)], ["a"], {"a": 1}, [None], [Tag("a", {"b": Tag})]]
)
def test_a_nested_field_of_another_type_is_refused(transport, tags):
    with pytest.raises(InvalidParameter):
        transport.call(tracking.CREATE_EXPERIMENT, CreateExperiment("n", tags=tags))


@pytest.mark.parametrize("most", [10**30, -1, "many", 2.5])
def test_a_number_that_is_none_is_refused(transport, most):
    with pytest.raises(InvalidParameter):
        transport.call(tracking.SEARCH_EXPERIMENTS, SearchExperiments(max_results=most))


def test_threads_write_at_once_and_lose_nothing(transport):
    run_id = create_run(transport)

    def log(thread):
        points = [Metric("m", 1.0, thread, step) for step in range(50)]
        transport.call(tracking.LOG_BATCH, LogBatch(run_id=run_id, metrics=points))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(log, range(40)))
    request = GetMetricHistory(run_id=run_id, metric_key="m", max_results=25_000)
    assert len(transport.call(tracking.GET_METRIC_HISTORY, request).metrics) == 2000


def test_a_forked_child_has_a_database_of_its_own(transport):
    create_run(transport)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            for _ in range(5):
                run_id = create_run(transport, run_name="child")
                transport.call(tracking.GET_RUN, RunId(run_id=run_id))
            code = 0
        finally:
            os._exit(code)
    for _ in range(5):
        create_run(transport)
    assert os.waitpid(child, 0)[1] == 0
    found = transport.call(
        tracking.GET_EXPERIMENT_BY_NAME, GetExperimentByName("Default")
    ).experiment
    assert found.experiment_id == "0"


def test_the_caller_is_who_creates(transport):
    assert transport.store.caller == "tester"
