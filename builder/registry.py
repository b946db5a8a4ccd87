"""One repository of a registry, over the OCI distribution API: reading what is in it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO, Final
from urllib.parse import urljoin

from .artifacts import fallback_tag
from .errors import DigestMismatch, ImageNotFound, RegistryRefused, RegistryUnavailable
from .image_names import ImageName
from .images import verified
from .oci import INDEXES, MANIFESTS, Descriptor, Index, decode, describe, media_type_of
from .registry_access import RegistryAccess
from .registry_connection import Ask, RegistryConnection
from .registry_tokens import pull_scope

_ACCEPT: Final = {"accept": ", ".join((*MANIFESTS, *INDEXES))}
_NEXT: Final = re.compile(r'<([^>]+)>\s*;\s*rel="?next"?')
_HASHES: Final = ("sha256:", "sha384:", "sha512:")


class Repository:
    """Reads the repository of ``name``: a `BlobSource`."""

    def __init__(self, name: ImageName, connection: RegistryConnection) -> None:
        self.name, self.connection = name, connection
        self._documents: dict[str, bytes] = {}

    @property
    def path(self) -> str:
        """Where the API has the repository."""
        return f"/v2/{self.name.repository}"

    def resolve(self, reference: str) -> Descriptor:
        """Describe the manifest or index that a tag or a digest names."""
        action = f"give the manifest of {self.name.at(reference)}"
        try:
            answer = self.connection.send(
                Ask(action, "GET", f"{self.path}/manifests/{reference}", _ACCEPT)
            )
        except RegistryRefused as error:
            if error.status == 404:
                raise ImageNotFound(self.name.place, reference) from error
            raise
        kind = answer.headers.get("content-type", "").partition(";")[0].strip()
        declared = kind if kind in {*MANIFESTS, *INDEXES} else ""
        described = describe(media_type_of(answer.content, declared), answer.content)
        promised = reference if ":" in reference else answer.headers.get("docker-content-digest")
        if promised and promised.startswith(_HASHES):
            described = Descriptor(
                media_type=described.media_type, digest=promised, size=described.size
            )
            with verified(io.BytesIO(answer.content), described, self.name.place) as stream:
                stream.read()
        self._documents[described.digest] = answer.content
        return described

    def read_manifest(self, descriptor: Descriptor) -> bytes:
        """Return a manifest or an index."""
        if descriptor.digest not in self._documents:
            self.resolve(descriptor.digest)
        content = self._documents[descriptor.digest]
        if len(content) != descriptor.size:
            raise DigestMismatch(
                f"{descriptor.digest} of {self.name.place}",
                f"{len(content)} bytes",
                f"{descriptor.size} bytes",
            )
        return content

    @contextmanager
    def open(self, descriptor: Descriptor) -> Iterator[BinaryIO]:
        """Open a blob; where the registry breaks off, reading goes on from there."""
        url = f"{self.path}/blobs/{descriptor.digest}"
        with _Download(self.connection, url, descriptor) as download:
            # Its `read` gives at least one byte, unless there is no more.
            yield verified(download, descriptor, self.name.place)  # type: ignore[arg-type]

    def find_referrers(self, subject: Descriptor) -> list[Descriptor]:
        """Return the manifests of the artifacts that are told of an image.

        A registry that keeps no list of them has one under a tag, by whoever put them there.
        """
        action = f"list what is told of {subject.digest}"
        found: list[Descriptor] = []
        url = f"{self.path}/referrers/{subject.digest}"
        while url:
            answer = self.connection.send(Ask(action, "GET", url, _ACCEPT, accepted=(200, 404)))
            if answer.status == 404:
                return self._find_tagged(subject)
            found += decode(answer.content, Index, action).manifests
            link = _NEXT.search(answer.headers.get("link", ""))
            url = urljoin(answer.url, link[1]) if link else ""
        return found

    def _find_tagged(self, subject: Descriptor) -> list[Descriptor]:
        try:
            listed = self.resolve(fallback_tag(subject))
        except ImageNotFound:
            return []
        return decode(self.read_manifest(listed), Index, listed.digest).manifests

    def close(self) -> None:
        """Close the connections."""
        self.connection.close()


def open_repository(name: ImageName, access: RegistryAccess) -> Repository:
    """Return the repository of ``name``, to be read."""
    scopes = [pull_scope(name.repository)]
    return Repository(name, RegistryConnection(name.registry, scopes, access))


class _Download(io.RawIOBase):
    """The bytes of a blob, asked for again from where an answer broke off."""

    def __init__(self, connection: RegistryConnection, url: str, blob: Descriptor) -> None:
        super().__init__()
        self._connection, self._url, self._blob = connection, url, blob
        self._action = f"give {blob.digest}"
        self._answer = ExitStack()
        self._chunks: Iterator[bytes] | None = None
        self._left = b""
        self._seen = self._failures = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left and self._seen < self._blob.size:
            self._left = self._next_chunk()
        taken, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)

    def close(self) -> None:
        self._answer.close()
        super().close()

    def _next_chunk(self) -> bytes:
        while True:
            try:
                chunk = self._try_next_chunk()
            except RegistryUnavailable as error:
                self._answer.close()
                self._chunks = None
                if not self._connection.pause(self._failures, error):
                    raise
                self._failures += 1
            else:
                self._seen += len(chunk)
                self._failures = 0
                return chunk

    def _try_next_chunk(self) -> bytes:
        with self._connection.translated(self._action):
            if self._chunks is None:
                self._chunks = self._ask()
            chunk = next(self._chunks, b"")
        if not chunk:
            raise RegistryUnavailable(
                self._connection.registry,
                self._action,
                f"it broke off after {self._seen} of {self._blob.size} bytes",
            )
        return chunk

    def _ask(self) -> Iterator[bytes]:
        headers = {"range": f"bytes={self._seen}-"} if self._seen else {}
        ask = Ask(self._action, "GET", self._url, headers, accepted=(200, 206))
        answer = self._answer.enter_context(self._connection.stream(ask))
        chunks = answer.iter_raw()
        return chunks if answer.status_code == 206 else _skip(chunks, self._seen)


def _skip(chunks: Iterator[bytes], count: int) -> Iterator[bytes]:
    """Yield ``chunks`` without their first bytes, for a registry that knows no ranges."""
    for chunk in chunks:
        if rest := chunk[count:]:
            yield rest
        count = max(0, count - len(chunk))
