"""Models logged from Python: into a file, to our server, and to MLflow's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from mlserve.runtimes.modelspec import read_model_spec
from mlserve.store.fetching import fetch_model
from mlserve.store.model_cache import ModelCache
from mlserve.store.tracking_uri import open_transport

from .servers import running_mlflow, running_mlserve

SCRIPT = """
import json
import mlserve
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

flowers = load_iris(as_frame=True)
model = LogisticRegression(max_iter=1000).fit(flowers.data, flowers.target)
with mlserve.start_run() as run:
    info = mlserve.log_model(model, "iris", example=flowers.data, registered_model_name="iris")
client = mlserve.MlserveClient()
logged = client.get_logged_model(info.model_id)
outputs = client.get_run(run.info.run_id).outputs.model_outputs
print(json.dumps({
    "run": run.info.run_id, "run_of_model": info.run_id, "model": info.model_id,
    "version": info.registered_model_version, "uri": info.model_uri, "status": logged.status,
    "outputs": [output.model_id for output in outputs],
    "predicted": model.predict(flowers.data).tolist(),
}))
"""
PREDICT = """
import json, sys
import mlflow
from sklearn.datasets import load_iris

model = mlflow.pyfunc.load_model(sys.argv[1])
print(json.dumps(model.predict(load_iris(as_frame=True).data).tolist()))
"""
FAIL = """
import mlserve
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from pathlib import Path

flowers = load_iris()
model = LogisticRegression(max_iter=1000).fit(flowers.data, flowers.target)
with mlserve.start_run():
    Path("artifacts").write_text("a file where the folder of artifacts is to be")
    mlserve.log_model(model, "iris", registered_model_name="iris")
"""


@pytest.fixture(scope="module", params=["file", "mlserve", "mlflow"])
def uri(request, tmp_path_factory) -> Iterator[str]:
    """The URI of a new store of each kind."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "file":
        yield f"sqlite:///{folder / 'store.db'}"
    elif request.param == "mlserve":
        with running_mlserve(folder) as address:
            yield address
    else:
        with running_mlflow(request.getfixturevalue("mlflow_python"), folder) as address:
            yield address


@pytest.fixture(scope="module")
def logged(uri, tmp_path_factory):
    return json.loads(run_python(sys.executable, SCRIPT, uri, tmp_path_factory.mktemp("script")))


@pytest.fixture(scope="module")
def address(uri) -> Iterator[str]:
    """The URI of a server of the store: of a file, one that is started on it."""
    if not uri.startswith("sqlite"):
        yield uri
        return
    with running_mlserve(place_of(uri)) as started:
        yield started


def place_of(uri):
    return Path(uri.removeprefix("sqlite:///")).parent


def run_python(python, program, uri, folder, *arguments, check=True):
    """Return what a program prints that has ``uri`` for its tracking URI."""
    environment = os.environ | {"MLSERVE_TRACKING_URI": uri, "MLFLOW_TRACKING_URI": uri}
    if uri.startswith("sqlite"):
        environment["MLSERVE_ARTIFACTS_DESTINATION"] = str(place_of(uri) / "artifacts")
    run = subprocess.run(
        [python, "-c", program, *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (run.returncode == 0) is check, run.stderr
    return run.stdout


def test_a_logged_model_belongs_to_its_run_and_is_registered(logged):
    assert logged["run_of_model"] == logged["run"]
    assert logged["outputs"] == [logged["model"]]
    assert (logged["version"], logged["status"]) == (1, "READY")
    assert logged["uri"] == f"models:/{logged['model']}"


def test_mlflow_loads_what_was_logged_and_predicts_the_same(
    logged, address, mlflow_python, tmp_path
):
    found = run_python(mlflow_python, PREDICT, address, tmp_path, "models:/iris/1")
    assert json.loads(found) == logged["predicted"]


def test_the_model_knows_the_run_and_the_logged_model_that_it_is(logged, address, tmp_path):
    with closing(ModelCache(tmp_path, 2**30)) as cache:
        located = fetch_model("models:/iris/1", partial(open_transport, address), cache)
        spec = read_model_spec(located.folder)
    assert (spec.run_id, spec.model_id) == (logged["run"], logged["model"])


def test_a_model_that_cannot_be_uploaded_is_marked_as_failed_and_not_registered(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlserve.db'}"
    run_python(sys.executable, FAIL, uri, tmp_path, check=False)
    look = """
import mlserve
client = mlserve.MlserveClient()
print([model.status for model in client.search_logged_models(["0"])])
print([model.name for model in client.search_registered_models()])
"""
    assert run_python(sys.executable, look, uri, tmp_path).splitlines() == ["['FAILED']", "[]"]
