"""What is logged in a run: metrics, params and tags, one alone or many at once.

A batch is written as a whole or not at all, with as many statements whatever its size, and one
that is sent again adds nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, select

from ..runtimes.errors import shorten
from . import limits
from .entities import Empty, Metric, Param, Tag
from .errors import InvalidParameter, NotFound
from .key_values import Change, add_values, delete_value, set_values
from .logged_models import no_logged_model
from .membership import select_among
from .points import Point, find_latest, read_points
from .prepared import Prepared
from .run_states import lock_active_run, share_active_run
from .runs import RUN_NAME, check_run_name, rename_run
from .store import Store
from .tables import latest_metrics, logged_model_metrics, logged_models, metrics, params, run_tags
from .tracking_requests import DeleteTag, LogBatch, LogMetric, LogParam, SetTag
from .upserts import insert_new, insert_or_advance

_SELECT_MODELS: Final = select(logged_models.c.model_id)
_ADD: Final = Prepared(metrics.c.keys(), lambda c: insert_new(c, metrics))
_ADVANCE: Final = Prepared(
    latest_metrics.c.keys(),
    lambda c: insert_or_advance(c, latest_metrics, "step", "timestamp", "value"),
)


def log_metric(store: Store, request: LogMetric) -> Empty:
    """Log one point of a metric in an active run."""
    run_id = limits.find_run_id(request)
    metric = Metric(
        request.key,
        request.value,
        request.timestamp,
        request.step,
        request.model_id,
        request.dataset_name,
        request.dataset_digest,
    )
    points = read_points([metric], "")
    with store.database.write() as connection:
        share_active_run(connection, run_id)
        add_points(connection, run_id, points)
        _add_model_points(connection, run_id, [metric], points)
    return Empty()


def log_param(store: Store, request: LogParam) -> Empty:
    """Log a param in an active run; its value is written once."""
    run_id = limits.find_run_id(request)
    values = limits.read_params([Param(request.key, request.value)], "")
    with store.database.write() as connection:
        share_active_run(connection, run_id)
        for change in add_values(connection, params, run_id, values):
            raise InvalidParameter(
                f"Changing param values is not allowed. Param with key='{change.key}' was already "
                f"logged with value='{shorten(change.old)}' for run ID='{run_id}'. "
                f"Attempted logging new value '{shorten(change.new)}'."
            )
    return Empty()


def set_tag(store: Store, request: SetTag) -> Empty:
    """Set a tag of an active run; ``mlflow.runName`` is its name."""
    run_id = limits.find_run_id(request)
    tags = limits.read_tags([Tag(request.key, request.value)], "")
    with store.database.write() as connection:
        _open_run(connection, run_id, tags)
        set_values(connection, run_tags, run_id, tags)
    return Empty()


def delete_tag(store: Store, request: DeleteTag) -> Empty:
    """Delete a tag of an active run."""
    run_id = limits.find_run_id(request)
    key = limits.require("key", request.key)
    with store.database.write() as connection:
        share_active_run(connection, run_id)
        if not delete_value(connection, run_tags, run_id, key):
            raise NotFound(f"No tag with name: {shorten(key)} in run with id {run_id}")
    return Empty()


def log_batch(store: Store, request: LogBatch) -> Empty:
    """Log metrics, params and tags in an active run, all or none of them."""
    run_id = limits.find_run_id(request)
    limits.check_batch(request.metrics, request.params, request.tags)
    points = read_points(request.metrics)
    values = limits.read_params(request.params)
    tags = limits.read_tags(request.tags)
    with store.database.write() as connection:
        _open_run(connection, run_id, tags)
        if changes := add_values(connection, params, run_id, values):
            raise _refuse_changes(run_id, changes)
        add_points(connection, run_id, points)
        _add_model_points(connection, run_id, request.metrics, points)
        set_values(connection, run_tags, run_id, tags)
    return Empty()


def add_points(connection: Connection, run_id: str, points: Sequence[Point]) -> None:
    """Add points to a run, and advance its latest ones; those that are there add nothing."""
    if not points:
        return
    _ADD.run_each(connection, [(run_id, *point) for point in sorted(points)])
    _ADVANCE.run_each(connection, [(run_id, *point) for point in find_latest(points)])


def _add_model_points(
    connection: Connection, run_id: str, logged: Sequence[Metric], points: Sequence[Point]
) -> None:
    """Add the points that are of a logged model, too, to that model."""
    keyed = [
        (metric.model_id, point, _find_dataset(metric))
        for metric, point in zip(logged, points, strict=True)
        if metric.model_id
    ]
    if not keyed:
        return
    _check_models(connection, {model_id for model_id, _, _ in keyed})
    rows = [
        {"model_id": model_id, "dataset_name": name, "dataset_digest": digest}
        | _make_row(run_id, point)
        for model_id, point, (name, digest) in sorted(keyed)
    ]
    connection.execute(insert_new(connection, logged_model_metrics), rows)


def _open_run(connection: Connection, run_id: str, tags: dict[str, str]) -> None:
    """Hold an active run; the tag that is its name renames it, or is left out where it is ""."""
    name = tags.get(RUN_NAME)
    if name is None:
        share_active_run(connection, run_id)
        return
    lock_active_run(connection, run_id)
    if name:
        rename_run(connection, run_id, check_run_name(name))
    else:
        del tags[RUN_NAME]


def _check_models(connection: Connection, model_ids: set[str]) -> None:
    rows = select_among(connection, _SELECT_MODELS, logged_models.c.model_id, sorted(model_ids))
    for model_id in model_ids - {row.model_id for row in rows}:
        raise no_logged_model(model_id)


def _find_dataset(metric: Metric) -> tuple[str, str]:
    name = limits.check_text("dataset_name", metric.dataset_name or "", limits.LONGEST_DATASET_NAME)
    digest = limits.check_text("dataset_digest", metric.dataset_digest or "", limits.LONGEST_DIGEST)
    return name, digest


def _make_row(run_id: str, point: Point) -> dict[str, Any]:
    key, timestamp, step, value, is_nan = point
    return {
        "run_id": run_id,
        "key": key,
        "timestamp": timestamp,
        "step": step,
        "value": value,
        "is_nan": is_nan,
    }


def _refuse_changes(run_id: str, changes: Sequence[Change]) -> InvalidParameter:
    listed = [
        {"key": key, "old_value": shorten(old), "new_value": shorten(new)}
        for key, old, new in changes
    ]
    return InvalidParameter(
        f"Changing param values is not allowed. Params were already logged='{listed}' "
        f"for run ID='{run_id}'."
    )
