"""Experiments: made, renamed, tagged, deleted with their runs and restored with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, Update, bindparam, select, update
from sqlalchemy.exc import IntegrityError

from ..runtimes.errors import shorten
from . import limits
from .artifact_locations import check_location
from .entities import Empty, Experiment, Tag
from .errors import AlreadyExists, InvalidParameter, InvalidState, NotFound
from .key_values import delete_value, load_values, set_values
from .membership import select_among
from .prepared import Prepared
from .storage_uris import PROXIED
from .store import Store
from .tables import experiment_tags, experiments, runs
from .tracking_requests import (
    CreateExperiment,
    DeleteExperimentTag,
    ExperimentAnswer,
    ExperimentId,
    GetExperimentByName,
    SetExperimentTag,
    UpdateExperiment,
)
from .upserts import insert_new

ACTIVE: Final = "active"
DELETED: Final = "deleted"

_SELECT_ALL: Final = select(experiments)
# Shared by all who write in the experiment, and waited for by who deletes or restores it.
_ONE: Final = (
    select(experiments.c.lifecycle_stage, experiments.c.artifact_location)
    .where(experiments.c.experiment_id == bindparam("number"))
    .with_for_update(read=True)
)
_SHARE: Final = Prepared(["number"], lambda _: _ONE)


def create_experiment(store: Store, request: CreateExperiment) -> ExperimentId:
    """Make an experiment of a name that no other has, nor a deleted one."""
    name = limits.require("name", request.name)
    limits.check_text("name", name, limits.LONGEST_EXPERIMENT_NAME)
    tags = dict(_check_tag(tag.key, tag.value) for tag in request.tags)
    location = request.artifact_location or ""
    if location:
        location = check_location(location, allows_local_paths=store.allows_local_paths)
    now = store.clock()
    row = {
        "name": name,
        "artifact_location": location,
        "lifecycle_stage": ACTIVE,
        "creation_time": now,
        "last_update_time": now,
    }
    with store.database.write() as connection:
        statement = insert_new(connection, experiments).returning(experiments.c.experiment_id)
        made = connection.execute(statement, row).scalar()
        if made is None:
            raise _taken(name)
        if not location:
            place = f"{PROXIED}:/{made}"
            connection.execute(_update(made).values(artifact_location=place))
        set_values(connection, experiment_tags, made, tags)
    return ExperimentId(str(made))


def get_experiment(store: Store, request: ExperimentId) -> ExperimentAnswer:
    """Return an experiment, a deleted one too."""
    number = limits.parse_experiment_id(request.experiment_id)
    with store.database.read() as connection:
        found = load_experiments(connection, [number])
    if not found:
        raise _no_experiment(number)
    return ExperimentAnswer(found[0])


def get_experiment_by_name(store: Store, request: GetExperimentByName) -> ExperimentAnswer:
    """Return the experiment of a name, a deleted one too."""
    name = limits.require("experiment_name", request.experiment_name)
    with store.database.read() as connection:
        query = select(experiments.c.experiment_id).where(experiments.c.name == name)
        number = connection.scalar(query)
        found = [] if number is None else load_experiments(connection, [number])
    if not found:
        raise NotFound(f"Could not find experiment with name '{shorten(name)}'")
    return ExperimentAnswer(found[0])


def update_experiment(store: Store, request: UpdateExperiment) -> Empty:
    """Give an active experiment another name, which no other has."""
    number = limits.parse_experiment_id(request.experiment_id)
    name = limits.require("new_name", request.new_name)
    limits.check_text("name", name, limits.LONGEST_EXPERIMENT_NAME)
    renamed = _update(number).where(experiments.c.lifecycle_stage == ACTIVE)
    with store.database.write() as connection:
        try:
            found = connection.execute(renamed.values(name=name, last_update_time=store.clock()))
        except IntegrityError:
            raise _taken(name) from None
        if not found.rowcount:
            _share(connection, number)
            raise InvalidState("Cannot rename a non-active experiment.")
    return Empty()


def delete_experiment(store: Store, request: ExperimentId) -> Empty:
    """Mark an active experiment as deleted, and its runs with it."""
    number = limits.parse_experiment_id(request.experiment_id)
    now = store.clock()
    with store.database.write() as connection:
        _move(connection, number, ACTIVE, DELETED, now)
        of_it = update(runs).where(runs.c.experiment_id == number, runs.c.lifecycle_stage == ACTIVE)
        connection.execute(of_it.values(lifecycle_stage=DELETED, deleted_time=now))
    return Empty()


def restore_experiment(store: Store, request: ExperimentId) -> Empty:
    """Bring a deleted experiment back, and all its runs with it, as MLflow does."""
    number = limits.parse_experiment_id(request.experiment_id)
    with store.database.write() as connection:
        _move(connection, number, DELETED, ACTIVE, store.clock())
        of_it = update(runs).where(runs.c.experiment_id == number)
        connection.execute(of_it.values(lifecycle_stage=ACTIVE, deleted_time=None))
    return Empty()


def set_experiment_tag(store: Store, request: SetExperimentTag) -> Empty:
    """Set a tag of an active experiment."""
    number = limits.parse_experiment_id(request.experiment_id)
    key, value = _check_tag(request.key, request.value)
    with store.database.write() as connection:
        share_active_experiment(connection, number)
        set_values(connection, experiment_tags, number, {key: value})
    return Empty()


def delete_experiment_tag(store: Store, request: DeleteExperimentTag) -> Empty:
    """Delete a tag of an active experiment."""
    number = limits.parse_experiment_id(request.experiment_id)
    key = limits.require("key", request.key)
    with store.database.write() as connection:
        share_active_experiment(connection, number)
        if not delete_value(connection, experiment_tags, number, key):
            raise NotFound(f"No tag with name: {shorten(key)} in experiment with id {number}")
    return Empty()


def load_experiments(connection: Connection, ids: Sequence[int]) -> list[Experiment]:
    """Return experiments in the order of ``ids``, without those that are not there."""
    rows = {
        row.experiment_id: row
        for row in select_among(connection, _SELECT_ALL, experiments.c.experiment_id, ids)
    }
    tags = load_values(connection, experiment_tags, ids)
    return [
        Experiment(
            experiment_id=str(number),
            name=row.name,
            artifact_location=row.artifact_location,
            lifecycle_stage=row.lifecycle_stage,
            last_update_time=row.last_update_time,
            creation_time=row.creation_time,
            tags=[Tag(key, value) for key, value in tags.get(number, ())],
        )
        for number in ids
        if (row := rows.get(number)) is not None
    ]


def share_active_experiment(connection: Connection, number: int) -> str:
    """Hold an experiment to write in, which stays active until the transaction ends.

    Returns where its artifacts are. Raises `NotFound`, and `InvalidParameter` where it is deleted.
    """
    stage, location = _share(connection, number)
    if stage != ACTIVE:
        raise InvalidParameter(
            f"The experiment {number} must be in the 'active' state. Current state is {stage}."
        )
    return location


def _share(connection: Connection, number: int) -> tuple[str, str]:
    rows = _SHARE.run(connection, (number,))
    if not rows:
        raise _no_experiment(number)
    ((stage, location),) = rows
    return stage, location


def _move(connection: Connection, number: int, origin: str, stage: str, now: int) -> None:
    moved = _update(number).where(experiments.c.lifecycle_stage == origin)
    if not connection.execute(moved.values(lifecycle_stage=stage, last_update_time=now)).rowcount:
        raise _no_experiment(number)


def _update(number: int) -> Update:
    return update(experiments).where(experiments.c.experiment_id == number)


def _check_tag(key: str, value: str) -> tuple[str, str]:
    limits.check_key("key", key)
    return key, limits.check_text("value", value, limits.LONGEST_EXPERIMENT_TAG)


def _taken(name: str) -> AlreadyExists:
    return AlreadyExists(
        f"Experiment(name={shorten(name)}) already exists, or is deleted and can be restored; "
        "take another name"
    )


def _no_experiment(number: int) -> NotFound:
    return NotFound(f"No Experiment with id={number} exists")
