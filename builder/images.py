"""Images as they are handed about: documents in memory, and blobs that are read where they lie."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from .errors import DigestMismatch, InvalidImage
from .image_names import ImageName
from .oci import LARGEST_DOCUMENT, Descriptor

CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that can be opened as often as needed; ``origin`` is the repository that has them."""

    descriptor: Descriptor
    open: Callable[[], AbstractContextManager[BinaryIO]]
    origin: ImageName | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest or an index."""

    descriptor: Descriptor
    content: bytes


@dataclass(frozen=True, slots=True)
class Image:
    """All that an image consists of: ``documents`` stand after what they name, the root last.

    ``referrers`` are the manifests of artifacts that are told of the image or a part of it.
    """

    documents: tuple[Document, ...]
    blobs: tuple[Blob, ...]
    referrers: tuple[Document, ...] = ()

    @property
    def root(self) -> Descriptor:
        """What names the image: its manifest, or the index of several."""
        return self.documents[-1].descriptor

    @property
    def size_bytes(self) -> int:
        """What the image takes in a registry."""
        return sum(blob.descriptor.size for blob in self.blobs) + sum(
            document.descriptor.size for document in self.documents
        )


class VerifiedReader(io.RawIOBase):
    """Reads a blob from ``stream``, and raises `DigestMismatch` with its last byte.

    ``place`` says in the message where the blob came from.
    """

    def __init__(self, stream: BinaryIO, descriptor: Descriptor, place: str) -> None:
        super().__init__()
        self._stream, self._descriptor, self._place = stream, descriptor, place
        self._hash = hashlib.new(descriptor.digest.partition(":")[0])
        self._seen = 0

    def readable(self) -> bool:
        """Say that this can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer``, as far as the blob goes."""
        view = memoryview(buffer)
        wanted = min(len(view), self._descriptor.size - self._seen)
        if not wanted:
            if not self._descriptor.size:
                self._check()
            return 0
        chunk = self._stream.read(wanted)
        view[: len(chunk)] = chunk
        self._hash.update(chunk)
        self._seen += len(chunk)
        if not chunk or self._seen == self._descriptor.size:
            self._check()
        return len(chunk)

    def _check(self) -> None:
        expected = self._descriptor
        what = f"{expected.digest} of {self._place}"
        if self._seen != expected.size:
            raise DigestMismatch(what, f"{self._seen} bytes", f"{expected.size} bytes")
        found = f"{self._hash.name}:{self._hash.hexdigest()}"
        if found != expected.digest:
            raise DigestMismatch(what, found, expected.digest)


@contextmanager
def open_file(file: Path, descriptor: Descriptor) -> Iterator[BinaryIO]:
    """Open the blob that is in ``file``."""
    with file.open("rb") as stream:
        yield verified(stream, descriptor, str(file))


def verified(stream: BinaryIO, descriptor: Descriptor, place: str) -> BinaryIO:
    """Return ``stream`` as one that ends in `DigestMismatch` if it is not ``descriptor``'s."""
    return io.BufferedReader(VerifiedReader(stream, descriptor, place), CHUNK_BYTES)


def blob_of_file(file: Path, descriptor: Descriptor) -> Blob:
    """Return the blob that lies in ``file``."""
    return Blob(descriptor, lambda: open_file(file, descriptor))


def blob_of_bytes(content: bytes, descriptor: Descriptor) -> Blob:
    """Return the blob that is ``content``."""
    return Blob(descriptor, lambda: io.BytesIO(content))


def read_blob(stream: BinaryIO, output: BinaryIO) -> None:
    """Write all of ``stream`` to ``output``, a piece at a time."""
    while chunk := stream.read(CHUNK_BYTES):
        output.write(chunk)


def read_document(
    opened: AbstractContextManager[BinaryIO],
    descriptor: Descriptor,
    place: str,
    limit_bytes: int = LARGEST_DOCUMENT,
) -> bytes:
    """Return what is opened, which must be small enough for a document."""
    if descriptor.size > limit_bytes:
        raise InvalidImage(
            f"{descriptor.digest} of {place}",
            f"a document of {descriptor.size} bytes",
            f"at most {limit_bytes}",
        )
    with opened as stream:
        return stream.read()
