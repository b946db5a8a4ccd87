"""The operations on experiments, runs and logged models: one table for server and client."""

from __future__ import annotations

from typing import Any

from . import tracking_requests as tracking
from .entities import Empty
from .operation import Operation, read, write

# Experiments

CREATE_EXPERIMENT = write(
    "POST experiments/create",
    tracking.CreateExperiment,
    tracking.ExperimentId,
    "experiments:create_experiment",
)
GET_EXPERIMENT = read(
    "GET experiments/get",
    tracking.ExperimentId,
    tracking.ExperimentAnswer,
    "experiments:get_experiment",
)
GET_EXPERIMENT_BY_NAME = read(
    "GET experiments/get-by-name",
    tracking.GetExperimentByName,
    tracking.ExperimentAnswer,
    "experiments:get_experiment_by_name",
)
SEARCH_EXPERIMENTS = read(
    "POST|GET experiments/search",
    tracking.SearchExperiments,
    tracking.ExperimentsAnswer,
    "experiment_search:search_experiments",
)
UPDATE_EXPERIMENT = write(
    "POST experiments/update",
    tracking.UpdateExperiment,
    Empty,
    "experiments:update_experiment",
    is_repeatable=True,
)
DELETE_EXPERIMENT = write(
    "POST experiments/delete", tracking.ExperimentId, Empty, "experiments:delete_experiment"
)
RESTORE_EXPERIMENT = write(
    "POST experiments/restore", tracking.ExperimentId, Empty, "experiments:restore_experiment"
)
SET_EXPERIMENT_TAG = write(
    "POST experiments/set-experiment-tag",
    tracking.SetExperimentTag,
    Empty,
    "experiments:set_experiment_tag",
    is_repeatable=True,
)
DELETE_EXPERIMENT_TAG = write(
    "POST experiments/delete-experiment-tag",
    tracking.DeleteExperimentTag,
    Empty,
    "experiments:delete_experiment_tag",
)

# Runs

CREATE_RUN = write("POST runs/create", tracking.CreateRun, tracking.RunAnswer, "runs:create_run")
GET_RUN = read("GET runs/get", tracking.RunId, tracking.RunAnswer, "runs:get_run")
UPDATE_RUN = write(
    "POST runs/update",
    tracking.UpdateRun,
    tracking.UpdateRunAnswer,
    "runs:update_run",
    is_repeatable=True,
)
DELETE_RUN = write("POST runs/delete", tracking.RunId, Empty, "runs:delete_run", is_repeatable=True)
RESTORE_RUN = write(
    "POST runs/restore", tracking.RunId, Empty, "runs:restore_run", is_repeatable=True
)
LOG_METRIC = write(
    "POST runs/log-metric", tracking.LogMetric, Empty, "run_logging:log_metric", is_repeatable=True
)
LOG_PARAM = write(
    "POST runs/log-parameter", tracking.LogParam, Empty, "run_logging:log_param", is_repeatable=True
)
LOG_BATCH = write(
    "POST runs/log-batch", tracking.LogBatch, Empty, "run_logging:log_batch", is_repeatable=True
)
SET_TAG = write(
    "POST runs/set-tag", tracking.SetTag, Empty, "run_logging:set_tag", is_repeatable=True
)
DELETE_TAG = write("POST runs/delete-tag", tracking.DeleteTag, Empty, "run_logging:delete_tag")
LOG_INPUTS = write(
    "POST runs/log-inputs", tracking.LogInputs, Empty, "run_links:log_inputs", is_repeatable=True
)
LOG_OUTPUTS = write(
    "POST runs/outputs", tracking.LogOutputs, Empty, "run_links:log_outputs", is_repeatable=True
)
LOG_MODEL = write("POST runs/log-model", tracking.LogModel, Empty, "run_links:log_model")
SEARCH_RUNS = read(
    "POST runs/search", tracking.SearchRuns, tracking.RunsAnswer, "run_search:search_runs"
)
GET_METRIC_HISTORY = read(
    "GET metrics/get-history",
    tracking.GetMetricHistory,
    tracking.MetricsAnswer,
    "metric_history:get_metric_history",
)
GET_METRIC_HISTORY_INTERVAL = read(
    "GET metrics/get-history-bulk-interval",
    tracking.GetMetricHistoryInterval,
    tracking.MetricsAnswer,
    "metric_history:get_metric_history_interval",
)
LIST_ARTIFACTS = read(
    "GET artifacts/list",
    tracking.ListArtifacts,
    tracking.ArtifactsAnswer,
    "run_artifacts:list_artifacts",
)

# Logged models

CREATE_LOGGED_MODEL = write(
    "POST logged-models",
    tracking.CreateLoggedModel,
    tracking.LoggedModelAnswer,
    "logged_models:create_logged_model",
)
SEARCH_LOGGED_MODELS = read(
    "POST logged-models/search",
    tracking.SearchLoggedModels,
    tracking.LoggedModelsAnswer,
    "logged_model_search:search_logged_models",
)
GET_LOGGED_MODEL = read(
    "GET logged-models/{model_id}",
    tracking.LoggedModelId,
    tracking.LoggedModelAnswer,
    "logged_models:get_logged_model",
)
FINALIZE_LOGGED_MODEL = write(
    "PATCH logged-models/{model_id}",
    tracking.FinalizeLoggedModel,
    tracking.LoggedModelAnswer,
    "logged_models:finalize_logged_model",
    is_repeatable=True,
)
DELETE_LOGGED_MODEL = write(
    "DELETE logged-models/{model_id}",
    tracking.LoggedModelId,
    Empty,
    "logged_models:delete_logged_model",
)
SET_LOGGED_MODEL_TAGS = write(
    "PATCH logged-models/{model_id}/tags",
    tracking.SetLoggedModelTags,
    Empty,
    "logged_models:set_logged_model_tags",
    is_repeatable=True,
)
DELETE_LOGGED_MODEL_TAG = write(
    "DELETE logged-models/{model_id}/tags/{tag_key}",
    tracking.DeleteLoggedModelTag,
    Empty,
    "logged_models:delete_logged_model_tag",
)
LOG_LOGGED_MODEL_PARAMS = write(
    "POST logged-models/{model_id}/params",
    tracking.LogLoggedModelParams,
    Empty,
    "logged_models:log_logged_model_params",
    is_repeatable=True,
)
LIST_LOGGED_MODEL_ARTIFACTS = read(
    "GET logged-models/{model_id}/artifacts/directories",
    tracking.ListLoggedModelArtifacts,
    tracking.ArtifactsAnswer,
    "run_artifacts:list_logged_model_artifacts",
)

OPERATIONS: tuple[Operation[Any, Any], ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Operation)
)
