"""Runs as scripts start and end them: MLflow's functions, for one program and its active run."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .active_runs import RUNS, ActiveRun, Opened
from .client import MlserveClient
from .current_experiment import CURRENT
from .errors import InvalidParameter, InvalidState
from .run_context import NOTE, PARENT_RUN_ID, RUN_NAME, context_tags
from .views import Experiment, Run, RunTag


def set_tracking_uri(uri: str | Path) -> None:
    """Log to the store at ``uri`` from now on: ``sqlite:///FILE``, ``postgresql://…``, ``http://…``.

    A run that is active goes on where it is. Programs that this one starts log there too.
    """
    CURRENT.set_tracking_uri(uri)


def get_tracking_uri() -> str:
    """Return the URI of the store that is logged to."""
    return CURRENT.get_tracking_uri()


def is_tracking_uri_set() -> bool:
    """Return whether a store was named, by `set_tracking_uri` or the environment."""
    return CURRENT.is_tracking_uri_set()


def set_experiment(
    experiment_name: str | None = None, experiment_id: str | None = None
) -> Experiment:
    """Log to this experiment from now on; one of a new name is made."""
    return CURRENT.choose(experiment_name, experiment_id)


def start_run(  # noqa: PLR0913, PLR0917 - MLflow's arguments
    run_id: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    tags: Mapping[str, Any] | None = None,
    description: str | None = None,
    log_system_metrics: bool | None = None,
) -> ActiveRun:
    """Start a run, or go on with the one of ``run_id``, and make it this thread's active one.

    As a context manager it ends with its block: FINISHED, or FAILED after an exception. Else it
    ends with `end_run` or with the program. ``nested`` allows a run within the active one.
    """
    outer = RUNS.current()
    if outer is not None and not nested:
        raise InvalidState(
            f"Run with UUID {outer.run_id} is already active. To start a new run, first end the "
            "current run with mlserve.end_run(). To start a nested run, call start_run with "
            "nested=True"
        )
    if log_system_metrics:
        warnings.warn("mlserve logs no system metrics of runs", stacklevel=2)
    client = CURRENT.client()
    noted = _with_note(tags, description)
    resumed = run_id or CURRENT.take_run_id()
    if resumed is not None:
        run = _resume(client, resumed, run_name, noted)
    else:
        parent = _find_parent(client, parent_run_id, outer)
        number = CURRENT.find_id(client) if experiment_id is None else str(experiment_id)
        given = noted | _without_none({PARENT_RUN_ID: parent, RUN_NAME: run_name or None})
        all_tags = context_tags(os.environ) | given
        run = client.create_run(number, tags=all_tags, run_name=run_name)
    active = ActiveRun(run.info, run.data, run.inputs, run.outputs)
    RUNS.open(Opened(active, client))
    return active


def end_run(status: str = "FINISHED") -> None:
    """End the active run of this thread, if there is one, once all its points are logged."""
    RUNS.end(status)


def active_run() -> ActiveRun | None:
    """Return the active run of this thread, or None."""
    opened = RUNS.current()
    return opened.run if opened else None


def last_active_run() -> Run | None:
    """Return the active run of this thread, else the one that ended last in it, or None."""
    if (opened := RUNS.current()) is not None:
        return opened.run
    last = RUNS.last
    return last.client.get_run(last.run_id) if last else None


def get_run(run_id: str) -> Run:
    """Return the run of this id, with all that was logged in it; raises `NotFound`."""
    return CURRENT.client().get_run(run_id)


def get_parent_run(run_id: str) -> Run | None:
    """Return the run within which the run of this id was started, or None."""
    return CURRENT.client().get_parent_run(run_id)


def delete_run(run_id: str) -> None:
    """Mark a run as deleted; it can be restored."""
    CURRENT.client().delete_run(run_id)


def restore_run(run_id: str) -> None:
    """Make a deleted run active again."""
    CURRENT.client().restore_run(run_id)


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """Return the URI of the active run's artifacts, or of one of them; starts a run if need be."""
    uri = opened_run().run.info.artifact_uri
    return f"{uri.rstrip('/')}/{artifact_path}" if artifact_path else uri


def opened_run() -> Opened:
    """Return the active run of this thread, started if there is none."""
    opened = RUNS.current()
    if opened is None:
        start_run()
        opened = RUNS.current()
    assert opened is not None  # noqa: S101 - it has just been opened
    return opened


def _resume(
    client: MlserveClient, run_id: str, run_name: str | None, tags: Mapping[str, Any]
) -> Run:
    """Make a run that ended, or that another process started, a running one."""
    run = client.get_run(run_id)
    if CURRENT.chosen not in (None, run.info.experiment_id):
        raise InvalidParameter(
            f"Cannot start run with ID {run_id} because active experiment ID does not match "
            f"environment run ID: it is of the experiment {run.info.experiment_id}, and "
            f"set_experiment has chosen {CURRENT.chosen}"
        )
    if run.info.lifecycle_stage != "active":
        raise InvalidState(
            f"Cannot start run with ID {run_id} because it is in the deleted state; restore it "
            "with restore_run"
        )
    client.update_run(run_id, "RUNNING", run_name)
    client.log_batch(run_id, tags=[RunTag(key, str(value)) for key, value in tags.items()])
    return client.get_run(run_id)


def _find_parent(
    client: MlserveClient, parent_run_id: str | None, outer: Opened | None
) -> str | None:
    """Return the id of the run that a new one belongs to: the one named, else the active one."""
    if parent_run_id is None:
        return outer.run_id if outer else None
    if outer is not None and outer.run_id != parent_run_id:
        raise InvalidParameter(
            f"Current run with UUID {outer.run_id} does not match the specified parent_run_id "
            f"{parent_run_id}. To start a new nested run under it, first end the current run "
            "with mlserve.end_run()."
        )
    if client.get_run(parent_run_id).info.lifecycle_stage != "active":
        raise InvalidState(
            f"Cannot start run under parent run with ID {parent_run_id} because it is in the "
            "deleted state."
        )
    return parent_run_id


def _with_note(tags: Mapping[str, Any] | None, description: str | None) -> dict[str, Any]:
    given = dict(tags or {})
    if not description:
        return given
    if NOTE in given:
        raise InvalidParameter(
            f"Description is already set via the tag {NOTE} in tags. Remove the key {NOTE} from "
            "the tags or omit the description."
        )
    return given | {NOTE: description}


def _without_none(tags: Mapping[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if value is not None}
