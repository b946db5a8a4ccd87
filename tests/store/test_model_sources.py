"""Sources of versions: what each means, and what nobody may register."""

from __future__ import annotations

from dataclasses import replace

import pytest
from mlserve.store.errors import InvalidParameter, NotFound
from mlserve.store.registry_operations import (
    CREATE_MODEL_VERSION,
    GET_DOWNLOAD_URI,
    GET_MANIFEST,
)
from mlserve.store.registry_requests import CreateModelVersion, VersionName
from mlserve.store.tracking_operations import FINALIZE_LOGGED_MODEL, GET_LOGGED_MODEL
from mlserve.store.tracking_requests import FinalizeLoggedModel, LoggedModelId

from .registry import NAME, new_registered, new_version, read_version, run_with_model, write_files
from .tracking import NOWHERE, new_model, new_run, read_run, refusal

LEADING_ELSEWHERE = [
    "..",
    "../secret",
    "model/../../secret",
    "%2e%2e/secret",
    "%252e%252e/secret",
    "..%2fsecret",
    "model%2f..%2f..%2fsecret",
    "..\\secret",
    "..%5csecret",
    "model%00",
    "model\0",
    "model#",
    "model?x=1",
    "model%23",
    "model%3f",
    "model\nx",
    "model\ud800",
    "%25252525252525252e./x",
]


@pytest.fixture
def remote(store):
    """Does an operation for a caller on another machine, as a server does."""
    far = replace(store, allows_local_paths=False)
    return lambda operation, request: operation.run(far, request)


@pytest.fixture(params=["here", "elsewhere"])
def anywhere(request, call):
    return call if request.param == "here" else request.getfixturevalue("remote")


def download_uri(call, version="1", name=NAME):
    return call(GET_DOWNLOAD_URI, VersionName(name, version)).artifact_uri


def digest(call, version="1"):
    return call(GET_MANIFEST, VersionName(NAME, version)).digest


def refuse(call, source, kind=InvalidParameter, **fields):
    return refusal(kind, call, CREATE_MODEL_VERSION, CreateModelVersion(NAME, source, **fields))


def uploaded_model(store, call, name="model", run_id=None):
    """Make a logged model with files; return its id and where they are."""
    model_id = new_model(call, name=name, source_run_id=run_id)
    model = call(GET_LOGGED_MODEL, LoggedModelId(model_id)).model
    write_files(store, model.info.artifact_uri, MLmodel=b"flavors: {}\n")
    call(FINALIZE_LOGGED_MODEL, FinalizeLoggedModel(model_id, "LOGGED_MODEL_READY"))
    return model_id, model.info.artifact_uri


class TestSourcesOfRuns:
    def test_a_folder_of_a_run_is_found_and_read(self, store, call, anywhere):
        new_registered(call)
        run_id, uri = run_with_model(store, call)
        new_version(anywhere, source=f"runs:/{run_id}/model", run_id=run_id)
        assert (download_uri(call), bool(digest(call))) == (uri, True)

    def test_a_run_that_is_not_named_is_filled_in(self, call, anywhere):
        new_registered(call)
        run_id = new_run(call)
        new_version(anywhere, source=f"runs:/{run_id}/model")
        assert read_version(call, "1").run_id == run_id

    def test_a_logged_model_of_the_run_is_found_by_its_name(self, store, call, anywhere):
        new_registered(call)
        run_id = new_run(call)
        uploaded_model(store, call, "model")
        model_id, uri = uploaded_model(store, call, "model", run_id)
        new_version(anywhere, source=f"runs:/{run_id}/model", run_id=run_id)
        version = read_version(call, "1")
        assert (version.run_id, version.model_id) == (run_id, model_id)
        assert (download_uri(call), bool(digest(call))) == (uri, True)

    def test_another_run_is_refused(self, call, anywhere):
        new_registered(call)
        source = f"runs:/{new_run(call)}/model"
        text = refuse(anywhere, source, run_id=new_run(call))
        assert text == (
            f"Invalid model version source: '{source}'. The run_id request parameter must identify "
            "the resource that contains the source."
        )

    def test_a_run_that_is_not_there_is_not_found(self, call, anywhere):
        new_registered(call)
        text = refuse(anywhere, f"runs:/{NOWHERE}/model", NotFound)
        assert text == f"Run with id={NOWHERE} not found"

    @pytest.mark.parametrize("source", ["runs:/x", "runs:/x/", "runs://h/x/model", "runs:/"])
    def test_a_run_without_a_path_is_refused(self, call, source):
        new_registered(call)
        assert refuse(call, source)


class TestSourcesOfLoggedModels:
    def test_a_logged_model_is_found_and_its_run_is_filled_in(self, store, call, anywhere):
        new_registered(call)
        run_id = new_run(call)
        model_id, uri = uploaded_model(store, call, run_id=run_id)
        new_version(anywhere, source=f"models:/{model_id}", model_id=model_id)
        version = read_version(call, "1")
        assert (version.source, version.run_id) == (f"models:/{model_id}", run_id)
        assert (version.model_id, download_uri(call)) == (model_id, uri)
        assert digest(call)

    def test_one_that_is_not_named_or_another_is_refused(self, store, call, anywhere):
        new_registered(call)
        model_id, _ = uploaded_model(store, call)
        other, _ = uploaded_model(store, call)
        for named in (None, "", other):
            text = refuse(anywhere, f"models:/{model_id}", model_id=named)
            assert text == (
                f"Invalid model version source: 'models:/{model_id}'. The model_id request "
                "parameter must identify the resource that contains the source."
            )

    def test_one_that_is_not_there_is_not_found(self, call, anywhere):
        new_registered(call)
        model_id = f"m-{NOWHERE}"
        text = refuse(anywhere, f"models:/{model_id}", NotFound, model_id=model_id)
        assert text == f"Logged model with ID '{model_id}' not found."

    def test_one_that_is_still_being_uploaded_gets_no_manifest(self, store, call):
        new_registered(call)
        model_id = new_model(call, name="model")
        uri = call(GET_LOGGED_MODEL, LoggedModelId(model_id)).model.info.artifact_uri
        write_files(store, uri, MLmodel=b"")
        new_version(call, source=f"models:/{model_id}", model_id=model_id)
        assert digest(call) is None


class TestSourcesOfVersions:
    def test_a_copy_has_the_files_and_the_run_of_its_original(self, store, call, anywhere):
        new_registered(call)
        new_registered(call, "copies")
        run_id, uri = run_with_model(store, call)
        new_version(call, run_id=run_id)
        new_version(anywhere, "copies", source=f"models:/{NAME}/1")
        copied = read_version(call, "1", "copies")
        assert (copied.source, copied.run_id) == (f"models:/{NAME}/1", run_id)
        assert download_uri(call, "1", "copies") == uri

    def test_a_copy_with_another_run_is_refused(self, call):
        new_registered(call, versions=1)
        text = refuse(call, f"models:/{NAME}/1", run_id=new_run(call))
        assert "must match the referenced model version" in text

    def test_a_copy_of_what_is_not_there_is_not_found(self, call):
        new_registered(call)
        assert refuse(call, f"models:/{NAME}/7", NotFound)

    @pytest.mark.parametrize("source", ["models:/churn@a", "models:/churn/Production", "models:/"])
    def test_a_copy_of_what_may_mean_another_tomorrow_is_refused(self, call, source):
        new_registered(call, versions=1)
        assert "expected models:/ID" in refuse(call, source).replace("Expected", "expected")


class TestSourcesInTheStore:
    def test_a_folder_of_the_run_or_the_logged_model_that_is_named_is_taken(
        self, store, call, anywhere
    ):
        new_registered(call)
        run_id, uri = run_with_model(store, call)
        model_id, model_uri = uploaded_model(store, call)
        new_version(anywhere, source=uri, run_id=run_id)
        new_version(anywhere, source=model_uri, model_id=model_id)
        assert [download_uri(call, n) for n in "12"] == [uri, model_uri]
        assert all(digest(call, n) for n in "12")

    def test_what_is_not_in_it_is_refused(self, store, call, anywhere):
        new_registered(call)
        run_id, uri = run_with_model(store, call)
        near = uri.replace(run_id, run_id[:-1])
        for fields in ({}, {"run_id": new_run(call)}, {"run_id": NOWHERE}):
            assert "must identify the resource" in refuse(anywhere, uri, **fields)
        for source in (near, "mlflow-artifacts:/", uri.replace(":/", "://host/")):
            assert "must identify the resource" in refuse(anywhere, source, run_id=run_id)
        model_id, _ = uploaded_model(store, call)
        assert "The model_id" in refuse(anywhere, uri, run_id=run_id, model_id=model_id)

    @pytest.mark.parametrize("path", LEADING_ELSEWHERE, ids=ascii)
    def test_a_path_that_leads_elsewhere_is_refused(self, call, anywhere, path):
        new_registered(call)
        run_id = new_run(call)
        root = read_run(call, run_id).info.artifact_uri
        for source in (f"{root}/{path}", f"runs:/{run_id}/{path}", f"s3://bucket/{path}"):
            assert len(refuse(anywhere, source, run_id=run_id)) < 600

    @pytest.mark.parametrize("path", LEADING_ELSEWHERE, ids=ascii)
    def test_so_is_one_of_this_machine(self, store, call, path):
        new_registered(call)
        assert refuse(call, f"{store.destination}/{path}")
        assert refuse(call, f"file://{store.destination}/{path}")


class TestSourcesOutside:
    @pytest.mark.parametrize("uri", ["s3://b/m", "gs://b/m", "abfs://c@a.host/m", "abfss://b/m"])
    def test_an_object_store_is_not_looked_into_for_others(self, call, remote, uri):
        new_registered(call)
        new_version(remote, source=uri, run_id="elsewhere")
        version = read_version(call, "1")
        assert (version.source, version.run_id) == (uri, "elsewhere")
        assert (download_uri(call), digest(call)) == (uri, None)

    def test_a_folder_of_this_machine_is_for_a_caller_on_it_alone(self, call, remote, tmp_path):
        new_registered(call)
        folder = tmp_path / "a model"
        folder.mkdir()
        (folder / "MLmodel").write_text("flavors: {}\n")
        for source in (str(folder), folder.as_uri()):
            assert "a folder of the server's machine" in refuse(remote, source)
            number = new_version(call, source=source)
            assert download_uri(call, number) == folder.as_uri()
            assert digest(call, number)

    def test_nor_may_others_name_the_store_s_own_folder(self, store, call, remote):
        new_registered(call)
        run_id, uri = run_with_model(store, call)
        path = uri.removeprefix("mlflow-artifacts:")
        assert refuse(remote, f"{store.destination}{path}", run_id=run_id)

    def test_a_folder_of_the_store_is_one_of_the_run_that_it_belongs_to(self, store, call):
        new_registered(call)
        run_id, uri = run_with_model(store, call)
        source = store.destination + uri.removeprefix("mlflow-artifacts:")
        new_version(call, source=source, run_id=run_id)
        assert download_uri(call) == uri
        assert "must identify the resource" in refuse(call, source, run_id=new_run(call))

    def test_a_link_is_followed_before_it_is_judged(self, store, call, tmp_path):
        new_registered(call)
        run_id, _ = run_with_model(store, call)
        root = read_run(call, run_id).info.artifact_uri.removeprefix("mlflow-artifacts:")
        (tmp_path / "outside").mkdir()
        link = f"{store.destination}{root}/link"
        (tmp_path / "artifacts" / link).symlink_to(tmp_path / "outside")
        assert "must identify the resource" in refuse(call, link, run_id=run_id)

    @pytest.mark.parametrize(
        "source",
        ["http://h/m", "https://h/api/2.0/mlflow-artifacts/artifacts/m", "ftp://h/m", "dbfs:/m",
         "hdfs://h/m", "jdbc:/x", "FILE:///etc", "file:///etc", "/etc", "etc", "memory://b/m",
         "s3://", "s3://key:secret@b/m", "s3://b/m::x", "", " ", "x" * 5000, "mlflow-artifacts:"],
        ids=lambda text: text[:40],
    )  # fmt: skip
    def test_what_others_may_not_name_is_refused(self, call, remote, source):
        new_registered(call)
        text = refuse(remote, source)
        assert "secret" not in text
        assert len(text) < 600

    def test_ids_that_are_none_are_refused(self, call, anywhere):
        new_registered(call)
        for run_id in ("x" * 33, "a/b", "a\0", "\ud800"):
            assert refuse(anywhere, "s3://b/m", run_id=run_id)
        for model_id in ("m-1", "x" * 1000):
            assert refuse(anywhere, "s3://b/m", NotFound, model_id=model_id)
