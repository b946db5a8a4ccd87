"""The collection of garbage: what goes for good, what stays, and what a killed collector leaves."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from mlserve.store.collecting import collect, measure_collection, plan_collection
from mlserve.store.entities import Dataset, DatasetInput, Metric, ModelOutput, Param, Tag
from mlserve.store.errors import NotFound
from mlserve.store.registry_operations import CREATE_MODEL_VERSION, CREATE_REGISTERED_MODEL
from mlserve.store.registry_requests import CreateModelVersion, CreateRegisteredModel
from mlserve.store.store import Store, open_store
from mlserve.store.tables import METADATA, deliveries, webhooks
from mlserve.store.tracking_operations import (
    CREATE_EXPERIMENT,
    CREATE_LOGGED_MODEL,
    DELETE_EXPERIMENT,
    DELETE_LOGGED_MODEL,
    DELETE_RUN,
    FINALIZE_LOGGED_MODEL,
    GET_EXPERIMENT,
    GET_LOGGED_MODEL,
    LOG_BATCH,
    LOG_INPUTS,
    LOG_OUTPUTS,
    RESTORE_RUN,
)
from mlserve.store.tracking_requests import (
    CreateExperiment,
    CreateLoggedModel,
    ExperimentId,
    FinalizeLoggedModel,
    LogBatch,
    LoggedModelId,
    LogInputs,
    LogOutputs,
    RunId,
)
from sqlalchemy import func, insert, select

from ..serve.processes import wait_until
from .tracking import new_experiment, new_run, read_run

DAY_MS = 86_400_000


def collect_all(store: Store, older_than_ms: int = 0):
    return collect(store, plan_collection(store, store.clock() - older_than_ms))


def rows_in(store: Store) -> dict[str, int]:
    with store.database.read() as connection:
        counts = {
            name: connection.scalar(select(func.count()).select_from(table))
            for name, table in METADATA.tables.items()
        }
    return {name: number for name, number in counts.items() if number}


def files_in(store: Store) -> list[str]:
    root = Path(store.destination)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def write(store: Store, uri: str, path: str = "MLmodel") -> None:
    store.artifacts(uri).write(path, BytesIO(b"flavors: {}"))


def full_run(store: Store, call, experiment_id: str = "0") -> str:
    """Make a run with something of everything in it, and return its id."""
    run_id = new_run(call, experiment_id)
    points = [Metric("loss", 0.5, 1, step) for step in range(3)]
    call(LOG_BATCH, LogBatch(
        run_id=run_id, metrics=points, params=[Param("a", "b")], tags=[Tag("t", "u")]
    ))  # fmt: skip
    dataset = Dataset("iris", "d1", "local", "{}")
    used = DatasetInput(tags=[Tag("split", "train")], dataset=dataset)
    call(LOG_INPUTS, LogInputs(run_id=run_id, datasets=[used]))
    write(store, read_run(call, run_id).info.artifact_uri, "notes/a.txt")
    return run_id


def logged_model(store: Store, call, run_id: str, experiment_id: str = "0") -> str:
    """Make a logged model of a run with files and a point of a metric, and return its id."""
    request = CreateLoggedModel(experiment_id, "m", source_run_id=run_id, params=[Param("a", "b")])
    info = call(CREATE_LOGGED_MODEL, request).model.info
    write(store, info.artifact_uri)
    call(FINALIZE_LOGGED_MODEL, FinalizeLoggedModel(info.model_id, "LOGGED_MODEL_READY"))
    call(LOG_OUTPUTS, LogOutputs(run_id=run_id, models=[ModelOutput(info.model_id)]))
    point = Metric("acc", 0.9, 1, 0, model_id=info.model_id)
    call(LOG_BATCH, LogBatch(run_id=run_id, metrics=[point]))
    return info.model_id


def register(call, source: str, **owner: str) -> None:
    call(CREATE_REGISTERED_MODEL, CreateRegisteredModel("churn"))
    call(CREATE_MODEL_VERSION, CreateModelVersion("churn", source, **owner))


class TestRuns:
    def test_a_deleted_run_goes_with_all_that_is_of_it(self, store, call):
        before = rows_in(store)
        run_id = full_run(store, call)
        call(DELETE_RUN, RunId(run_id=run_id))
        collected = collect_all(store)
        assert (collected.runs, collected.freed.files, collected.freed.size) == (1, 1, 11)
        assert rows_in(store) == before | {"datasets": 1}
        assert not [path for path in files_in(store) if run_id in path]

    def test_other_runs_are_left_alone(self, store, call):
        kept, deleted = full_run(store, call), full_run(store, call)
        call(DELETE_RUN, RunId(run_id=deleted))
        run, files = read_run(call, kept), [path for path in files_in(store) if kept in path]
        collect_all(store)
        assert read_run(call, kept) == run
        assert [path for path in files_in(store) if kept in path] == files
        with pytest.raises(NotFound):
            read_run(call, deleted)

    def test_what_was_deleted_only_just_stays(self, store, call):
        run_id = new_run(call)
        call(DELETE_RUN, RunId(run_id=run_id))
        assert collect_all(store, DAY_MS).runs == 0
        later = replace(store, clock=lambda: store.clock() + DAY_MS + 1)
        assert collect_all(later, DAY_MS).runs == 1

    def test_a_run_that_a_version_is_of_stays_and_says_so(self, store, call):
        run_id = full_run(store, call)
        uri = f"{read_run(call, run_id).info.artifact_uri}/notes"
        register(call, uri, run_id=run_id)
        call(DELETE_RUN, RunId(run_id=run_id))
        files = files_in(store)
        collected = collect_all(store)
        assert (collected.runs, collected.kept) == (0, [f"{run_id}: version 1 of churn is of it"])
        assert read_run(call, run_id).info.lifecycle_stage == "deleted"
        assert files_in(store) == files

    def test_a_run_that_is_restored_before_it_goes_stays(self, store, call):
        run_id = full_run(store, call)
        call(DELETE_RUN, RunId(run_id=run_id))
        plan = plan_collection(store, store.clock())
        call(RESTORE_RUN, RunId(run_id=run_id))
        assert collect(store, plan).runs == 0
        assert read_run(call, run_id).data.metrics

    def test_a_run_that_is_registered_before_it_goes_stays(self, store, call):
        run_id = full_run(store, call)
        call(DELETE_RUN, RunId(run_id=run_id))
        plan = plan_collection(store, store.clock())
        register(call, f"runs:/{run_id}/notes", run_id=run_id)
        assert collect(store, plan).runs == 0
        assert [path for path in files_in(store) if run_id in path]

    def test_more_runs_than_go_at_once_all_go(self, store, call):
        for _ in range(230):
            call(DELETE_RUN, RunId(run_id=new_run(call)))
        assert collect_all(store).runs == 230


class TestLoggedModels:
    def test_a_deleted_logged_model_goes_and_its_run_stays(self, store, call):
        run_id = full_run(store, call)
        before = rows_in(store)
        model_id = logged_model(store, call, run_id)
        call(DELETE_LOGGED_MODEL, LoggedModelId(model_id))
        collected = collect_all(store)
        assert (collected.logged_models, collected.freed.files) == (1, 1)
        assert not [path for path in files_in(store) if model_id in path]
        after = rows_in(store)
        # The run still says what came out of it, and keeps the metric that it logged.
        assert after.keys() - before.keys() == {"run_models"}
        assert after["runs"] == before["runs"]

    def test_a_logged_model_that_a_version_is_of_stays(self, store, call):
        run_id = full_run(store, call)
        model_id = logged_model(store, call, run_id)
        register(call, f"models:/{model_id}", model_id=model_id)
        call(DELETE_LOGGED_MODEL, LoggedModelId(model_id))
        collected = collect_all(store)
        assert collected.kept == [f"{model_id}: version 1 of churn is of it"]
        assert [path for path in files_in(store) if model_id in path]

    def test_a_logged_model_outlives_the_run_that_made_it(self, store, call):
        run_id = full_run(store, call)
        model_id = logged_model(store, call, run_id)
        call(DELETE_RUN, RunId(run_id=run_id))
        assert collect_all(store).runs == 1
        model = call(GET_LOGGED_MODEL, LoggedModelId(model_id)).model
        assert (model.info.source_run_id, model.data.metrics) == (run_id, [])


class TestExperiments:
    def test_a_deleted_experiment_goes_with_everything_in_it(self, store, call):
        before = rows_in(store)
        number = new_experiment(call)
        logged_model(store, call, full_run(store, call, number), number)
        call(DELETE_EXPERIMENT, ExperimentId(number))
        collected = collect_all(store)
        assert (collected.experiments, collected.runs, collected.logged_models) == (1, 1, 1)
        assert rows_in(store) == before
        assert files_in(store) == []

    def test_an_experiment_with_a_run_that_stays_stays(self, store, call):
        number = new_experiment(call)
        registered, other = full_run(store, call, number), full_run(store, call, number)
        model_id = logged_model(store, call, registered, number)
        register(call, f"runs:/{registered}/notes", run_id=registered)
        call(DELETE_EXPERIMENT, ExperimentId(number))
        collected = collect_all(store)
        assert (collected.experiments, collected.runs, collected.logged_models) == (0, 1, 0)
        assert f"experiment {number}: not all that is in it can go" in collected.kept
        assert call(GET_LOGGED_MODEL, LoggedModelId(model_id))
        with pytest.raises(NotFound):
            read_run(call, other)

    def test_the_default_experiment_stays_without_its_runs(self, store, call):
        full_run(store, call)
        call(DELETE_EXPERIMENT, ExperimentId("0"))
        collected = collect_all(store)
        assert (collected.experiments, collected.runs) == (0, 1)
        assert call(GET_EXPERIMENT, ExperimentId("0")).experiment.name == "Default"

    def test_of_a_place_of_its_own_only_the_runs_are_deleted(self, store, call, tmp_path):
        place = tmp_path / "shared"
        request = CreateExperiment("elsewhere", str(place))
        number = call(CREATE_EXPERIMENT, request).experiment_id
        run_id = full_run(store, call, number)
        (place / "theirs.txt").write_text("not ours")
        call(DELETE_EXPERIMENT, ExperimentId(number))
        assert collect_all(store).experiments == 1
        assert [path.name for path in place.iterdir()] == ["theirs.txt"]
        assert not (place / run_id).exists()


class TestWhatCannotGoNow:
    def test_artifacts_wait_while_the_folder_that_they_are_in_is_not_there(self, store, call):
        run_id = full_run(store, call)
        call(DELETE_RUN, RunId(run_id=run_id))
        elsewhere = replace(store, destination=f"{store.destination}-not-there")
        collected = collect_all(elsewhere)
        assert (collected.runs, collected.freed.waiting, collected.freed.files) == (1, 1, 0)
        assert collect_all(store).freed.files == 1
        assert not [path for path in files_in(store) if run_id in path]

    def test_what_cannot_be_deleted_is_told_and_stays_noted(self, store, call, tmp_path):
        linked, plain = full_run(store, call), full_run(store, call)
        outside = tmp_path / "outside"
        (Path(store.destination) / "0" / linked).rename(outside)
        (Path(store.destination) / "0" / linked).symlink_to(outside)
        for run_id in (linked, plain):
            call(DELETE_RUN, RunId(run_id=run_id))
        collected = collect_all(store)
        [(place, reason)] = collected.freed.faults.items()
        assert place == f"mlflow-artifacts:/0/{linked}"
        assert "symbolic link out of the folder" in reason
        assert (collected.runs, collected.freed.files) == (2, 1)
        assert rows_in(store)["garbage"] == 1
        assert (outside / "artifacts" / "notes" / "a.txt").exists()


class TestDryRuns:
    def test_it_tells_what_goes_and_deletes_nothing(self, store, call):
        number = new_experiment(call)
        logged_model(store, call, full_run(store, call, number), number)
        call(DELETE_EXPERIMENT, ExperimentId(number))
        rows, files = rows_in(store), files_in(store)
        told = measure_collection(store, plan_collection(store, store.clock()))
        assert (rows_in(store), files_in(store)) == (rows, files)
        assert told == collect_all(store)


class TestDeliveries:
    def test_failed_deliveries_go_when_they_are_old(self, store):
        webhook = {"webhook_id": "w", "name": "n", "url": "https://example.org", "events": "",
                   "status": "ACTIVE", "creation_time": 0, "last_update_time": 0}  # fmt: skip
        common = {"webhook_id": "w", "event": "e", "payload": "{}", "attempts": 1}
        late = store.clock() * 2
        rows = [
            common | {"state": state, "due_at": due_at}
            for state, due_at in [("failed", 0), ("pending", 0), ("failed", late)]
        ]
        with store.database.write() as connection:
            connection.execute(insert(webhooks), webhook)
            connection.execute(insert(deliveries), rows)
        assert collect_all(store).deliveries == 1
        assert rows_in(store)["deliveries"] == 2


RUNS = 260


def count_runs(file: Path) -> int:
    with closing(sqlite3.connect(file, timeout=30)) as connection:
        return connection.execute("SELECT count(*) FROM runs").fetchone()[0]


@pytest.mark.parametrize("moment", [2 * RUNS, 2 * RUNS - 1, 2 * RUNS - 150, RUNS], ids=str)
def test_a_collector_that_is_killed_leaves_what_the_next_one_ends(tmp_path, moment):
    file = tmp_path / "store.db"
    store = open_store(f"sqlite:///{file}")

    def call(operation, request):
        return operation.run(store, request)

    kept = [full_run(store, call) for _ in range(RUNS)]
    for _ in range(RUNS):
        call(DELETE_RUN, RunId(run_id=full_run(store, call)))
    command = [sys.executable, "-m", "mlserve", "gc", "--older-than", "0d", "--yes",
               "--tracking-uri", f"sqlite:///{file}"]  # fmt: skip
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "MLSERVE_"))}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment) as process:
        wait_until(lambda: count_runs(file) <= moment or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
    collect_all(store)
    assert {path.split("/")[1] for path in files_in(store) if "/" in path} == set(kept)
    assert len([path for path in files_in(store) if path.endswith("a.txt")]) == RUNS
    rows = rows_in(store)
    assert (rows["runs"], rows["metrics"], "garbage" in rows) == (RUNS, 3 * RUNS, False)
    store.close()
