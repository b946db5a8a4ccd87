"""What is told of an image beside it: documents such as an SBOM, which name it as their subject."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from .contract import Artifact, BlobSource
from .errors import InvalidImage
from .images import Blob, Document, blob_of_bytes, read_document
from .oci import EMPTY, INDEX, MANIFEST, Descriptor, Index, Manifest, decode, describe, encode

LARGEST_ARTIFACT: Final = 64 << 20
"""What is read of an artifact at most, in bytes."""

_NOTHING: Final = b"{}"


def pack_artifact(artifact: Artifact, subject: Descriptor) -> tuple[Document, tuple[Blob, ...]]:
    """Return the manifest of ``artifact``, which is of ``subject``, and the blobs that it names."""
    nothing = describe(EMPTY, _NOTHING)
    payload = describe(artifact.media_type, artifact.content)
    content = encode(
        Manifest(
            media_type=MANIFEST,
            artifact_type=artifact.artifact_type,
            config=nothing,
            layers=[payload],
            subject=subject.bare,
            annotations=dict(artifact.annotations) or None,
        )
    )
    described = msgspec.structs.replace(
        describe(MANIFEST, content),
        artifact_type=artifact.artifact_type,
        annotations=dict(artifact.annotations) or None,
    )
    blobs = (blob_of_bytes(_NOTHING, nothing), blob_of_bytes(artifact.content, payload))
    return Document(described, content), blobs


def read_artifact(source: BlobSource, descriptor: Descriptor) -> Artifact:
    """Return the artifact whose manifest ``descriptor`` names; it must have one blob."""
    what = f"the artifact {descriptor.digest}"
    manifest = decode(source.read_manifest(descriptor), Manifest, what)
    if len(manifest.layers) != 1:
        raise InvalidImage(what, f"{len(manifest.layers)} blobs", "one")
    [payload] = manifest.layers
    content = read_document(source.open(payload), payload, what, LARGEST_ARTIFACT)
    kind = manifest.artifact_type or manifest.config.media_type
    return Artifact(kind, payload.media_type, content, manifest.annotations or {})


def referrers_among(
    source: BlobSource, subject: Descriptor, candidates: Iterable[Descriptor]
) -> list[Descriptor]:
    """Return those of ``candidates`` that name ``subject``, each as a registry would list it."""
    found = []
    for candidate in candidates:
        if candidate.media_type != MANIFEST or candidate.digest == subject.digest:
            continue
        content = source.read_manifest(candidate)
        manifest = decode(content, Manifest, candidate.digest)
        if manifest.subject and manifest.subject.digest == subject.digest:
            kind = manifest.artifact_type or manifest.config.media_type
            found.append(
                msgspec.structs.replace(
                    candidate.bare, artifact_type=kind, annotations=manifest.annotations
                )
            )
    return found


def fallback_tag(subject: Descriptor) -> str:
    """Return the tag under which what is told of ``subject`` is where a registry keeps no list."""
    return subject.digest.replace(":", "-", 1)


def list_with(known: Iterable[Descriptor], added: Descriptor) -> Document:
    """Return the list of what was ``known`` under a fallback tag, with one more in it."""
    others = [one for one in known if one.digest != added.digest]
    content = encode(Index(media_type=INDEX, manifests=[*others, added]))
    return Document(describe(INDEX, content), content)
