"""Registered models: the names under which versions of a model are kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from .entities import Alias, Empty, ModelVersion, RegisteredModel, Tag
from .errors import AlreadyExists
from .events import MODEL_CREATED, MODEL_DELETED, MODEL_RENAMED, announce
from .key_values import delete_value, load_values, set_values
from .limits import check_key
from .membership import select_among
from .model_versions import leaving_moves
from .moves import record_moves
from .registry_names import check_model_name, check_tag, check_words, read_tags
from .registry_records import hold_model, missing_model, require_model
from .registry_requests import (
    CreateRegisteredModel,
    DeleteRegisteredModelTag,
    GetLatestVersions,
    ModelVersionsAnswer,
    RegisteredModelAnswer,
    RegisteredModelName,
    RenameRegisteredModel,
    SetRegisteredModelTag,
    UpdateRegisteredModel,
)
from .tables import aliases, model_versions, registered_model_tags, registered_models
from .version_loading import load_latest_versions

if TYPE_CHECKING:
    from .store import Store

_MODELS = select(registered_models)
_ALIASES = select(aliases).order_by(aliases.c.name, aliases.c.alias)


def create_registered_model(store: Store, request: CreateRegisteredModel) -> RegisteredModelAnswer:
    """Make a registered model without versions; raises `AlreadyExists` where the name is taken."""
    check_model_name(request.name)
    check_words("description", request.description)
    tags = read_tags(request.tags)
    now = store.clock()
    row = {"name": request.name, "model_uid": uuid4().hex, "creation_time": now,
           "last_update_time": now, "description": request.description,
           "last_version": 0}  # fmt: skip
    try:
        with store.database.write() as connection:
            connection.execute(insert(registered_models), [row])
            set_values(connection, registered_model_tags, request.name, tags)
            announce(store, connection, MODEL_CREATED, [{"name": request.name}])
            return _answer(connection, request.name)
    except IntegrityError as error:
        raise _taken(request.name) from error


def get_registered_model(store: Store, request: RegisteredModelName) -> RegisteredModelAnswer:
    """Return a registered model with the newest version in each stage."""
    check_model_name(request.name)
    with store.database.read() as connection:
        if found := load_registered_models(connection, [request.name]):
            return RegisteredModelAnswer(*found)
    raise missing_model(request.name)


def rename_registered_model(store: Store, request: RenameRegisteredModel) -> RegisteredModelAnswer:
    """Give a registered model, with all that it has, another name."""
    check_model_name(request.name)
    check_model_name(request.new_name, "new_name")
    values = {"name": request.new_name, "last_update_time": store.clock()}
    try:
        with store.database.write() as connection:
            hold_model(connection, request.name)
            condition = registered_models.c.name == request.name
            connection.execute(update(registered_models).where(condition).values(values))
            # The versions got the new name with their model's.
            renamed = model_versions.c.name == request.new_name
            touched = {"last_update_time": values["last_update_time"]}
            connection.execute(update(model_versions).where(renamed).values(touched))
            facts = {"name": request.new_name, "from": request.name}
            announce(store, connection, MODEL_RENAMED, [facts])
            return _answer(connection, request.new_name)
    except IntegrityError as error:
        raise _taken(request.new_name) from error


def update_registered_model(store: Store, request: UpdateRegisteredModel) -> RegisteredModelAnswer:
    """Write another description; without one, the model stays as it is."""
    check_model_name(request.name)
    check_words("description", request.description)
    with store.database.write() as connection:
        hold_model(connection, request.name)
        if request.description is not None:
            values = {"description": request.description, "last_update_time": store.clock()}
            condition = registered_models.c.name == request.name
            connection.execute(update(registered_models).where(condition).values(values))
        return _answer(connection, request.name)


def delete_registered_model(store: Store, request: RegisteredModelName) -> Empty:
    """Delete a registered model with its versions; the log of their promotions stays."""
    check_model_name(request.name)
    with store.database.write() as connection:
        model = hold_model(connection, request.name)
        columns = (model_versions.c.name, model_versions.c.version, model_versions.c.stage)
        of_model = select(*columns).where(model_versions.c.name == request.name)
        versions = connection.execute(of_model.order_by(model_versions.c.version)).all()
        record_moves(store, connection, model, leaving_moves(connection, versions))
        connection.execute(
            delete(registered_models).where(registered_models.c.name == request.name)
        )
        announce(store, connection, MODEL_DELETED, [{"name": request.name}])
    return Empty()


def get_latest_versions(store: Store, request: GetLatestVersions) -> ModelVersionsAnswer:
    """Return the newest version in each of the stages, or in every one that has any."""
    check_model_name(request.name)
    lifecycle = store.lifecycle
    stages = {lifecycle.stored(lifecycle.find_stage(stage)) for stage in request.stages}
    with store.database.read() as connection:
        latest = load_latest_versions(connection, [request.name], stages)
        if not latest:
            require_model(connection, request.name)
    return ModelVersionsAnswer(latest)


def set_registered_model_tag(store: Store, request: SetRegisteredModelTag) -> Empty:
    """Write a tag, over one of the same key."""
    check_model_name(request.name)
    check_tag(request.key, request.value)
    with store.database.write() as connection:
        hold_model(connection, request.name)
        set_values(connection, registered_model_tags, request.name, {request.key: request.value})
    return Empty()


def delete_registered_model_tag(store: Store, request: DeleteRegisteredModelTag) -> Empty:
    """Delete a tag, if there is one of this key."""
    check_model_name(request.name)
    check_key("key", request.key)
    with store.database.write() as connection:
        hold_model(connection, request.name)
        delete_value(connection, registered_model_tags, request.name, request.key)
    return Empty()


def load_registered_models(connection: Connection, names: Sequence[str]) -> list[RegisteredModel]:
    """Return the models of ``names`` in their order, whole, without those that are not there."""
    tags = load_values(connection, registered_model_tags, names)
    given, versions = defaultdict(list), defaultdict(list)
    for row in select_among(connection, _ALIASES, aliases.c.name, names):
        given[row.name].append(Alias(row.alias, str(row.version)))
    for version in load_latest_versions(connection, names):
        versions[version.name].append(version)
    found = {
        row.name: _build(row, versions[row.name], tags[row.name], given[row.name])
        for row in select_among(connection, _MODELS, registered_models.c.name, names)
    }
    return [found[name] for name in names if name in found]


def _build(
    row: Row[Any],
    versions: list[ModelVersion],
    tags: Sequence[tuple[str, str]],
    given: list[Alias],
) -> RegisteredModel:
    return RegisteredModel(
        name=row.name,
        creation_timestamp=row.creation_time,
        last_updated_timestamp=row.last_update_time,
        description=row.description,
        latest_versions=versions,
        tags=[Tag(key, value) for key, value in tags],
        aliases=given,
    )


def _taken(name: str) -> AlreadyExists:
    return AlreadyExists(f"Registered Model (name={name}) already exists.")


def _answer(connection: Connection, name: str) -> RegisteredModelAnswer:
    return RegisteredModelAnswer(*load_registered_models(connection, [name]))
