"""The unmodified client of MLflow lives its whole life with our server, on both databases."""

from __future__ import annotations

import json
import os
import re
import subprocess
from itertools import count
from pathlib import Path

import pytest
from mlserve.store.operation import Role
from mlserve.store.rest.access import Access, Account, Caller
from mlserve.store.rest.secret_hashes import (
    digest_token,
    hash_password,
    make_token,
    read_password_hash,
)
from mlserve.store.store import open_store

from ..postgres import create_database
from .clients import client_of

SCRIPT = Path(__file__).with_name("mlflow_life.py")
SCENES = re.findall(r"(?m)^@scene\ndef (\w+)\(", SCRIPT.read_text())

_numbers = count()


def run(command, url, **environment):
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MLSERVE_", "MLFLOW_"))}
    done = subprocess.run(
        [*command, url], capture_output=True, text=True, timeout=600, check=False,
        env=inherited | {"MLFLOW_DISABLE_TELEMETRY": "true"} | environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def outcomes(request, mlflow_python, tmp_path_factory) -> dict[str, str | None]:
    """What became of each scene, on each kind of database."""
    folder = tmp_path_factory.mktemp("life")
    if request.param == "sqlite":
        uri = f"sqlite:///{folder / 'store.db'}"
    else:
        server = request.getfixturevalue("postgres_uri")
        uri = create_database(server, f"life{next(_numbers)}")
    store = open_store(uri, str(folder / "artifacts"))
    with client_of(store) as client:
        printed = run([mlflow_python, str(SCRIPT)], str(client.base_url))
    store.close()
    return json.loads(printed.splitlines()[-1])


@pytest.mark.parametrize("scene", SCENES)
def test_the_client_of_mlflow_lives_its_life(outcomes, scene):
    assert outcomes[scene] is None, outcomes[scene]


LOG = """
import sys, mlflow
mlflow.set_tracking_uri(sys.argv[1])
with mlflow.start_run() as run:
    mlflow.log_text("what was logged", "a.txt")
print(mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/a.txt"))
"""


def test_the_client_of_mlflow_sends_whole_what_it_would_send_in_parts(mlflow_python, tmp_path):
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    parts = {
        "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
        "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "true",
        "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": "1",
        "MLFLOW_MULTIPART_DOWNLOAD_MINIMUM_FILE_SIZE": "1",
    }
    with client_of(store) as client:
        printed = run([mlflow_python, "-c", LOG], str(client.base_url), **parts)
    store.close()
    assert "what was logged" in printed


def test_the_client_of_mlflow_proves_who_it_is(mlflow_python, tmp_path):
    token = make_token()
    accounts = [
        Account(Caller("ci", Role.WRITER), None, (digest_token(token),)),
        Account(Caller("alice", Role.WRITER), read_password_hash(hash_password("pässword")), ()),
    ]
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    with client_of(store, Access(accounts)) as client:
        for environment in (
            {"MLFLOW_TRACKING_TOKEN": token},
            {"MLFLOW_TRACKING_USERNAME": "alice", "MLFLOW_TRACKING_PASSWORD": "pässword"},
        ):
            printed = run([mlflow_python, "-c", LOG], str(client.base_url), **environment)
            assert "what was logged" in printed
    store.close()
