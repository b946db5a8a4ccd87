"""Images are put into a registry: what is there already is not sent, and what broke off goes on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from threading import Event
from typing import Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from .artifacts import fallback_tag, list_with, pack_artifact
from .contract import Artifact, Tell
from .errors import DigestMismatch, RegistryRefused, RegistryUnavailable
from .image_names import ImageName
from .images import CHUNK_BYTES, Blob, Document, Image
from .oci import Descriptor, Manifest, decode
from .registry import Repository
from .registry_access import RegistryAccess
from .registry_connection import Answer, Ask, RegistryConnection
from .registry_tokens import pull_scope, push_scope

AT_ONCE: Final = 4
"""How many blobs are sent at the same time."""

Content = Callable[[], bytes | Iterable[bytes]]

SMALL_BYTES: Final = 4 << 20
"""A blob of so many bytes is sent in one request; what is larger can be resumed."""

_LISTED: Final = "oci-subject"
_RANGE: Final = re.compile(r"(?:bytes=)?0-(\d{1,18})")


def push_image(image: Image, names: Sequence[ImageName], access: RegistryAccess, tell: Tell) -> str:
    """Put ``image`` into the registries of ``names`` under all of them; return its digest."""
    for place in dict.fromkeys(name.place for name in names):
        tagged = [name for name in names if name.place == place]
        sources = {blob.origin for blob in image.blobs if blob.origin}
        with closing(open_destination(tagged[0], access, sources)) as destination:
            destination.push(image, [name.tag or "latest" for name in tagged], tell)
    return image.root.digest


def open_destination(
    name: ImageName, access: RegistryAccess, sources: Iterable[ImageName] = ()
) -> Destination:
    """Return the repository of ``name``, to be written; blobs of ``sources`` may be mounted."""
    scopes = [push_scope(name.repository)]
    scopes += sorted(
        {
            pull_scope(source.repository)
            for source in sources
            if source.registry == name.registry and source.repository != name.repository
        }
    )
    return Destination(Repository(name, RegistryConnection(name.registry, scopes, access)))


@dataclass(frozen=True, slots=True)
class Destination:
    """A repository that images are put into; may be used by several threads."""

    repository: Repository
    _stopping: Event = field(default_factory=Event)

    def push(self, image: Image, tags: Sequence[str], tell: Tell) -> None:
        """Put ``image`` here; its tags are set when everything else is there."""
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            for line in pool.map(self.put_blob, image.blobs):
                tell(line)
        except BaseException:
            # Also Ctrl-C: what is being sent breaks off at its next piece.
            self._stopping.set()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
        *parts, root = image.documents
        for part in parts:
            self.put_document(part, part.descriptor.digest)
        for referrer in image.referrers:
            self.put_referrer(referrer)
        for tag in tags:
            self.put_document(root, tag)
            tell(f"{self.repository.name.at(tag)} is {root.descriptor.digest}")

    def put_blob(self, blob: Blob) -> str:
        """Put ``blob`` here unless it is; say in a line what was done."""
        short = blob.descriptor.digest[:19]
        if _has(self.repository, blob.descriptor):
            return f"{short} is there already"
        session = self._begin(blob)
        if session is None:
            return f"{short} was mounted"
        _Upload(self.repository, blob, session, self._stopping).run()
        return f"{short} was sent: {blob.descriptor.size} bytes"

    def put_document(self, document: Document, reference: str) -> Answer:
        """Put a manifest or an index here, under a tag or its digest."""
        content, expected = document.content, document.descriptor.digest
        answer = self.repository.connection.send(
            Ask(
                f"take the manifest of {self.repository.name.at(reference)}",
                "PUT",
                f"{self.repository.path}/manifests/{reference}",
                {"content-type": document.descriptor.media_type},
                lambda: content,
                accepted=(200, 201, 202),
            )
        )
        stored = answer.headers.get("docker-content-digest", expected)
        if stored != expected:
            raise DigestMismatch(f"the manifest in {self.repository.name.place}", stored, expected)
        return answer

    def attach(self, artifact: Artifact, subject: Descriptor) -> Descriptor:
        """Put ``artifact`` here, which is told of ``subject``; return what names it."""
        document, blobs = pack_artifact(artifact, subject)
        for blob in blobs:
            self.put_blob(blob)
        self.put_referrer(document)
        return document.descriptor

    def put_referrer(self, document: Document) -> None:
        """Put the manifest of an artifact here, and into the list of a registry that keeps none."""
        descriptor = document.descriptor
        answer = self.put_document(document, descriptor.digest)
        subject = decode(document.content, Manifest, descriptor.digest).subject
        if subject and _LISTED not in answer.headers:
            known = self.repository.find_referrers(subject)
            self.put_document(list_with(known, descriptor), fallback_tag(subject))

    def close(self) -> None:
        """Close the connections."""
        self.repository.close()

    def _begin(self, blob: Blob) -> str | None:
        """Return where to send a blob, or None if it was mounted from where it lies."""
        name, origin = self.repository.name, blob.origin
        if origin and origin.registry == name.registry and origin.repository != name.repository:
            mounted = {"mount": blob.descriptor.digest, "from": origin.repository}
            try:
                answer = _start(self.repository, blob, mounted)
            except RegistryRefused:
                # Whoever may not read there, or a registry that cannot mount: it is sent.
                return _start(self.repository, blob, {}).location
            return None if answer.status == 201 else answer.location
        return _start(self.repository, blob, {}).location


def _has(repository: Repository, descriptor: Descriptor) -> bool:
    url = f"{repository.path}/blobs/{descriptor.digest}"
    ask = Ask(f"say whether it has {descriptor.digest}", "HEAD", url, accepted=(200, 404))
    return repository.connection.send(ask).status == 200


def _start(repository: Repository, blob: Blob, query: dict[str, str]) -> Answer:
    url = f"{repository.path}/blobs/uploads/" + (f"?{urlencode(query)}" if query else "")
    ask = Ask(_taking(repository, blob), "POST", url, {"content-length": "0"}, accepted=(201, 202))
    return repository.connection.send(ask)


def _taking(repository: Repository, blob: Blob) -> str:
    return f"take {blob.descriptor.digest} into {repository.name.place}"


class _Upload:
    """One blob on its way: begins at ``session``, and goes on from where it broke off."""

    def __init__(self, repository: Repository, blob: Blob, session: str, stopping: Event) -> None:
        self._repository, self._blob, self._session = repository, blob, session
        self._stopping = stopping
        self._connection = repository.connection
        self._action = _taking(repository, blob)
        self._size = blob.descriptor.size
        self._sent = self._failures = 0
        self._is_there = False

    def run(self) -> None:
        """Send it; raises `RegistryRefused` or `RegistryUnavailable`."""
        while not self._is_there:
            try:
                self._try()
            except RegistryUnavailable as error:
                if not self._connection.pause(self._failures, error):
                    raise
                self._failures += 1
                self._find_place()
            else:
                self._is_there = True

    def _try(self) -> None:
        if self._size <= SMALL_BYTES:
            self._finish(self._size, self._pieces)
            return
        if self._sent < self._size:
            # Most registries take the whole in one request; a range only says where to go on.
            headers = {"content-range": f"{self._sent}-{self._size - 1}"} if self._sent else {}
            left = self._size - self._sent
            answer = self._send("PATCH", self._session, headers, left, self._pieces)
            self._session, self._sent = answer.location, self._size
        self._finish(0, lambda: b"")

    def _finish(self, size: int, content: Content) -> None:
        parts = urlsplit(self._session)
        digest = urlencode({"digest": self._blob.descriptor.digest})
        query = f"{parts.query}&{digest}" if parts.query else digest
        self._send("PUT", urlunsplit(parts._replace(query=query)), {}, size, content)

    def _send(
        self, method: str, url: str, headers: dict[str, str], size: int, content: Content
    ) -> Answer:
        kind = {"content-type": "application/octet-stream", "content-length": str(size)}
        ask = Ask(self._action, method, url, kind | headers, content, (201, 202, 204))
        return self._connection.send_once(ask)

    def _pieces(self) -> Iterator[bytes]:
        """Yield what is still to be sent; what was sent is read too, for the digest."""
        skipped = self._sent
        with self._blob.open() as stream:
            while chunk := stream.read(CHUNK_BYTES):
                if self._stopping.is_set():
                    raise CancelledError
                if rest := chunk[skipped:]:
                    yield rest
                skipped = max(0, skipped - len(chunk))

    def _find_place(self) -> None:
        """Ask how far the registry got, and begin anew where it does not say."""
        before, self._sent = self._sent, 0
        ask = Ask(self._action, "GET", self._session, accepted=(204, 404))
        answer = self._connection.send(ask)
        if answer.status == 204 and self._size > SMALL_BYTES:
            self._session = answer.location
            self._sent = _end_of_range(answer.headers.get("range", ""))
            if self._sent > before:
                self._failures = 0
        elif _has(self._repository, self._blob.descriptor):
            self._is_there = True  # and only the answer that said so was lost
        else:
            self._session = _start(self._repository, self._blob, {}).location


def _end_of_range(text: str) -> int:
    """Return how many bytes a registry has: ``0-99`` are a hundred, and ``0-0`` may be none."""
    found = _RANGE.fullmatch(text)
    end = int(found[1]) if found else 0
    return end + 1 if end else 0
