"""The documents of the OCI image format: descriptors, manifests and indexes, and their bytes.

Docker's own documents of the same shape are read too, and never written.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Final, TypeVar

import msgspec

from ..runtimes.errors import shorten
from .errors import InvalidImage
from .plan import Platform

MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX: Final = "application/vnd.oci.image.index.v1+json"
CONFIG: Final = "application/vnd.oci.image.config.v1+json"
EMPTY: Final = "application/vnd.oci.empty.v1+json"
LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
LAYER_GZIP: Final = f"{LAYER}+gzip"

MANIFESTS: Final = (MANIFEST, "application/vnd.docker.distribution.manifest.v2+json")
INDEXES: Final = (INDEX, "application/vnd.docker.distribution.manifest.list.v2+json")

OCI_NAMES: Final = {
    "application/vnd.docker.container.image.v1+json": CONFIG,
    "application/vnd.docker.image.rootfs.diff.tar": LAYER,
    "application/vnd.docker.image.rootfs.diff.tar.gzip": LAYER_GZIP,
}
"""The media types of Docker whose bytes are those of a type of OCI's."""

LARGEST_DOCUMENT: Final = 4 << 20
"""What registries take at most for a manifest or an index, in bytes."""

Digest = Annotated[
    str, msgspec.Meta(pattern="^(sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})$")
]
Size = Annotated[int, msgspec.Meta(ge=0)]
Document = TypeVar("Document", bound="Manifest | Index")


class PlatformEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an image of an index runs on."""

    os: str
    architecture: str
    variant: str | None = None


class Descriptor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What names bytes: their type, digest and size."""

    media_type: str
    digest: Digest
    size: Size
    platform: PlatformEntry | None = None
    artifact_type: str | None = None
    annotations: dict[str, str] | None = None

    @property
    def bare(self) -> Descriptor:
        """The same without what it says beyond type, digest and size."""
        return Descriptor(media_type=self.media_type, digest=self.digest, size=self.size)


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One image, or one artifact."""

    media_type: str = ""
    config: Descriptor
    layers: list[Descriptor]
    artifact_type: str | None = None
    subject: Descriptor | None = None
    annotations: dict[str, str] | None = None


class Index(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """Several images, one for each platform, or the artifacts of one image."""

    media_type: str = ""
    manifests: list[Descriptor]
    annotations: dict[str, str] | None = None


def digest_of(content: bytes) -> str:
    """Return the digest that names ``content``."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def describe(media_type: str, content: bytes) -> Descriptor:
    """Return the descriptor of ``content``."""
    return Descriptor(media_type=media_type, digest=digest_of(content), size=len(content))


def platform_entry(platform: Platform) -> PlatformEntry:
    """Return ``platform`` as an index writes it."""
    return PlatformEntry(
        os=platform.os, architecture=platform.architecture, variant=platform.variant
    )


def encode(document: object) -> bytes:
    """Return the one way in which we write a document: keys sorted, no space."""
    fields = msgspec.to_builtins(document)
    if isinstance(document, Manifest | Index):
        fields = {"schemaVersion": 2, **fields}
    return msgspec.json.encode(fields, order="deterministic")


def decode(content: bytes, kind: type[Document], what: str) -> Document:
    """Return a manifest or an index; ``what`` names it in the `InvalidImage` that is raised."""
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidImage(
            what, shorten(error), f"the {kind.__name__.lower()} of an image"
        ) from error


def media_type_of(content: bytes, declared: str = "") -> str:
    """Return the type of a manifest or index: what it was ``declared`` as, or says itself."""
    try:
        stated = msgspec.json.decode(content, type=_Stated)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return declared
    return declared or stated.media_type or (INDEX if stated.manifests else MANIFEST)


class _Stated(msgspec.Struct, rename="camel"):
    media_type: str = ""
    manifests: msgspec.Raw = msgspec.Raw()
