"""OCI image layouts: folders, and tars that `docker load` takes as well."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from .artifacts import pack_artifact, referrers_among
from .contract import Artifact
from .errors import ImageNotFound, InvalidImage, InvalidImageName, OutputFailed
from .image_names import parse_image_name
from .images import Blob, Document, Image, open_file, read_blob, read_document
from .oci import (
    INDEX,
    LARGEST_DOCUMENT,
    MANIFESTS,
    Descriptor,
    Index,
    Manifest,
    decode,
    encode,
)
from .outputs import new_file, new_folder

MARKER: Final = "oci-layout"
TAG: Final = "org.opencontainers.image.ref.name"
FULL_NAME: Final = "io.containerd.image.name"

_MARKER_CONTENT: Final = b'{"imageLayoutVersion":"1.0.0"}'
_DOCKER_INDEX: Final = "manifest.json"


class Layout:
    """Reads the images of a layout's ``folder``: a `BlobSource`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = decode(_read_file(folder / "index.json"), Index, str(folder / "index.json"))

    def resolve(self, reference: str) -> Descriptor:
        """Describe what a tag or a digest names; "" is the only image of the layout."""
        return choose(self.index, reference, str(self.folder))

    def read_manifest(self, descriptor: Descriptor) -> bytes:
        """Return a manifest or an index."""
        return read_document(self.open(descriptor), descriptor, str(self.folder))

    def open(self, descriptor: Descriptor) -> AbstractContextManager[BinaryIO]:
        """Open a blob."""
        file = self.folder / blob_path(descriptor.digest)
        if not file.is_file():
            raise InvalidImage(
                str(self.folder), f"no blob {descriptor.digest}", "all that it names"
            )
        return open_file(file, descriptor)

    def find_referrers(self, subject: Descriptor) -> list[Descriptor]:
        """Return the manifests of the artifacts that are told of an image."""
        return referrers_among(self, subject, self.index.manifests)

    def close(self) -> None:
        """Do nothing: a layout holds nothing open."""


def blob_path(digest: str) -> str:
    """Return where a layout has a blob."""
    return f"blobs/{digest.replace(':', '/')}"


def choose(index: Index, reference: str, place: str) -> Descriptor:
    """Return the image of a layout that a tag or a digest names; "" is its only one."""
    if reference:
        found = [d for d in index.manifests if reference in _names_of(d)]
    else:
        images = [d for d in index.manifests if d.artifact_type is None]
        found = list({d.digest: d for d in images}.values())
    if not found or (len(found) > 1 and not reference):
        tags = ", ".join(sorted({name for d in index.manifests for name in _names_of(d)}))
        raise ImageNotFound(place, reference or "of its own, but several", tags)
    return found[0]


def write_layout(image: Image, tags: Sequence[str], path: Path) -> None:
    """Write ``image`` as a layout in the new folder ``path``.

    Raises `OutputExists` or `OutputFailed`.
    """
    with new_folder(path) as folder:
        for name, content in _small_files(image, tags).items():
            _write(folder / name, content)
        _write_blobs(folder, image.blobs)


def attach_to_layout(folder: Path, artifact: Artifact, subject: Descriptor) -> Descriptor:
    """Add ``artifact``, which is told of ``subject``, to a layout; return what names it.

    Raises `OutputFailed`.
    """
    document, blobs = pack_artifact(artifact, subject)
    index = Layout(folder).index
    others = [one for one in index.manifests if one.digest != document.descriptor.digest]
    manifests = [*others, document.descriptor]
    try:
        _write(folder / blob_path(document.descriptor.digest), document.content)
        _write_blobs(folder, blobs)
        draft = folder / f".index.{os.getpid()}"
        _write(draft, encode(msgspec.structs.replace(index, manifests=manifests)))
        draft.replace(folder / "index.json")
    except OSError as error:
        raise OutputFailed(folder, error) from error
    return document.descriptor


def _write_blobs(folder: Path, blobs: Iterable[Blob]) -> None:
    for blob in blobs:
        file = folder / blob_path(blob.descriptor.digest)
        file.parent.mkdir(parents=True, exist_ok=True)
        with blob.open() as stream, file.open("wb") as output:
            read_blob(stream, output)


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def write_archive(image: Image, tags: Sequence[str], path: Path) -> None:
    """Write ``image`` as the tar of a layout, with what `docker load` reads beside it.

    Raises `OutputExists` or `OutputFailed`.
    """
    files = _small_files(image, tags) | {_DOCKER_INDEX: _docker_index(image, tags)}
    folders = {str(folder): None for name in files for folder in Path(name).parents if folder.name}
    with (
        new_file(path) as partial,
        tarfile.open(partial, "w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in sorted(folders):
            archive.addfile(_entry(name, tarfile.DIRTYPE, 0o755))
        for name, content in sorted(files.items()):
            _add(archive, name, len(content), io.BytesIO(content))
        for blob in sorted(image.blobs, key=lambda blob: blob.descriptor.digest):
            with blob.open() as stream:
                _add(archive, blob_path(blob.descriptor.digest), blob.descriptor.size, stream)


def _small_files(image: Image, tags: Sequence[str]) -> dict[str, bytes]:
    documents = {
        blob_path(document.descriptor.digest): document.content
        for document in (*image.documents, *image.referrers)
    }
    told = [document.descriptor for document in image.referrers]
    index = Index(media_type=INDEX, manifests=[*_entries(image.root, tags), *told])
    return {MARKER: _MARKER_CONTENT, "index.json": encode(index), **documents}


def _entries(root: Descriptor, tags: Sequence[str]) -> list[Descriptor]:
    """Describe ``root`` once for each tag, as Docker and containerd do."""
    entries = []
    taken = set()
    for tag in dict.fromkeys(tags):
        name = parse_image_name(tag)
        annotations = {FULL_NAME: str(name)}
        # A short name that two entries had would be ambiguous.
        if (short := name.tag or "latest") not in taken:
            annotations[TAG] = short
            taken.add(short)
        entries.append(msgspec.structs.replace(root, annotations=annotations))
    return entries or [root]


def _docker_index(image: Image, tags: Sequence[str]) -> bytes:
    """Describe the first platform's image, as `docker load` wants to be told."""
    document = first_manifest(image)
    manifest = decode(document.content, Manifest, document.descriptor.digest)
    names = [parse_image_name(tag) for tag in dict.fromkeys(tags)]
    entry: dict[str, Any] = {
        "Config": blob_path(manifest.config.digest),
        "Layers": [blob_path(layer.digest) for layer in manifest.layers],
        "RepoTags": [name.familiar for name in names] or None,
    }
    return msgspec.json.encode([entry], order="deterministic")


def first_manifest(image: Image) -> Document:
    """Return the manifest of the image's first platform."""
    return next(d for d in image.documents if d.descriptor.media_type in MANIFESTS)


def _names_of(descriptor: Descriptor) -> set[str]:
    annotations = descriptor.annotations or {}
    names = {descriptor.digest, *filter(None, (annotations.get(TAG), annotations.get(FULL_NAME)))}
    with suppress(InvalidImageName):
        names.add(parse_image_name(annotations.get(FULL_NAME, "")).familiar)
    return names


def _read_file(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(LARGEST_DOCUMENT)
    except OSError as error:
        raise InvalidImage(
            str(file), error.strerror or str(error), "an OCI image layout"
        ) from error


def _add(archive: tarfile.TarFile, name: str, size: int, stream: BinaryIO) -> None:
    entry = _entry(name, tarfile.REGTYPE, 0o644)
    entry.size = size
    archive.addfile(entry, stream)


def _entry(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = kind, mode
    return entry
