"""Artifacts whose records are deleted for good: noted with them, then deleted themselves.

What is noted stays noted until it is gone, so that nobody minds when a collector dies.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select

from ..runtimes.errors import MLServeError
from .errors import NotFound
from .storage_uris import PROXIED, read_file_url, scheme_of
from .store import Store
from .tables import garbage


@dataclass(slots=True)
class Freed:
    """How many files were deleted, and their bytes.

    ``faults`` says what could not be, by the place; ``waiting`` counts the places that stay noted,
    because the folder of the store's artifacts is not there.
    """

    files: int = 0
    size: int = 0
    faults: dict[str, str] = field(default_factory=dict)
    waiting: int = 0


def find_folder(artifact_uri: str, owner_id: str) -> str | None:
    """Return the folder that is the artifacts' of a run or a logged model, and of nobody else."""
    ending = f"/{owner_id}/artifacts"
    return artifact_uri.removesuffix("/artifacts") if artifact_uri.endswith(ending) else None


def note_garbage(connection: Connection, uris: Iterable[str]) -> None:
    """Note that artifacts are to be deleted, in the transaction that deletes their records."""
    rows = [{"uri": uri} for uri in uris]
    if rows:
        connection.execute(insert(garbage), rows)


def delete_garbage(store: Store, freed: Freed) -> None:
    """Delete the artifacts that are noted, and add to ``freed`` what that freed."""
    with store.database.read() as connection:
        noted = connection.execute(select(garbage.c.garbage_id, garbage.c.uri)).all()
    is_there = _has_destination(store)
    freed.waiting = 0
    for garbage_id, uri in noted:
        if not is_there and scheme_of(uri) == PROXIED:
            freed.waiting += 1
        elif uri not in freed.faults and _delete(store, uri, freed):
            with store.database.write() as connection:
                connection.execute(delete(garbage).where(garbage.c.garbage_id == garbage_id))


def measure(store: Store, uri: str, freed: Freed) -> None:
    """Add the files under ``uri`` to ``freed``, which does not delete them."""
    try:
        for file in store.artifacts(uri).walk():
            freed.files += 1
            freed.size += file.file_size or 0
    except NotFound:
        return
    except MLServeError as error:
        freed.faults[uri] = str(error)


def _delete(store: Store, uri: str, freed: Freed) -> bool:
    """Delete the artifacts under ``uri``, and return whether there are none any more."""
    found = Freed()
    measure(store, uri, found)
    try:
        store.artifacts(uri).delete("")
    except NotFound:  # nothing was ever logged there, or a collector died after deleting it
        return True
    except MLServeError as error:
        freed.faults[uri] = str(error)
        return False
    freed.files += found.files
    freed.size += found.size
    return True


def _has_destination(store: Store) -> bool:
    """Whether the folder of the store's artifacts is there: if not, it may be elsewhere."""
    scheme = scheme_of(store.destination)
    if scheme not in {"", "file"}:
        return True
    return (read_file_url(store.destination) if scheme else Path(store.destination)).exists()
