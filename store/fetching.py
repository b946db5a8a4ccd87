"""From the text of a reference to a folder of this machine that holds the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from .artifact_storage import open_artifacts
from .contract import Artifacts, Transport
from .errors import CorruptArtifact, NotFound
from .model_cache import ModelCache
from .references import (
    FolderReference,
    Reference,
    StorageReference,
    read_reference,
    write_reference,
)
from .resolving import Resolved, resolve
from .storage_uris import PROXIED, scheme_of


@dataclass(frozen=True, slots=True)
class LocatedModel:
    """A model in a folder of this machine.

    ``name`` and ``version`` are those of the registered model, where it is one; ``digest`` stands
    for the files, and is None for a folder that was named itself.
    """

    folder: Path
    reference: Reference
    name: str = ""
    version: str = ""
    digest: str | None = None


def fetch_model(
    text: str, open_transport: Callable[[], Transport], cache: ModelCache
) -> LocatedModel:
    """Return the model that ``text`` refers to, downloaded and verified unless it is a folder here.

    The store is opened only for what it has to be asked for. The folder stays until ``cache`` is
    closed, or this process ends.
    """
    reference = read_reference(text)
    if isinstance(reference, FolderReference):
        return LocatedModel(reference.path.expanduser(), reference)
    if isinstance(reference, StorageReference) and scheme_of(reference.uri) != PROXIED:
        place = Resolved(reference.uri, reference.uri.rpartition("/")[2])
        return _download(reference, place, open_artifacts(place.uri), cache)
    with closing(open_transport()) as transport:
        place = resolve(reference, transport)
        return _download(reference, place, transport.artifacts(place.uri), cache)


def _download(
    reference: Reference, place: Resolved, artifacts: Artifacts, cache: ModelCache
) -> LocatedModel:
    manifest = place.manifest
    with _named(write_reference(reference)):
        if manifest is None:
            folder, manifest = cache.download(place.uri, artifacts)
        else:
            folder = cache.get(manifest, artifacts)
    version = str(place.version) if place.version else ""
    return LocatedModel(folder, reference, place.name, version, manifest.digest)


@contextmanager
def _named(text: str) -> Iterator[None]:
    """Let errors that name only a file say whose it is."""
    try:
        yield
    except (CorruptArtifact, NotFound) as error:
        error.args = (f"{text}: {error}",)
        raise
