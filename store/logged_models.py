"""Logged models: made, finished, tagged, given params, deleted, and read whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, Row, Update, bindparam, insert, select, update

from ..runtimes.errors import shorten
from . import limits
from .entities import (
    Empty,
    LoggedModel,
    LoggedModelData,
    LoggedModelInfo,
    Metric,
    Param,
    Tag,
)
from .errors import InvalidParameter, NotFound
from .experiments import ACTIVE, DELETED, share_active_experiment
from .key_values import add_values, delete_value, load_values, set_values
from .membership import select_among
from .points import write_value
from .run_names import make_name
from .store import Store
from .tables import (
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
)
from .tracking_requests import (
    CreateLoggedModel,
    DeleteLoggedModelTag,
    FinalizeLoggedModel,
    LoggedModelAnswer,
    LoggedModelId,
    LogLoggedModelParams,
    SetLoggedModelTags,
)

PENDING: Final = "LOGGED_MODEL_PENDING"
STATUSES: Final = (PENDING, "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED")

_COLUMNS: Final = tuple(logged_models.c.keys())
_INSERT: Final = insert(logged_models)
_SELECT_ALL: Final = select(logged_models)
_SELECT_STAGE: Final = select(logged_models.c.lifecycle_stage).where(
    logged_models.c.model_id == bindparam("model_id")
)
_SELECT_METRICS: Final = select(
    logged_model_metrics.c.model_id,
    logged_model_metrics.c.key,
    logged_model_metrics.c.value,
    logged_model_metrics.c.is_nan,
    logged_model_metrics.c.timestamp,
    logged_model_metrics.c.step,
    logged_model_metrics.c.run_id,
    logged_model_metrics.c.dataset_name,
    logged_model_metrics.c.dataset_digest,
).order_by(*logged_model_metrics.primary_key)


def create_logged_model(store: Store, request: CreateLoggedModel) -> LoggedModelAnswer:
    """Make a logged model in an active experiment, whose files are still to come."""
    number = limits.parse_experiment_id(request.experiment_id)
    name = _check_name(request.name) if request.name else make_name()
    kind = limits.check_text("model_type", request.model_type or "", limits.LONGEST_MODEL_TEXT)
    run_id = limits.check_text("source_run_id", request.source_run_id or "", 32) or None
    params = _read_pairs("params", request.params)
    tags = _read_pairs("tags", request.tags)
    model_id = f"m-{uuid4().hex}"
    now = store.clock()
    with store.database.write() as connection:
        location = share_active_experiment(connection, number)
        uri = f"{location}/models/{model_id}/artifacts"
        row = model_id, number, name, uri, now, now, PENDING, None, kind, run_id, ACTIVE
        connection.execute(_INSERT, dict(zip(_COLUMNS, row, strict=True)))
        add_values(connection, logged_model_params, model_id, params)
        set_values(connection, logged_model_tags, model_id, tags)
        return LoggedModelAnswer(load_logged_models(connection, [model_id])[0])


def get_logged_model(store: Store, request: LoggedModelId) -> LoggedModelAnswer:
    """Return a logged model that is not deleted."""
    model_id = limits.require("model_id", request.model_id)
    with store.database.read() as connection:
        _check_there(connection, model_id)
        return LoggedModelAnswer(load_logged_models(connection, [model_id])[0])


def finalize_logged_model(store: Store, request: FinalizeLoggedModel) -> LoggedModelAnswer:
    """Say that the files of a logged model are all there, or that they never will be."""
    model_id = limits.require("model_id", request.model_id)
    status = limits.require("status", request.status)
    if status not in STATUSES:
        raise limits.invalid("status", status, f"expected one of {', '.join(STATUSES)}")
    finished = _update(model_id).values(status=status, last_update_time=store.clock())
    with store.database.write() as connection:
        if not connection.execute(finished).rowcount:
            raise no_logged_model(model_id)
        return LoggedModelAnswer(load_logged_models(connection, [model_id])[0])


def delete_logged_model(store: Store, request: LoggedModelId) -> Empty:
    """Mark a logged model as deleted; one that is deleted stays as it is."""
    model_id = limits.require("model_id", request.model_id)
    deleted = _update(model_id).values(lifecycle_stage=DELETED, last_update_time=store.clock())
    with store.database.write() as connection:
        there = connection.scalar(_SELECT_STAGE, {"model_id": model_id})
        if not connection.execute(deleted).rowcount and there is None:
            raise no_logged_model(model_id)
    return Empty()


def set_logged_model_tags(store: Store, request: SetLoggedModelTags) -> Empty:
    """Set tags of a logged model."""
    model_id = limits.require("model_id", request.model_id)
    tags = _read_pairs("tags", request.tags)
    with store.database.write() as connection:
        _check_there(connection, model_id)
        set_values(connection, logged_model_tags, model_id, tags)
    return Empty()


def delete_logged_model_tag(store: Store, request: DeleteLoggedModelTag) -> Empty:
    """Delete a tag of a logged model."""
    model_id = limits.require("model_id", request.model_id)
    key = limits.require("tag_key", request.tag_key)
    with store.database.write() as connection:
        _check_there(connection, model_id)
        if not delete_value(connection, logged_model_tags, model_id, key):
            raise NotFound(
                f"No tag with key '{shorten(key)}' found for model with ID '{model_id}'."
            )
    return Empty()


def log_logged_model_params(store: Store, request: LogLoggedModelParams) -> Empty:
    """Log params of a logged model, all or none of them; their values are written once."""
    model_id = limits.require("model_id", request.model_id)
    params = _read_pairs("params", request.params)
    with store.database.write() as connection:
        _check_there(connection, model_id)
        for change in add_values(connection, logged_model_params, model_id, params):
            raise InvalidParameter(
                f"Changing param values is not allowed. Param with key='{change.key}' was already "
                f"logged with value='{shorten(change.old)}' for model ID='{model_id}'. "
                f"Attempted logging new value '{shorten(change.new)}'."
            )
    return Empty()


def no_logged_model(model_id: str) -> NotFound:
    """Return the error of a logged model that is not there, in MLflow's words."""
    return NotFound(f"Logged model with ID '{shorten(model_id)}' not found.")


def load_logged_models(connection: Connection, model_ids: Sequence[str]) -> list[LoggedModel]:
    """Return logged models in the order of ``model_ids``, without those that are not there."""
    found = select_among(connection, _SELECT_ALL, logged_models.c.model_id, model_ids)
    rows = {row.model_id: row for row in found}
    params = load_values(connection, logged_model_params, model_ids)
    tags = load_values(connection, logged_model_tags, model_ids)
    metrics = _load_metrics(connection, model_ids)
    return [
        LoggedModel(
            _make_info(rows[model_id], [Tag(*pair) for pair in tags.get(model_id, ())]),
            LoggedModelData(
                [Param(*pair) for pair in params.get(model_id, ())], metrics.get(model_id, [])
            ),
        )
        for model_id in model_ids
        if model_id in rows
    ]


def _load_metrics(connection: Connection, model_ids: Sequence[str]) -> Mapping[str, list[Metric]]:
    loaded: defaultdict[str, list[Metric]] = defaultdict(list)
    rows = select_among(connection, _SELECT_METRICS, logged_model_metrics.c.model_id, model_ids)
    for model_id, key, value, is_nan, timestamp, step, run_id, name, digest in rows:
        number = write_value(value, is_nan)
        origin = model_id, name or None, digest or None, run_id
        loaded[model_id].append(Metric(key, number, timestamp, step, *origin))
    return loaded


def _make_info(row: Row[*tuple[Any, ...]], tags: list[Tag]) -> LoggedModelInfo:
    return LoggedModelInfo(
        model_id=row.model_id,
        experiment_id=str(row.experiment_id),
        name=row.name,
        creation_timestamp_ms=row.creation_time,
        last_updated_timestamp_ms=row.last_update_time,
        artifact_uri=row.artifact_uri,
        status=row.status,
        model_type=row.model_type,
        source_run_id=row.source_run_id,
        status_message=row.status_message,
        tags=tags,
    )


def _check_name(name: str) -> str:
    limits.check_text("name", name, limits.LONGEST_MODEL_TEXT)
    bad = ("/", ":", ".", "%", '"', "'")
    if any(character in name for character in bad):
        raise InvalidParameter(
            f"Invalid model name ('{shorten(name)}') provided. Model name must be a non-empty "
            f"string and cannot contain the following characters: {bad}"
        )
    return name


def _read_pairs(name: str, pairs: Iterable[Param | Tag]) -> dict[str, str]:
    """Return params or tags by key, the last of a key; as in MLflow, keys may hold any character.

    Of a param that is there twice with two values, neither is the right one.
    """
    read: dict[str, str] = {}
    for index, pair in enumerate(pairs):
        place = f"{name}[{index}]"
        key = limits.require(f"{place}.key", pair.key)
        limits.check_text(f"{place}.key", key, limits.LONGEST_KEY)
        value = limits.check_text(f"{place}.value", pair.value, limits.LONGEST_MODEL_VALUE)
        if isinstance(pair, Param) and read.get(key, value) != value:
            raise limits.invalid(f"{place}.key", key, "it is there twice with two values")
        read[key] = value
    return read


def _check_there(connection: Connection, model_id: str) -> None:
    stage = connection.scalar(_SELECT_STAGE, {"model_id": model_id})
    if stage != ACTIVE:
        raise no_logged_model(model_id)


def _update(model_id: str) -> Update:
    there = logged_models.c.model_id == model_id, logged_models.c.lifecycle_stage == ACTIVE
    return update(logged_models).where(*there)
