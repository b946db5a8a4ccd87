"""Images in a tar, perhaps a gzipped one: of an OCI layout, or as `docker save` writes them."""

from __future__ import annotations

import gzip
import hashlib
import io
import posixpath
import tarfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from ..runtimes.errors import shorten
from .artifacts import referrers_among
from .errors import InvalidImage, UnusableBase
from .images import CHUNK_BYTES, read_document, verified
from .layouts import FULL_NAME, MARKER, blob_path, choose
from .oci import (
    CONFIG,
    INDEX,
    LARGEST_DOCUMENT,
    LAYER,
    LAYER_GZIP,
    MANIFEST,
    Descriptor,
    Index,
    Manifest,
    decode,
    describe,
    encode,
)

_GZIP: Final = b"\x1f\x8b"
_DOCKER_INDEX: Final = "manifest.json"


@dataclass(frozen=True, slots=True)
class _Member:
    start: int
    size: int


class Archive:
    """Reads the images of the tar ``file``: a `BlobSource`.

    Raises `UnusableBase` for another file.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        with file.open("rb") as stream:
            self._is_gzipped = stream.read(2) == _GZIP
        self._members = self._read_members()
        self._made: dict[str, bytes] = {}
        if MARKER in self._members:
            self.index = decode(self._content("index.json"), Index, f"index.json of {file}")
            self._places = {name: name for name in self._members}
        else:
            self._places = {}
            self.index = self._read_docker_index()

    def resolve(self, reference: str) -> Descriptor:
        """Describe what a tag or a digest names; "" is the only image of the archive."""
        return choose(self.index, reference, str(self.file))

    def read_manifest(self, descriptor: Descriptor) -> bytes:
        """Return a manifest or an index."""
        made = self._made.get(descriptor.digest)
        return made or read_document(self.open(descriptor), descriptor, str(self.file))

    def open(self, descriptor: Descriptor) -> AbstractContextManager[BinaryIO]:
        """Open a blob."""
        path = blob_path(descriptor.digest)
        member = self._members.get(self._places.get(path, ""))
        if member is None:
            raise InvalidImage(str(self.file), f"no blob {descriptor.digest}", "all that it names")
        return self._open(member, descriptor)

    def find_referrers(self, subject: Descriptor) -> list[Descriptor]:
        """Return the manifests of the artifacts that are told of an image."""
        return referrers_among(self, subject, self.index.manifests)

    def close(self) -> None:
        """Do nothing: the file is opened for each blob anew."""

    def _read_members(self) -> dict[str, _Member]:
        members: dict[str, _Member] = {}
        links: dict[str, str] = {}
        try:
            with tarfile.open(self.file, "r:gz" if self._is_gzipped else "r:") as archive:
                for entry in archive:
                    name = posixpath.normpath(entry.name)
                    if entry.isfile():
                        members[name] = _Member(entry.offset_data, entry.size)
                    elif entry.issym():
                        links[name] = posixpath.join(posixpath.dirname(name), entry.linkname)
                    elif entry.islnk():
                        links[name] = entry.linkname
        except (tarfile.TarError, OSError, EOFError) as error:
            raise UnusableBase(str(self.file), shorten(error), "a tar of an image") from error
        # Docker of old writes a layer that two images share once, and links to it.
        for name, target in links.items():
            if member := members.get(posixpath.normpath(target)):
                members[name] = member
        return members

    @contextmanager
    def _open(self, member: _Member, descriptor: Descriptor | None = None) -> Iterator[BinaryIO]:
        with self._open_file() as stream:
            stream.seek(member.start)
            yield verified(stream, descriptor, str(self.file)) if descriptor else stream

    def _open_file(self) -> BinaryIO:
        if self._is_gzipped:
            return io.BufferedReader(gzip.GzipFile(self.file), CHUNK_BYTES)
        return self.file.open("rb")

    def _content(self, name: str) -> bytes:
        member = self._members.get(name)
        if member is None or member.size > LARGEST_DOCUMENT:
            found = "no" if member is None else f"{member.size} bytes of"
            raise UnusableBase(str(self.file), f"{found} {name}", "an image in a tar")
        with self._open(member) as stream:
            return stream.read(member.size)

    def _read_docker_index(self) -> Index:
        """Make the documents that the images of `docker save` lack."""
        content = self._content(_DOCKER_INDEX)
        try:
            entries = msgspec.json.decode(content, type=list[_Saved])
        except msgspec.MsgspecError as error:
            raise InvalidImage(
                f"{_DOCKER_INDEX} of {self.file}", shorten(error), "what `docker save` writes"
            ) from error
        manifests = []
        for entry in entries:
            described = self._make_manifest(entry)
            names = entry.repo_tags or [""]
            manifests += [
                msgspec.structs.replace(described, annotations={FULL_NAME: name}) for name in names
            ]
        return Index(media_type=INDEX, manifests=manifests)

    def _make_manifest(self, entry: _Saved) -> Descriptor:
        config = self._content(posixpath.normpath(entry.config))
        described = describe(CONFIG, config)
        self._places[blob_path(described.digest)] = posixpath.normpath(entry.config)
        layers = [self._describe_layer(posixpath.normpath(name)) for name in entry.layers]
        content = encode(Manifest(media_type=MANIFEST, config=described, layers=layers))
        manifest = describe(MANIFEST, content)
        self._made[manifest.digest] = content
        return manifest

    def _describe_layer(self, name: str) -> Descriptor:
        member = self._members.get(name)
        if member is None:
            raise InvalidImage(str(self.file), f"no layer {shorten(name)}", "all that it names")
        with self._open(member) as stream:
            head, hashing, left = b"", hashlib.sha256(), member.size
            while left and (chunk := stream.read(min(CHUNK_BYTES, left))):
                head = head or chunk[:2]
                hashing.update(chunk)
                left -= len(chunk)
        digest = f"sha256:{hashing.hexdigest()}"
        self._places[blob_path(digest)] = name
        kind = LAYER_GZIP if head == _GZIP else LAYER
        return Descriptor(media_type=kind, digest=digest, size=member.size)


class _Saved(msgspec.Struct, rename="pascal"):
    """An entry of Docker's manifest.json."""

    config: str
    layers: list[str]
    repo_tags: list[str] | None = None
