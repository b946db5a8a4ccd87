"""Blobs of a registry that were downloaded before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .contract import BlobSource
from .errors import DigestMismatch
from .images import open_file, read_blob
from .kept_files import KeptFiles
from .oci import Descriptor


@dataclass(frozen=True, slots=True)
class CachedBlobs:
    """A `BlobSource` that opens each blob of ``source`` once, and then the file that it kept."""

    source: BlobSource
    files: KeptFiles

    def resolve(self, reference: str) -> Descriptor:
        """Describe what a tag or a digest names, as ``source`` does now."""
        return self.source.resolve(reference)

    def read_manifest(self, descriptor: Descriptor) -> bytes:
        """Return a manifest or an index."""
        return self.source.read_manifest(descriptor)

    @contextmanager
    def open(self, descriptor: Descriptor) -> Iterator[BinaryIO]:
        """Open a blob, downloaded if it is not here yet."""
        name = descriptor.digest.replace(":", "-")

        def download(file: Path) -> str:
            with self.source.open(descriptor) as stream, file.open("wb") as output:
                read_blob(stream, output)
            return name

        file = self.files.find(name) or self.files.add(download)
        try:
            with open_file(file, descriptor) as stream:
                yield stream
        except DigestMismatch:
            # It was damaged here: the next build downloads it again.
            file.unlink(missing_ok=True)
            raise

    def find_referrers(self, subject: Descriptor) -> list[Descriptor]:
        """Return the manifests of the artifacts that are told of an image."""
        return self.source.find_referrers(subject)

    def close(self) -> None:
        """Close ``source``; what was downloaded stays."""
        self.source.close()
