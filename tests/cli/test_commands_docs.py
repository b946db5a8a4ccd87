"""The commands in docs/commands.md are run, and print what stands there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from mlserve.store.embedded import EmbeddedTransport
from mlserve.store.entities import Metric, Param
from mlserve.store.registry_operations import (
    CREATE_MODEL_VERSION,
    CREATE_REGISTERED_MODEL,
    TRANSITION_STAGE,
)
from mlserve.store.registry_requests import (
    CreateModelVersion,
    CreateRegisteredModel,
    TransitionStage,
)
from mlserve.store.tracking_operations import (
    CREATE_EXPERIMENT,
    CREATE_RUN,
    DELETE_RUN,
    LOG_BATCH,
    UPDATE_RUN,
)
from mlserve.store.tracking_requests import CreateExperiment, CreateRun, LogBatch, RunId, UpdateRun

from ..store.older_sources import REVISIONS, fill, make_schemas

TEXT = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
STARTED = 1_767_225_600_000


def read_examples(text: str) -> list[tuple[str, list[str]]]:
    """Return each command of the text with the lines below it."""
    examples = []
    for line in re.findall(r"(?m)^    (.*)$", text):
        if line.startswith("$ "):
            examples.append((line.removeprefix("$ "), []))
        else:
            examples[-1][1].append(line)
    return examples


def plain(text: str) -> str:
    """Return the text without what differs each time: ids and times."""
    text = re.sub(r"\b[0-9a-f]{32}\b", "-" * 32, text)
    return re.sub(
        r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", "-" * 20, re.sub(r"\b\d{13}\b", "-" * 13, text)
    )


def make_store(folder: Path) -> None:
    """Make the store that the text speaks of, in the default place."""
    transport = EmbeddedTransport(f"sqlite:///{folder / 'mlserve.db'}", caller="ada")
    call = transport.call
    number = call(CREATE_EXPERIMENT, CreateExperiment("churn")).experiment_id
    call(CREATE_REGISTERED_MODEL, CreateRegisteredModel("churn", description="who leaves"))
    for i, (name, auc) in enumerate([("first", 0.81), ("deeper", 0.87), ("mistake", 0.5)]):
        info = call(CREATE_RUN, CreateRun(number, "ada", name, STARTED + i * 60_000)).run.info
        call(LOG_BATCH, LogBatch(
            run_id=info.run_id, metrics=[Metric("auc", auc, 1)], params=[Param("depth", str(3 + i))]
        ))  # fmt: skip
        ended = UpdateRun(run_id=info.run_id, status="FINISHED", end_time=info.start_time + 42_000)
        call(UPDATE_RUN, ended)
        transport.artifacts(info.artifact_uri).write(
            "model/MLmodel", BytesIO(b"flavors: {}\n" * 90)
        )
        if name == "mistake":
            call(DELETE_RUN, RunId(run_id=info.run_id))
            break
        source = f"runs:/{info.run_id}/model"
        call(CREATE_MODEL_VERSION, CreateModelVersion("churn", source, info.run_id))
    call(TRANSITION_STAGE, TransitionStage("churn", "1", "Production", reason="the first"))
    transport.close()


@pytest.fixture(scope="module")
def folder(mlflow_python, tmp_path_factory) -> Path:
    """A working directory with the store, and an MLflow's database."""
    folder = tmp_path_factory.mktemp("docs")
    schemas = make_schemas(mlflow_python, tmp_path_factory.mktemp("schemas"), REVISIONS[-1])
    fill(schemas / f"{REVISIONS[-1]}.db", folder, 3)
    make_store(folder)
    return folder


@pytest.mark.parametrize(
    ("command", "printed"), read_examples(TEXT), ids=lambda value: str(value)[:60]
)
def test_a_command_prints_what_the_text_says(folder, command, printed):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MLSERVE_", "MLFLOW_"))}
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(command)],
        capture_output=True, text=True, check=False, timeout=60, cwd=folder,
        env=environment | {"LOGNAME": "ada"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert plain(done.stdout + done.stderr).splitlines() == plain("\n".join(printed)).splitlines()
