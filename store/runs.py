"""Runs: made, ended, renamed, deleted, restored, and read whole.

What is logged in a run is the business of ``run_logging``, its inputs and outputs of ``run_links``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Connection, Update, insert, select, update

from ..runtimes.errors import shorten
from . import limits
from .entities import Empty, Metric, Param, Run, RunData, RunInfo, RunInputs, RunOutputs, Tag
from .errors import InvalidParameter
from .experiments import ACTIVE, DELETED, share_active_experiment
from .key_values import load_values, set_values
from .membership import select_among
from .points import write_value
from .prepared import Prepared
from .run_links import load_links
from .run_names import make_name
from .run_states import no_run, refuse_run
from .store import Store
from .tables import latest_metrics, params, run_tags, runs
from .tracking_requests import CreateRun, RunAnswer, RunId, UpdateRun, UpdateRunAnswer

RUN_NAME: Final = "mlflow.runName"
USER: Final = "mlflow.user"
STATUSES: Final = ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")

_INSERT: Final = Prepared(runs.c.keys(), lambda _: insert(runs))
_INSERT_TAGS: Final = Prepared(run_tags.c.keys(), lambda _: insert(run_tags))
_SELECT_ALL: Final = select(runs)
_SELECT_LATEST: Final = select(
    latest_metrics.c.run_id,
    latest_metrics.c.key,
    latest_metrics.c.value,
    latest_metrics.c.is_nan,
    latest_metrics.c.timestamp,
    latest_metrics.c.step,
).order_by(latest_metrics.c.run_id, latest_metrics.c.key)


def create_run(store: Store, request: CreateRun) -> RunAnswer:
    """Make a run in an active experiment; one without a name gets one.

    The name is in the tag ``mlflow.runName`` too; the user is that of the request, or of the tag
    ``mlflow.user``, or the caller.
    """
    number = limits.parse_experiment_id(request.experiment_id or "0")
    tags = _read_first_tags(request)
    user = request.user_id or tags.get(USER) or store.caller
    limits.check_text("user_id", user, limits.LONGEST_USER)
    start = store.clock() if request.start_time is None else request.start_time
    limits.check_integer("start_time", start)
    run_id = uuid4().hex
    with store.database.write() as connection:
        location = share_active_experiment(connection, number)
        uri = f"{location}/{run_id}/artifacts"
        row = run_id, number, tags[RUN_NAME], user, STATUSES[0], start, None, None, uri, ACTIVE
        _INSERT.run(connection, row)
        _INSERT_TAGS.run_each(connection, [(run_id, key, value) for key, value in tags.items()])
    data = RunData(tags=[Tag(key, value) for key, value in tags.items()])
    return RunAnswer(Run(_make_info(row), data, RunInputs()))


def get_run(store: Store, request: RunId) -> RunAnswer:
    """Return a run, a deleted one too."""
    run_id = limits.find_run_id(request)
    with store.database.read() as connection:
        found = load_runs(connection, [run_id])
    if not found:
        raise no_run(run_id)
    return RunAnswer(found[0])


def update_run(store: Store, request: UpdateRun) -> UpdateRunAnswer:
    """Give an active run another status, end or name; any status may follow any other."""
    run_id = limits.find_run_id(request)
    # What changes nothing else sets the stage to what it is.
    new: dict[str, Any] = {"lifecycle_stage": ACTIVE}
    if request.status is not None:
        new["status"] = _check_status(request.status)
    if request.end_time is not None:
        new["end_time"] = limits.check_integer("end_time", request.end_time)
    if request.run_name:
        new["run_name"] = check_run_name(request.run_name)
    changed = _update(run_id).where(runs.c.lifecycle_stage == ACTIVE).values(new).returning(runs)
    with store.database.write() as connection:
        row = connection.execute(changed).one_or_none()
        if row is None:
            raise refuse_run(connection, run_id)
        if "run_name" in new:
            set_values(connection, run_tags, run_id, {RUN_NAME: new["run_name"]})
    return UpdateRunAnswer(_make_info(row))


def delete_run(store: Store, request: RunId) -> Empty:
    """Mark a run as deleted; one that is deleted stays as it is."""
    run_id = limits.find_run_id(request)
    now = store.clock()
    _move(store, run_id, ACTIVE, {"lifecycle_stage": DELETED, "deleted_time": now})
    return Empty()


def restore_run(store: Store, request: RunId) -> Empty:
    """Bring a deleted run back; an active one stays as it is."""
    run_id = limits.find_run_id(request)
    _move(store, run_id, DELETED, {"lifecycle_stage": ACTIVE, "deleted_time": None})
    return Empty()


def rename_run(connection: Connection, run_id: str, name: str) -> None:
    """Give a run a name, which the caller has checked; its tag is the caller's business."""
    connection.execute(_update(run_id).values(run_name=name))


def check_run_name(name: str) -> str:
    """Return the name of a run; raises `InvalidParameter` for one that is too long."""
    return limits.check_text("run_name", name, limits.LONGEST_RUN_NAME)


def load_runs(connection: Connection, run_ids: Sequence[str]) -> list[Run]:
    """Return runs in the order of ``run_ids``, whole, without those that are not there."""
    rows = {row[0]: row for row in select_among(connection, _SELECT_ALL, runs.c.run_id, run_ids)}
    metrics = _load_metrics(connection, run_ids)
    param_values = load_values(connection, params, run_ids)
    tags = load_values(connection, run_tags, run_ids)
    links = load_links(connection, run_ids)
    return [
        Run(
            _make_info(rows[run_id]),
            RunData(
                metrics.get(run_id, []),
                [Param(key, value) for key, value in param_values.get(run_id, ())],
                [Tag(key, value) for key, value in tags.get(run_id, ())],
            ),
            RunInputs(links.datasets.get(run_id, []), links.model_inputs.get(run_id, [])),
            RunOutputs(links.model_outputs.get(run_id, [])),
        )
        for run_id in run_ids
        if run_id in rows
    ]


def _load_metrics(connection: Connection, run_ids: Sequence[str]) -> Mapping[str, list[Metric]]:
    loaded: defaultdict[str, list[Metric]] = defaultdict(list)
    found = select_among(connection, _SELECT_LATEST, latest_metrics.c.run_id, run_ids)
    for run_id, key, value, is_nan, timestamp, step in found:
        loaded[run_id].append(Metric(key, write_value(value, is_nan), timestamp, step))
    return loaded


def _make_info(row: Sequence[Any]) -> RunInfo:
    """Return what ``row``, in the order of the table's columns, says of a run."""
    run_id, number, name, user, status, start, end, _, uri, stage = row
    return RunInfo(
        run_id=run_id,
        run_uuid=run_id,
        experiment_id=str(number),
        run_name=name,
        user_id=user,
        status=status,
        start_time=start,
        end_time=end,
        artifact_uri=uri,
        lifecycle_stage=stage,
    )


def _read_first_tags(request: CreateRun) -> dict[str, str]:
    """Return the tags that a run begins with, with its name among them.

    As in MLflow, their keys may hold any characters, unlike those that are set later.
    """
    tags = {}
    for tag in request.tags:
        key = limits.check_text("key", limits.require("key", tag.key), limits.LONGEST_KEY)
        tags[key] = limits.cut_text("value", tag.value, limits.LONGEST_RUN_TAG)
    name, named = request.run_name, tags.get(RUN_NAME)
    if name and named and name != named:
        raise InvalidParameter(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different "
            f"values (run_name='{shorten(name)}', mlflow.runName='{shorten(named)}')."
        )
    tags[RUN_NAME] = check_run_name(name or named or make_name())
    return tags


def _check_status(status: str) -> str:
    if status not in STATUSES:
        raise limits.invalid("status", status, f"expected one of {', '.join(STATUSES)}")
    return status


def _move(store: Store, run_id: str, origin: str, new: Mapping[str, Any]) -> None:
    moved = _update(run_id).where(runs.c.lifecycle_stage == origin).values(**new)
    there = select(runs.c.run_id).where(runs.c.run_id == run_id)
    with store.database.write() as connection:
        if not connection.execute(moved).rowcount and connection.scalar(there) is None:
            raise no_run(run_id)


def _update(run_id: str) -> Update:
    return update(runs).where(runs.c.run_id == run_id)
