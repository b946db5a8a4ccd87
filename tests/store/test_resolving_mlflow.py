"""References resolved by a real MLflow server, which knows no manifests and keeps no log."""

from __future__ import annotations

import json
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from mlserve.runtimes.flavors import load_model
from mlserve.store.errors import InvalidParameter, InvalidState, NotFound
from mlserve.store.fetching import fetch_model
from mlserve.store.http_transport import HttpTransport
from mlserve.store.model_cache import ModelCache

from .servers import running_mlflow

PROGRAM = Path(__file__).with_name("mlflow_models.py")


@pytest.fixture(scope="module")
def server(mlflow_python, tmp_path_factory):
    """The address of a server, and the ids of the runs and logged models that it has."""
    with running_mlflow(mlflow_python, tmp_path_factory.mktemp("mlflow")) as uri:
        command = [mlflow_python, str(PROGRAM), uri]
        run = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=300)
        yield uri, json.loads(run.stdout.splitlines()[-1])


@pytest.fixture
def fetch(server, tmp_path):
    uri, ids = server
    values = {f"{kind}{i}": one[kind] for i, one in enumerate(ids, 1) for kind in one}
    with closing(ModelCache(tmp_path / "cache", 1 << 30)) as cache:
        yield lambda text: fetch_model(text.format(**values), lambda: HttpTransport(uri), cache)


@pytest.mark.parametrize(
    ("text", "number", "name", "version"),
    [
        ("models:/line/1", 1, "line", "1"),
        ("models:/line/Production", 1, "line", "1"),
        ("models:/line/production", 1, "line", "1"),
        ("models:/line/None", 2, "line", "2"),
        ("models:/line/latest", 2, "line", "2"),
        ("models:/line@champion", 2, "line", "2"),
        ("models:/{model1}", 1, "model", ""),
        ("runs:/{run2}/model", 2, "model", ""),
    ],
)
def test_a_model_is_found_and_loaded(server, fetch, text, number, name, version):
    located = fetch(text)
    document = yaml.safe_load((located.folder / "MLmodel").read_text())
    assert document["model_id"] == server[1][number - 1]["model"]
    assert (located.name, located.version) == (name, version)
    assert located.digest == located.folder.name
    assert load_model(located.folder).flavor == "sklearn"


def test_a_folder_among_the_artifacts_of_a_run_is_found(fetch):
    assert (fetch("runs:/{run1}/folder").folder / "MLmodel").exists()


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        ("models:/line/Staging", NotFound, "no version in Staging; Production has 1; the first"),
        (
            "models:/line/9",
            NotFound,
            "no version 9; Production has 1; the first stage (None) has 2",
        ),
        ("models:/line@best", NotFound, "no alias best; Production has 1; the first stage (None)"),
        ("models:/lime/1", NotFound, "there is no registered model lime; did you mean line?"),
        ("models:/zzzz/latest", NotFound, "there is no registered model zzzz; there is empty, li"),
        ("models:/empty/latest", NotFound, "no version; it has no versions yet"),
        ("models:/line/Nowhere", InvalidParameter, "Invalid Model Version stage"),
        ("models:/line/Production?at=2026-01-01", InvalidState, "keeps no log of promotions"),
        ("models:/m-00000000000000000000000000000000", NotFound, "not found"),
        ("runs:/{run1}/none", NotFound, "its folders are folder; it logged model"),
        ("runs:/00000000000000000000000000000000/model", NotFound, "not found"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(fetch, text, kind, told):
    with pytest.raises(kind) as caught:
        fetch(text)
    assert told in str(caught.value)
