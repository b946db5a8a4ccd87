"""The lists of artifacts of runs and logged models, over their operations."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import count

import pytest
from mlserve.store import tracking_operations as operations
from mlserve.store import tracking_requests as requests
from mlserve.store.entities import FileInfo
from mlserve.store.errors import InvalidParameter, NotFound
from mlserve.store.tracking_requests import ArtifactsAnswer

from .test_artifact_paths import BAD

_numbers = count()


def make_run(store):
    return operations.CREATE_RUN.run(store, requests.CreateRun("0")).run.info


def make_model(store):
    request = requests.CreateLoggedModel("0", "model")
    return operations.CREATE_LOGGED_MODEL.run(store, request).model.info


def list_of_run(store, owner, path=None):
    request = requests.ListArtifacts(run_id=owner.run_id, path=path)
    return operations.LIST_ARTIFACTS.run(store, request)


def list_of_model(store, owner, path=None):
    request = requests.ListLoggedModelArtifacts(owner.model_id, path)
    return operations.LIST_LOGGED_MODEL_ARTIFACTS.run(store, request)


BOTH = pytest.mark.parametrize(
    ("make", "list_artifacts"), [(make_run, list_of_run), (make_model, list_of_model)]
)


@BOTH
def test_a_folder_is_listed_with_paths_from_the_root(store, make, list_artifacts):
    owner = make(store)
    for path in ("model/MLmodel", "model/data/x", "plot.png"):
        store.artifacts(owner.artifact_uri).write(path, io.BytesIO(b"123"))
    assert list_artifacts(store, owner) == ArtifactsAnswer(
        owner.artifact_uri, [FileInfo("model", True), FileInfo("plot.png", False, 3)]
    )
    inside = [FileInfo("model/MLmodel", False, 3), FileInfo("model/data", True)]
    for path in ("model", "model/"):
        assert list_artifacts(store, owner, path).files == inside


@BOTH
@pytest.mark.parametrize("path", [None, "", "a", "file", "file/x"])
def test_what_is_no_folder_has_an_empty_list(store, make, list_artifacts, path):
    owner = make(store)
    if path:
        store.artifacts(owner.artifact_uri).write("file", io.BytesIO(b""))
    assert list_artifacts(store, owner, path) == ArtifactsAnswer(owner.artifact_uri, [])


@BOTH
@pytest.mark.parametrize("path", [p for p in BAD.values() if p != "a/"])
def test_a_path_that_leads_elsewhere_is_refused(store, make, list_artifacts, path):
    with pytest.raises(InvalidParameter, match="Invalid path"):
        list_artifacts(store, make(store), path)


def test_an_owner_that_is_not_there_is_not_found(store):
    with pytest.raises(NotFound):
        operations.LIST_ARTIFACTS.run(store, requests.ListArtifacts(run_id="none"))
    with pytest.raises(NotFound):
        operations.LIST_LOGGED_MODEL_ARTIFACTS.run(store, requests.ListLoggedModelArtifacts("m-0"))
    with pytest.raises(InvalidParameter, match="run_id"):
        operations.LIST_ARTIFACTS.run(store, requests.ListArtifacts())


@pytest.mark.parametrize("kind", ["file", "memory"])
def test_what_the_store_does_not_keep_is_not_read_for_a_caller_elsewhere(store, tmp_path, kind):
    number = next(_numbers)
    places = {"file": (tmp_path / "elsewhere").as_uri(), "memory": f"memory://elsewhere{number}"}
    request = requests.CreateExperiment(f"elsewhere {number}", places[kind])
    experiment = operations.CREATE_EXPERIMENT.run(store, request).experiment_id
    run = operations.CREATE_RUN.run(store, requests.CreateRun(experiment)).run.info
    store.artifacts(run.artifact_uri).write("secret", io.BytesIO(b""))
    assert [file.path for file in list_of_run(store, run).files] == ["secret"]
    with pytest.raises(InvalidParameter, match="not among the artifacts that this server keeps"):
        list_of_run(replace(store, allows_local_paths=False), run)
