"""Imports that were killed, and imports from the tables of older releases of MLflow."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mlserve.store.importing import import_all
from mlserve.store.importing_sources import opened_source
from mlserve.store.importing_tally import Tally
from mlserve.store.registry_operations import GET_MODEL_VERSION
from mlserve.store.registry_requests import VersionName
from mlserve.store.store import Store, open_store
from mlserve.store.tables import METADATA
from mlserve.store.tracking_operations import GET_RUN
from mlserve.store.tracking_requests import RunId
from sqlalchemy import select

from ..serve.processes import wait_until
from .older_sources import REVISIONS, fill, make_schemas
from .s3_server import bucket, client, s3_environment

__all__ = ["bucket", "s3_environment"]

RUNS = 300


@pytest.fixture(scope="module")
def schemas(mlflow_python, tmp_path_factory) -> Path:
    """A folder with an empty database for each revision."""
    return make_schemas(mlflow_python, tmp_path_factory.mktemp("schemas"), *REVISIONS)


def copy(uri: str, store: Store) -> Tally:
    with opened_source(uri, {}, {}) as (source, places):
        return import_all(source, store, places, lambda _: None)


def all_of(store: Store) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return all rows of a store, but for times and ids that are new, and all its artifacts."""
    anew = {"promotions": {"at", "model_uid"}, "registered_models": {"model_uid"},
            "experiments": {"creation_time", "last_update_time"}}  # fmt: skip
    rows = {}
    with store.database.read() as connection:
        for name, table in METADATA.tables.items():
            columns = [column for column in table.c if column.name not in anew.get(name, ())]
            found = connection.execute(select(*columns))
            rows[name] = sorted((tuple(row) for row in found), key=repr)
    root = Path(store.destination)
    files = {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*")
             if file.is_file() and not file.name.startswith(".mlserve-writing-")}  # fmt: skip
    return rows, files


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_tables_of_older_releases_are_read(schemas, store, tmp_path, revision):
    uri = fill(schemas / f"{revision}.db", tmp_path / "source", 2)
    tally = copy(uri, store)
    assert tally.failures == []
    run = GET_RUN.run(store, RunId(run_id=f"{1:032x}")).run
    assert (run.info.experiment_id, run.info.run_name, run.info.end_time) == ("5", "named", 2)
    assert [(param.key, param.value) for param in run.data.params] == [("a", "b")]
    assert [(one.key, one.value, one.step) for one in run.data.metrics] == [("loss", 0.05, 19)]
    if revision != REVISIONS[0]:
        version = GET_MODEL_VERSION.run(store, VersionName("churn", "3")).model_version
        assert (version.current_stage, version.run_id) == ("Production", f"{0:032x}")


def count_runs(file: Path) -> int:
    if not file.exists():
        return 0
    with closing(sqlite3.connect(file, timeout=30)) as connection:
        try:
            return connection.execute("SELECT count(*) FROM runs").fetchone()[0]
        except sqlite3.OperationalError:  # the tables are not made yet
            return 0


@pytest.fixture(scope="module")
def many_runs(schemas, tmp_path_factory) -> str:
    return fill(schemas / f"{REVISIONS[-1]}.db", tmp_path_factory.mktemp("many") / "source", RUNS)


@pytest.fixture(scope="module")
def at_once(many_runs, tmp_path_factory) -> Iterator[Store]:
    """What an import makes that nobody interrupts."""
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('at-once') / 'store.db'}")
    assert copy(many_runs, store).failures == []
    yield store
    store.close()


@pytest.mark.parametrize("moments", [[0], [1], [40, 41, 150], [RUNS - 1], [RUNS]], ids=str)
def test_an_import_that_was_killed_and_begun_again_is_as_one(many_runs, at_once, tmp_path, moments):
    file = tmp_path / "store.db"
    command = [sys.executable, "-m", "mlserve", "import-mlflow", many_runs,
               "--to", f"sqlite:///{file}"]  # fmt: skip
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "MLSERVE_"))}
    for moment in moments:
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
        ) as process:
            wait_until(lambda: count_runs(file) >= moment or process.poll() is not None)  # noqa: B023
            process.send_signal(signal.SIGKILL)
    store = open_store(f"sqlite:///{file}")
    assert copy(many_runs, store).failures == []
    assert all_of(store) == all_of(at_once)
    store.close()


@pytest.mark.usefixtures("s3_environment")
def test_artifacts_move_from_a_bucket_into_another_place(schemas, bucket, tmp_path, s3_environment):
    uri = fill(schemas / f"{REVISIONS[-1]}.db", tmp_path / "source", 2)
    root, place = tmp_path / "source" / "mlruns", f"s3://{bucket}/mlruns"
    for file in filter(Path.is_file, root.rglob("*")):
        key = f"mlruns/{file.relative_to(root)}"
        client(s3_environment).put_object(Bucket=bucket, Key=key, Body=file.read_bytes())
    with closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as connection, connection:
        for table, column, start in [
            ("experiments", "artifact_location", root),
            ("model_versions", "source", root),
            ("runs", "artifact_uri", root.as_uri()),
        ]:
            moved = f"UPDATE {table} SET {column} = replace({column}, ?, ?)"
            connection.execute(moved, [str(start), place])
    shutil.rmtree(root)
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}", f"s3://{bucket}/ours")
    tally = copy(uri, store)
    assert tally.failures == []
    assert tally.copied["files"] == 4
    version = GET_MODEL_VERSION.run(store, VersionName("churn", "3")).model_version
    assert version.source == f"mlflow-artifacts:/5/{0:032x}/artifacts/model"
    with store.artifacts(version.source).read("MLmodel") as file:
        assert file.read() == f"run_id: {0:032x}\n".encode()
    store.close()
