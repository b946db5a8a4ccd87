"""A tree becomes a layer: the same files give the same bytes, whoever owns them and whenever.

Names are sorted, times fixed, everything is root's, and modes are 0644 or 0755.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Final

from .block_gzip import BlockGzip
from .errors import InvalidImage
from .images import CHUNK_BYTES
from .oci import LAYER, LAYER_GZIP, Descriptor

LEVEL: Final = 4
"""How hard layers are compressed. Another level is another digest, and so may be another
implementation of zlib; the diff_id is the same with all."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer in a file; ``diff_id`` is the digest of its tar before it was compressed."""

    descriptor: Descriptor
    diff_id: str
    file: Path


@dataclass(frozen=True, slots=True)
class Tree:
    """A folder of this machine, and where its contents lie in an image."""

    folder: Path
    target: str
    mtime: int = 0


def pack_layer(tree: Tree, file: Path, *, is_compressed: bool = True) -> Layer:
    """Write the layer of ``tree`` to ``file``.

    Raises `InvalidImage` for a device, a socket or a pipe in it.
    """
    with file.open("wb") as raw:
        packed = _HashingWriter(raw)
        if is_compressed:
            with BlockGzip(packed, LEVEL) as zipped:
                diff_id = _write(tree, zipped)
        else:
            diff_id = _write(tree, packed)
    descriptor = Descriptor(
        media_type=LAYER_GZIP if is_compressed else LAYER,
        digest=packed.digest,
        size=packed.tell(),
    )
    return Layer(descriptor, diff_id, file)


def diff_id_of(tree: Tree) -> str:
    """Return the digest of the tar of ``tree`` without writing it."""
    return _write(tree, None)


def write_tar(tree: Tree, output: BinaryIO) -> None:
    """Write the tar of ``tree``, with the folders above its target."""
    with tarfile.open(
        fileobj=output, mode="w", format=tarfile.PAX_FORMAT, encoding="utf-8"
    ) as archive:
        for folder in _folders_above(tree.target):
            archive.addfile(_entry(folder, tarfile.DIRTYPE, tree.mtime))
        for path, name in walk(tree):
            _add(archive, path, str(name), tree.mtime)


def walk(tree: Tree) -> Iterator[tuple[Path, PurePosixPath]]:
    """Yield the paths below ``tree`` with their names in an image, a folder before its contents."""
    return _walk(tree.folder, PurePosixPath(tree.target.lstrip("/")))


def _write(tree: Tree, output: io.RawIOBase | None) -> str:
    """Write the tar to ``output``, if there is one, and return its digest."""
    plain = _HashingWriter(output)
    with io.BufferedWriter(plain, CHUNK_BYTES) as buffered:
        write_tar(tree, buffered)
    return plain.digest


def _folders_above(target: str) -> list[str]:
    path = PurePosixPath(target.lstrip("/"))
    return [str(folder) for folder in reversed([path, *path.parents]) if folder.parts]


def _walk(folder: Path, name: PurePosixPath) -> Iterator[tuple[Path, PurePosixPath]]:
    """Yield what is below ``folder``, a folder before its contents, by name."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: os.fsencode(entry.name))
    for entry in entries:
        path = Path(entry.path)
        yield path, name / entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(path, name / entry.name)


def _add(archive: tarfile.TarFile, path: Path, name: str, mtime: int) -> None:
    if path.is_symlink():
        entry = _entry(name, tarfile.SYMTYPE, mtime)
        entry.linkname = str(path.readlink())
        archive.addfile(entry)
    elif path.is_dir():
        archive.addfile(_entry(name, tarfile.DIRTYPE, mtime))
    elif path.is_file():
        with path.open("rb") as content:
            status = os.fstat(content.fileno())
            entry = _entry(name, tarfile.REGTYPE, mtime)
            entry.size = status.st_size
            entry.mode = 0o755 if status.st_mode & 0o100 else 0o644
            archive.addfile(entry, content)
    else:
        raise InvalidImage(str(path), "a device, socket or pipe", "a file, folder or link")


def _entry(name: str, kind: bytes, mtime: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type = kind
    entry.mode = 0o777 if kind == tarfile.SYMTYPE else 0o755
    entry.mtime = mtime
    return entry


class _HashingWriter(io.RawIOBase):
    """Passes bytes on to ``output``, if there is one, and knows their digest."""

    def __init__(self, output: BinaryIO | io.RawIOBase | None) -> None:
        super().__init__()
        self._output, self._hash, self._written = output, hashlib.sha256(), 0

    @property
    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"

    def writable(self) -> bool:
        return True

    def write(self, content: Any, /) -> int:
        if self._output is not None:
            self._output.write(content)
        self._hash.update(content)
        size = memoryview(content).nbytes
        self._written += size
        return size

    def tell(self) -> int:
        return self._written
