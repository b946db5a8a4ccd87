"""What an image is and what is told of it, read from where it lies: nothing is run or unpacked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Final

import msgspec

from ..runtimes.errors import shorten
from .archives import Archive
from .artifacts import read_artifact
from .base_images import local_path, split_tag
from .contract import BlobSource
from .errors import InvalidImage, UnusableBase
from .image_configs import ImageConfig, decode_config
from .image_names import parse_image_name
from .images import read_document
from .layouts import MARKER, Layout
from .oci import INDEXES, MANIFESTS, Descriptor, Index, Manifest, decode
from .plan import Platform
from .provenance import IN_TOTO, Provenance, read_provenance
from .registry_access import RegistryAccess
from .sbom import CYCLONEDX

_REGISTRY: Final = f"{__package__}.registry:open_repository"
_OURS: Final = "mlserve "
_NO_OPERATION: Final = "/bin/sh -c #(nop)"
_NO_PLATFORM: Final = "unknown"
_PLACES: Final = "an OCI layout, or a tar of an image"


@dataclass(frozen=True, slots=True)
class LayerReport:
    """A layer: its size as it is kept, and what its line in the history says of it."""

    digest: str
    size_bytes: int
    holds: str


@dataclass(frozen=True, slots=True)
class ImageReport:
    """The image of one platform.

    ``artifacts`` name all that is told of it; of these, ``sbom`` is the first in CycloneDX, as it
    was written, and ``provenance`` the first of SLSA.
    """

    platform: Platform
    digest: str
    size_bytes: int
    layers: tuple[LayerReport, ...]
    labels: dict[str, str]
    artifacts: tuple[Descriptor, ...]
    sbom: bytes | None
    provenance: Provenance | None


def open_image(text: str, access: RegistryAccess) -> tuple[BlobSource, str]:
    """Return where the image that ``text`` names lies, and which one of there it is.

    It is a path where something is there or it looks like one, else a name in a registry. Raises
    `InvalidImage` or `InvalidImageName`.
    """
    path = local_path(text)
    try:
        file, tag = split_tag(path or text)
        is_layout, is_file = (file / MARKER).is_file(), file.is_file()
    except OSError as error:
        reason = error.strerror or str(error)
        raise InvalidImage(
            shorten(text), f"a path that cannot be read: {reason}", _PLACES
        ) from error
    if is_layout:
        return Layout(file), tag
    if not path and not is_file:
        name = parse_image_name(text.removeprefix("docker://"))
        return resolve_name(_REGISTRY)(name, access), name.reference
    if not is_file:
        found = "a folder without the file oci-layout" if file.is_dir() else "nothing there"
        raise InvalidImage(str(file), found, _PLACES)
    try:
        return Archive(file), tag
    except UnusableBase as error:
        raise InvalidImage(str(file), "no image in it", _PLACES) from error


def inspect_image(source: BlobSource, descriptor: Descriptor) -> Iterator[ImageReport]:
    """Yield a report for each platform of what ``descriptor`` names: a manifest or an index."""
    if descriptor.media_type in INDEXES:
        index = decode(source.read_manifest(descriptor), Index, descriptor.digest)
        for one in index.manifests:
            # Some builders list documents among the images, as if for a platform of this name.
            if one.platform is None or one.platform.os != _NO_PLATFORM:
                yield from inspect_image(source, one)
    elif descriptor.media_type in MANIFESTS:
        yield _inspect(source, descriptor)
    else:
        raise InvalidImage(descriptor.digest, f"the type {descriptor.media_type}", MANIFESTS[0])


def _inspect(source: BlobSource, descriptor: Descriptor) -> ImageReport:
    manifest = decode(source.read_manifest(descriptor), Manifest, descriptor.digest)
    what = f"the configuration of {descriptor.digest}"
    config = decode_config(read_document(source.open(manifest.config), manifest.config, what), what)
    artifacts = tuple(source.find_referrers(descriptor))
    return ImageReport(
        platform=config.platform,
        digest=descriptor.digest,
        size_bytes=sum(one.size for one in (descriptor, manifest.config, *manifest.layers)),
        layers=tuple(_report_layers(manifest, config)),
        labels=config.labels,
        artifacts=artifacts,
        sbom=next(_contents(source, artifacts, CYCLONEDX), None),
        provenance=_find_provenance(source, artifacts),
    )


def _report_layers(manifest: Manifest, config: ImageConfig) -> Iterator[LayerReport]:
    history = [
        entry for entry in config.document.get("history") or () if not entry.get("empty_layer")
    ]
    known = len(history) == len(manifest.layers)
    for number, layer in enumerate(manifest.layers):
        holds = _holds(history[number]) if known else ""
        yield LayerReport(layer.digest, layer.size, holds)


def _holds(entry: dict[str, object]) -> str:
    """Return what a line of the history says that its layer holds, or was made by."""
    made_by, comment = str(entry.get("created_by") or ""), str(entry.get("comment") or "")
    if made_by.startswith(_OURS):
        return f"{comment}, in {made_by.removeprefix(_OURS)}"
    return " ".join(made_by.removeprefix(_NO_OPERATION).split()) or comment


def _contents(source: BlobSource, told: tuple[Descriptor, ...], kind: str) -> Iterator[bytes]:
    for one in told:
        if one.artifact_type == kind:
            yield read_artifact(source, one).content


def _find_provenance(source: BlobSource, told: tuple[Descriptor, ...]) -> Provenance | None:
    for content in _contents(source, told, IN_TOTO):
        # Anybody may attach anything: what is no statement is among the artifacts, and no more.
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            if found := read_provenance(content):
                return found
    return None
