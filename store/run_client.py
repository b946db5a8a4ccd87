"""The part of the client that is about runs, and what is logged in them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from . import entities
from . import tracking_operations as operations
from . import tracking_requests as requests
from .connections import Connection
from .limits import MOST_ENTRIES, MOST_METRICS, MOST_PARAMS, MOST_TAGS
from .points import read_points
from .run_context import PARENT_RUN_ID, USER
from .run_operations import RunOperations
from .viewing import make_metric, make_tags, view_metric, view_run
from .views import (
    DatasetInput,
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    PagedList,
    Param,
    Run,
    RunStatus,
    RunTag,
    ViewType,
)

MOST_RESULTS = 1000
POINTS_A_PAGE = 25_000

Item = TypeVar("Item")


def now_ms() -> int:
    """Return the time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class RunClient:
    """Runs, under the names of MLflow's client.

    What is logged is in the store when a method returns, unless ``synchronous`` is false.
    """

    _tracking: Connection

    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: Mapping[str, Any] | None = None,
        run_name: str | None = None,
    ) -> Run:
        """Make a run, which is not the active one."""
        request = requests.CreateRun(
            experiment_id=str(experiment_id),
            user_id=str((tags or {}).get(USER, "unknown")),
            run_name=run_name,
            start_time=now_ms() if start_time is None else start_time,
            tags=make_tags(tags),
        )
        return view_run(self._tracking.call(operations.CREATE_RUN, request).run)

    def get_run(self, run_id: str) -> Run:
        """Return the run of this id; raises `NotFound`."""
        request = requests.RunId(run_id=run_id)
        return view_run(self._tracking.call(operations.GET_RUN, request).run)

    def get_parent_run(self, run_id: str) -> Run | None:
        """Return the run within which the run of this id was started, or None."""
        parent = self.get_run(run_id).data.tags.get(PARENT_RUN_ID)
        return None if parent is None else self.get_run(parent)

    def search_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: str = "",
        run_view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = MOST_RESULTS,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Run]:
        """Return one page of the runs that ``filter_string`` matches."""
        request = requests.SearchRuns(
            experiment_ids=[str(one) for one in experiment_ids],
            filter=filter_string,
            run_view_type=ViewType.to_string(run_view_type).upper(),
            max_results=max_results,
            order_by=list(order_by or ()),
            page_token=page_token,
        )
        answer = self._tracking.call(operations.SEARCH_RUNS, request)
        return PagedList(map(view_run, answer.runs), answer.next_page_token)

    def update_run(self, run_id: str, status: str | None = None, name: str | None = None) -> None:
        """Change the status or the name of a run."""
        if status is not None:
            RunStatus.from_string(status)  # MLflow's server takes any, and ignores what is none
        request = requests.UpdateRun(run_id=run_id, status=status, run_name=name)
        self._tracking.call(operations.UPDATE_RUN, request)

    def set_terminated(
        self, run_id: str, status: str | None = None, end_time: int | None = None
    ) -> None:
        """End a run, as FINISHED if no other status is given, once all its points are there."""
        status = status or "FINISHED"
        RunStatus.from_string(status)
        request = requests.UpdateRun(
            run_id=run_id,
            status=status,
            end_time=now_ms() if end_time is None else end_time,
        )
        try:
            self._tracking.flush(run_id)
        finally:
            self._tracking.call(operations.UPDATE_RUN, request)

    def delete_run(self, run_id: str) -> None:
        """Mark a run as deleted; it can be restored."""
        self._tracking.call(operations.DELETE_RUN, requests.RunId(run_id=run_id))

    def restore_run(self, run_id: str) -> None:
        """Make a deleted run active again."""
        self._tracking.call(operations.RESTORE_RUN, requests.RunId(run_id=run_id))

    def log_metric(  # noqa: PLR0913, PLR0917 - MLflow's arguments
        self,
        run_id: str,
        key: str,
        value: float,
        timestamp: int | None = None,
        step: int | None = None,
        synchronous: bool | None = None,
        dataset_name: str | None = None,
        dataset_digest: str | None = None,
        model_id: str | None = None,
    ) -> RunOperations | None:
        """Log a point of a metric; a value that is no number is refused."""
        point = Metric(key, value, timestamp, step, model_id, dataset_name, dataset_digest)
        if synchronous is False:
            return self._log_later(run_id, [point])
        request = _make_log_metric(run_id, make_metric(point, now_ms()))
        self._tracking.call(operations.LOG_METRIC, request)
        return None

    def log_param(self, run_id: str, key: str, value: Any, synchronous: bool | None = None) -> Any:
        """Log a param, whose value becomes a text; return the value as it was given.

        ``synchronous`` is there for MLflow's scripts: a param is in the store at once.
        """
        request = requests.LogParam(run_id=run_id, key=key, value=str(value))
        self._tracking.call(operations.LOG_PARAM, request)
        return _done() if synchronous is False else value

    def set_tag(
        self, run_id: str, key: str, value: Any, synchronous: bool | None = None
    ) -> RunOperations | None:
        """Set a tag of a run, whose value becomes a text; ``synchronous`` as for `log_param`."""
        request = requests.SetTag(run_id=run_id, key=key, value=str(value))
        self._tracking.call(operations.SET_TAG, request)
        return _done() if synchronous is False else None

    def delete_tag(self, run_id: str, key: str) -> None:
        """Delete a tag of a run."""
        self._tracking.call(operations.DELETE_TAG, requests.DeleteTag(run_id=run_id, key=key))

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
        synchronous: bool | None = None,
    ) -> RunOperations | None:
        """Log points, params and tags together, in as many requests as their number takes."""
        if synchronous is False:
            self._log_batches(run_id, (), params, tags)
            return self._log_later(run_id, metrics)
        self._log_batches(run_id, metrics, params, tags)
        return None

    def log_inputs(
        self,
        run_id: str,
        datasets: Sequence[DatasetInput] | None = None,
        models: Sequence[LoggedModelInput] | None = None,
    ) -> None:
        """Log which datasets and logged models went into a run."""
        request = requests.LogInputs(
            run_id=run_id,
            datasets=[_make_dataset_input(one) for one in datasets or ()],
            models=[entities.ModelInput(one.model_id) for one in models or ()],
        )
        self._tracking.call(operations.LOG_INPUTS, request)

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Log which logged models came out of a run."""
        made = [entities.ModelOutput(one.model_id, one.step) for one in models]
        self._tracking.call(operations.LOG_OUTPUTS, requests.LogOutputs(run_id=run_id, models=made))

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Return all points of a metric of a run."""
        points: list[Metric] = []
        token: str | None = None
        while True:
            request = requests.GetMetricHistory(
                run_id=run_id, metric_key=key, max_results=POINTS_A_PAGE, page_token=token
            )
            answer = self._tracking.call(operations.GET_METRIC_HISTORY, request)
            points.extend(map(view_metric, answer.metrics))
            token = answer.next_page_token
            if not token:
                return points

    def _log_later(self, run_id: str, points: Iterable[Metric]) -> RunOperations:
        """Have points logged in the background; those that no store takes are refused now.

        A store may refuse a point of a logged model or a dataset, and the batch with it: such
        points are logged at once, apart from others.
        """
        now = now_ms()
        made = [make_metric(point, now) for point in points]
        read_points(made, "")
        plain = [one for one in made if not (one.model_id or one.dataset_name)]
        self._tracking.log_later(run_id, plain)
        self._send_points(run_id, [one for one in made if one.model_id or one.dataset_name])
        return RunOperations(lambda: self._tracking.flush(run_id))

    def _send_points(self, run_id: str, points: list[entities.Metric]) -> None:
        while points:
            batch = requests.LogBatch(run_id=run_id, metrics=_take(points, MOST_METRICS))
            self._tracking.call(operations.LOG_BATCH, batch)

    def _log_batches(
        self,
        run_id: str,
        metrics: Iterable[Metric],
        params: Iterable[Param],
        tags: Iterable[RunTag],
    ) -> None:
        now = now_ms()
        made = [make_metric(one, now) for one in metrics]
        params_left = [entities.Param(one.key, str(one.value)) for one in params]
        tags_left = [entities.Tag(one.key, str(one.value)) for one in tags]
        while made or params_left or tags_left:
            some_params, some_tags = _take(params_left, MOST_PARAMS), _take(tags_left, MOST_TAGS)
            room = MOST_ENTRIES - len(some_params) - len(some_tags)
            batch = requests.LogBatch(
                run_id=run_id,
                metrics=_take(made, min(room, MOST_METRICS)),
                params=some_params,
                tags=some_tags,
            )
            self._tracking.call(operations.LOG_BATCH, batch)


def _take(items: list[Item], most: int) -> list[Item]:
    """Return the first items, and take them out of the list."""
    taken = items[:most]
    del items[:most]
    return taken


def _make_log_metric(run_id: str, metric: entities.Metric) -> requests.LogMetric:
    return requests.LogMetric(
        run_id=run_id,
        key=metric.key,
        value=metric.value,
        timestamp=metric.timestamp or 0,
        step=metric.step or 0,
        model_id=metric.model_id,
        dataset_name=metric.dataset_name,
        dataset_digest=metric.dataset_digest,
    )


def _make_dataset_input(given: DatasetInput) -> entities.DatasetInput:
    one = given.dataset
    dataset = entities.Dataset(
        one.name, one.digest, one.source_type, one.source, one.schema, one.profile
    )
    tags = [entities.Tag(tag.key, tag.value) for tag in given.tags]
    return entities.DatasetInput(tags=tags, dataset=dataset)


def _done() -> RunOperations:
    return RunOperations(lambda: None)
