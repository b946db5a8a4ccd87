"""Artifacts behind a tracking server, which hands them on: MLflow's ``mlflow-artifacts``."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast
from urllib.parse import quote

import msgspec

from ..runtimes.errors import shorten
from .artifact_paths import check_file_path, check_folder_path, join_paths
from .entities import FileInfo
from .errors import NotFound, ServerRefused
from .http_connection import Exchange, HttpConnection
from .tracking_requests import ArtifactsAnswer

ROUTE = "/api/2.0/mlflow-artifacts/artifacts"
CHUNK_BYTES = 1 << 20
_IN_MEMORY_BYTES = 8 << 20


class ProxiedArtifacts:
    """The artifacts under ``root``, a path within all that the server at ``connection`` keeps."""

    def __init__(self, connection: HttpConnection, root: str) -> None:
        self._connection, self._root = connection, root

    def list_folder(self, path: str = "") -> list[FileInfo]:
        """Return the entries of a folder by name, paths relative to the root."""
        entries = self._list(check_folder_path(path))
        if path and (not entries or _may_be_itself(path, entries)):
            above, _, name = path.rpartition("/")
            itself = [entry for entry in self._list(above) if entry.path == name]
            if not itself:
                raise NotFound(f"{shorten(path)}: there is no such file or folder")
            if not itself[0].is_dir:
                return []
        return sorted((_below(path, entry) for entry in entries), key=lambda entry: entry.path)

    def walk(self, path: str = "") -> Iterator[FileInfo]:
        """Yield every file below ``path``, in the order of their paths."""
        for entry in sorted(self.list_folder(path), key=_place_in_walk):
            if entry.is_dir:
                yield from self.walk(entry.path)
            else:
                yield entry

    @contextmanager
    def read(self, path: str) -> Iterator[BinaryIO]:
        """Open a file, once it is here whole."""
        exchange = Exchange("GET", self._url(path), headers={"accept-encoding": "identity"})
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as copy:
            with self._connection.stream(exchange) as answer:
                for chunk in answer.iter_bytes(CHUNK_BYTES):
                    copy.write(chunk)
            copy.seek(0)
            yield cast("BinaryIO", copy)

    def write(self, path: str, source: BinaryIO) -> int:
        """Write a file whole; what cannot be read twice is copied first, to try again."""
        url = self._url(path)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as copy:
            if not source.seekable():
                shutil.copyfileobj(source, copy, CHUNK_BYTES)
                copy.seek(0)
                source = cast("BinaryIO", copy)
            start = source.tell()
            size = source.seek(0, 2) - start
            headers = {"content-length": str(size), "content-type": "application/octet-stream"}
            self._connection.send(
                Exchange("PUT", url, (), headers, lambda: _chunks(source, start, size))
            )
        return size

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with all that is in it."""
        self._connection.send(Exchange("DELETE", self._url(path), is_repeatable=False))

    def _url(self, path: str) -> str:
        return f"{ROUTE}/{quote(check_file_path(join_paths(self._root, check_folder_path(path))))}"

    def _list(self, path: str) -> list[FileInfo]:
        whole = join_paths(self._root, path)
        query = (("path", whole),) if whole else ()
        try:
            body = self._connection.send(Exchange("GET", ROUTE, query))
        except NotFound:
            return []
        try:
            return msgspec.json.decode(body or b"{}", type=ArtifactsAnswer, strict=False).files
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ServerRefused(
                "UNREADABLE_ANSWER", f"{self._connection.address} sent no list of files", 200
            ) from error


def _below(path: str, entry: FileInfo) -> FileInfo:
    """Return an entry by its path from the root; MLflow's server leaves a size of zero out."""
    size = None if entry.is_dir else entry.file_size or 0
    return FileInfo(join_paths(path, entry.path), entry.is_dir, size)


def _may_be_itself(path: str, entries: list[FileInfo]) -> bool:
    """Return whether the list may be that of a file, which some servers list as its own entry."""
    return [(entry.path, entry.is_dir) for entry in entries] == [(path.rpartition("/")[2], False)]


def _place_in_walk(entry: FileInfo) -> str:
    return f"{entry.path}/" if entry.is_dir else entry.path


def _chunks(source: BinaryIO, start: int, size: int) -> Iterator[bytes]:
    """Yield the bytes from ``start`` on, and never more than were announced."""
    source.seek(start)
    while size and (chunk := source.read(min(size, CHUNK_BYTES))):
        size -= len(chunk)
        yield chunk
