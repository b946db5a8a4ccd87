"""Artifacts in a folder of this machine, where a file comes whole or not at all."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from errno import ENOTDIR, ENOTEMPTY
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Final
from uuid import uuid4

from ..runtimes.errors import shorten
from .artifact_paths import TEMPORARY_PREFIX, check_file_path, check_folder_path, join_paths
from .entities import FileInfo
from .errors import InvalidParameter, NotFound
from .local_folders import Confined, translated

ABANDONED_SECONDS: Final = 24 * 60 * 60
"""When nothing was added to a temporary file for this long, nobody writes it any more."""

_CHUNK_BYTES: Final = 1 << 20
# A pipe is not waited for: it is opened, seen to be no file, and refused.
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_WRITE_FAULTS: Final = {ENOTDIR: InvalidParameter, ENOTEMPTY: InvalidParameter}


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of a folder; a link is what it leads to, ``real``, or where that is outside None."""

    name: str
    real: Path | None
    is_folder: bool = False
    size: int = 0

    def info(self, folder: str) -> FileInfo:
        path = join_paths(folder, self.name)
        return FileInfo(path, self.is_folder, None if self.is_folder else self.size)

    def place(self) -> str:
        """Return what sorts the entries of all folders as their whole paths do."""
        return f"{self.name}/" if self.is_folder else self.name


class LocalArtifacts:
    """The artifacts in the folder ``path`` under ``top``, out of which no link leads.

    What is not addressed by any path (a link to elsewhere, a name that `check_file_path` refuses)
    is left out of the list of a folder, and refused by a walk.
    """

    def __init__(self, top: Path, path: str = "") -> None:
        self._confined = Confined(top, path)

    def list_folder(self, path: str = "") -> list[FileInfo]:
        """Return the entries of a folder by name; of a file, none."""
        real = self._confined.resolve(check_folder_path(path))
        with translated(path):
            if real.is_file():
                return []
            entries = self._entries(real)
        return [
            entry.info(path)
            for entry in sorted(entries, key=lambda entry: entry.name)
            if entry.real and _is_addressable(join_paths(path, entry.name))
        ]

    def walk(self, path: str = "") -> Iterator[FileInfo]:
        """Yield every file below ``path``, in the order of their paths."""
        real = self._confined.resolve(check_folder_path(path))
        with translated(path):
            is_file = real.is_file()
        return iter(()) if is_file else self._walk(path, real, frozenset())

    def read(self, path: str) -> AbstractContextManager[BinaryIO]:
        """Open a file."""
        real = self._confined.resolve(check_file_path(path))
        with translated(path), self._confined.open(real.parent) as folder:
            number = os.open(real.name, _READ, dir_fd=folder)
        if not stat.S_ISREG(os.fstat(number).st_mode):
            os.close(number)
            raise NotFound(f"{shorten(path)}: no file is there, but something else")
        return os.fdopen(number, "rb")

    def write(self, path: str, source: BinaryIO) -> int:
        """Write a file beside its place, and put it there when all of it is on the disk."""
        real = self._confined.resolve(check_file_path(path))
        temporary = f"{TEMPORARY_PREFIX}{uuid4().hex}"
        with ExitStack() as stack:
            with translated(path, _WRITE_FAULTS):
                folder = stack.enter_context(self._confined.open(real.parent, make=True))
            try:
                size = _write_new(temporary, folder, source, path)
                with translated(path, _WRITE_FAULTS):
                    os.rename(temporary, real.name, src_dir_fd=folder, dst_dir_fd=folder)
                    os.fsync(folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=folder)
                raise
        return size

    def delete(self, path: str) -> None:
        """Delete a file, a folder with all that is in it, or a link itself; "" is the root."""
        above, _, name = check_folder_path(path).rpartition("/")
        real = self._confined.resolve(above)
        with translated(path), self._confined.open(real) as folder:
            if name:
                _delete(name, folder)
                return
            with os.scandir(folder) as entries:
                for found in list(entries):
                    _delete(found.name, folder)
        with suppress(OSError):  # the top of all may be a place that always is
            real.rmdir()

    def _walk(self, path: str, real: Path, above: frozenset[Path]) -> Iterator[FileInfo]:
        if real in above:
            raise InvalidParameter(f"{shorten(path)}: found a link to a folder that it is in")
        with translated(path):
            entries = self._entries(real)
        for entry in sorted(entries, key=_Entry.place):
            info = entry.info(path)
            check_file_path(info.path)
            if entry.real is None:
                self._confined.resolve(info.path)
                raise NotFound(f"{shorten(info.path)}: found a link to nothing, expected a file")
            if entry.is_folder:
                yield from self._walk(info.path, entry.real, above | {real})
            else:
                yield info

    def _entries(self, real: Path) -> list[_Entry]:
        with self._confined.open(real) as folder, os.scandir(folder) as found:
            entries = [self._entry(real, one, folder) for one in found]
        return [entry for entry in entries if entry]

    def _entry(self, real: Path, found: os.DirEntry[str], folder: int) -> _Entry | None:
        """Return an entry, or None for what is neither a file nor a folder of the artifacts."""
        if found.name.startswith(TEMPORARY_PREFIX):
            _sweep(found, folder)
            return None
        if not found.is_symlink():
            return _entry_of(found.name, real / found.name, found.stat(follow_symlinks=False))
        target = self._confined.follow(real / found.name)
        return _entry_of(found.name, target, target.stat()) if target else _Entry(found.name, None)


def _entry_of(name: str, real: Path, status: os.stat_result) -> _Entry | None:
    if stat.S_ISDIR(status.st_mode):
        return _Entry(name, real, is_folder=True)
    return _Entry(name, real, size=status.st_size) if stat.S_ISREG(status.st_mode) else None


def _is_addressable(path: str) -> bool:
    try:
        check_file_path(path)
    except InvalidParameter:
        return False
    return True


def _write_new(name: str, folder: int, source: BinaryIO, path: str) -> int:
    """Write what ``source`` gives to a new file; return its size when it is on the disk."""
    with translated(path):
        file = FileIO(os.open(name, _CREATE, 0o666, dir_fd=folder), "wb")
    with file:
        while chunk := source.read(_CHUNK_BYTES):
            with translated(path):
                _write_all(file, chunk)
        with translated(path):
            os.fsync(file.fileno())
            return file.tell()


def _write_all(file: FileIO, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[file.write(rest) :]


def _delete(name: str, folder: int) -> None:
    if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        shutil.rmtree(name, dir_fd=folder)
    else:
        os.unlink(name, dir_fd=folder)


def _sweep(found: os.DirEntry[str], folder: int) -> None:
    """Remove a temporary file whose writer is gone."""
    with suppress(OSError):
        if time.time() - found.stat(follow_symlinks=False).st_mtime > ABANDONED_SECONDS:
            os.unlink(found.name, dir_fd=folder)
