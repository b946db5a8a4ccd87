"""Imported experiments, runs and logged models, written as rows: each whole, in a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Table, func, insert, select, text, update

from .entities import DatasetInput, Experiment, Metric, RunInfo
from .importing_records import SourceLoggedModel, SourceRun
from .key_values import add_values
from .membership import select_among
from .points import Point, find_latest
from .storage_uris import PROXIED
from .store import Store
from .tables import (
    datasets,
    experiment_tags,
    experiments,
    latest_metrics,
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
    metrics,
    params,
    run_dataset_tags,
    run_datasets,
    run_models,
    run_tags,
    runs,
)
from .upserts import insert_new, insert_or_advance

ROWS_AT_ONCE: Final = 10_000
UNFINISHED: Final = ("RUNNING", "SCHEDULED")
PENDING: Final = "LOGGED_MODEL_PENDING"
LARGEST_KEPT_ID: Final = 2**53
"""An experiment with a larger id gets another: all later ones would be larger still."""

_KNOWN_RUNS = select(runs.c.run_id)


@dataclass(frozen=True, slots=True)
class Home:
    """An experiment of the store that takes in the runs of one of the source."""

    experiment_id: int
    location: str

    def run_uri(self, run_id: str) -> str:
        """Return where the artifacts of a run are."""
        return f"{self.location.rstrip('/')}/{run_id}/artifacts"

    def model_uri(self, model_id: str) -> str:
        """Return where the artifacts of a logged model are."""
        return f"{self.location.rstrip('/')}/models/{model_id}/artifacts"


def write_experiment(store: Store, experiment: Experiment) -> tuple[Home, bool]:
    """Return the experiment of a name, and whether it is new; its id is kept where it is free.

    One that was there gets those tags whose keys it lacks, and is else left as it is.
    """
    now = store.clock()
    row: dict[str, Any] = {
        "name": experiment.name,
        "artifact_location": "",
        "lifecycle_stage": experiment.lifecycle_stage,
        "creation_time": experiment.creation_time,
        "last_update_time": experiment.last_update_time or now,
    }
    with store.database.write() as connection:
        if not store.database.is_sqlite:  # nobody else is to take the id meanwhile
            connection.execute(text("LOCK TABLE experiments IN SHARE ROW EXCLUSIVE MODE"))
        tags = {tag.key: tag.value for tag in experiment.tags}
        if home := _find_home(connection, experiment.name):
            add_values(connection, experiment_tags, home.experiment_id, tags)
            return home, False
        if _is_free(connection, wanted := int(experiment.experiment_id)):
            row["experiment_id"] = wanted
        statement = insert(experiments).returning(experiments.c.experiment_id)
        number = connection.execute(statement, row).scalar_one()
        home = Home(number, f"{PROXIED}:/{number}")
        is_this = experiments.c.experiment_id == home.experiment_id
        connection.execute(
            update(experiments).where(is_this).values(artifact_location=home.location)
        )
        add_values(connection, experiment_tags, home.experiment_id, tags)
        if not store.database.is_sqlite:
            _count_on(connection)
    return home, True


def find_status(store: Store, run_id: str) -> str | None:
    """Return the status of a run, None where it is not there."""
    with store.database.read() as connection:
        return connection.scalar(select(runs.c.status).where(runs.c.run_id == run_id))


def write_run(store: Store, source: SourceRun, home: Home) -> None:
    """Write a run, or what is missing of one that was not finished when it was written."""
    info, data = source.run.info, source.run.data
    with store.database.write() as connection:
        _write_run_row(connection, source, home, store.clock())
        add_values(connection, params, info.run_id, {p.key: p.value for p in data.params})
        add_values(connection, run_tags, info.run_id, {tag.key: tag.value for tag in data.tags})
        _write_points(connection, info.run_id, source.points)
        if source.run.inputs:
            _write_datasets(connection, info, home, source.run.inputs.dataset_inputs)
        _insert(connection, run_models, _model_rows(source))


def find_model_status(store: Store, model_id: str) -> str | None:
    """Return the status of a logged model, None where it is not there."""
    status = select(logged_models.c.status).where(logged_models.c.model_id == model_id)
    with store.database.read() as connection:
        return connection.scalar(status)


def write_logged_model(store: Store, source: SourceLoggedModel, home: Home) -> int:
    """Write a logged model, or what is missing of one that was pending when it was written.

    Returns how many of its points are of runs that are not there, and so cannot be written.
    """
    info, data = source.model.info, source.model.data
    row = {
        "model_id": info.model_id,
        "experiment_id": home.experiment_id,
        "name": info.name,
        "artifact_uri": home.model_uri(info.model_id),
        "creation_time": info.creation_timestamp_ms,
        "last_update_time": info.last_updated_timestamp_ms,
        "status": info.status,
        "status_message": info.status_message,
        "model_type": info.model_type or "",
        "source_run_id": info.source_run_id or None,
        "lifecycle_stage": source.lifecycle_stage,
    }
    with store.database.write() as connection:
        if not insert_one(connection, logged_models, row):
            is_pending = logged_models.c.status == PENDING
            is_this = logged_models.c.model_id == info.model_id
            ended = {name: row[name] for name in ("status", "status_message", "last_update_time")}
            connection.execute(update(logged_models).where(is_this, is_pending).values(ended))
        tags = {tag.key: tag.value for tag in info.tags}
        add_values(connection, logged_model_tags, info.model_id, tags)
        values = {param.key: param.value for param in data.params}
        add_values(connection, logged_model_params, info.model_id, values)
        wanted = sorted({metric.run_id or "" for metric in data.metrics})
        found = select_among(connection, _KNOWN_RUNS, runs.c.run_id, wanted)
        known = {run_id for (run_id,) in found}
        kept = [metric for metric in data.metrics if metric.run_id in known]
        _insert(connection, logged_model_metrics, (_metric_row(info.model_id, m) for m in kept))
    return len(data.metrics) - len(kept)


def insert_one(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert a row if there is none of its key, and return whether there was none."""
    statement = insert_new(connection, table).returning(table.c[0])
    return connection.execute(statement, row).one_or_none() is not None


def _find_home(connection: Connection, name: str) -> Home | None:
    columns = (experiments.c.experiment_id, experiments.c.artifact_location)
    row = connection.execute(select(*columns).where(experiments.c.name == name)).one_or_none()
    return None if row is None else Home(*row)


def _is_free(connection: Connection, experiment_id: int) -> bool:
    if not 0 < experiment_id < LARGEST_KEPT_ID:
        return False
    taken = select(experiments.c.name).where(experiments.c.experiment_id == experiment_id)
    return connection.scalar(taken) is None


def _count_on(connection: Connection) -> None:
    """Let PostgreSQL's sequence go on after the largest id; SQLite does so by itself."""
    largest = select(func.max(experiments.c.experiment_id)).scalar_subquery()
    sequence = func.pg_get_serial_sequence("experiments", "experiment_id")
    connection.execute(select(func.setval(sequence, largest)))


def _write_run_row(connection: Connection, source: SourceRun, home: Home, now: int) -> None:
    info = source.run.info
    deleted_time = source.deleted_time if info.lifecycle_stage == "deleted" else None
    if info.lifecycle_stage == "deleted" and deleted_time is None:
        deleted_time = now  # nobody tells when; it is not to be collected as garbage at once
    row = {
        "run_id": info.run_id,
        "experiment_id": home.experiment_id,
        "run_name": info.run_name,
        "user_id": info.user_id,
        "status": info.status,
        "start_time": info.start_time,
        "end_time": info.end_time,
        "deleted_time": deleted_time,
        "artifact_uri": home.run_uri(info.run_id),
        "lifecycle_stage": info.lifecycle_stage,
    }
    if insert_one(connection, runs, row):
        return
    is_unfinished = (runs.c.run_id == info.run_id) & runs.c.status.in_(UNFINISHED)
    ended = {"status": info.status, "end_time": info.end_time}
    connection.execute(update(runs).where(is_unfinished).values(ended))


def _write_points(connection: Connection, run_id: str, points: Sequence[Point]) -> None:
    _insert(connection, metrics, ({"run_id": run_id} | p._asdict() for p in points))
    latest = [{"run_id": run_id} | point._asdict() for point in find_latest(points)]
    if latest:
        newer = insert_or_advance(connection, latest_metrics, "step", "timestamp", "value")
        connection.execute(newer, latest)


def _write_datasets(
    connection: Connection, info: RunInfo, home: Home, used: Sequence[DatasetInput]
) -> None:
    for one in used:
        dataset_id = _write_dataset(connection, home, one)
        key = {"run_id": info.run_id, "dataset_id": dataset_id}
        connection.execute(insert_new(connection, run_datasets), key)
        tags = {tag.key: tag.value for tag in one.tags}
        _insert(connection, run_dataset_tags, (key | {"key": k, "value": tags[k]} for k in tags))


def _write_dataset(connection: Connection, home: Home, used: DatasetInput) -> int:
    dataset = used.dataset
    row = {
        "experiment_id": home.experiment_id,
        "name": dataset.name,
        "digest": dataset.digest,
        "source_type": dataset.source_type,
        "source": dataset.source,
        "schema": dataset.schema,
        "profile": dataset.profile,
    }
    connection.execute(insert_new(connection, datasets), row)
    is_this = [datasets.c[name] == row[name] for name in ("experiment_id", "name", "digest")]
    number: int = connection.execute(select(datasets.c.dataset_id).where(*is_this)).scalar_one()
    return number


def _model_rows(source: SourceRun) -> Iterator[dict[str, Any]]:
    run_id, inputs, outputs = source.run.info.run_id, source.run.inputs, source.run.outputs
    for one in inputs.model_inputs if inputs else ():
        yield {"run_id": run_id, "direction": "in", "model_id": one.model_id, "step": 0}
    for other in outputs.model_outputs if outputs else ():
        yield {
            "run_id": run_id, "direction": "out", "model_id": other.model_id, "step": other.step,
        }  # fmt: skip


def _metric_row(model_id: str, metric: Metric) -> dict[str, Any]:
    is_nan = isinstance(metric.value, str)
    return {
        "model_id": model_id,
        "key": metric.key,
        "timestamp": metric.timestamp or 0,
        "step": metric.step or 0,
        "run_id": metric.run_id,
        "value": 0.0 if is_nan else metric.value,
        "is_nan": is_nan,
        "dataset_name": metric.dataset_name or "",
        "dataset_digest": metric.dataset_digest or "",
    }


def _insert(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    """Insert the rows whose keys are not there, so many at a time."""
    statement, waiting = insert_new(connection, table), []
    for row in rows:
        waiting.append(row)
        if len(waiting) == ROWS_AT_ONCE:
            connection.execute(statement, waiting)
            waiting = []
    if waiting:
        connection.execute(statement, waiting)
