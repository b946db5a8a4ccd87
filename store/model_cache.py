"""Model folders on this machine: each downloaded once, verified, and found by its digest.

``models/DIGEST`` is there whole or not at all; ``incoming`` holds what is being downloaded, and
``locks`` the locks among processes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final

from .contract import Artifacts
from .errors import NotFound, StoreUnavailable
from .file_locks import lock_shared, locked, locked_if_free
from .manifest import (
    FileDigest,
    Manifest,
    check_tree,
    compare_file,
    compare_paths,
    copy_file,
)

_READ_ONLY: Final = 0o444
_OURS_ALONE: Final = 0o700  # a model can run code: nobody else may put one here
_EVICTED: Final = ".evicted"


class ModelCache:
    """Downloaded model folders in ``folder``, of about ``limit_bytes`` together.

    What was given out is kept until the cache is closed or its process ends, by the other processes
    with the same cache too. Of all else, that goes first which was not asked for for longest. May
    be used by several threads.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder, self.limit_bytes = folder.absolute(), limit_bytes
        self._models, self._incoming = self.folder / "models", self.folder / "incoming"
        self._locks = self.folder / "locks"
        self._held: dict[str, int] = {}
        self._holding = Lock()

    def get(self, manifest: Manifest, artifacts: Artifacts) -> Path:
        """Return the folder with the files of ``manifest``, downloaded if it is not here yet.

        Raises `CorruptArtifact` unless they are those of the manifest and no others.
        """
        digest = manifest.digest
        with self._translated():
            self._make_folders()
            with locked(self._lock_of_download(digest)):
                self._hold(digest)
                if not self._is_here(digest, manifest):
                    with self._new_folder(digest) as folder:
                        _download(artifacts, folder, manifest)
                        self._keep(folder, digest)
            self._tidy()
        return self._models / digest

    def download(self, source: str, artifacts: Artifacts) -> tuple[Path, Manifest]:
        """Return the folder with all files of ``artifacts``, and the manifest that they make.

        For what has no manifest of its own: it is downloaded anew each time, because only its
        bytes tell whether it changed. ``source`` is its address.
        """
        key = hashlib.sha256(source.encode(errors="replace")).hexdigest()
        with self._translated():
            self._make_folders()
            with locked(self._lock_of_download(key)), self._new_folder(key) as folder:
                manifest = _download(artifacts, folder)
                digest = manifest.digest
                with locked(self._lock_of_download(digest)):
                    self._hold(digest)
                    if not self._is_here(digest, manifest):
                        self._keep(folder, digest)
            self._tidy()
        return self._models / digest, manifest

    def close(self) -> None:
        """Give the folders back, so that others may remove them."""
        with self._holding:
            for number in self._held.values():
                os.close(number)
            self._held.clear()

    def _make_folders(self) -> None:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        for folder in (self.folder, self._models, self._incoming, self._locks):
            folder.mkdir(exist_ok=True, mode=_OURS_ALONE)

    def _lock_of_download(self, key: str) -> Path:
        return self._locks / f"{key}.download"

    def _lock_of_use(self, digest: str) -> Path:
        return self._locks / f"{digest}.use"

    def _hold(self, digest: str) -> None:
        """Keep others from removing a folder from now on; note that it was used."""
        with self._holding:
            if digest not in self._held:
                self._held[digest] = lock_shared(self._lock_of_use(digest))
            os.utime(self._held[digest])

    def _is_here(self, digest: str, manifest: Manifest) -> bool:
        """Whether a folder has all files of its manifest, of their sizes."""
        folder = self._models / digest
        sizes = ((folder / path, file.size) for path, file in manifest.files.items())
        return folder.is_dir() and all(_size_of(path) == size for path, size in sizes)

    @contextmanager
    def _new_folder(self, key: str) -> Iterator[Path]:
        """Give an empty folder, whose download lock is held; what is left of it is removed."""
        folder = self._incoming / key
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _keep(self, folder: Path, digest: str) -> None:
        """Put a downloaded folder in its place, where one that is not whole may stand."""
        place = self._models / digest
        if place.exists():
            shutil.rmtree(place)
        folder.rename(place)

    def _tidy(self) -> None:
        """Remove what killed processes left, and what is over the limit, one process at a time."""
        with locked_if_free(self._locks / "tidying") as is_ours:
            if is_ours:
                self._remove_leftovers()
                self._evict()

    def _remove_leftovers(self) -> None:
        for folder in self._incoming.iterdir():
            if folder.name.endswith(_EVICTED):
                shutil.rmtree(folder, ignore_errors=True)
                continue
            with locked_if_free(self._lock_of_download(folder.name)) as is_free:
                if is_free:
                    shutil.rmtree(folder, ignore_errors=True)

    def _evict(self) -> None:
        sizes = {folder.name: _size_below(folder) for folder in self._models.iterdir()}
        excess = sum(sizes.values()) - self.limit_bytes
        for digest in sorted(sizes, key=self._last_use):
            if excess <= 0:
                return
            with locked_if_free(self._lock_of_use(digest)) as is_free:
                if is_free:
                    evicted = self._incoming / f"{digest}{_EVICTED}"
                    (self._models / digest).rename(evicted)
                    shutil.rmtree(evicted, ignore_errors=True)
                    excess -= sizes[digest]

    def _last_use(self, digest: str) -> float:
        try:
            return self._lock_of_use(digest).stat().st_mtime
        except FileNotFoundError:
            return 0

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreUnavailable(
                f"the model cache {self.folder}: {error.strerror or error}; make room there, or "
                "name another folder in MLSERVE_CACHE_DIR"
            ) from error


def _download(artifacts: Artifacts, folder: Path, expected: Manifest | None = None) -> Manifest:
    """Write all files to a folder; return their manifest, which is the one that is expected."""
    paths = [file.path for file in artifacts.walk()]
    check_tree(paths)
    if expected:
        compare_paths(expected, paths)
    if not paths:
        raise NotFound("no file is there")
    files = {}
    for path in paths:
        files[path] = _download_file(artifacts, path, folder)
        if expected:
            compare_file(expected, path, files[path])
    return Manifest(files)


def _download_file(artifacts: Artifacts, path: str, folder: Path) -> FileDigest:
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    with artifacts.read(path) as source, target.open("xb") as file:
        digest = copy_file(source, file)
        file.flush()
        os.fsync(file.fileno())
        os.fchmod(file.fileno(), _READ_ONLY)
    return digest


def _size_of(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except OSError:
        return None


def _size_below(folder: Path) -> int:
    return sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir())
