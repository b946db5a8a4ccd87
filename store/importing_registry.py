"""Imported registered models and their versions, written as rows: each whole, in a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, insert, select, update

from .entities import ModelVersion, RegisteredModel
from .importing_places import find_place
from .importing_records import SourceRegisteredModel
from .importing_rows import insert_one
from .key_values import add_values
from .manifest import Manifest, write_manifest
from .moves import ALIAS, Move, record_moves
from .registry_names import check_model_name
from .registry_records import hold_model
from .store import Store
from .tables import (
    aliases,
    logged_models,
    model_version_tags,
    model_versions,
    registered_model_tags,
    registered_models,
    runs,
)
from .upserts import insert_new

REASON = "imported from MLflow"
"""Why a version got its stage, as the log of promotions tells."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Where the files of an imported version are now; no manifest if there are none."""

    source: str
    storage_uri: str
    manifest: Manifest | None


def find_artifact_uri(store: Store, owner_id: str) -> str | None:
    """Return where the artifacts of a run or a logged model are, None if it is not there."""
    of_run = select(runs.c.artifact_uri).where(runs.c.run_id == owner_id)
    of_model = select(logged_models.c.artifact_uri).where(logged_models.c.model_id == owner_id)
    with store.database.read() as connection:
        return connection.scalar(of_model if owner_id.startswith("m-") else of_run)


def write_registered_model(store: Store, source: SourceRegisteredModel) -> bool:
    """Write a registered model without its versions, and return whether it is new.

    Numbers of versions that were deleted at the source are given to no version here.
    """
    model = source.model
    check_model_name(model.name)
    row = {
        "name": model.name,
        "model_uid": uuid4().hex,
        "creation_time": model.creation_timestamp,
        "last_update_time": model.last_updated_timestamp,
        "description": model.description,
        "last_version": source.last_version,
    }
    is_lower = registered_models.c.last_version < source.last_version
    count_on = (
        update(registered_models)
        .where(registered_models.c.name == model.name, is_lower)
        .values(last_version=source.last_version)
    )
    with store.database.write() as connection:
        is_new = insert_one(connection, registered_models, row)
        if is_new:
            tags = {tag.key: tag.value for tag in model.tags}
            add_values(connection, registered_model_tags, model.name, tags)
        else:
            connection.execute(count_on)
    return is_new


def find_versions(store: Store, name: str) -> dict[int, int]:
    """Return when each version of a registered model was made, by number."""
    columns = (model_versions.c.version, model_versions.c.creation_time)
    with store.database.read() as connection:
        rows = connection.execute(select(*columns).where(model_versions.c.name == name))
        return {row.version: row.creation_time for row in rows}


def write_version(
    store: Store, model: RegisteredModel, version: ModelVersion, stage: str, stored: Stored
) -> None:
    """Write a version in ``stage``, with its tags and the aliases that no other version has."""
    number = int(version.version)
    manifest = stored.manifest
    row: dict[str, Any] = {
        "name": model.name,
        "version": number,
        "creation_time": version.creation_timestamp,
        "last_update_time": version.last_updated_timestamp,
        "description": version.description,
        "user_id": version.user_id,
        "stage": store.lifecycle.stored(stage),
        "source": stored.source,
        "storage_uri": stored.storage_uri,
        "run_id": version.run_id,
        "model_id": version.model_id or find_model_id(stored.storage_uri),
        "run_link": version.run_link,
        "status": version.status,
        "status_message": version.status_message,
        "manifest": manifest and write_manifest(manifest).decode(),
        "digest": manifest and manifest.digest,
    }
    wanted = [alias.alias for alias in model.aliases if alias.version == version.version]
    with store.database.write() as connection:
        held = hold_model(connection, model.name)
        connection.execute(insert(model_versions), row)
        _write_tags(connection, version)
        given = _give_aliases(connection, model.name, number, wanted)
        moves = [Move(number, "", store.lifecycle.stored(stage), reason=REASON)]
        moves += [Move(number, "", str(number), ALIAS, alias, REASON) for alias in given]
        record_moves(store, connection, held, moves)


def find_model_id(storage_uri: str) -> str | None:
    """Return the id of the logged model that files are of; MLflow's database does not hold it."""
    place = find_place(storage_uri)
    return place.owner_id if place and place.owner_id.startswith("m-") else None


def _write_tags(connection: Connection, version: ModelVersion) -> None:
    key = {"name": version.name, "version": int(version.version)}
    rows = [key | {"key": tag.key, "value": tag.value} for tag in version.tags]
    if rows:
        connection.execute(insert_new(connection, model_version_tags), rows)


def _give_aliases(
    connection: Connection, name: str, number: int, wanted: Sequence[str]
) -> list[str]:
    key = {"name": name, "version": number}
    return [alias for alias in wanted if insert_one(connection, aliases, key | {"alias": alias})]
