"""What every `Artifacts` keeps to: one class of tests for folders, object stores, the server."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from mlserve.store.entities import FileInfo
from mlserve.store.errors import InvalidParameter, NotFound

from .test_artifact_paths import BAD

LARGE = bytes(range(256)) * (80 << 10)  # 20 MiB: more than two parts of an upload


class BrokenSource(io.RawIOBase):
    """A source that ends with an error after so many bytes, as a client does that goes away."""

    def __init__(self, size: int) -> None:
        self.left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        if not self.left:
            raise ConnectionResetError("gone")
        size = min(len(buffer), self.left)
        self.left -= size
        return size


def read(artifacts, path: str) -> bytes:
    with artifacts.read(path) as file:
        return file.read()


def write(artifacts, **files: bytes) -> None:
    for path, content in files.items():
        artifacts.write(path.replace("__", "/"), io.BytesIO(content))


METHODS = {
    "list_folder": lambda artifacts, path: artifacts.list_folder(path),
    "walk": lambda artifacts, path: list(artifacts.walk(path)),
    "read": read,
    "write": lambda artifacts, path: artifacts.write(path, io.BytesIO(b"new")),
    "delete": lambda artifacts, path: artifacts.delete(path),
}


class ArtifactsContract:
    """Takes a fixture ``artifacts``: an empty tree."""

    @pytest.mark.parametrize("content", [b"", b"x", LARGE], ids=["empty", "small", "large"])
    def test_a_file_is_read_as_it_was_written(self, artifacts, content):
        assert artifacts.write("a/b/c.bin", io.BytesIO(content)) == len(content)
        assert read(artifacts, "a/b/c.bin") == content

    @pytest.mark.parametrize("path", ["a b", "ü/データ", "x?y", "*", "a*b", "[a]", "50%", "100%25"])
    def test_any_path_that_is_allowed_is_kept_as_it_is(self, artifacts, path):
        write(artifacts, other=b"other")
        artifacts.write(path, io.BytesIO(path.encode()))
        assert read(artifacts, path) == path.encode()
        assert path in [file.path for file in artifacts.walk()]
        artifacts.delete(path)
        assert [file.path for file in artifacts.walk()] == ["other"]

    def test_a_file_is_written_over_one_that_is_there(self, artifacts):
        for content in (b"first, and longer", b"second"):
            artifacts.write("a", io.BytesIO(content))
        assert read(artifacts, "a") == b"second"
        assert len(artifacts.list_folder()) == 1

    @pytest.mark.parametrize("size", [0, 10, len(LARGE)])
    def test_a_source_that_breaks_off_leaves_nothing(self, artifacts, size):
        write(artifacts, other=b"")
        with pytest.raises(ConnectionResetError):
            artifacts.write("a/b", BrokenSource(size))
        assert [file.path for file in artifacts.walk()] == ["other"]

    @pytest.mark.parametrize("size", [0, 10, len(LARGE)])
    def test_a_source_that_breaks_off_leaves_the_file_that_was_there(self, artifacts, size):
        write(artifacts, a=b"before")
        with pytest.raises(ConnectionResetError):
            artifacts.write("a", BrokenSource(size))
        assert read(artifacts, "a") == b"before"

    def test_a_file_is_read_from_any_place(self, artifacts):
        write(artifacts, a=LARGE)
        with artifacts.read("a") as file:
            file.seek(len(LARGE) - 3)
            assert file.read() == LARGE[-3:]
            file.seek(1000)
            assert file.read(100) == LARGE[1000:1100]

    def test_files_are_read_by_many_at_once(self, artifacts):
        write(artifacts, a=b"a" * 1000, b=b"b" * 1000)
        with ThreadPoolExecutor(8) as pool:
            contents = list(pool.map(lambda path: read(artifacts, path), ["a", "b"] * 20))
        assert contents == [b"a" * 1000, b"b" * 1000] * 20

    def test_a_folder_is_listed_by_name_with_paths_from_the_root(self, artifacts):
        write(artifacts, m__b=b"12", m__a__x=b"", m__c=b"1", z=b"")
        assert artifacts.list_folder() == [FileInfo("m", True), FileInfo("z", False, 0)]
        assert artifacts.list_folder("m") == [
            FileInfo("m/a", True),
            FileInfo("m/b", False, 2),
            FileInfo("m/c", False, 1),
        ]

    def test_a_list_of_a_file_is_empty_and_so_is_a_walk(self, artifacts):
        write(artifacts, m__b=b"12")
        assert artifacts.list_folder("m/b") == []
        assert list(artifacts.walk("m/b")) == []

    def test_a_walk_names_all_files_in_the_order_of_their_paths(self, artifacts):
        paths = ["a", "a-b/x", "a.b", "b/c-d", "b/c.d", "b/c/d", "b0", "ü"]
        for path in reversed(paths):
            artifacts.write(path, io.BytesIO(b"123"))
        assert list(artifacts.walk()) == [FileInfo(path, False, 3) for path in paths]
        assert [file.path for file in artifacts.walk("b")] == ["b/c-d", "b/c.d", "b/c/d"]

    def test_a_name_that_only_begins_alike_is_not_below(self, artifacts):
        write(artifacts, ab=b"", a__x=b"", abc__x=b"")
        assert [file.path for file in artifacts.walk("a")] == ["a/x"]
        artifacts.delete("a")
        assert [file.path for file in artifacts.walk()] == ["ab", "abc/x"]

    @pytest.mark.parametrize("method", ["list_folder", "walk", "read", "delete"])
    @pytest.mark.parametrize("path", ["b", "a/b", "file/b"])
    def test_what_is_not_there_is_not_found(self, artifacts, method, path):
        write(artifacts, a__x=b"", file=b"")
        with pytest.raises(NotFound):
            METHODS[method](artifacts, path)

    def test_a_folder_is_not_read_as_a_file(self, artifacts):
        write(artifacts, a__x=b"")
        with pytest.raises((NotFound, InvalidParameter)):
            read(artifacts, "a")

    def test_a_file_and_a_folder_are_deleted(self, artifacts):
        write(artifacts, a__x=b"", a__y__z=b"", b=b"", c=b"")
        artifacts.delete("a")
        artifacts.delete("b")
        assert [file.path for file in artifacts.walk()] == ["c"]

    @pytest.mark.parametrize("path", BAD.values(), ids=BAD)
    @pytest.mark.parametrize("method", METHODS)
    def test_a_path_that_leads_elsewhere_is_refused(self, artifacts, method, path):
        write(artifacts, a__b=b"")
        with pytest.raises(InvalidParameter, match="Invalid path"):
            METHODS[method](artifacts, path)
        assert [file.path for file in artifacts.walk()] == ["a/b"]
