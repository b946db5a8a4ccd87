"""An MLflow's database as the source of an import, whatever its release."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from .artifact_storage import open_artifacts
from .contract import Artifacts
from .entities import (
    Alias,
    Dataset,
    DatasetInput,
    Experiment,
    LoggedModel,
    LoggedModelData,
    LoggedModelInfo,
    Metric,
    ModelInput,
    ModelOutput,
    ModelVersion,
    Param,
    RegisteredModel,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
    Tag,
)
from .errors import InvalidParameter, NotFound
from .importing_records import (
    PROMPT,
    Contents,
    SourceLoggedModel,
    SourceRegisteredModel,
    SourceRun,
    SourceVersion,
)
from .importing_tables import MLflowTables, Row
from .points import Point

WORKSPACE: Final = "default"
"""The workspace that is copied, where an MLflow has several."""

DELETED_VERSION: Final = "Deleted_Internal"

_POINT: Final = ("key", "timestamp", "step", "value", "is_nan")
_STATUSES: Final = {
    1: "LOGGED_MODEL_PENDING",
    2: "LOGGED_MODEL_READY",
    3: "LOGGED_MODEL_UPLOAD_FAILED",
}
_LEFT_OUT: Final = {
    "trace_info": "traces",
    "evaluation_datasets": "evaluation datasets",
    "scorers": "scorers",
    "webhooks": "webhooks",
}


class DatabaseSource:
    """The records in MLflow's own tables; a `Source`."""

    def __init__(self, tables: MLflowTables) -> None:
        self._tables = tables

    def contents(self) -> Contents:
        """Return what there is in the default workspace, deleted things too."""
        left_out = Counter({name: self._tables.count(t) for t, name in _LEFT_OUT.items()})
        experiments = self._experiments(left_out)
        ids = {int(experiment.experiment_id) for experiment in experiments}
        runs = self._tables.columns("runs", ("run_uuid", "experiment_id"))
        models = self._tables.columns("logged_models", ("model_id", "experiment_id"))
        return Contents(
            experiments,
            [run_id for run_id, experiment_id in runs if experiment_id in ids],
            [model_id for model_id, experiment_id in models if experiment_id in ids],
            self._names(left_out),
            +left_out,
        )

    def read_run(self, run_id: str) -> SourceRun:
        """Return a run, whole."""
        row = self._one("runs", run_uuid=run_id)
        tags = _tags(self._tables.rows("tags", run_uuid=run_id))
        params = [
            Param(p["key"], _text(p["value"])) for p in self._tables.rows("params", run_uuid=run_id)
        ]
        points = list(map(Point._make, self._tables.columns("metrics", _POINT, run_uuid=run_id)))
        run = Run(
            _run_info(row, tags),
            RunData(params=params, tags=tags),
            self._inputs(run_id),
            self._outputs(run_id),
        )
        return SourceRun(run, points, row.get("deleted_time"))

    def read_logged_model(self, model_id: str) -> SourceLoggedModel:
        """Return a logged model, whole."""
        row = self._one("logged_models", model_id=model_id)
        tags = self._tables.rows("logged_model_tags", model_id=model_id)
        params = self._tables.rows("logged_model_params", model_id=model_id)
        metrics = self._tables.rows("logged_model_metrics", model_id=model_id)
        info = LoggedModelInfo(
            model_id=model_id,
            experiment_id=str(row["experiment_id"]),
            name=row["name"],
            creation_timestamp_ms=row["creation_timestamp_ms"],
            last_updated_timestamp_ms=row["last_updated_timestamp_ms"],
            artifact_uri=row["artifact_location"],
            status=_STATUSES.get(row["status"], _STATUSES[1]),
            model_type=row["model_type"],
            source_run_id=row["source_run_id"],
            status_message=row["status_message"],
            tags=[Tag(tag["tag_key"], _text(tag["tag_value"])) for tag in tags],
        )
        data = LoggedModelData(
            [Param(param["param_key"], _text(param["param_value"])) for param in params],
            [_model_metric(metric) for metric in metrics],
        )
        return SourceLoggedModel(LoggedModel(info, data), row["lifecycle_stage"])

    def read_registered_model(self, name: str) -> SourceRegisteredModel:
        """Return a registered model, whole."""
        here = {"name": name, "workspace": WORKSPACE}
        row = self._one("registered_models", **here)
        numbered = self._tables.rows("model_versions", **here)
        aliases = self._tables.rows("registered_model_aliases", **here)
        model = RegisteredModel(
            name=name,
            creation_timestamp=row["creation_time"] or 0,
            last_updated_timestamp=row["last_updated_time"] or row["creation_time"] or 0,
            description=row["description"],
            tags=_tags(self._tables.rows("registered_model_tags", **here)),
            aliases=[Alias(alias["alias"], str(alias["version"])) for alias in aliases],
        )
        kept = [v for v in numbered if v["current_stage"] != DELETED_VERSION]
        versions = [self._version(version) for version in sorted(kept, key=lambda v: v["version"])]
        last = max((version["version"] for version in numbered), default=0)
        return SourceRegisteredModel(model, versions, last)

    def artifacts(self, uri: str) -> Artifacts:
        """Return the artifacts under ``uri``."""
        return open_artifacts(uri)

    def _one(self, table: str, **values: str) -> Row:
        rows = self._tables.rows(table, **values)
        if not rows:
            raise NotFound("it is not in the source any more")
        return rows[0]

    def _experiments(self, left_out: Counter[str]) -> list[Experiment]:
        found = []
        for row in self._tables.rows("experiments"):
            if row.get("workspace", WORKSPACE) != WORKSPACE:
                left_out["experiments of other workspaces"] += 1
                continue
            tags = self._tables.rows("experiment_tags", experiment_id=row["experiment_id"])
            found.append(_experiment(row, _tags(tags)))
        return found

    def _names(self, left_out: Counter[str]) -> list[str]:
        prompts = {row["name"] for row in self._tables.rows("registered_model_tags", key=PROMPT)}
        names = []
        for row in self._tables.rows("registered_models"):
            if row.get("workspace", WORKSPACE) != WORKSPACE:
                left_out["registered models of other workspaces"] += 1
            elif row["name"] in prompts:
                left_out["prompts"] += 1
            else:
                names.append(row["name"])
        return names

    def _inputs(self, run_id: str) -> RunInputs:
        used = self._tables.rows(
            "inputs", destination_type="RUN", destination_id=run_id, source_type="DATASET"
        )
        models = self._tables.rows("inputs", source_type="RUN_INPUT", source_id=run_id)
        return RunInputs(
            [self._dataset_input(row) for row in used],
            [ModelInput(row["destination_id"]) for row in models],
        )

    def _outputs(self, run_id: str) -> RunOutputs:
        models = self._tables.rows("inputs", source_type="RUN_OUTPUT", source_id=run_id)
        return RunOutputs([ModelOutput(r["destination_id"], r.get("step") or 0) for r in models])

    def _dataset_input(self, row: Row) -> DatasetInput:
        dataset = self._one("datasets", dataset_uuid=row["source_id"])
        tags = self._tables.rows("input_tags", input_uuid=row["input_uuid"])
        return DatasetInput(
            tags=[Tag(tag["name"], tag["value"]) for tag in tags],
            dataset=Dataset(
                name=dataset["name"],
                digest=dataset["digest"],
                source_type=dataset["dataset_source_type"],
                source=dataset["dataset_source"],
                schema=dataset["dataset_schema"],
                profile=dataset["dataset_profile"],
            ),
        )

    def _version(self, row: Row) -> SourceVersion:
        here = {"name": row["name"], "version": row["version"], "workspace": WORKSPACE}
        source = _text(row["source"])
        storage = row.get("storage_location") or source
        version = ModelVersion(
            name=row["name"],
            version=str(row["version"]),
            creation_timestamp=row["creation_time"] or 0,
            last_updated_timestamp=row["last_updated_time"] or row["creation_time"] or 0,
            user_id=row["user_id"],
            current_stage=row["current_stage"] or "None",
            description=_text(row["description"]),
            source=source,
            run_id=_text(row["run_id"]),
            status=row["status"] or "READY",
            status_message=row["status_message"],
            tags=_tags(self._tables.rows("model_version_tags", **here)),
            run_link=_text(row.get("run_link")),
        )
        return SourceVersion(version, storage)


def _experiment(row: Row, tags: Sequence[Tag]) -> Experiment:
    return Experiment(
        experiment_id=str(row["experiment_id"]),
        name=row["name"],
        artifact_location=_text(row["artifact_location"]),
        lifecycle_stage=row["lifecycle_stage"],
        creation_time=row.get("creation_time") or 0,
        last_update_time=row.get("last_update_time") or 0,
        tags=list(tags),
    )


def _run_info(row: Row, tags: Iterable[Tag]) -> RunInfo:
    named = next((tag.value for tag in tags if tag.key == "mlflow.runName"), "")
    return RunInfo(
        run_id=row["run_uuid"],
        run_uuid=row["run_uuid"],
        experiment_id=str(row["experiment_id"]),
        run_name=row["name"] or named,
        user_id=_text(row["user_id"]),
        status=row["status"],
        start_time=row["start_time"] or 0,
        end_time=row["end_time"],
        artifact_uri=_text(row["artifact_uri"]),
        lifecycle_stage=row["lifecycle_stage"],
    )


def _model_metric(row: Row) -> Metric:
    value = row["metric_value"]
    return Metric(
        key=row["metric_name"],
        value="NaN" if value is None else value,
        timestamp=row["metric_timestamp_ms"],
        step=row["metric_step"],
        model_id=row["model_id"],
        dataset_name=row["dataset_name"],
        dataset_digest=row["dataset_digest"],
        run_id=row["run_id"],
    )


def _tags(rows: Iterable[Row]) -> list[Tag]:
    return [Tag(row["key"], _text(row["value"])) for row in rows]


def _text(value: Any) -> str:
    if isinstance(value, bytes):  # SQLite keeps anything in a column of texts
        raise InvalidParameter("found bytes where a text is expected")
    return "" if value is None else str(value)
