"""Versions of registered models: made from a source, read, described, tagged and deleted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Row, delete, insert, select, update

from .entities import Empty
from .errors import InvalidParameter, NotFound
from .events import VERSION_CREATED, VERSION_DELETED, announce
from .lifecycle import NO_STAGE
from .limits import check_key
from .manifest import make_manifest, read_manifest, write_manifest
from .model_sources import VersionSource, resolve_source
from .moves import ALIAS, Move, record_moves
from .registry_names import (
    LATEST,
    check_alias,
    check_model_name,
    check_tag,
    check_words,
    read_key,
    read_tags,
)
from .registry_records import (
    hold_model,
    hold_version,
    missing_version,
    require_model,
    require_version,
    touch_model,
)
from .registry_requests import (
    AliasName,
    CreateModelVersion,
    DeleteModelVersionTag,
    DownloadUriAnswer,
    ManifestAnswer,
    ModelVersionAnswer,
    SetModelVersionTag,
    UpdateModelVersion,
    VersionName,
)
from .tables import aliases, model_version_tags, model_versions, registered_models
from .upserts import insert_or_update
from .version_loading import load_model_versions

if TYPE_CHECKING:
    from .store import Store

READY: Final = "READY"


def create_model_version(store: Store, request: CreateModelVersion) -> ModelVersionAnswer:
    """Make the next version of a registered model, with a manifest of the files it has now."""
    check_model_name(request.name)
    tags = read_tags(request.tags)
    check_words("description", request.description)
    check_words("run_link", request.run_link)
    with store.database.read() as connection:
        require_model(connection, request.name)
        source = resolve_source(store, connection, request)
    manifest, digest = _read_files(store, source)
    with store.database.write() as connection:
        model = hold_model(connection, request.name)
        now = store.clock()
        number = _take_number(connection, model, now)
        row = _new_row(request, source, number, now) | {
            "user_id": store.caller,
            "manifest": manifest,
            "digest": digest,
        }
        connection.execute(insert(model_versions), [row])
        _insert_tags(connection, request.name, number, tags)
        record_moves(store, connection, model, [Move(number, "", NO_STAGE)])
        answer = _answer(connection, request.name, number)
        facts = {"name": request.name, "version": str(number), "source": source.uri,
                 "run_id": source.run_id}  # fmt: skip
        announce(store, connection, VERSION_CREATED, [facts])
    return answer


def get_model_version(store: Store, request: VersionName) -> ModelVersionAnswer:
    """Return a version."""
    number = read_key(request.name, request.version)
    with store.database.read() as connection:
        if found := load_model_versions(connection, [(request.name, number)]):
            return ModelVersionAnswer(*found)
    raise missing_version(request.name, number)


def get_version_by_alias(store: Store, request: AliasName) -> ModelVersionAnswer:
    """Return the version that has an alias; ``latest`` is the newest."""
    check_model_name(request.name)
    check_alias(request.alias)
    with store.database.read() as connection:
        require_model(connection, request.name)
        if request.alias.casefold() == LATEST:
            number = _find_latest(connection, request.name)
        else:
            number = _find_alias(connection, request.name, request.alias)
        return _answer(connection, request.name, number)


def get_download_uri(store: Store, request: VersionName) -> DownloadUriAnswer:
    """Return where the files of a version are."""
    number = read_key(request.name, request.version)
    with store.database.read() as connection:
        return DownloadUriAnswer(require_version(connection, request.name, number).storage_uri)


def get_manifest(store: Store, request: VersionName) -> ManifestAnswer:
    """Return what the files of a version were when it was made."""
    number = read_key(request.name, request.version)
    with store.database.read() as connection:
        row = require_version(connection, request.name, number)
    if row.manifest is None:
        return ManifestAnswer(row.storage_uri)
    files = read_manifest(row.manifest).files.items()
    return ManifestAnswer(
        row.storage_uri, row.digest, {path: (file.sha256, file.size) for path, file in files}
    )


def update_model_version(store: Store, request: UpdateModelVersion) -> ModelVersionAnswer:
    """Write another description; without one, the version stays as it is."""
    number = read_key(request.name, request.version)
    check_words("description", request.description)
    with store.database.write() as connection:
        hold_version(connection, request.name, number)
        if request.description is not None:
            values = {"description": request.description, "last_update_time": store.clock()}
            connection.execute(_update(request.name, number).values(values))
        return _answer(connection, request.name, number)


def delete_model_version(store: Store, request: VersionName) -> Empty:
    """Delete a version with its tags and aliases; the log of its promotions stays."""
    number = read_key(request.name, request.version)
    with store.database.write() as connection:
        model, version = hold_version(connection, request.name, number)
        record_moves(store, connection, model, leaving_moves(connection, [version]))
        condition = (model_versions.c.name == request.name, model_versions.c.version == number)
        connection.execute(delete(model_versions).where(*condition))
        touch_model(connection, request.name, store.clock())
        facts = {"name": request.name, "version": str(number)}
        announce(store, connection, VERSION_DELETED, [facts])
    return Empty()


def set_model_version_tag(store: Store, request: SetModelVersionTag) -> Empty:
    """Write a tag, over one of the same key."""
    number = read_key(request.name, request.version)
    check_tag(request.key, request.value)
    row = {"name": request.name, "version": number, "key": request.key, "value": request.value}
    with store.database.write() as connection:
        hold_version(connection, request.name, number)
        connection.execute(insert_or_update(connection, model_version_tags), row)
    return Empty()


def delete_model_version_tag(store: Store, request: DeleteModelVersionTag) -> Empty:
    """Delete a tag, if there is one of this key."""
    number = read_key(request.name, request.version)
    check_key("key", request.key)
    tags = model_version_tags.c
    condition = (tags.name == request.name, tags.version == number, tags.key == request.key)
    with store.database.write() as connection:
        hold_version(connection, request.name, number)
        connection.execute(delete(model_version_tags).where(*condition))
    return Empty()


def leaving_moves(connection: Connection, versions: Sequence[Any]) -> Iterator[Move]:
    """Yield what the log says of versions, of one model, that are about to be deleted."""
    numbers = {version.version: version.stage for version in versions}
    if not numbers:
        return
    statement = select(aliases).where(aliases.c.name == versions[0].name)
    for row in connection.execute(statement.order_by(aliases.c.alias)):
        if row.version in numbers:
            yield Move(row.version, str(row.version), "", ALIAS, row.alias, reason="deleted")
    for number, stage in numbers.items():
        yield Move(number, stage, "", reason="deleted")


def _read_files(store: Store, source: VersionSource) -> tuple[str | None, str | None]:
    """Return the manifest of the files at ``source`` and its digest, None where there are none."""
    if not source.is_read:
        return source.manifest, source.digest
    try:
        manifest = make_manifest(store.artifacts(source.storage_uri))
    except NotFound:
        return None, None
    if not manifest.files:
        return None, None
    return write_manifest(manifest).decode(), manifest.digest


def _take_number(connection: Connection, model: Row[Any], now: int) -> int:
    number: int = model.last_version + 1
    statement = update(registered_models).where(registered_models.c.name == model.name)
    connection.execute(statement.values(last_version=number, last_update_time=now))
    return number


def _new_row(
    request: CreateModelVersion, source: VersionSource, number: int, now: int
) -> dict[str, Any]:
    return {
        "name": request.name,
        "version": number,
        "creation_time": now,
        "last_update_time": now,
        "description": request.description or "",
        "stage": NO_STAGE,
        "source": source.uri,
        "storage_uri": source.storage_uri,
        "run_id": source.run_id,
        "model_id": source.model_id,
        "run_link": request.run_link or "",
        "status": READY,
    }


def _insert_tags(connection: Connection, name: str, number: int, tags: Mapping[str, str]) -> None:
    rows = [
        {"name": name, "version": number, "key": key, "value": value} for key, value in tags.items()
    ]
    if rows:
        connection.execute(insert(model_version_tags), rows)


def _update(name: str, number: int) -> Any:
    return update(model_versions).where(
        model_versions.c.name == name, model_versions.c.version == number
    )


def _find_latest(connection: Connection, name: str) -> int:
    statement = select(model_versions.c.version).where(model_versions.c.name == name)
    number: int | None = connection.scalar(
        statement.order_by(model_versions.c.version.desc()).limit(1)
    )
    if number is None:
        raise NotFound(f"Latest version not found for model {name}.")
    return number


def _find_alias(connection: Connection, name: str, alias: str) -> int:
    number: int | None = connection.scalar(
        select(aliases.c.version).where(aliases.c.name == name, aliases.c.alias == alias)
    )
    if number is None:
        raise InvalidParameter(f"Registered model alias {alias} not found.")
    return number


def _answer(connection: Connection, name: str, number: int) -> ModelVersionAnswer:
    return ModelVersionAnswer(*load_model_versions(connection, [(name, number)]))
