"""Artifacts in an object store, through fsspec: an object is there whole or not at all."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Final

import fsspec

from ..runtimes.errors import EXTRAS, MissingExtra, shorten
from .artifact_paths import check_file_path, check_folder_path, join_paths
from .entities import FileInfo
from .errors import InvalidParameter, NotFound, StoreError, StoreUnavailable
from .storage_uris import OBJECT_STORES, check_object_uri, scheme_of

PART_BYTES: Final = 8 << 20
"""An object that is smaller is sent and read in one request, a larger one in parts of this size."""

_LONGEST_REASON: Final = 300


def open_object_artifacts(uri: str) -> ObjectArtifacts:
    """Return the artifacts under the URI of an object store.

    Raises `InvalidParameter` for a URI that is none, and `MissingExtra` where the package that
    speaks to the object store is not installed.
    """
    checked = check_object_uri(uri)
    extra = OBJECT_STORES[scheme_of(checked)]
    try:
        # What others write is seen at once: no listing is kept.
        files, root = fsspec.core.url_to_fs(checked, use_listings_cache=False)
    except ImportError as error:
        package = EXTRAS[extra][0] if extra else "fsspec"
        raise MissingExtra(f"{scheme_of(checked)}: storage", package, extra) from error
    except Exception as error:
        raise _translate(error, checked) from error
    is_memory = extra is None
    return ObjectArtifacts(files, root, sys.maxsize if is_memory else PART_BYTES)


class ObjectArtifacts:
    """The objects whose keys begin with ``root``, in a file system of fsspec's.

    Of those that are smaller than ``part_bytes``, the file system opens none itself.
    """

    def __init__(self, files: Any, root: str, part_bytes: int) -> None:
        self._files, self._root, self._part_bytes = files, root.rstrip("/"), part_bytes

    def list_folder(self, path: str = "") -> list[FileInfo]:
        """Return the entries of a folder by name; of an object, none."""
        key = self._key(check_folder_path(path))
        with _translated(path):
            entries = self._files.ls(key, detail=True)
        found = [self._info(entry) for entry in entries]
        return sorted((info for info in found if _is_below(path, info)), key=lambda info: info.path)

    def walk(self, path: str = "") -> Iterator[FileInfo]:
        """Yield every object below ``path``, in the order of their paths."""
        key = self._key(check_folder_path(path))
        with _translated(path):
            entries = self._files.find(key, detail=True)
            if not entries and not self._files.exists(key):
                raise _missing(path)
        # A name with a slash at its end marks a folder that somebody made by hand.
        found = [self._info(one) for name, one in entries.items() if not name.endswith("/")]
        for info in sorted(found, key=lambda info: info.path):
            if _is_below(path, info):
                check_file_path(info.path)
                yield info

    @contextmanager
    def read(self, path: str) -> Iterator[BinaryIO]:
        """Open an object; it is read in pieces, and they are all of one version of it."""
        key = self._key(check_file_path(path))
        with _translated(path):
            size = self._files.info(key)["size"]
            if size < self._part_bytes:
                opened = io.BytesIO(self._files.cat_file(key))
            else:
                opened = self._files.open(key, "rb", block_size=PART_BYTES, cache_type="readahead")
        with io.BufferedReader(_Reader(opened, path), PART_BYTES) as file:
            yield file

    def write(self, path: str, source: BinaryIO) -> int:
        """Write an object in one request, or in parts that are none before the last is there."""
        key = self._key(check_file_path(path))
        first = _read_part(source, self._part_bytes)
        if len(first) < self._part_bytes:
            with _translated(path):
                self._files.pipe_file(key, first)
            return len(first)
        with _translated(path):
            upload = self._files.open(key, "wb", block_size=PART_BYTES)
        return _upload(upload, path, first, source)

    def delete(self, path: str) -> None:
        """Delete an object, or all that are below a path; "" is everything below the root."""
        key = self._key(check_folder_path(path))
        with _translated(path):
            entries = self._files.find(key, detail=True)
            if not entries:
                raise _missing(path)
            for name in entries:
                self._files.rm_file(name)  # `rm` would read a "*" in the name as a pattern

    def _key(self, path: str) -> str:
        return join_paths(self._root, path)

    def _info(self, entry: dict[str, Any]) -> FileInfo:
        path = entry["name"].rstrip("/").removeprefix(self._root).lstrip("/")
        is_folder = entry["type"] == "directory"
        return FileInfo(path, is_folder, None if is_folder else int(entry["size"]))


class _Reader(io.RawIOBase):
    """An open object, whose errors are ours."""

    def __init__(self, opened: Any, path: str) -> None:
        self._opened, self._path = opened, path

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._opened.seek(offset, whence))

    def readinto(self, buffer: Any) -> int:
        with _translated(self._path):
            chunk = self._opened.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        self._opened.close()
        super().close()


def _upload(upload: Any, path: str, first: bytes, source: BinaryIO) -> int:
    size, part = 0, first
    try:
        while part:
            with _translated(path):
                upload.write(part)
            size, part = size + len(part), _read_part(source, PART_BYTES)
        with _translated(path):
            upload.close()
    except BaseException:
        upload.closed = True  # or the collector closes it, which makes an object of what was sent
        upload.discard()
        raise
    return size


def _read_part(source: BinaryIO, size: int) -> bytes:
    """Return the next ``size`` bytes, fewer only at the end of the source."""
    chunks: list[bytes] = []
    while size and (chunk := source.read(min(size, PART_BYTES))):
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)


def _is_below(path: str, info: FileInfo) -> bool:
    return bool(info.path) and info.path != path


def _missing(path: str) -> NotFound:
    return NotFound(f"{shorten(path) or 'the artifacts'}: no artifact is there")


@contextmanager
def _translated(path: str) -> Iterator[None]:
    """Raise what an object store's errors mean; each client has its own, and some a few."""
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        raise _translate(error, path) from error


def _translate(error: Exception, path: str) -> StoreError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return _missing(path)
    if isinstance(error, IsADirectoryError | FileExistsError):
        return InvalidParameter(f"{shorten(path)}: found a folder, expected a file, or the reverse")
    reason = " ".join(str(error).split())[:_LONGEST_REASON]
    return StoreUnavailable(
        f"{shorten(path)}: the object storage refused it or does not answer "
        f"({type(error).__name__}: {reason})"
    )
