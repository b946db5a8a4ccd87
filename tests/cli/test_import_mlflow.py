"""`mlserve import-mlflow`: what it prints where, and how it ends."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from mlserve.cli.main import main

from ..store.older_sources import REVISIONS, fill, make_schemas
from .terminals import on_a_terminal


@pytest.fixture(scope="module")
def schema(mlflow_python, tmp_path_factory) -> Path:
    folder = make_schemas(mlflow_python, tmp_path_factory.mktemp("schemas"), REVISIONS[-1])
    return folder / f"{REVISIONS[-1]}.db"


@pytest.fixture
def source(schema, tmp_path) -> str:
    """The URI of an MLflow with three runs."""
    return fill(schema, tmp_path / "source", 3)


def run(source: str, folder: Path, *flags: str) -> Result:
    target = ["--to", f"sqlite:///{folder / 'store.db'}"]
    return CliRunner().invoke(main, ["import-mlflow", source, *target, *flags])


def test_a_summary_alone_is_on_stdout(source, tmp_path):
    done = run(source, tmp_path)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "copied"
    assert "  runs               3" in done.stdout.splitlines()


def test_the_second_time_it_says_what_is_there_already(source, tmp_path):
    run(source, tmp_path)
    told = json.loads(run(source, tmp_path, "--json").stdout)
    assert told["copied"] == {}
    assert told["skipped"] == {"experiments": 1, "runs": 3, "registered models": 1, "versions": 1}


def test_a_path_of_a_file_is_a_source_too(source, tmp_path):
    assert run(source.removeprefix("sqlite:///"), tmp_path).exit_code == 0


def test_what_failed_is_told_with_its_reason_and_the_exit_code_is_1(source, tmp_path):
    with closing(sqlite3.connect(source.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("UPDATE params SET value = x'ff' WHERE run_uuid LIKE '%1'")
    done = run(source, tmp_path, "--json")
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    [failure] = told["failures"]
    assert failure["what"] == f"run {1:032x}"
    assert f"{failure['what']}: {failure['reason']}\n" == done.stderr
    assert told["copied"]["runs"] == 2


def test_names_in_failures_cannot_act_on_a_terminal(source, tmp_path):
    with closing(sqlite3.connect(source.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute("UPDATE registered_models SET name = 'a\x1b[2J'")
    uri = f"sqlite:///{tmp_path / 'store.db'}"
    code, shown = on_a_terminal(uri, ["import-mlflow", source], columns=300)
    assert code == 1
    assert "a\\x1b[2J" in shown
    assert "\x1b[2J" not in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.db"], "found no file"),
        (["sqlite:///x", "--to", "http://localhost:1"], "works on a store's database"),
        (["sqlite:///x", "--artifacts-at", "x"], "--artifacts-at: found x, expected KEY=VALUE"),
    ],
)
def test_wrong_usage_is_2(tmp_path, arguments, words):
    environment = {"MLSERVE_TRACKING_URI": f"sqlite:///{tmp_path / 'store.db'}"}
    done = CliRunner().invoke(main, ["import-mlflow", *arguments], env=environment)
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in done.stderr


def test_a_server_that_does_not_answer_is_told_and_the_exit_code_is_1(tmp_path):
    environment = {"MLSERVE_HTTP_REQUEST_MAX_RETRIES": "0"}
    target = f"sqlite:///{tmp_path / 'store.db'}"
    command = ["import-mlflow", "http://127.0.0.1:9", "--to", target]
    done = CliRunner().invoke(main, command, env=environment)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "begin again, to copy what is missing" in done.stderr
