"""Imports from a real MLflow's database and from a real MLflow's server, whole and interrupted."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlserve import MlserveClient, load_model
from mlserve.runtimes.columns import Columns
from mlserve.runtimes.errors import InvalidSetting
from mlserve.store.errors import StoreUnavailable
from mlserve.store.fetching import fetch_model
from mlserve.store.importing import import_all
from mlserve.store.importing_sources import opened_source
from mlserve.store.importing_tables import READ
from mlserve.store.importing_tally import Failure, Tally
from mlserve.store.lifecycle import Lifecycle
from mlserve.store.model_cache import ModelCache
from mlserve.store.registry_operations import (
    CREATE_MODEL_VERSION,
    CREATE_REGISTERED_MODEL,
    DELETE_ALIAS,
    GET_MANIFEST,
    GET_MODEL_VERSION,
    GET_REGISTERED_MODEL,
    SEARCH_PROMOTIONS,
    TRANSITION_STAGE,
)
from mlserve.store.registry_requests import (
    AliasName,
    CreateModelVersion,
    CreateRegisteredModel,
    RegisteredModelName,
    SearchPromotions,
    TransitionStage,
    VersionName,
)
from mlserve.store.store import open_store
from mlserve.store.tables import METADATA, logged_models, runs
from mlserve.store.tracking_operations import CREATE_EXPERIMENT, CREATE_RUN, GET_RUN
from mlserve.store.tracking_requests import CreateExperiment, CreateRun, RunId
from sqlalchemy import Column, MetaData, Table, create_engine, select

from .read_back import read_back
from .servers import running_mlflow

COLUMNS = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
ROWS = [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]]
"""What the source asked its model to predict."""

SCRIPT = Path(__file__).parent / "mlflow_source.py"


@dataclass(frozen=True)
class Made:
    """A source that the real client made, with what it read back."""

    folder: Path
    database: str
    there: dict[str, Any]
    predictions: list[Any]
    server: str | None = None


def fill(python: str, uri: str, folder: Path) -> tuple[dict[str, Any], list[Any]]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "MLSERVE_"))}
    done = subprocess.run(
        [python, str(SCRIPT), uri],
        capture_output=True, text=True, check=False, timeout=300, cwd=folder, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    return told["there"], told["predictions"]


@pytest.fixture(scope="module")
def of_files(mlflow_python, tmp_path_factory) -> Made:
    """An MLflow without a server: a SQLite file, and artifacts in mlruns beside it."""
    folder = tmp_path_factory.mktemp("of-files")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    return Made(folder, uri, *fill(mlflow_python, uri, folder))


@pytest.fixture(scope="module")
def of_server(mlflow_python, tmp_path_factory) -> Iterator[Made]:
    """An MLflow server, whose artifacts are named by mlflow-artifacts:/."""
    folder = tmp_path_factory.mktemp("of-server")
    with running_mlflow(mlflow_python, folder) as uri:
        made = fill(mlflow_python, uri, folder)
        yield Made(folder, f"sqlite:///{folder / 'store.db'}", *made, uri)


@pytest.fixture(scope="module", params=["files", "database", "server"])
def source(request) -> Source:
    """The three ways to an MLflow: its files, the database of its server, and the server."""
    made: Made = request.getfixturevalue("of_files" if request.param == "files" else "of_server")
    if request.param == "server":
        return Source(made, made.server)
    moved = (
        {} if request.param == "files" else {"mlflow-artifacts:/": str(made.folder / "artifacts")}
    )
    return Source(made, made.database, moved)


@dataclass(frozen=True)
class Source:
    """An MLflow, and how to get at it."""

    made: Made
    uri: str
    moved: dict[str, str] = field(default_factory=dict)

    def copy_to(self, store) -> Tally:
        return copy(self.uri, store, self.moved)


def copy(uri, store, moved=None) -> Tally:
    with opened_source(uri, moved or {}, {}) as (source, places):
        return import_all(source, store, places, lambda _: None)


def edited(made: Made, folder: Path, *statements: str) -> str:
    """Return the URI of a copy of the source's database in which the statements were run."""
    file = folder / "edited.db"
    shutil.copy(made.folder / "mlflow.db", file)
    with closing(sqlite3.connect(file)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    return f"sqlite:///{file}"


def rows_of(store, *names: str) -> dict[str, list[Any]]:
    """Return rows of a store, all but the times and ids that each import gives anew."""
    anew = {
        "experiments": {"creation_time", "last_update_time"},
        "promotions": {"at", "model_uid"},
        "registered_models": {"model_uid"},
    }
    found = {}
    with store.database.read() as connection:
        for name in names or METADATA.tables:
            table = METADATA.tables[name]
            columns = [column for column in table.c if column.name not in anew.get(name, ())]
            found[name] = sorted(map(tuple, connection.execute(select(*columns))), key=repr)
    return found


def ids_of(made: Made, **wanted: str) -> list[str]:
    """Return the ids of the source's runs that have this name."""
    return [i for i, run in made.there["runs"].items() if run["info"][1] == wanted["name"]]


def predict(store, reference: str, folder: Path) -> list[Any]:
    """Return what the model that a reference means predicts, downloaded from the store."""
    cache = ModelCache(folder / "cache", 1 << 30)
    transport = Here(store)
    model = load_model(fetch_model(reference, lambda: transport, cache).folder)
    columns = dict(zip(COLUMNS, np.array(ROWS).T, strict=True))
    predicted = model.runtime.predict(Columns(columns, len(ROWS)), {})
    cache.close()
    return np.asarray(predicted).tolist()


class Here:
    """The way to a store that is open, and stays so."""

    def __init__(self, store) -> None:
        self._store = store

    def call(self, operation, request):
        return operation.run(self._store, request)

    def artifacts(self, uri):
        return self._store.artifacts(uri)

    def close(self) -> None:
        pass


class TestWhatIsCopied:
    def test_our_client_reads_what_the_real_client_read(self, source, store, database_uri):
        tally = source.copy_to(store)
        assert tally.failures == []
        assert read_back(MlserveClient(database_uri)) == source.made.there

    @pytest.mark.parametrize(
        "reference",
        ["models:/churn/Production", "models:/churn@champion", "models:/old/1", "models:/copied/1"],
    )
    def test_a_model_predicts_the_same(self, source, store, reference, tmp_path):
        source.copy_to(store)
        assert predict(store, reference, tmp_path) == source.made.predictions

    def test_artifacts_of_runs_are_there(self, source, store):
        source.copy_to(store)
        [run_id] = ids_of(source.made, name="parent")
        run = Here(store).call(GET_RUN, RunId(run_id=run_id)).run
        with store.artifacts(run.info.artifact_uri).read("notes/a.txt") as file:
            assert file.read() == b"hello"

    def test_the_second_time_everything_is_skipped(self, source, store):
        first = source.copy_to(store)
        before = rows_of(store)
        second = source.copy_to(store)
        assert second.failures == []
        assert second.skipped["runs"] + second.copied["runs completed"] == first.copied["runs"]
        assert {name for name, number in second.copied.items() if number} == {"runs completed"}
        assert rows_of(store) == before

    def test_what_it_did_is_counted(self, source, store):
        tally = source.copy_to(store)
        there = source.made.there
        assert tally.copied["runs"] == len(there["runs"]) == 4
        assert tally.copied["metric points"] == 2006
        assert tally.copied["versions"] == 4
        assert tally.done == tally.total

    def test_the_number_of_a_deleted_version_is_given_to_no_other(self, of_files, store):
        copy(of_files.database, store)
        [run_id] = ids_of(of_files, name="parent")
        old = Here(store).call(GET_MODEL_VERSION, VersionName("old", "1")).model_version
        request = CreateModelVersion("churn", old.source, run_id)
        assert Here(store).call(CREATE_MODEL_VERSION, request).model_version.version == "4"

    def test_each_stage_and_alias_is_in_the_log_of_promotions(self, source, store):
        source.copy_to(store)
        answer = Here(store).call(SEARCH_PROMOTIONS, SearchPromotions("churn"))
        told = {(one.version, one.alias or one.kind, one.to) for one in answer.promotions}
        assert told == {
            ("1", "stage", "Production"), ("2", "stage", "Staging"),
            ("1", "champion", "1"), ("2", "challenger", "2"),
        }  # fmt: skip
        assert {one.reason for one in answer.promotions} == {"imported from MLflow"}

    def test_a_registered_model_is_verified_by_its_digests(self, source, store):
        source.copy_to(store)
        manifest = Here(store).call(GET_MANIFEST, VersionName("churn", "1"))
        assert manifest.digest
        assert "MLmodel" in manifest.files

    def test_when_a_run_was_deleted_is_kept_and_a_deleted_logged_model_stays_deleted(
        self, of_files, store
    ):
        copy(of_files.database, store)
        [run_id] = ids_of(of_files, name="mistake")
        with closing(sqlite3.connect(of_files.folder / "mlflow.db")) as connection:
            [when] = connection.execute(
                "SELECT deleted_time FROM runs WHERE run_uuid = ?", [run_id]
            ).fetchone()
        with store.database.read() as connection:
            deleted = connection.execute(
                select(runs.c.run_id, runs.c.deleted_time).where(
                    runs.c.lifecycle_stage == "deleted"
                )
            ).all()
            stages = connection.scalars(select(logged_models.c.lifecycle_stage)).all()
        assert [tuple(row) for row in deleted] == [(run_id, when)]
        assert sorted(stages) == ["active", "active", "deleted"]

    def test_a_version_knows_the_logged_model_that_it_is_of(self, source, store):
        source.copy_to(store)
        version = Here(store).call(GET_MODEL_VERSION, VersionName("churn", "1")).model_version
        assert version.source == f"models:/{version.model_id}"


class TestWhatIsThereAlready:
    def test_an_id_that_is_free_is_kept_and_new_experiments_get_others(self, of_files, store):
        copy(of_files.database, store)
        names = {row[1]: row[0] for row in rows_of(store, "experiments")["experiments"]}
        assert names == {"Default": 0, "churn": 1, "gone": 2}
        made = Here(store).call(CREATE_EXPERIMENT, CreateExperiment("new"))
        assert made.experiment_id == "3"

    def test_runs_go_into_the_experiment_of_the_same_name(self, of_files, store, tmp_path):
        here = Here(store)
        here.call(CREATE_EXPERIMENT, CreateExperiment("mine"))
        churn = here.call(CREATE_EXPERIMENT, CreateExperiment("churn")).experiment_id
        copy(of_files.database, store)
        [run_id] = ids_of(of_files, name="child")
        run = here.call(GET_RUN, RunId(run_id=run_id)).run
        assert run.info.experiment_id == churn == "2"
        assert run.info.artifact_uri == f"mlflow-artifacts:/{churn}/{run_id}/artifacts"
        assert predict(store, "models:/churn/Production", tmp_path) == of_files.predictions

    def test_another_version_of_the_same_number_is_left_alone_and_told(self, of_files, store):
        here = Here(store)
        run = here.call(CREATE_RUN, CreateRun()).run
        store.artifacts(run.info.artifact_uri).write("m/MLmodel", BytesIO(b"flavors: {}"))
        here.call(CREATE_REGISTERED_MODEL, CreateRegisteredModel("old"))
        request = CreateModelVersion("old", f"{run.info.artifact_uri}/m", run.info.run_id)
        here.call(CREATE_MODEL_VERSION, request)
        tally = copy(of_files.database, store)
        assert tally.failures == [
            Failure(
                "registered model old, version 1", "the store has another version of this number"
            )
        ]
        found = here.call(GET_MODEL_VERSION, VersionName("old", "1")).model_version
        assert found.run_id == run.info.run_id

    def test_a_run_that_goes_on_at_the_source_is_completed(self, of_files, store, tmp_path):
        copy(of_files.database, store)
        [run_id] = ids_of(of_files, name="unfinished")
        later = edited(
            of_files,
            tmp_path,
            f"UPDATE runs SET status = 'FINISHED', end_time = 7 WHERE run_uuid = '{run_id}'",
            "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) "
            f"VALUES ('late', 0.5, 1, '{run_id}', 2, 0)",
        )
        tally = copy(later, store)
        run = Here(store).call(GET_RUN, RunId(run_id=run_id)).run
        assert tally.copied["runs completed"] == 1
        assert (run.info.status, run.info.end_time) == ("FINISHED", 7)
        assert [(metric.key, metric.step) for metric in run.data.metrics] == [("late", 2)]

    def test_what_was_changed_here_since_is_left_as_it_is(self, of_files, store):
        copy(of_files.database, store)
        here = Here(store)
        here.call(DELETE_ALIAS, AliasName("churn", "champion"))
        here.call(TRANSITION_STAGE, TransitionStage("churn", "2", "Archived"))
        copy(of_files.database, store)
        model = here.call(GET_REGISTERED_MODEL, RegisteredModelName("churn")).registered_model
        assert [alias.alias for alias in model.aliases] == ["challenger"]
        version = here.call(GET_MODEL_VERSION, VersionName("churn", "2")).model_version
        assert version.current_stage == "Archived"


class TestWhatCannotBeCopied:
    def test_a_run_whose_text_is_broken_fails_alone(self, of_files, store, tmp_path):
        [run_id] = ids_of(of_files, name="child")
        broken = edited(
            of_files,
            tmp_path,
            f"""
            UPDATE tags SET value = CAST(x'ff' AS TEXT)
            WHERE run_uuid = '{run_id}' AND key = 'mlflow.runName'""",
        )
        tally = copy(broken, store)
        assert tally.failures[0].what == f"run {run_id}"
        assert tally.copied["runs"] == 3

    def test_a_version_of_a_run_that_failed_waits_for_it(self, of_files, store, tmp_path):
        [run_id] = ids_of(of_files, name="parent")
        broken = edited(
            of_files, tmp_path, f"UPDATE tags SET value = x'ff' WHERE run_uuid = '{run_id}'"
        )
        told = {failure.what: failure.reason for failure in copy(broken, store).failures}
        assert told["registered model old, version 1"].startswith(run_id)
        assert copy(of_files.database, store).failures == []

    def test_files_outside_of_runs_are_copied_only_from_where_it_is_said(
        self, of_files, store, tmp_path
    ):
        model = tmp_path / "elsewhere" / "model"
        shutil.copytree(next(of_files.folder.rglob("artifacts/old")), model)
        outside = edited(
            of_files,
            tmp_path,
            f"""
            UPDATE model_versions SET source = '{model}', storage_location = NULL, run_id = NULL
            WHERE name = 'old'""",
        )
        [failure] = copy(outside, store).failures
        assert f"--artifacts-at {model}={model}" in failure.reason
        assert copy(outside, store, {str(model.parent): str(model.parent)}).failures == []
        assert predict(store, "models:/old/1", tmp_path) == of_files.predictions

    @pytest.mark.parametrize("source", ["/etc", "file:///etc", "{root}/../../../../../etc"])
    def test_no_record_makes_it_read_other_files(self, of_files, store, tmp_path, source):
        root = Path(next(of_files.folder.rglob("artifacts/old"))).parent
        source = source.format(root=root)
        outside = edited(
            of_files,
            tmp_path,
            f"""
            UPDATE model_versions SET source = '{source}', storage_location = '{source}'
            WHERE name = 'old'""",
            f"""
            UPDATE runs SET artifact_uri = '{source}' WHERE name = 'child'""",
        )
        tally = copy(outside, store)
        assert "registered model old, version 1" in {failure.what for failure in tally.failures}
        assert any("its artifacts are not copied" in failure.reason for failure in tally.failures)
        kept = Path(store.destination)
        assert not [path for path in kept.rglob("*") if path.name in {"passwd", "hostname"}]

    def test_a_file_whose_name_no_store_takes_is_told_and_the_run_copied(
        self, of_files, store, tmp_path
    ):
        moved = tmp_path / "mlruns"
        shutil.copytree(of_files.folder / "mlruns", moved)
        notes = next(moved.rglob("notes"))
        (notes / "z#1.txt").write_text("no")
        (notes / "zz").symlink_to("/etc")
        tally = copy(of_files.database, store, {str(of_files.folder / "mlruns"): str(moved)})
        [run_id] = ids_of(of_files, name="parent")
        assert {failure.what for failure in tally.failures} == {f"run {run_id}"}
        assert tally.copied["runs"] == 4

    def test_a_run_whose_artifacts_are_out_of_reach_waits_for_them(self, of_files, store):
        with opened_source(of_files.database, {}, {}) as (source, places):
            tally = import_all(Unreachable(source), store, places, lambda _: None)
        assert tally.copied["runs"] == 0
        assert {failure.reason for failure in tally.failures} >= {"the storage does not answer"}
        assert copy(of_files.database, store).failures == []
        assert rows_of(store, "runs")["runs"]

    def test_a_version_whose_files_are_lost_is_told(self, of_files, store, tmp_path):
        empty = tmp_path / "empty"
        empty.mkdir()
        tally = copy(of_files.database, store, {str(of_files.folder / "mlruns"): str(empty)})
        assert tally.copied["versions"] == 4
        assert {failure.reason for failure in tally.failures} == {
            "the source has none of its files; only the record is copied"
        }

    def test_a_stage_that_the_store_does_not_have_is_told(self, of_files, database_uri, tmp_path):
        lifecycle = Lifecycle(("Candidate", "Production"))
        store = open_store(database_uri, str(tmp_path / "artifacts"), lifecycle)
        [failure] = copy(of_files.database, store).failures
        assert failure.reason.startswith("it is in Candidate: Invalid Model Version stage: Staging")
        store.close()

    def test_what_no_import_copies_is_counted(self, of_files, store, tmp_path):
        more = edited(
            of_files,
            tmp_path,
            "UPDATE experiments SET workspace = 'other' WHERE name = 'gone'",
            "INSERT INTO registered_model_tags (workspace, name, key, value) "
            "VALUES ('default', 'old', 'mlflow.prompt.is_prompt', 'true')",
            "INSERT INTO trace_info (request_id, experiment_id, timestamp_ms, status) "
            "VALUES ('tr-1', 1, 0, 'OK')",
        )
        tally = copy(more, store)
        assert tally.left_out == {
            "experiments of other workspaces": 1, "prompts": 1, "traces": 1,
        }  # fmt: skip
        assert tally.failures == []


class Unreachable:
    """A source whose artifacts are kept where nothing answers."""

    def __init__(self, source) -> None:
        self.contents = source.contents
        self.read_run = source.read_run
        self.read_logged_model = source.read_logged_model
        self.read_registered_model = source.read_registered_model
        self.list_folder = self.walk = self.read = self.write = self.delete = self._fail

    def artifacts(self, _: str) -> Any:
        return self

    def _fail(self, *_: object) -> Any:
        raise StoreUnavailable("the storage does not answer")


class TestSources:
    @pytest.mark.parametrize(
        ("uri", "words"),
        [
            ("{folder}/none.db", "found no file"),
            ("sqlite:///{folder}/none.db", "found no file"),
            ("{folder}", "mlflow migrate-filestore --source {folder}"),
            ("{folder}/plain.db", "has no tables experiments"),
            ("{folder}/ours.db", "a store of mlserve's already"),
            ("mysql://host/mlflow", "expected sqlite:///FILE"),
        ],
    )
    def test_what_is_no_source_is_refused_with_what_is(self, store, tmp_path, uri, words):
        sqlite3.connect(tmp_path / "plain.db").execute("CREATE TABLE t (a)").connection.close()
        open_store(f"sqlite:///{tmp_path / 'ours.db'}").close()
        with pytest.raises(InvalidSetting, match=re.escape(words.format(folder=tmp_path))):
            copy(uri.format(folder=tmp_path), store)

    def test_a_source_is_never_written_to(self, of_files, store):
        before = (of_files.folder / "mlflow.db").read_bytes()
        copy(of_files.database, store)
        assert (of_files.folder / "mlflow.db").read_bytes() == before

    def test_artifacts_that_are_not_there_end_it_before_it_begins(self, of_files, store, tmp_path):
        gone = edited(
            of_files,
            tmp_path,
            "UPDATE experiments SET artifact_location = '/gone/mlruns/1' WHERE name = 'churn'",
        )
        with pytest.raises(InvalidSetting, match="--artifacts-at /gone/mlruns=FOLDER"):
            copy(gone, store)
        assert len(rows_of(store, "experiments")["experiments"]) == 1

    def test_an_mlflow_in_postgresql_is_read(self, of_files, store, new_postgres_uri, tmp_path):
        source = create_engine(of_files.database)
        target = create_engine(new_postgres_uri.replace("postgresql:", "postgresql+psycopg:"))
        metadata = MetaData()
        with source.connect() as reading, target.begin() as writing:
            metadata.reflect(reading, only=sorted(READ), resolve_fks=False)
            for table in metadata.tables.values():
                columns = [Column(c.name, c.type) for c in table.c]
                plain = Table(table.name, MetaData(), *columns)
                plain.create(writing)
                rows = [dict(row) for row in reading.execute(table.select()).mappings()]
                if rows:
                    writing.execute(plain.insert(), rows)
        source.dispose()
        target.dispose()
        assert copy(new_postgres_uri, store).failures == []
        assert predict(store, "models:/churn/Production", tmp_path) == of_files.predictions
