"""How often the database is asked: as often for many as for one."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from mlserve.store.entities import Dataset, DatasetInput, Metric, ModelInput, Param, Tag
from mlserve.store.experiments import load_experiments
from mlserve.store.logged_models import load_logged_models
from mlserve.store.runs import load_runs
from mlserve.store.tracking_operations import CREATE_RUN, LOG_BATCH, LOG_INPUTS, LOG_METRIC
from mlserve.store.tracking_requests import CreateRun, LogBatch, LogInputs, LogMetric
from sqlalchemy import event

from .tracking import new_experiment, new_model, new_run


@contextmanager
def counted(store):
    """Give a list of what SQLAlchemy runs meanwhile, without the start of transactions."""
    statements = []

    def note(_connection, _cursor, statement, *_):
        if not statement.startswith("BEGIN"):
            statements.append(statement)

    engine = store.database._engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)


def full_run(call):
    run_id, model_id = new_run(call), new_model(call)
    entry = DatasetInput(tags=[Tag("k", "v")], dataset=Dataset("d", "x", "code", "{}"))
    call(LOG_INPUTS, LogInputs(run_id=run_id, datasets=[entry], models=[ModelInput(model_id)]))
    call(LOG_BATCH, LogBatch(run_id=run_id, metrics=[Metric("m", 1.0, 1, 1, model_id)]))
    return run_id, model_id


@pytest.mark.parametrize("kind", ["experiments", "runs", "logged models"])
def test_many_are_loaded_with_as_many_statements_as_one(store, call, kind):
    made = [full_run(call) for _ in range(10)]
    load, names = {
        "experiments": (load_experiments, [0, *(int(new_experiment(call)) for _ in range(9))]),
        "runs": (load_runs, [run_id for run_id, _ in made]),
        "logged models": (load_logged_models, [model_id for _, model_id in made]),
    }[kind]
    counts = []
    for wanted in (names[:1], names):
        with store.database.read() as connection, counted(store) as statements:
            assert len(load(connection, wanted)) == len(wanted)
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 7


def test_a_large_batch_is_written_with_as_many_statements_as_a_small_one(store, call):
    run_id, model_id = new_run(call), new_model(call)
    counts = []
    for size in (2, 200):
        batch = LogBatch(
            run_id=run_id,
            metrics=[Metric(f"m{n}", 1.0, n, 1, model_id) for n in range(size * 4)],
            params=[Param(f"{size}p{n}", "") for n in range(size // 2)],
            tags=[Tag(f"t{n}", "") for n in range(size // 2)],
        )
        with counted(store) as statements:
            call(LOG_BATCH, batch)
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 7


def test_a_run_is_made_and_a_metric_logged_with_three_statements_at_most(store, call):
    with counted(store) as statements:
        run_id = call(CREATE_RUN, CreateRun()).run.info.run_id
    assert len(statements) <= 3
    with counted(store) as statements:
        call(LOG_METRIC, LogMetric(run_id=run_id, key="m", value=1.0, timestamp=1))
    assert len(statements) <= 3
