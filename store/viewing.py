"""From what the store answers to what users get, and back for what they hand over."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from ..runtimes.errors import shorten
from . import entities, views
from .errors import InvalidParameter

_MODEL_STATUSES = {
    "LOGGED_MODEL_PENDING": "PENDING",
    "LOGGED_MODEL_READY": "READY",
    "LOGGED_MODEL_UPLOAD_FAILED": "FAILED",
}


def view_experiment(found: entities.Experiment) -> views.Experiment:
    """Return the experiment as users get it."""
    return views.Experiment(
        found.experiment_id,
        found.name,
        found.artifact_location,
        found.lifecycle_stage,
        _tags(found.tags),
        found.creation_time,
        found.last_update_time,
    )


def view_run(found: entities.Run) -> views.Run:
    """Return the run as users get it."""
    inputs, outputs = found.inputs or entities.RunInputs(), found.outputs or entities.RunOutputs()
    return views.Run(
        _view_run_info(found.info),
        views.RunData(
            {metric.key: float(metric.value) for metric in found.data.metrics},
            {param.key: param.value for param in found.data.params},
            _tags(found.data.tags),
        ),
        views.RunInputs(
            [_view_dataset_input(one) for one in inputs.dataset_inputs],
            [views.LoggedModelInput(one.model_id) for one in inputs.model_inputs],
        ),
        views.RunOutputs(
            [views.LoggedModelOutput(one.model_id, one.step) for one in outputs.model_outputs]
        ),
    )


def view_metric(found: entities.Metric) -> views.Metric:
    """Return the point as users get it."""
    return views.Metric(
        found.key,
        float(found.value),
        found.timestamp,
        found.step or 0,
        found.model_id,
        found.dataset_name,
        found.dataset_digest,
        found.run_id,
    )


def view_file(found: entities.FileInfo) -> views.FileInfo:
    """Return the entry of a folder as users get it."""
    return views.FileInfo(found.path, found.is_dir, found.file_size)


def view_logged_model(found: entities.LoggedModel) -> views.LoggedModel:
    """Return the logged model as users get it."""
    info, data = found.info, found.data
    return views.LoggedModel(
        info.experiment_id,
        info.model_id,
        info.name,
        info.artifact_uri,
        info.creation_timestamp_ms,
        info.last_updated_timestamp_ms,
        info.model_type,
        info.source_run_id,
        _MODEL_STATUSES.get(info.status, info.status),
        info.status_message,
        _tags(info.tags),
        {param.key: param.value for param in data.params},
        [view_metric(metric) for metric in data.metrics],
    )


def view_version(found: entities.ModelVersion) -> views.ModelVersion:
    """Return the version of a model as users get it."""
    return views.ModelVersion(
        found.name,
        found.version,
        found.creation_timestamp,
        found.last_updated_timestamp,
        found.description,
        found.user_id,
        found.current_stage,
        found.source,
        found.run_id,
        found.run_link,
        found.status,
        found.status_message,
        _tags(found.tags),
        list(found.aliases),
        found.model_id,
    )


def view_registered_model(found: entities.RegisteredModel) -> views.RegisteredModel:
    """Return the registered model as users get it."""
    return views.RegisteredModel(
        found.name,
        found.creation_timestamp,
        found.last_updated_timestamp,
        found.description,
        [view_version(version) for version in found.latest_versions],
        _tags(found.tags),
        {alias.alias: alias.version for alias in found.aliases},
    )


def make_tags(tags: Mapping[str, Any] | None) -> list[entities.Tag]:
    """Return tags as they are sent: whatever their values are, as texts."""
    return [entities.Tag(key, str(value)) for key, value in (tags or {}).items()]


def make_params(params: Mapping[str, Any] | None) -> list[entities.Param]:
    """Return params as they are sent."""
    return [entities.Param(key, str(value)) for key, value in (params or {}).items()]


def make_metric(point: views.Metric, now: int) -> entities.Metric:
    """Return a point as it is sent; one without a time is of ``now``."""
    return entities.Metric(
        point.key,
        make_number(point.key, point.value),
        now if point.timestamp is None else make_whole(point.key, "timestamp", point.timestamp),
        make_whole(point.key, "step", point.step or 0),
        point.model_id,
        point.dataset_name,
        point.dataset_digest,
    )


def make_number(key: str, value: Any) -> entities.Number:
    """Return the value of a metric as it is sent: any number, or an array of one element."""
    number = _to_float(key, value)
    if math.isnan(number):
        return "NaN"
    return max(-sys.float_info.max, min(number, sys.float_info.max))


def make_whole(key: str, name: str, value: Any) -> int:
    """Return a step or a time as it is sent: any whole number."""
    number = _to_float(key, value) if not isinstance(value, int) else value
    if isinstance(number, float) and not number.is_integer():
        raise InvalidParameter(
            f"metric {shorten(key)}: found the {name} {shorten(repr(value))}, expected a whole "
            "number"
        )
    return int(value.item() if hasattr(value, "item") else value)


def _to_float(key: str, value: Any) -> float:
    """Return a number, or the one element of an array, as a float."""
    if not isinstance(value, str | bytes | bytearray):
        try:
            # A tensor or an array gives its element itself; float() of an array may warn.
            return float(value.item() if hasattr(value, "item") else value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
        except (TypeError, ValueError, RuntimeError):
            pass
    raise InvalidParameter(
        f"Got invalid value {shorten(repr(value))} for metric '{shorten(key)}': found "
        f"{type(value).__name__}, expected a number, or an array or tensor of one element"
    )


def _tags(tags: Iterable[entities.Tag]) -> dict[str, str]:
    return {tag.key: tag.value for tag in tags}


def _view_run_info(info: entities.RunInfo) -> views.RunInfo:
    return views.RunInfo(
        info.run_id,
        info.experiment_id,
        info.run_name,
        info.user_id,
        info.status,
        info.start_time,
        info.end_time,
        info.artifact_uri,
        info.lifecycle_stage,
    )


def _view_dataset_input(found: entities.DatasetInput) -> views.DatasetInput:
    one = found.dataset
    return views.DatasetInput(
        views.Dataset(one.name, one.digest, one.source_type, one.source, one.schema, one.profile),
        [views.InputTag(tag.key, tag.value) for tag in found.tags],
    )
