"""Artifacts in object stores: S3 over real HTTP, and memory."""

from __future__ import annotations

import io
import subprocess
import sys
from itertools import count

import pytest
from mlserve.runtimes.errors import MissingExtra
from mlserve.store.artifact_storage import open_artifacts
from mlserve.store.errors import InvalidParameter, NotFound, StoreUnavailable

from .artifacts_contract import LARGE, ArtifactsContract, BrokenSource, read, write
from .s3_server import bucket, client, s3_environment

__all__ = ["bucket", "s3_environment"]

_numbers = count()


class TestArtifactsInMemory(ArtifactsContract):
    @pytest.fixture
    def artifacts(self):
        return open_artifacts(f"memory://test{next(_numbers)}/a")


class TestArtifactsInS3(ArtifactsContract):
    @pytest.fixture
    def artifacts(self, bucket):
        return open_artifacts(f"s3://{bucket}/a")


class TestArtifactsUnderADestinationInS3(ArtifactsContract):
    @pytest.fixture
    def artifacts(self, bucket):
        return open_artifacts("mlflow-artifacts:/0/run/artifacts", f"s3://{bucket}")


def test_an_upload_that_breaks_off_leaves_no_part_in_the_bucket(bucket, s3_environment):
    with pytest.raises(ConnectionResetError):
        open_artifacts(f"s3://{bucket}").write("a", BrokenSource(len(LARGE)))
    assert "Uploads" not in client(s3_environment).list_multipart_uploads(Bucket=bucket)


def test_a_large_object_is_sent_in_parts(bucket, s3_environment):
    write(open_artifacts(f"s3://{bucket}/x"), a=LARGE)
    head = client(s3_environment).head_object(Bucket=bucket, Key="x/a")
    assert head["ContentLength"] == len(LARGE)
    assert head["ETag"].endswith('-3"')


def test_what_another_client_wrote_is_seen_at_once(bucket, s3_environment):
    artifacts = open_artifacts(f"s3://{bucket}/x")
    write(artifacts, a=b"")
    assert len(artifacts.list_folder()) == 1
    client(s3_environment).put_object(Bucket=bucket, Key="x/b", Body=b"1")
    assert len(artifacts.list_folder()) == 2


def test_markers_of_folders_are_no_files(bucket, s3_environment):
    for key in ("x/", "x/sub/", "x/sub/a"):
        client(s3_environment).put_object(Bucket=bucket, Key=key, Body=b"")
    artifacts = open_artifacts(f"s3://{bucket}/x")
    assert [(file.path, file.is_dir) for file in artifacts.list_folder()] == [("sub", True)]
    assert [file.path for file in artifacts.list_folder("sub")] == ["sub/a"]
    assert [file.path for file in artifacts.walk()] == ["sub/a"]


def test_a_key_that_leads_elsewhere_stops_a_walk(bucket, s3_environment):
    client(s3_environment).put_object(Bucket=bucket, Key="x/../../etc/passwd", Body=b"")
    with pytest.raises(InvalidParameter, match="Invalid path"):
        list(open_artifacts(f"s3://{bucket}/x").walk())


@pytest.mark.usefixtures("s3_environment")
def test_a_bucket_that_is_not_there_is_not_found():
    artifacts = open_artifacts("s3://no-such-bucket/a")
    with pytest.raises(NotFound):
        artifacts.list_folder()
    with pytest.raises(NotFound):
        read(artifacts, "x")
    with pytest.raises(NotFound):
        artifacts.write("x", io.BytesIO(b""))


ASK_NOBODY = """
from mlserve.store.artifact_storage import open_artifacts
from mlserve.store.errors import StoreUnavailable

try:
    open_artifacts("s3://bucket/a").list_folder()
except StoreUnavailable as error:
    print(error)
"""


def test_a_server_that_does_not_answer_is_unavailable(s3_environment):
    environment = s3_environment | {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_MAX_ATTEMPTS": "1",
    }
    command = [sys.executable, "-c", ASK_NOBODY]
    run = subprocess.run(command, capture_output=True, check=True, timeout=120, env=environment)
    assert b"the object storage refused it or does not answer" in run.stdout


@pytest.mark.parametrize(
    ("uri", "package", "extra"),
    [
        ("s3://b/x", "s3fs", "s3"),
        ("memory://b", "fsspec", "store"),
        ("gs://b/x", "gcsfs", "gcs"),
        ("abfs://b@a.dfs/x", "adlfs", "azure"),
    ],
)
def test_a_missing_package_is_told_with_its_extra(uri, package, extra):
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from mlserve.store.artifact_storage import open_artifacts\n"
        f"open_artifacts({uri!r})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=60)
    told = run.stderr.decode()
    assert MissingExtra.__name__ in told
    assert (
        f'needs {package}, which is not installed; install what the extra "{extra}" holds' in told
    )


def test_an_object_that_changes_while_it_is_read_is_an_error(bucket):
    artifacts = open_artifacts(f"s3://{bucket}")
    write(artifacts, a=LARGE)
    with artifacts.read("a") as file:
        file.read(1)
        write(artifacts, a=LARGE[::-1])
        file.seek(len(LARGE) - 1)
        with pytest.raises(StoreUnavailable):
            file.read()
