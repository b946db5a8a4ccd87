"""Gates: what a version must have shown before it gets a stage.

They are judged by what is recorded: the latest metrics of its run, its files when it was
registered, and its tags.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from ..runtimes.errors import shorten
from .errors import GateClosed
from .lifecycle import Rule, Threshold
from .manifest import read_manifest
from .model_sources import lies_within
from .tables import latest_metrics, logged_models, model_version_tags, runs

EXAMPLE_FILE: Final = "input_example.json"
"""Where a model folder has its input example."""

VALIDATED_TAG: Final = "mlserve.example_validated"
"""The tag of a version, "true" once the model has predicted its input example."""


def check_gates(connection: Connection, version: Row[Any], stage: str, rule: Rule) -> None:
    """Raise `GateClosed`, with all that is wanting, unless ``version`` passes the gates."""
    faults = [
        *_metric_faults(connection, version, rule),
        *_example_faults(connection, version, rule),
    ]
    if faults:
        raise GateClosed(version.name, version.version, stage, faults)


def _metric_faults(connection: Connection, version: Row[Any], rule: Rule) -> Iterator[str]:
    if not rule.thresholds:
        return
    if not version.run_id:
        yield "it has no run whose metrics tell of it; register it from a run"
        return
    if not _is_of_its_run(connection, version):
        yield (
            f"its files are not among those of its run {shorten(version.run_id)}, whose metrics "
            "therefore do not tell of it; register it from the run or a logged model of the run"
        )
        return
    metrics = _read_metrics(connection, version.run_id)
    for threshold in rule.thresholds:
        yield from _threshold_faults(threshold, metrics)


def _threshold_faults(threshold: Threshold, metrics: dict[str, float]) -> Iterator[str]:
    value = metrics.get(threshold.metric)
    if value is None:
        yield f"its run has no metric {threshold.metric}, expected {threshold}"
    elif not threshold.is_passed_by(value):
        yield f"found {threshold.metric} {value:g}, expected {threshold}"


def _read_metrics(connection: Connection, run_id: str) -> dict[str, float]:
    rows = connection.execute(select(latest_metrics).where(latest_metrics.c.run_id == run_id))
    return {row.key: float("nan") if row.is_nan else row.value for row in rows}


def _is_of_its_run(connection: Connection, version: Row[Any]) -> bool:
    """Whether the files are artifacts of the run, or of a logged model that came from it."""
    of_run = select(runs.c.artifact_uri).where(runs.c.run_id == version.run_id)
    of_model = select(logged_models.c.artifact_uri).where(
        logged_models.c.model_id == version.model_id,
        logged_models.c.source_run_id == version.run_id,
    )
    roots = connection.scalars(of_run.union_all(of_model))
    return any(lies_within(version.storage_uri, root) for root in roots)


def _example_faults(connection: Connection, version: Row[Any], rule: Rule) -> Iterator[str]:
    if not rule.needs_example:
        return
    files = read_manifest(version.manifest).files if version.manifest else {}
    if EXAMPLE_FILE not in files:
        yield f"it was registered without the file {EXAMPLE_FILE}; log it with an input example"
    value = connection.scalar(
        select(model_version_tags.c.value).where(
            model_version_tags.c.name == version.name,
            model_version_tags.c.version == version.version,
            model_version_tags.c.key == VALIDATED_TAG,
        )
    )
    if value != "true":
        yield f'its tag {VALIDATED_TAG} is not "true"; try the example, and set the tag'
