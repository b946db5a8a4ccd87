"""Where artifacts are: which addresses are taken, and which are refused."""

from __future__ import annotations

import io
from contextlib import chdir

import pytest
from mlserve.store.artifact_storage import is_kept, open_artifacts
from mlserve.store.errors import InvalidParameter
from mlserve.store.storage_uris import (
    check_object_uri,
    hide_credentials,
    read_proxied_uri,
    scheme_of,
)

from .artifacts_contract import read


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "a b"
    folder.mkdir()
    (folder / "x").write_bytes(b"here")
    return folder


@pytest.mark.parametrize("address", ["{}", "file://{}", "file:{}", "file://localhost{}", "{}/"])
def test_a_folder_is_named_by_its_path_or_a_file_url(folder, address):
    assert read(open_artifacts(address.format(folder)), "x") == b"here"


def test_a_file_url_is_decoded(folder):
    url = folder.as_uri()
    assert "%20" in url
    assert read(open_artifacts(url), "x") == b"here"


def test_a_relative_folder_is_in_the_working_directory_of_that_moment(folder):
    with chdir(folder.parent):
        artifacts = open_artifacts("a b")
    assert read(artifacts, "x") == b"here"


@pytest.mark.parametrize(
    "uri", ["mlflow-artifacts:/a b", "mlflow-artifacts://host:5000/a b", "mlflow-artifacts:/a b/"]
)
@pytest.mark.parametrize("destination", ["{}", "file://{}"])
def test_what_a_store_keeps_is_under_its_destination(folder, uri, destination):
    artifacts = open_artifacts(uri, destination.format(folder.parent))
    assert read(artifacts, "x") == b"here"


@pytest.mark.parametrize("path", ["..", "a/../..", "%2e%2e", "a//b", "a\\b", "a#b", "../x/", "a\0"])
def test_what_a_store_keeps_is_under_its_destination_alone(tmp_path, path):
    with pytest.raises(InvalidParameter, match="Invalid path"):
        open_artifacts(f"mlflow-artifacts:/{path}", str(tmp_path))


def test_what_a_store_keeps_is_not_found_without_its_destination():
    with pytest.raises(InvalidParameter, match="MLSERVE_TRACKING_URI"):
        open_artifacts("mlflow-artifacts:/0/run")
    with pytest.raises(InvalidParameter, match="MLSERVE_TRACKING_URI"):
        open_artifacts("mlflow-artifacts:/0/run", "mlflow-artifacts:/")


@pytest.mark.parametrize(
    "uri",
    [
        "http://host/x",
        "https://host/x",
        "ftp://host/x",
        "hdfs://host/x",
        "sftp://host/x",
        "runs:/1/model",
        "models:/x/1",
        "github://o:r@main/x",
        "zip://x",
        "",
        "a\0b",
        "file://other-host/x",
        "file:///x?y",
        "file:///x#y",
        "s3://",
        "s3:/",
        "s3://bucket/../other",
        "s3://bucket/%2e%2e/other",
        "s3://bucket//x",
        "s3://bucket/x?versionId=1",
        "s3://bucket/x::file:///etc",
        "simplecache::s3://bucket/x",
        "memory://x/../y",
    ],
)
def test_an_address_of_another_kind_is_refused(uri, tmp_path):
    with pytest.raises(InvalidParameter):
        open_artifacts(uri)
    with pytest.raises(InvalidParameter):
        open_artifacts("mlflow-artifacts:/a", uri)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "uri",
    [
        "s3://KEY:SECRET@bucket/x",
        "s3://SECRET@bucket/x",
        "gs://user:SECRET@bucket/x",
        "abfs://container:SECRET@account.dfs.core.windows.net/x",
        "abfs://container@account.dfs.core.windows.net/x?sig=SECRET",
        "http://user:SECRET@host/x?token=SECRET",
        "s3://user:SECRET@bucket/../x",
        "s3://a:SECRET@b::s3://c",
    ],
)
def test_credentials_in_an_address_are_refused_and_not_repeated(uri):
    with pytest.raises(InvalidParameter) as caught:
        open_artifacts(uri)
    assert "SECRET" not in str(caught.value)
    assert "SECRET" not in hide_credentials(uri)


def test_the_container_of_an_azure_address_is_no_credential():
    uri = "abfs://container@account.dfs.core.windows.net/x/"
    assert check_object_uri(uri) == uri.rstrip("/")
    assert hide_credentials(uri) == uri


@pytest.mark.parametrize(
    ("uri", "scheme"),
    [("S3://b", "s3"), ("file:x", "file"), ("C:/x", ""), ("a:b", ""), ("/x", ""), ("x", ""),
     ("mlflow-artifacts:x", "mlflow-artifacts"), ("models:/x", "models"), ("note: x/y", "")],
)  # fmt: skip
def test_a_scheme_is_told_from_a_path(uri, scheme):
    assert scheme_of(uri) == scheme


def test_a_proxied_address_is_its_path():
    assert read_proxied_uri("mlflow-artifacts:/") == ""
    assert read_proxied_uri("mlflow-artifacts://host") == ""
    assert read_proxied_uri("mlflow-artifacts://host/a/b/") == "a/b"


def test_a_large_memory_store_keeps_what_is_put_there():
    open_artifacts("memory://shared/x").write("a", io.BytesIO(b"1"))
    assert read(open_artifacts("memory:/shared"), "x/a") == b"1"


@pytest.mark.parametrize(
    ("uri", "destination", "is_ours"),
    [
        ("mlflow-artifacts:/0", "s3://b/all", True),
        ("mlflow-artifacts:/0", "/srv", True),
        ("s3://b/all", "s3://b/all", True),
        ("s3://b/all/x", "s3://b/all/", True),
        ("s3://b/all-others/x", "s3://b/all", False),
        ("s3://b", "s3://b/all", False),
        ("s3://c/all/x", "s3://b/all", False),
        ("gs://b/all/x", "s3://b/all", False),
        ("memory://x", "/srv", False),
        ("/srv/x", "/srv", True),
        ("file:///srv/x", "/srv", True),
        ("file:///srv/x", "file:///srv/", True),
        ("/srv/../etc", "/srv", False),
        ("/srv-others", "/srv", False),
        ("/etc", "s3://b", False),
        ("http://h/x", "http://h/x", False),
    ],
)
def test_what_is_kept_is_below_the_destination(uri, destination, is_ours):
    assert is_kept(uri, destination) is is_ours


def test_a_link_out_of_the_destination_is_not_kept(tmp_path):
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "link").symlink_to("../outside")
    assert not is_kept(str(tmp_path / "all" / "link"), str(tmp_path / "all"))
