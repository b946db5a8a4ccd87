"""What a real MLflow finds, in its own database: a program for its interpreter.

    mlflow_searches.py DATABASE_URI < what to make and to search for > what was made and found

Both are JSON. Of a search it tells the names that are found in their order, or the error.
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

from mlflow.entities import (
    Dataset,
    DatasetInput,
    ExperimentTag,
    InputTag,
    LoggedModelParameter,
    LoggedModelTag,
    Metric,
    Param,
    RunStatus,
    RunTag,
    ViewType,
)
from mlflow.entities.model_registry import ModelVersionTag, RegisteredModelTag
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Tracking

VIEWS = {
    "ACTIVE_ONLY": ViewType.ACTIVE_ONLY,
    "DELETED_ONLY": ViewType.DELETED_ONLY,
    "ALL": ViewType.ALL,
}


def make_run(store: Tracking, run: dict[str, Any]) -> str:
    """Make a run, and return its id."""
    made = store.create_run("0", run["user_id"], run["start_time"], [], run["run_name"])
    run_id = made.info.run_id
    store.log_batch(
        run_id,
        [Metric(key, float(value), 0, 0) for key, value in run["metrics"].items()],
        [Param(*pair) for pair in run["params"].items()],
        [RunTag(*pair) for pair in run["tags"].items()],
    )
    inputs = [
        DatasetInput(
            Dataset(name, digest, "local", "here"),
            [InputTag("mlflow.data.context", context)] if context else [],
        )
        for name, digest, context in run["datasets"]
    ]
    if inputs:
        store.log_inputs(run_id, inputs)
    status = RunStatus.from_string(run["status"])
    store.update_run_info(run_id, status, run["end_time"], run["run_name"])
    if run["lifecycle_stage"] == "deleted":
        store.delete_run(run_id)
    return run_id


def make_experiment(store: Tracking, experiment: dict[str, Any]) -> list[Any]:
    """Make an experiment, but the one that is there, and return its id and times."""
    tags = [ExperimentTag(*pair) for pair in experiment["tags"].items()]
    name = experiment["name"]
    number = "0" if name == "Default" else store.create_experiment(name, tags=tags)
    if experiment["lifecycle_stage"] == "deleted":
        store.delete_experiment(number)
    made = store.get_experiment(number)
    return [int(number), made.creation_time, made.last_update_time]


def make_logged_model(store: Tracking, model: dict[str, Any], run_id: str) -> list[Any]:
    """Make a logged model, and return its id and times."""
    made = store.create_logged_model(
        "0", model["name"], None,
        [LoggedModelTag(*pair) for pair in model["tags"].items()],
        [LoggedModelParameter(*pair) for pair in model["params"].items()],
        model["model_type"],
    )  # fmt: skip
    points = [
        Metric(key, value, timestamp, step, made.model_id, name, digest, run_id)
        for key, value, timestamp, step, name, digest in model["metrics"]
    ]
    if points:
        store.log_batch(run_id, points, [], [])
    return [made.model_id, made.creation_timestamp, made.last_updated_timestamp]


def make_registered(store: Registry, model: dict[str, Any]) -> list[Any]:
    """Make a registered model and its versions, and return its times and those of the versions."""
    name = model["name"]
    tags = [RegisteredModelTag(*pair) for pair in model["tags"].items()]
    store.create_registered_model(name, tags)
    times = []
    for version in model["versions"]:
        tags = [ModelVersionTag(*pair) for pair in version["tags"].items()]
        made = store.create_model_version(name, version["source"], version["run_id"], tags)
        times.append([made.creation_timestamp, made.last_updated_timestamp])
    made = store.get_registered_model(name)
    return [made.creation_timestamp, made.last_updated_timestamp, times]


def search(tracking: Tracking, registry: Registry, kind: str, asked: dict[str, Any]) -> list[str]:
    """Return the names of what is found."""
    text, order_by = asked["filter"], asked["order_by"]
    view = VIEWS[asked.get("view_type", "ACTIVE_ONLY")]
    if kind == "runs":
        found = tracking.search_runs(["0"], text, view, 1000, order_by)
        return [run.info.run_name for run in found]
    if kind == "experiments":
        found = tracking.search_experiments(view, 1000, text, order_by)
        return [each.name for each in found]
    if kind == "logged_models":
        found = tracking.search_logged_models(["0"], text, asked["datasets"], None, order_by)
        return [each.name for each in found]
    if kind == "registered_models":
        return [each.name for each in registry.search_registered_models(text, 100, order_by)]
    found = registry.search_model_versions(text, 100, order_by)
    return [f"{each.name} {each.version}" for each in found]


def main() -> None:
    """Make what is asked for, search it, and print what there was and what was found."""
    warnings.simplefilter("ignore")
    document = json.load(sys.stdin)
    tracking, registry = Tracking(sys.argv[1], "mlruns"), Registry(sys.argv[1])
    made: dict[str, Any] = {
        "runs": [make_run(tracking, run) for run in document["runs"]],
        "experiments": [make_experiment(tracking, each) for each in document["experiments"]],
        "registered_models": [make_registered(registry, each) for each in document["registered"]],
    }
    made["logged_models"] = [
        make_logged_model(tracking, each, made["runs"][0]) for each in document["logged_models"]
    ]
    found: dict[str, list[Any]] = {}
    for kind, searches in document["searches"].items():
        found[kind] = []
        for asked in searches:
            try:
                found[kind].append(search(tracking, registry, kind, asked))
            except Exception as error:  # noqa: BLE001 - some of its refusals are accidents
                found[kind].append(f"{type(error).__name__}: {error}")
    json.dump({"made": made, "found": found}, sys.stdout)


if __name__ == "__main__":
    main()
