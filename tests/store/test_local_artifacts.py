"""Artifacts in a folder of this machine."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time

import pytest
from mlserve.store.artifact_storage import open_artifacts
from mlserve.store.errors import InvalidParameter, NotFound, StoreUnavailable
from mlserve.store.local_artifacts import ABANDONED_SECONDS

from .artifacts_contract import METHODS, ArtifactsContract, BrokenSource, read, write

SECRET = b"secret"


class TestLocalArtifacts(ArtifactsContract):
    @pytest.fixture
    def artifacts(self, tmp_path):
        return open_artifacts(str(tmp_path / "artifacts"))


class TestArtifactsUnderTheDestination(ArtifactsContract):
    @pytest.fixture
    def artifacts(self, tmp_path):
        return open_artifacts("mlflow-artifacts:/0/run/artifacts", str(tmp_path / "destination"))


@pytest.fixture
def root(tmp_path):
    """A root with a file in it, and beside it a folder with what nobody may see."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root / "a", outside / "deep"):
        folder.mkdir(parents=True)
    (root / "a" / "file").write_bytes(b"file")
    for file in (outside / "file", outside / "deep" / "file"):
        file.write_bytes(SECRET)
    return root


LINKS = {
    "to a file": ("link", "../outside/file", "link"),
    "to a file by its absolute path": ("link", "{outside}/file", "link"),
    "to a folder": ("link", "../outside", "link"),
    "to a file below a folder": ("link", "../outside", "link/file"),
    "to a folder below a folder": ("link", "../outside", "link/deep"),
    "to a new file below a folder": ("link", "../outside", "link/new"),
    "to a link": ("link", "other", "link/file"),
    "to nothing outside": ("link", "../outside/none", "link"),
    "to the folder above": ("link", "..", "link/outside/file"),
    "to the root of all": ("link", "/", "link/etc/passwd"),
    "to itself": ("link", "link", "link"),
    "in a folder": ("a/link", "../../outside/file", "a/link"),
}


@pytest.mark.parametrize(("name", "target", "path"), LINKS.values(), ids=LINKS)
@pytest.mark.parametrize("method", METHODS)
def test_a_link_out_of_the_root_is_refused(root, method, name, target, path):
    outside = root.parent / "outside"
    (root / name).symlink_to(target.format(outside=outside))
    (root / "other").symlink_to("../outside")
    before = sorted(outside.rglob("*"))
    if method == "delete" and path == name:
        METHODS[method](open_artifacts(str(root)), path)  # the link itself goes
        assert not (root / name).is_symlink()
    else:
        with pytest.raises(InvalidParameter, match="link"):
            METHODS[method](open_artifacts(str(root)), path)
    assert sorted(outside.rglob("*")) == before
    assert (outside / "file").read_bytes() == SECRET


@pytest.mark.parametrize("method", METHODS)
def test_a_link_between_the_destination_and_the_root_is_refused(root, method):
    (root / "0").symlink_to("../outside")
    with pytest.raises(InvalidParameter, match="link"):
        METHODS[method](open_artifacts("mlflow-artifacts:/0", str(root)), "file")
    assert (root.parent / "outside" / "file").read_bytes() == SECRET


def test_a_link_out_of_the_root_is_not_listed_and_stops_a_walk(root):
    (root / "a" / "link").symlink_to("../../outside/file")
    artifacts = open_artifacts(str(root))
    assert [file.path for file in artifacts.list_folder("a")] == ["a/file"]
    with pytest.raises(InvalidParameter, match=r"a/link.*link out of"):
        list(artifacts.walk())


def test_a_link_to_nothing_stops_a_walk(root):
    (root / "link").symlink_to("a/none")
    with pytest.raises(NotFound, match="link to nothing"):
        list(open_artifacts(str(root)).walk())


def test_a_link_inside_the_root_is_what_it_leads_to(root):
    (root / "link").symlink_to("a/file")
    (root / "folder").symlink_to("a")
    artifacts = open_artifacts(str(root))
    assert read(artifacts, "link") == read(artifacts, "folder/file") == b"file"
    assert [file.path for file in artifacts.walk()] == ["a/file", "folder/file", "link"]
    artifacts.write("folder/new", io.BytesIO(b"new"))
    assert (root / "a" / "new").read_bytes() == b"new"


def test_a_link_to_a_folder_that_it_is_in_stops_a_walk(root):
    (root / "a" / "up").symlink_to("..")
    with pytest.raises(InvalidParameter, match="a folder that it is in"):
        list(open_artifacts(str(root)).walk())


def test_the_root_itself_may_be_a_link(root):
    (root.parent / "link").symlink_to("root")
    assert read(open_artifacts(str(root.parent / "link")), "a/file") == b"file"


def test_a_pipe_is_neither_read_nor_listed(root):
    os.mkfifo(root / "pipe")
    artifacts = open_artifacts(str(root))
    with pytest.raises(NotFound):
        read(artifacts, "pipe")
    assert [file.path for file in artifacts.walk()] == ["a/file"]


def test_a_name_that_no_path_has_is_not_listed_and_stops_a_walk(root):
    (root / "a" / "b#c").write_bytes(b"")
    artifacts = open_artifacts(str(root))
    assert [file.path for file in artifacts.list_folder("a")] == ["a/file"]
    with pytest.raises(InvalidParameter, match='found a "#"'):
        list(artifacts.walk())


@pytest.mark.parametrize("path", ["a", "a/file/x"])
def test_a_file_is_not_written_where_a_folder_is_or_below_a_file(root, path):
    with pytest.raises(InvalidParameter):
        write(open_artifacts(str(root)), **{path: b""})
    assert sorted(root.rglob("*")) == [root / "a", root / "a" / "file"]


def test_a_file_that_may_not_be_read_is_no_missing_file(root):
    if os.geteuid() == 0:
        pytest.skip("the superuser reads every file")
    (root / "a" / "file").chmod(0)
    with pytest.raises(StoreUnavailable, match="a/file: Permission denied"):
        read(open_artifacts(str(root)), "a/file")


def test_a_source_that_breaks_off_leaves_no_temporary_file(root):
    with pytest.raises(ConnectionResetError):
        open_artifacts(str(root)).write("a/b", BrokenSource(5 << 20))
    assert list((root / "a").iterdir()) == [root / "a" / "file"]


WRITE_AND_WAIT = """
import io, sys
from mlserve.store.artifact_storage import open_artifacts

class Source(io.RawIOBase):
    def read(self, size):
        print("reading", flush=True)
        sys.stdin.read()

open_artifacts(sys.argv[1]).write("a/b", Source())
"""


def test_a_write_that_is_killed_leaves_a_file_that_nobody_sees_and_that_goes_in_time(root):
    command = [sys.executable, "-c", WRITE_AND_WAIT, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"reading\n"
        process.send_signal(signal.SIGKILL)
    [left] = [file for file in (root / "a").iterdir() if file.name != "file"]
    artifacts = open_artifacts(str(root))
    assert [file.path for file in artifacts.walk()] == ["a/file"]
    assert [file.path for file in artifacts.list_folder("a")] == ["a/file"]
    with pytest.raises(InvalidParameter):
        read(artifacts, f"a/{left.name}")
    assert left.exists()
    long_ago = time.time() - ABANDONED_SECONDS - 1
    os.utime(left, (long_ago, long_ago))
    artifacts.list_folder("a")
    assert not left.exists()


def test_the_whole_root_is_deleted_and_may_be_written_again(root):
    artifacts = open_artifacts("mlflow-artifacts:/a", str(root))
    artifacts.delete("")
    assert not (root / "a").exists()
    write(artifacts, x=b"x")
    assert (root / "a" / "x").read_bytes() == b"x"
