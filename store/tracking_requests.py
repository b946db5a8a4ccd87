"""What the operations on experiments, runs and logged models take and give: MLflow's REST.

A field that is required here is a parameter that MLflow's server demands too; ``run_uuid`` is the
old name of ``run_id``.
"""

from __future__ import annotations

from .entities import (
    DatasetInput,
    Entity,
    Experiment,
    FileInfo,
    LoggedModel,
    Metric,
    ModelInput,
    ModelOutput,
    Number,
    Param,
    Run,
    RunInfo,
    Tag,
)

# Experiments


class CreateExperiment(Entity, frozen=True):
    name: str
    artifact_location: str | None = None
    tags: list[Tag] = []


class ExperimentId(Entity, frozen=True):
    """Names an experiment: to get, delete or restore it; and the answer of its creation."""

    experiment_id: str


class GetExperimentByName(Entity, frozen=True):
    experiment_name: str


class ExperimentAnswer(Entity, frozen=True):
    experiment: Experiment


class UpdateExperiment(Entity, frozen=True):
    experiment_id: str
    new_name: str | None = None


class SetExperimentTag(Entity, frozen=True):
    experiment_id: str
    key: str
    value: str = ""


class DeleteExperimentTag(Entity, frozen=True):
    experiment_id: str
    key: str


class SearchExperiments(Entity, frozen=True):
    max_results: int = 1000
    page_token: str | None = None
    filter: str | None = None
    order_by: list[str] = []
    view_type: str | None = None


class ExperimentsAnswer(Entity, frozen=True):
    experiments: list[Experiment] = []
    next_page_token: str | None = None


# Runs


class OfRun(Entity, frozen=True):
    """The base of what names a run, by its id or by the old name of that."""

    run_id: str | None = None
    run_uuid: str | None = None


class CreateRun(Entity, frozen=True):
    experiment_id: str = "0"
    user_id: str | None = None
    run_name: str | None = None
    start_time: int | None = None
    tags: list[Tag] = []


class RunAnswer(Entity, frozen=True):
    run: Run


class RunId(OfRun, frozen=True, kw_only=True):
    """Names a run: to get, delete or restore it."""


class UpdateRun(OfRun, frozen=True, kw_only=True):
    status: str | None = None
    end_time: int | None = None
    run_name: str | None = None


class UpdateRunAnswer(Entity, frozen=True):
    run_info: RunInfo


class LogMetric(OfRun, frozen=True, kw_only=True):
    key: str
    value: Number
    timestamp: int
    step: int = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


class LogParam(OfRun, frozen=True, kw_only=True):
    key: str
    value: str = ""


class LogBatch(OfRun, frozen=True, kw_only=True):
    metrics: list[Metric] = []
    params: list[Param] = []
    tags: list[Tag] = []


class SetTag(OfRun, frozen=True, kw_only=True):
    key: str
    value: str = ""


class DeleteTag(OfRun, frozen=True, kw_only=True):
    key: str


class LogInputs(OfRun, frozen=True, kw_only=True):
    datasets: list[DatasetInput] = []
    models: list[ModelInput] = []


class LogOutputs(OfRun, frozen=True, kw_only=True):
    models: list[ModelOutput] = []


class LogModel(OfRun, frozen=True, kw_only=True):
    """What a client of MLflow 2 says of a model that it wrote among the artifacts of a run."""

    model_json: str


class SearchRuns(Entity, frozen=True):
    experiment_ids: list[str] = []
    filter: str | None = None
    run_view_type: str | None = None
    max_results: int = 1000
    order_by: list[str] = []
    page_token: str | None = None


class RunsAnswer(Entity, frozen=True):
    runs: list[Run] = []
    next_page_token: str | None = None


class GetMetricHistory(OfRun, frozen=True, kw_only=True):
    metric_key: str
    max_results: int | None = None
    page_token: str | None = None


class GetMetricHistoryInterval(Entity, frozen=True):
    """Asks for at most ``max_results`` points of a metric for each of several runs."""

    run_ids: list[str]
    metric_key: str
    start_step: int | None = None
    end_step: int | None = None
    max_results: int = 2500


class MetricsAnswer(Entity, frozen=True):
    metrics: list[Metric] = []
    next_page_token: str | None = None


class ListArtifacts(OfRun, frozen=True, kw_only=True):
    path: str | None = None
    page_token: str | None = None


class ArtifactsAnswer(Entity, frozen=True):
    root_uri: str | None = None
    files: list[FileInfo] = []
    next_page_token: str | None = None


# Logged models


class CreateLoggedModel(Entity, frozen=True):
    experiment_id: str
    name: str | None = None
    model_type: str | None = None
    source_run_id: str | None = None
    params: list[Param] = []
    tags: list[Tag] = []


class LoggedModelId(Entity, frozen=True):
    """Names a logged model, to get or delete it."""

    model_id: str


class FinalizeLoggedModel(Entity, frozen=True):
    model_id: str
    status: str


class LoggedModelAnswer(Entity, frozen=True):
    model: LoggedModel


class SetLoggedModelTags(Entity, frozen=True):
    model_id: str
    tags: list[Tag] = []


class DeleteLoggedModelTag(Entity, frozen=True):
    model_id: str
    tag_key: str


class LogLoggedModelParams(Entity, frozen=True):
    model_id: str
    params: list[Param] = []


class LoggedModelOrder(Entity, frozen=True):
    field_name: str
    ascending: bool = True
    dataset_name: str | None = None
    dataset_digest: str | None = None


class DatasetChoice(Entity, frozen=True):
    """Which dataset the metrics in a filter are meant to be of."""

    dataset_name: str
    dataset_digest: str | None = None


class SearchLoggedModels(Entity, frozen=True):
    experiment_ids: list[str]
    filter: str | None = None
    datasets: list[DatasetChoice] = []
    max_results: int | None = None
    order_by: list[LoggedModelOrder] = []
    page_token: str | None = None


class LoggedModelsAnswer(Entity, frozen=True):
    models: list[LoggedModel] = []
    next_page_token: str | None = None


class ListLoggedModelArtifacts(Entity, frozen=True):
    model_id: str
    artifact_directory_path: str | None = None
    page_token: str | None = None
