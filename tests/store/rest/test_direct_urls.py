"""Files that go past the server, to and from a real S3 server over HTTP, by signed addresses."""

from __future__ import annotations

import json

import httpx
import pytest
from mlserve.store.direct_access import DirectAccess
from mlserve.store.errors import InvalidParameter
from mlserve.store.store import open_store

from ..s3_server import bucket, s3_environment
from ..s3_server import client as s3_client
from .clients import PROXY, client_of, send_raw
from .test_mlflow_client import LOG, run

__all__ = ["bucket", "s3_environment"]

BASE = PROXY.removesuffix("/artifacts")
PART = 5 * 2**20  # S3 takes no smaller part but the last


@pytest.fixture
def store(bucket, tmp_path):
    made = open_store(f"sqlite:///{tmp_path / 'store.db'}", f"s3://{bucket}/mlserve")
    yield made
    made.close()


@pytest.fixture
def client(store):
    with client_of(store, direct_access=DirectAccess(store.destination)) as made:
        yield made


def begin(client, path, parts, name="/data/model.bin"):
    answer = client.post(f"{BASE}/mpu/create/{path}", json={"path": name, "num_parts": parts})
    assert answer.status_code == 200, answer.text
    return answer.json()


def send(begun, contents):
    parts = []
    for credential, content in zip(begun["credentials"], contents, strict=True):
        answer = httpx.put(credential["url"], content=content)
        assert answer.status_code == 200, answer.text
        number = credential["part_number"]
        parts.append({"part_number": number, "etag": answer.headers["etag"], "url": "x"})
    return parts


def complete(client, path, begun, parts):
    body = {"path": "model.bin", "upload_id": begun["upload_id"], "parts": parts}
    return client.post(f"{BASE}/mpu/complete/{path}", json=body)


def test_parts_that_were_sent_become_one_file(client):
    begun = begin(client, "1/m%20x/artifacts", 2)
    contents = [b"a" * PART, b"b" * 10]
    parts = send(begun, contents)
    assert client.get(f"{PROXY}/1/m x/artifacts/model.bin").status_code == 404
    answer = complete(client, "1/m%20x/artifacts", begun, parts)
    assert (answer.status_code, answer.json()) == (200, {})
    assert client.get(f"{PROXY}/1/m x/artifacts/model.bin").content == b"".join(contents)


def test_an_upload_that_is_given_up_leaves_nothing(client, bucket, s3_environment):
    begun = begin(client, "1/a", 1)
    send(begun, [b"x"])
    body = {"path": "model.bin", "upload_id": begun["upload_id"]}
    assert client.post(f"{BASE}/mpu/abort/1/a", json=body).status_code == 200
    assert client.get(f"{PROXY}/1/a/model.bin").status_code == 404
    left = s3_client(s3_environment).list_multipart_uploads(Bucket=bucket)
    assert not left.get("Uploads")


def test_a_file_is_got_from_where_the_server_says(client):
    client.put(f"{PROXY}/1/a.bin", content=b"0123456789")
    answer = client.get(f"{BASE}/presigned/1/a.bin").json()
    assert (answer["file_size"], answer["headers"]) == (10, {})
    got = httpx.get(answer["url"])
    assert (got.content, got.headers["content-disposition"]) == (b"0123456789", "attachment")
    assert httpx.get(answer["url"], headers={"range": "bytes=2-3"}).content == b"23"


def test_a_file_that_is_not_there_has_no_address(client):
    assert client.get(f"{BASE}/presigned/1/none").status_code == 404


def test_the_client_of_mlflow_is_told_that_there_are_parts(client):
    info = client.get("/api/3.0/mlflow/server-info").json()
    assert info["multipart_uploads_enabled"] is info["multipart_downloads_enabled"] is True


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("..", "a"),
        ("%2e%2e/x", "a"),
        ("%252e%252e", "a"),
        ("1//a", "a"),
        ("1/a", ".."),
        ("1/a", "x/.."),
        ("1/a", "x\\.."),
        ("1/a", "a/"),
        ("1/a", "a\0"),
        ("1/a", "%2e%2e"),
        ("1/a", "a#b"),
    ],
)
def test_no_upload_leads_out_of_the_artifacts(client, path, name):
    parts = [{"part_number": 1, "etag": "x"}]
    body = json.dumps({"path": name, "num_parts": 1, "upload_id": "x", "parts": parts}).encode()
    for action in ("create", "complete", "abort"):
        status, answer = send_raw(client, "POST", f"{BASE}/mpu/{action}/{path}", body)
        assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("parts", [0, -1, 10_001, 10**30, "x", 1.5])
def test_an_upload_of_no_possible_number_of_parts_is_refused(client, parts):
    body = {"path": "a", "num_parts": parts}
    answer = client.post(f"{BASE}/mpu/create/1", json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_parts_that_were_not_sent_are_refused_as_the_mistake_of_the_client(client):
    begun = begin(client, "1/a", 2)
    parts = send({"credentials": begun["credentials"][:1]}, [b"x" * PART])
    wrong = [{"part_number": 1, "etag": '"wrong"'}]
    for sent in (wrong, [*parts, {"part_number": 3, "etag": '"x"'}], []):
        assert complete(client, "1/a", begun, sent).status_code == 400
    assert client.get(f"{PROXY}/1/a/model.bin").status_code == 404


def test_without_the_setting_there_are_none(store):
    with client_of(store) as client:
        answer = client.post(f"{BASE}/mpu/create/1", json={"path": "a"})
        assert answer.status_code == 501
        assert client.get(f"{BASE}/presigned/1").status_code == 501


@pytest.mark.parametrize("uri", ["/folder", "file:///folder", "gs://bucket", "memory://x", ""])
def test_there_are_none_for_what_is_not_s3(uri):
    with pytest.raises(InvalidParameter, match="expected s3:"):
        DirectAccess(uri)


def test_the_client_of_mlflow_sends_and_gets_a_file_in_parts(
    client, bucket, mlflow_python, s3_environment
):
    parts = {
        "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
        "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "true",
        "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": "1",
        "MLFLOW_MULTIPART_DOWNLOAD_MINIMUM_FILE_SIZE": "1",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    }
    printed = run([mlflow_python, "-c", LOG], str(client.base_url), **parts)
    assert "what was logged" in printed
    s3 = s3_client(s3_environment)
    (key,) = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert "-1" in s3.head_object(Bucket=bucket, Key=key)["ETag"]  # as S3 marks a file of parts
