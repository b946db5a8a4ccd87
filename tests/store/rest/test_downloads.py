"""Artifacts by the runs, versions and logged models that have them."""

from __future__ import annotations

import pytest
from mlserve.store.store import open_store

from .clients import API, PROXY, client_of

VERSION = "/model-versions/get-artifact"
MODEL = "/ajax-api/2.0/mlflow/logged-models/{}/artifacts/files"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    store = open_store(f"sqlite:///{folder / 'store.db'}", str(folder / "artifacts"))
    with client_of(store) as made:
        yield made
    store.close()


def post(client, path, **body):
    answer = client.post(f"{API}/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def put(client, uri, path, content):
    place = uri.removeprefix("mlflow-artifacts:/")
    assert client.put(f"{PROXY}/{place}/{path}", content=content).status_code == 200


@pytest.fixture(scope="module")
def run(client):
    info = post(client, "runs/create", experiment_id="0")["run"]["info"]
    put(client, info["artifact_uri"], "d/a.txt", b"of a run")
    return info


@pytest.fixture(scope="module")
def model(client):
    info = post(client, "logged-models", experiment_id="0", name="model")["model"]["info"]
    put(client, info["artifact_uri"], "MLmodel", b"of a model")
    return info


@pytest.mark.parametrize("name", ["run_id", "run_uuid"])
def test_a_file_of_a_run_is_answered(client, run, name):
    answer = client.get("/get-artifact", params={name: run["run_id"], "path": "d/a.txt"})
    assert (answer.status_code, answer.content) == (200, b"of a run")
    assert answer.headers["content-disposition"] == "attachment; filename=a.txt"


def test_a_file_of_a_version_is_answered(client, model):
    post(client, "registered-models/create", name="churn")
    source = f"models:/{model['model_id']}"
    asked = {"name": "churn", "source": source, "model_id": model["model_id"]}
    post(client, "model-versions/create", **asked)
    answer = client.get(VERSION, params={"name": "churn", "version": "1", "path": "MLmodel"})
    assert (answer.status_code, answer.content) == (200, b"of a model")


def test_a_file_of_a_logged_model_is_answered(client, model):
    path = MODEL.format(model["model_id"])
    answer = client.get(path, params={"artifact_file_path": "MLmodel"})
    assert (answer.status_code, answer.content) == (200, b"of a model")


@pytest.mark.parametrize("path", ["../a", "..%2fa", "/etc/passwd", "d/../../a", "a\\b", "a\0", "#"])
def test_a_path_out_of_the_artifacts_is_refused(client, run, model, path):
    for answer in (
        client.get("/get-artifact", params={"run_id": run["run_id"], "path": path}),
        client.get(MODEL.format(model["model_id"]), params={"artifact_file_path": path}),
    ):
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/get-artifact", 400),
        ("/get-artifact?path=a", 400),
        ("/get-artifact?run_id=none&path=a", 404),
        (f"{VERSION}?name=none&version=1&path=a", 404),
        (f"{VERSION}?name=churn&version=x&path=a", 400),
        (f"{VERSION}?name=churn&path=a", 400),
        (MODEL.format("m-none") + "?artifact_file_path=a", 404),
        (MODEL.format("%00") + "?artifact_file_path=a", 400),
    ],
)
def test_what_names_no_file_is_refused(client, path, status):
    answer = client.get(path)
    assert answer.status_code == status
    assert set(answer.json()) == {"error_code", "message"}


def test_a_file_that_is_not_there_and_no_path_are_told(client, run):
    asked = {"run_id": run["run_id"]}
    assert client.get("/get-artifact", params=asked | {"path": "none"}).status_code == 404
    answer = client.get("/get-artifact", params=asked)
    assert (answer.status_code, "'path'" in answer.json()["message"]) == (400, True)
