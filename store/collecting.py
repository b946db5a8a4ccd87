"""The collection of garbage: what was deleted long enough ago goes for good, with its artifacts.

The records of some things go in one transaction, which notes their artifacts; these go after it. So
a collector can be killed at any moment: the next one goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    and_,
    delete,
    func,
    select,
)

from .deliveries import FAILED
from .experiments import DELETED
from .garbage import Freed, delete_garbage, find_folder, measure, note_garbage
from .importing_places import find_place
from .membership import select_among
from .storage_uris import PROXIED
from .store import Store
from .tables import (
    datasets,
    deliveries,
    experiment_tags,
    experiments,
    latest_metrics,
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
    metrics,
    model_versions,
    params,
    run_dataset_tags,
    run_datasets,
    run_models,
    run_tags,
    runs,
)

AnyRow = Row[*tuple[Any, ...]]

AT_ONCE: Final = 100
"""How many runs or logged models go in one transaction, for which other writers wait."""

DEFAULT_EXPERIMENT: Final = 0
"""MLflow's clients expect it to be there, be it deleted."""

_OF_RUN: Final = (
    latest_metrics,
    metrics,
    params,
    run_tags,
    run_dataset_tags,
    run_datasets,
    run_models,
    logged_model_metrics,
)
_OF_MODEL: Final = (logged_model_metrics, logged_model_params, logged_model_tags)
_OF_EXPERIMENT: Final = (datasets, experiment_tags)

_RUNS: Final = select(
    runs.c.run_id, runs.c.artifact_uri, runs.c.lifecycle_stage, runs.c.deleted_time
).with_for_update()
_MODELS: Final = select(
    logged_models.c.model_id,
    logged_models.c.artifact_uri,
    logged_models.c.lifecycle_stage,
    logged_models.c.last_update_time,
    logged_models.c.experiment_id,
).with_for_update()


@dataclass(slots=True)
class Collected:
    """What was deleted for good, or would be; ``kept`` says what stays, and why."""

    experiments: int = 0
    runs: int = 0
    logged_models: int = 0
    deliveries: int = 0
    freed: Freed = field(default_factory=Freed)
    kept: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Plan:
    """What was deleted before a time and can go, by id, and what stays though it was."""

    before: int
    run_ids: Sequence[str]
    model_ids: Sequence[str]
    experiment_ids: Sequence[int]
    kept: Sequence[str]


def plan_collection(store: Store, before: int) -> Plan:
    """Return what can go of what was deleted before a time, in milliseconds since 1970.

    What a registered version is of stays. An experiment goes with everything in it, or not at all.
    """
    with store.database.read() as connection:
        needed = _find_needed(connection)
        old_runs = _ids(connection, runs, _was_deleted(runs.c.deleted_time, before))
        old_models = _ids(
            connection, logged_models, _was_deleted(logged_models.c.last_update_time, before)
        )
        kept = [f"{name}: {needed[name]} is of it" for name in [*old_runs, *old_models]
                if name in needed]  # fmt: skip
        run_ids = [name for name in old_runs if name not in needed]
        model_ids = dict.fromkeys(name for name in old_models if name not in needed)
        going, numbers = set(run_ids), []
        for number in _old_experiments(connection, before):
            in_it = _ids(connection, logged_models, logged_models.c.experiment_id == number)
            runs_in_it = _ids(connection, runs, runs.c.experiment_id == number)
            if going.issuperset(runs_in_it) and needed.keys().isdisjoint(in_it):
                numbers.append(number)
                model_ids |= dict.fromkeys(in_it)
            else:
                kept.append(f"experiment {number}: not all that is in it can go")
    return Plan(before, run_ids, list(model_ids), numbers, kept)


def measure_collection(store: Store, plan: Plan) -> Collected:
    """Return what a collection would delete."""
    collected = Collected(
        len(plan.experiment_ids), len(plan.run_ids), len(plan.model_ids), kept=[*plan.kept]
    )
    with store.database.read() as connection:
        old = select(func.count()).select_from(deliveries).where(_has_failed(plan.before))
        collected.deliveries = connection.scalar(old) or 0
        rows = [
            *_select(connection, _RUNS, runs.c.run_id, plan.run_ids),
            *_select(connection, _MODELS, logged_models.c.model_id, plan.model_ids),
        ]
    for folder in _folders(rows):
        measure(store, folder, collected.freed)
    return collected


def collect(store: Store, plan: Plan) -> Collected:
    """Delete for good what was planned, unless it was restored or registered meanwhile."""
    collected = Collected(kept=[*plan.kept])
    delete_garbage(store, collected.freed)
    for some in _batches(plan.run_ids):
        collected.runs += _delete_runs(store, some, plan.before)
        delete_garbage(store, collected.freed)
    for some in _batches(plan.model_ids):
        collected.logged_models += _delete_models(store, some, plan)
        delete_garbage(store, collected.freed)
    for number in plan.experiment_ids:
        collected.experiments += _delete_experiment(store, number, plan.before)
    delete_garbage(store, collected.freed)
    with store.database.write() as connection:
        old = delete(deliveries).where(_has_failed(plan.before))
        collected.deliveries = connection.execute(old).rowcount
    return collected


def _find_needed(connection: Connection) -> Mapping[str, str]:
    """Return, by the ids of runs and logged models, a registered version that is of them."""
    columns = ("name", "version", "run_id", "model_id", "storage_uri")
    needed = {}
    for row in connection.execute(select(*(model_versions.c[name] for name in columns))):
        place = find_place(row.storage_uri)
        for owner in (row.run_id, row.model_id, place and place.owner_id):
            if owner:
                needed[owner] = f"version {row.version} of {row.name}"
    return needed


def _delete_runs(store: Store, run_ids: Sequence[str], before: int) -> int:
    with store.database.write() as connection:
        needed = _find_needed(connection)
        rows = [
            row
            for row in _select(connection, _RUNS, runs.c.run_id, run_ids)
            if row.run_id not in needed and _is_old(row, row.deleted_time, before)
        ]
        _delete_rows(connection, runs, _OF_RUN, rows)
    return len(rows)


def _delete_models(store: Store, model_ids: Sequence[str], plan: Plan) -> int:
    with store.database.write() as connection:
        needed = _find_needed(connection)
        gone = {*_old_experiments(connection, plan.before)} & {*plan.experiment_ids}
        rows = [
            row
            for row in _select(connection, _MODELS, logged_models.c.model_id, model_ids)
            if row.model_id not in needed
            and (row.experiment_id in gone or _is_old(row, row.last_update_time, plan.before))
        ]
        _delete_rows(connection, logged_models, _OF_MODEL, rows)
    return len(rows)


def _delete_experiment(store: Store, number: int, before: int) -> int:
    """Delete an experiment if nothing is in it any more, and return how many that is."""
    with store.database.write() as connection:
        is_this = experiments.c.experiment_id == number
        columns = (experiments.c.artifact_location, experiments.c.lifecycle_stage,
                   experiments.c.last_update_time)  # fmt: skip
        row = connection.execute(select(*columns).where(is_this).with_for_update()).one_or_none()
        if row is None or not _is_old(row, row.last_update_time, before):
            return 0
        if any(_ids(connection, t, t.c.experiment_id == number) for t in (runs, logged_models)):
            return 0
        for table in _OF_EXPERIMENT:
            connection.execute(delete(table).where(table.c.experiment_id == number))
        connection.execute(delete(experiments).where(is_this))
        own = f"{PROXIED}:/{number}"
        note_garbage(connection, [own] if row.artifact_location == own else [])
    return 1


def _delete_rows(
    connection: Connection, table: Table, of_it: Sequence[Table], rows: Sequence[AnyRow]
) -> None:
    ids = [row[0] for row in rows]
    key = table.c[0].name
    for one in of_it:
        connection.execute(delete(one).where(one.c[key].in_(ids)))
    connection.execute(delete(table).where(table.c[key].in_(ids)))
    note_garbage(connection, _folders(rows))


def _folders(rows: Sequence[AnyRow]) -> Iterator[str]:
    for row in rows:
        folder = find_folder(row.artifact_uri, row[0])
        if folder:
            yield folder


def _select(
    connection: Connection, statement: Select[Any], column: ColumnElement[Any], ids: Sequence[str]
) -> Sequence[AnyRow]:
    return select_among(connection, statement, column, ids) if ids else []


def _ids(connection: Connection, table: Table, condition: ColumnElement[bool]) -> list[Any]:
    return list(connection.scalars(select(table.c[0]).where(condition).order_by(table.c[0])))


def _old_experiments(connection: Connection, before: int) -> list[int]:
    is_other = experiments.c.experiment_id != DEFAULT_EXPERIMENT
    old = _was_deleted(experiments.c.last_update_time, before)
    return _ids(connection, experiments, old & is_other)


def _was_deleted(time: Column[Any], before: int) -> ColumnElement[bool]:
    return and_(time.table.c.lifecycle_stage == DELETED, time <= before)


def _is_old(row: AnyRow, time: int | None, before: int) -> bool:
    return row.lifecycle_stage == DELETED and time is not None and time <= before


def _has_failed(before: int) -> ColumnElement[bool]:
    return (deliveries.c.state == FAILED) & (deliveries.c.due_at <= before)


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))
