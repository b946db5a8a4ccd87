"""Artifacts that a tracking server hands on: our server, and MLflow's."""

from __future__ import annotations

import io
from uuid import uuid4

import pytest
from mlserve.store.entities import FileInfo
from mlserve.store.errors import InvalidParameter, NotFound
from mlserve.store.http_transport import HttpTransport

from .artifacts_contract import LARGE, METHODS, ArtifactsContract, read, write


@pytest.fixture
def artifacts_of():
    """Returns the artifacts under a new root of the server at a URI."""
    transports = []

    def open_artifacts(uri):
        transports.append(HttpTransport(uri))
        return transports[-1].artifacts(f"mlflow-artifacts:/{uuid4().hex}/root")

    yield open_artifacts
    for transport in transports:
        transport.close()


class TestOurServer(ArtifactsContract):
    @pytest.fixture
    def artifacts(self, artifacts_of, mlserve_server):
        return artifacts_of(mlserve_server)


class TestMlflowServer:
    """What MLflow's own server keeps to; it says nothing of a deletion of what is not there."""

    @pytest.fixture
    def artifacts(self, artifacts_of, mlflow_server):
        return artifacts_of(mlflow_server)

    @pytest.mark.parametrize("path", ["a b", "ü/データ", "x?y", "a*b", "50%"])
    @pytest.mark.parametrize("content", [b"", LARGE], ids=["empty", "large"])
    def test_a_file_is_read_as_it_was_written(self, artifacts, path, content):
        assert artifacts.write(path, io.BytesIO(content)) == len(content)
        assert read(artifacts, path) == content
        assert list(artifacts.walk()) == [FileInfo(path, False, len(content))]
        artifacts.delete(path)
        assert list(artifacts.walk()) == []

    def test_a_folder_is_listed_and_a_file_is_none(self, artifacts):
        write(artifacts, m__m=b"12", m__a__x=b"", z=b"")
        assert artifacts.list_folder("m") == [FileInfo("m/a", True), FileInfo("m/m", False, 2)]
        assert artifacts.list_folder("m/m") == []

    @pytest.mark.parametrize("method", ["list_folder", "walk", "read"])
    @pytest.mark.parametrize("path", ["b", "a/b", "file/b"])
    def test_what_is_not_there_is_not_found(self, artifacts, method, path):
        write(artifacts, a__x=b"", file=b"")
        with pytest.raises(NotFound):
            METHODS[method](artifacts, path)

    def test_a_folder_is_not_read_as_a_file(self, artifacts):
        write(artifacts, a__x=b"")
        with pytest.raises((NotFound, InvalidParameter)):
            read(artifacts, "a")
