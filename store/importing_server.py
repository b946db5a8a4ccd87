"""A tracking server as the source of an import, through the operations that every client uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from . import registry_operations as registry
from . import tracking_operations as tracking
from .contract import Artifacts, Transport
from .entities import Experiment, ModelVersion, RegisteredModel
from .errors import InvalidParameter, NotFound
from .importing_records import (
    PROMPT,
    Contents,
    SourceLoggedModel,
    SourceRegisteredModel,
    SourceRun,
    SourceVersion,
)
from .points import Point, read_points
from .registry_requests import (
    RegisteredModelName,
    SearchModelVersions,
    SearchRegisteredModels,
    VersionName,
)
from .result_pages import fetch_all
from .tracking_requests import (
    GetMetricHistory,
    LoggedModelId,
    RunId,
    SearchExperiments,
    SearchLoggedModels,
    SearchRuns,
)

PAGE: Final = 1000
MOST_POINTS: Final = 25_000
"""Of a page of a metric's history."""

_EXPERIMENTS_AT_ONCE: Final = 50


class ServerSource:
    """What a tracking server tells; a `Source`. Deleted logged models it keeps to itself."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def contents(self) -> Contents:
        """Return what there is, deleted experiments and runs too."""
        search = SearchExperiments(max_results=PAGE, view_type="ALL")
        experiments: list[Experiment] = list(
            fetch_all(self._transport, tracking.SEARCH_EXPERIMENTS, search, "experiments")
        )
        ids = [experiment.experiment_id for experiment in experiments]
        models: list[RegisteredModel] = list(
            fetch_all(
                self._transport,
                registry.SEARCH_REGISTERED_MODELS,
                SearchRegisteredModels(max_results=PAGE),
                "registered_models",
            )
        )
        names = [model.name for model in models if not _is_prompt(model)]
        prompts = len(models) - len(names)
        return Contents(
            experiments,
            list(self._run_ids(ids)),
            list(self._model_ids(ids)),
            names,
            {"prompts": prompts} if prompts else {},
        )

    def read_run(self, run_id: str) -> SourceRun:
        """Return a run, whole; when it was deleted is not told."""
        run = self._transport.call(tracking.GET_RUN, RunId(run_id=run_id)).run
        points = [
            point for metric in run.data.metrics for point in self._history(run_id, metric.key)
        ]
        return SourceRun(run, points)

    def read_logged_model(self, model_id: str) -> SourceLoggedModel:
        """Return a logged model, whole."""
        request = LoggedModelId(model_id)
        return SourceLoggedModel(self._transport.call(tracking.GET_LOGGED_MODEL, request).model)

    def read_registered_model(self, name: str) -> SourceRegisteredModel:
        """Return a registered model with the versions that it has now."""
        request = RegisteredModelName(name)
        answer = self._transport.call(registry.GET_REGISTERED_MODEL, request)
        search = SearchModelVersions(f"name = {_quote(name)}", max_results=PAGE)
        found = fetch_all(self._transport, registry.SEARCH_MODEL_VERSIONS, search, "model_versions")
        versions = sorted(found, key=lambda version: int(version.version))
        last = int(versions[-1].version) if versions else 0
        sources = [SourceVersion(version, self._storage_uri(version)) for version in versions]
        return SourceRegisteredModel(answer.registered_model, sources, last)

    def artifacts(self, uri: str) -> Artifacts:
        """Return the artifacts under ``uri``."""
        return self._transport.artifacts(uri)

    def _run_ids(self, experiment_ids: Sequence[str]) -> Iterator[str]:
        for start in range(0, len(experiment_ids), _EXPERIMENTS_AT_ONCE):
            some = list(experiment_ids[start : start + _EXPERIMENTS_AT_ONCE])
            search = SearchRuns(some, run_view_type="ALL", max_results=PAGE)
            for run in fetch_all(self._transport, tracking.SEARCH_RUNS, search, "runs"):
                yield run.info.run_id

    def _model_ids(self, experiment_ids: Sequence[str]) -> Iterator[str]:
        for start in range(0, len(experiment_ids), _EXPERIMENTS_AT_ONCE):
            some = list(experiment_ids[start : start + _EXPERIMENTS_AT_ONCE])
            search = SearchLoggedModels(some)
            try:
                for model in fetch_all(
                    self._transport, tracking.SEARCH_LOGGED_MODELS, search, "models"
                ):
                    yield model.info.model_id
            except NotFound:  # a server older than MLflow 3
                return

    def _history(self, run_id: str, key: str) -> list[Point]:
        request = GetMetricHistory(run_id=run_id, metric_key=key, max_results=MOST_POINTS)
        found = fetch_all(self._transport, tracking.GET_METRIC_HISTORY, request, "metrics")
        return read_points(list(found))

    def _storage_uri(self, version: ModelVersion) -> str:
        request = VersionName(version.name, version.version)
        return self._transport.call(registry.GET_DOWNLOAD_URI, request).artifact_uri


def _is_prompt(model: RegisteredModel) -> bool:
    return any(tag.key == PROMPT for tag in model.tags)


def _quote(name: str) -> str:
    """Return ``name`` as a filter has it, whose quotes cannot be escaped."""
    quote = next((quote for quote in "'\"" if quote not in name), None)
    if quote is None:
        raise InvalidParameter("its name has both kinds of quotes, and no filter can name it")
    return f"{quote}{name}{quote}"
