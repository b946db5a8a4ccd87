"""The artifact proxy: files streamed both ways, ranges, folders, and what browsers may do."""

from __future__ import annotations

import os
import threading

import pytest
from mlserve.store.store import open_store

from .clients import PROXY, client_of, send_raw


@pytest.fixture
def store(tmp_path):
    """A store on SQLite alone: the proxy asks no database."""
    made = open_store(f"sqlite:///{tmp_path / 'store.db'}", str(tmp_path / "artifacts"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A client of a server that all may share who leave nothing in it, and the folder it has."""
    folder = tmp_path_factory.mktemp("shared")
    store = open_store(f"sqlite:///{folder / 'store.db'}", str(folder / "artifacts"))
    with client_of(store) as made:
        yield made, folder / "artifacts"
    store.close()


@pytest.fixture
def client(store):
    with client_of(store) as made:
        yield made


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "artifacts"


def put(client, path, content):
    answer = client.put(f"{PROXY}/{path}", content=content)
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_file_that_was_put_is_there(client, folder):
    put(client, "1/r/artifacts/d/a.txt", b"hi")
    assert (folder / "1/r/artifacts/d/a.txt").read_bytes() == b"hi"
    assert client.get(f"{PROXY}/1/r/artifacts/d/a.txt").content == b"hi"


def test_a_file_is_written_over(client):
    put(client, "a", b"old")
    put(client, "a", b"new")
    assert client.get(f"{PROXY}/a").content == b"new"


def test_an_empty_file_is_a_file(client):
    put(client, "a", b"")
    answer = client.get(f"{PROXY}/a")
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_large_file_comes_back_as_it_went(client):
    content = os.urandom(5_000_003)
    put(client, "a.bin", (content[i : i + 70_001] for i in range(0, len(content), 70_001)))
    assert client.get(f"{PROXY}/a.bin").content == content


@pytest.mark.parametrize("name", ["ä ö.txt", "a+b&c=d?.txt", "100%.txt", "a;b,c.txt", "a'b\"c"])
def test_names_of_any_kind_come_back_as_they_went(client, name):
    quoted = name.replace("%", "%25").replace("?", "%3F")
    put(client, quoted, b"x")
    assert client.get(f"{PROXY}/{quoted}").content == b"x"
    (entry,) = client.get(PROXY).json()["files"]
    assert entry == {"path": name, "is_dir": False, "file_size": 1}


def test_a_file_that_is_not_there_is_404(client):
    answer = client.get(f"{PROXY}/1/none")
    assert answer.status_code == 404
    assert answer.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    assert "1/none" in answer.json()["message"]


def test_a_folder_is_no_file(client):
    put(client, "d/a", b"x")
    assert client.get(f"{PROXY}/d").status_code == 404


def test_the_head_of_a_file_tells_its_size(client):
    put(client, "a.txt", b"12345")
    answer = client.head(f"{PROXY}/a.txt")
    assert (answer.headers["content-length"], answer.content) == ("5", b"")


def test_a_browser_saves_a_file_and_never_runs_it(client):
    put(client, "page.html", b"<script>alert(1)</script>")
    headers = client.get(f"{PROXY}/page.html").headers
    assert headers["content-disposition"] == "attachment; filename=page.html"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize(
    ("asked", "content", "told"),
    [
        ("bytes=0-4", b"01234", "bytes 0-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=5-500", b"56789", "bytes 5-9/10"),
    ],
)
def test_a_range_is_a_part_of_a_file(client, asked, content, told):
    put(client, "a", b"0123456789")
    answer = client.get(f"{PROXY}/a", headers={"range": asked})
    assert (answer.status_code, answer.content) == (206, content)
    assert answer.headers["content-range"] == told
    assert answer.headers["accept-ranges"] == "bytes"


def test_a_range_behind_the_end_is_416(client):
    put(client, "a", b"0123456789")
    answer = client.get(f"{PROXY}/a", headers={"range": "bytes=10-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */10"


def test_a_range_of_a_file_that_may_have_changed_is_the_whole_file(client):
    put(client, "a", b"0123456789")
    answer = client.get(f"{PROXY}/a", headers={"range": "bytes=0-1", "if-range": '"tag"'})
    assert (answer.status_code, answer.content) == (200, b"0123456789")


def test_a_folder_is_listed_by_names(client):
    put(client, "1/r/b.json", b"{}")
    put(client, "1/r/d/a.txt", b"hi")
    assert client.get(PROXY, params={"path": "1/r"}).json() == {
        "files": [
            {"path": "b.json", "is_dir": False, "file_size": 2},
            {"path": "d", "is_dir": True},
        ]
    }


@pytest.mark.parametrize("path", ["1/r/b.json", "1/none", "none"])
def test_of_a_file_or_of_nothing_the_list_is_empty(client, path):
    put(client, "1/r/b.json", b"{}")
    answer = client.get(PROXY, params={"path": path})
    assert (answer.status_code, answer.json()) == (200, {})


def test_a_file_is_deleted(client):
    put(client, "1/a", b"x")
    assert client.delete(f"{PROXY}/1/a").json() == {}
    assert client.get(f"{PROXY}/1/a").status_code == 404


def test_a_folder_is_deleted_with_all_that_is_in_it(client):
    put(client, "1/d/a", b"x")
    assert client.delete(f"{PROXY}/1/d/").status_code == 200
    assert client.get(PROXY, params={"path": "1"}).json() == {}


def test_all_artifacts_together_are_not_deleted(client):
    put(client, "a", b"x")
    assert client.delete(f"{PROXY}/").status_code == 405
    assert client.get(f"{PROXY}/a").status_code == 200


TRAVERSALS = [
    "../etc/passwd",
    "a/../../etc/passwd",
    "%2e%2e/etc/passwd",
    "%2e%2e%2fetc%2fpasswd",
    "%252e%252e%252fetc%252fpasswd",
    "%25252e%25252e/etc/passwd",
    "..%2fetc/passwd",
    "..%5cetc%5cpasswd",
    "a%5c..%5c..%5cetc",
    "/etc/passwd",
    "%2fetc/passwd",
    "C:/windows",
    "C%3A%5Cwindows",
    "a//b",
    "a/./b",
    "a%00.txt",
    "a%0d%0ax",
    "a%23b",
    "%ff%fe",
    "%ed%a0%80",
    ".mlserve-writing-x",
    "a" * 300,
    "/".join(["a" * 100] * 20),
]


@pytest.mark.parametrize("path", TRAVERSALS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_path_out_of_the_artifacts_is_refused(shared, method, path):
    client, folder = shared
    content = b"x" if method == "PUT" else None
    status, answer = send_raw(client, method, f"{PROXY}/{path}", content)
    refusal = (404, "ENDPOINT_NOT_FOUND") if "%0a" in path else (400, "INVALID_PARAMETER_VALUE")
    assert (status, answer["error_code"]) == refusal
    assert not [name for _, _, names in os.walk(folder) for name in names]


@pytest.mark.parametrize("path", ["..", "../..", "/etc", "a/../..", "a\\..", "%2e%2e", "a\0b", "#"])
def test_a_folder_out_of_the_artifacts_is_not_listed(shared, path):
    answer = shared[0].get(PROXY, params={"path": path})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Invalid path")


def test_a_link_out_of_the_artifacts_leads_nowhere(client, folder, tmp_path):
    (tmp_path / "secret").write_text("secret")
    folder.mkdir(exist_ok=True)
    (folder / "link").symlink_to(tmp_path)
    for path in ("link/secret", "link"):
        assert client.get(f"{PROXY}/{path}").status_code in {400, 404}
    assert client.put(f"{PROXY}/link/new", content=b"x").status_code in {400, 404}
    assert not (tmp_path / "new").exists()
    assert client.get(PROXY, params={"path": "link"}).json().get("files") is None


def test_an_artifact_over_the_limit_is_413_and_leaves_nothing(store, folder):
    with client_of(store, max_artifact_mb=1) as client:
        answer = client.put(f"{PROXY}/a", content=b"x" * (2**20 + 1))
        assert (answer.status_code, answer.json()["error_code"]) == (413, "INVALID_PARAMETER_VALUE")
        assert client.put(f"{PROXY}/b", content=b"x" * 2**20).status_code == 200
    assert [name for _, _, names in os.walk(folder) for name in names] == ["b"]


def test_an_artifact_that_tells_no_length_is_held_to_the_limit(store, folder):
    with client_of(store, max_artifact_mb=1) as client:
        answer = client.put(f"{PROXY}/a", content=(b"x" * 2**19 for _ in range(3)))
        assert answer.status_code == 413
    assert not [name for _, _, names in os.walk(folder) for name in names]


@pytest.mark.parametrize("action", ["create", "complete", "abort"])
def test_a_client_is_told_to_send_a_file_whole(client, action):
    path = PROXY.replace("/artifacts", f"/mpu/{action}/1/a")
    answer = client.post(path, json={"path": "a", "num_parts": 2})
    assert answer.status_code == 501
    assert answer.json()["error_code"] == "NOT_IMPLEMENTED"
    assert answer.json()["message"].startswith("Multipart upload is not supported")


def test_there_are_no_presigned_urls(client):
    path = PROXY.replace("/artifacts", "/presigned/1/a")
    assert client.get(path).status_code == 501


def test_a_zip_bomb_is_kept_as_the_bytes_that_it_is(client):
    bomb = b"PK\x03\x04" + bytes(1000)
    put(client, "a.zip", bomb)
    assert client.get(f"{PROXY}/a.zip").content == bomb


def test_many_files_at_once_come_whole(client):
    contents = {f"d/{i}": os.urandom(200_000) for i in range(20)}

    def round_trip(name, content):
        put(client, name, content)
        assert client.get(f"{PROXY}/{name}").content == content

    threads = [threading.Thread(target=round_trip, args=item) for item in contents.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(client.get(PROXY, params={"path": "d"}).json()["files"]) == 20
