"""What can be plugged in: where blobs come from, what assembles an image, where it goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from .oci import Descriptor
from .plan import BuildPlan

Tell = Callable[[str], None]
"""Takes a line of progress, for a person."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A document that is told of an image and lies beside it, such as an SBOM."""

    artifact_type: str
    media_type: str
    content: bytes
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MadeImage:
    """The image of one platform that was just made: what names it, and what it was built on.

    What is not known of the base is empty; ``base_name`` is also where it is no name in a registry.
    ``python`` is the whole release of the base's Python. ``created`` is the time of all that is in
    the image, in seconds since 1970.
    """

    descriptor: Descriptor
    base_name: str = ""
    base_digest: str = ""
    python: str = ""
    created: int = 0


Describe = Callable[[MadeImage], Artifact]
"""Makes an artifact of an image, once it is known what names the image."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A plan with its trees: ``folder`` has a folder for each layer of the plan, by its name.

    ``artifacts`` are told of the image of this platform, by an engine that can.
    """

    plan: BuildPlan
    folder: Path
    artifacts: tuple[Describe, ...] = ()


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """What was built: a digest of its manifest or its id, and where it can be found."""

    digest: str
    references: tuple[str, ...]
    size_bytes: int


class BlobSource(Protocol):
    """A place that holds the manifests and blobs of images: a registry, a layout, an archive.

    What is read is verified against its digest as it is read: `read_manifest` and the stream of
    `open`, with its last byte, raise `DigestMismatch`. May be used by several threads.
    """

    def resolve(self, reference: str) -> Descriptor:
        """Describe the manifest or index that ``reference`` (a tag or a digest; or "") names.

        Raises `ImageNotFound`.
        """

    def read_manifest(self, descriptor: Descriptor) -> bytes:
        """Return a manifest or an index."""

    def open(self, descriptor: Descriptor) -> AbstractContextManager[BinaryIO]:
        """Open a blob for one pass from its beginning."""

    def find_referrers(self, subject: Descriptor) -> list[Descriptor]:
        """Return the manifests of the artifacts that are told of an image, each with its type."""

    def close(self) -> None:
        """Give back connections and files; the source is not used afterwards."""


class Engine(Protocol):
    """What makes images of stages: a Docker engine, or our own code.

    A build that fails or is interrupted leaves no image, container or file behind.
    """

    def build(self, stages: Sequence[Stage], tags: Sequence[str], tell: Tell) -> BuiltImage:
        """Return the image: an index of several where there is more than one stage."""

    def push(self, image: BuiltImage, tell: Tell) -> str:
        """Publish the image under all its tags and return the digest of its manifest there."""

    def close(self) -> None:
        """Give back connections; the engine is not used afterwards."""
