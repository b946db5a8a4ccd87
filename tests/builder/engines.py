"""A Docker engine of our own, and a base image made of this machine's Debian.

No registry can be asked for a base in a test: what stands in for Python's own image is the Python
that Debian brings, in the same places.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker

BASE = "python:3.11-slim"
PROGRAM = "dockerd"

_PACKAGES = [
    "python3",
    "ca-certificates",
    "bash",
    "coreutils",
    "dash",
    "base-files",
    "base-passwd",
    "libc-bin",
    "libstdc++6",
]
_LEFT_OUT = tuple(f"/usr/share/{name}/" for name in ("doc", "man", "locale", "info", "lintian"))
_MERGED = ("bin", "sbin", "lib", "lib64")
_FOLDERS = {
    **dict.fromkeys(("dev", "proc", "root", "run", "sys", "var"), 0o755),
    **dict.fromkeys(("tmp", "var/tmp"), 0o1777),
}
_MADE_LATER = [
    "etc/passwd",
    "etc/group",
    "etc/ld.so.cache",
    "etc/ld.so.conf",
    "etc/ssl/certs/ca-certificates.crt",
]
_START_SECONDS = 60


@contextmanager
def running_engine(folder: Path) -> Iterator[str]:
    """Give the address of an engine that keeps everything in ``folder``, and stop it in the end.

    Engines of one machine share a network bridge: one waits for the other.
    """
    address = f"unix://{folder}/docker.sock"
    with _only_one(), (folder / "log").open("wb") as log:
        command = [PROGRAM, "--data-root", folder / "data", "--exec-root", folder / "exec"]
        command += ["--pidfile", folder / "pid", "--host", address]
        engine = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait_for(address, engine, folder / "log")
            yield address
        finally:
            engine.terminate()
            try:
                engine.wait(60)
            except subprocess.TimeoutExpired:
                engine.kill()
                engine.wait()
            _clean_up(folder)


def make_base(address: str, folder: Path) -> None:
    """Give the engine at ``address`` the image that stands in for Python's."""
    archive = folder / "base.tar"
    pack_machine(archive)
    client = docker.DockerClient(base_url=address)
    repository, _, tag = BASE.rpartition(":")
    changes = ['CMD ["python3"]', "ENV PATH=/usr/local/bin:/usr/bin:/bin"]
    client.api.import_image_from_file(str(archive), repository=repository, tag=tag, changes=changes)
    client.close()
    archive.unlink()


def pack_machine(archive: Path) -> None:
    """Write the Python of this Debian, and all that it needs, as the tar of a file system."""
    with tarfile.open(archive, "w") as tar:
        for name in _MERGED:
            _add_link(tar, name, f"usr/{name}")
        for name, mode in _FOLDERS.items():
            _add_folder(tar, name, mode)
        names = {_merged(name) for name in _installed_files()} | set(_MADE_LATER)
        for name in sorted(names - {"", ".", *_FOLDERS, *_MERGED}):
            if os.path.lexists(f"/{name}"):
                tar.add(f"/{name}", name, recursive=False)


@contextmanager
def _only_one() -> Iterator[None]:
    with (Path(tempfile.gettempdir()) / "mlserve-engine.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _wait_for(address: str, engine: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and engine.poll() is None:
        with socket.socket(socket.AF_UNIX) as listener:
            if listener.connect_ex(address.removeprefix("unix://")) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"the engine did not start:\n{log.read_text()[-3000:]}")


def _clean_up(folder: Path) -> None:
    """Remove what an engine leaves behind of its network."""
    for command in (
        ["umount", f"{folder}/exec/netns/default"],
        ["ip", "link", "delete", "docker0"],
    ):
        subprocess.run(command, check=False, capture_output=True)
    shutil.rmtree(folder / "data", ignore_errors=True)


def _installed_files() -> Iterator[str]:
    depends = ["apt-cache", "depends", "--recurse", "--installed", "--no-recommends"]
    depends += ["--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances"]
    found = {line for line in _lines([*depends, *_PACKAGES]) if line[0].isalnum()}
    status = ["dpkg-query", "--show", "--showformat", "${db:Status-Abbrev} ${binary:Package}\n"]
    installed = {line.split()[1] for line in _lines(status) if line.startswith("ii")}
    packages = [name for name in installed if name.split(":")[0] in found]
    for name in _lines(["dpkg-query", "--listfiles", *packages]):
        if name.startswith("/") and not name.startswith(_LEFT_OUT):
            yield name.removeprefix("/").removesuffix("/.").rstrip("/")


def _lines(command: list[str]) -> list[str]:
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    return [line for line in run.stdout.splitlines() if line]


def _merged(name: str) -> str:
    first, slash, _ = name.partition("/")
    return f"usr/{name}" if slash and first in _MERGED else name


def _add_link(tar: tarfile.TarFile, name: str, target: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    tar.addfile(entry)


def _add_folder(tar: tarfile.TarFile, name: str, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, mode
    tar.addfile(entry)
