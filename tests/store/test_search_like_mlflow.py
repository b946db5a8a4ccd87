"""Searches find what a real MLflow finds in the same data, in its order, and refuse the rest."""

from __future__ import annotations

import json
import subprocess
from math import copysign, isinf
from pathlib import Path

import pytest
from mlserve.store.entities import Tag
from mlserve.store.errors import InvalidParameter
from mlserve.store.registry_operations import (
    CREATE_REGISTERED_MODEL,
    SEARCH_MODEL_VERSIONS,
    SEARCH_REGISTERED_MODELS,
)
from mlserve.store.registry_requests import (
    CreateRegisteredModel,
    SearchModelVersions,
    SearchRegisteredModels,
)
from mlserve.store.tables import (
    experiment_tags,
    experiments,
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
    model_version_tags,
    model_versions,
    registered_models,
)
from mlserve.store.tracking_operations import (
    SEARCH_EXPERIMENTS,
    SEARCH_LOGGED_MODELS,
    SEARCH_RUNS,
)
from mlserve.store.tracking_requests import (
    DatasetChoice,
    LoggedModelOrder,
    SearchExperiments,
    SearchLoggedModels,
    SearchRuns,
)
from sqlalchemy import delete, insert, update

from .search_cases import EXPERIMENTS, LOGGED_MODELS, REGISTERED, RUNS, SEARCHES
from .searching import Made, write_runs
from .tracking import LARGEST

PROGRAM = Path(__file__).parent / "mlflow_searches.py"


@pytest.fixture(scope="module")
def mlflow_answers(mlflow_python, tmp_path_factory):
    """What MLflow made and found."""
    folder = tmp_path_factory.mktemp("mlflow-searches")
    document = {
        "runs": RUNS,
        "experiments": EXPERIMENTS,
        "logged_models": LOGGED_MODELS,
        "registered": REGISTERED,
        "searches": SEARCHES,
    }
    done = subprocess.run(
        [mlflow_python, PROGRAM, f"sqlite:///{folder / 'mlflow.db'}"],
        input=json.dumps(document), capture_output=True, text=True, timeout=300, check=True,
        cwd=folder,
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def filled_store(shared_store, mlflow_answers):
    """A store that holds what MLflow made, with its ids and times."""
    store = shared_store
    made = mlflow_answers["made"]
    with store.database.write() as connection:
        connection.execute(delete(experiments))
    insert_rows(store, rows_of_experiments(made["experiments"]))
    runs = [
        Made(**fields, run_id=run_id) for fields, run_id in zip(RUNS, made["runs"], strict=True)
    ]
    for run in runs:
        run.metrics = {key: clamp(value) for key, value in run.metrics.items()}
    write_runs(store, runs)
    insert_rows(store, rows_of_versions(store, made["registered_models"]))
    insert_rows(store, rows_of_logged_models(made["logged_models"], made["runs"][0]))
    return store


def insert_rows(store, rows) -> None:
    with store.database.write() as connection:
        for table, values in rows.items():
            connection.execute(insert(table), values)


def clamp(value: float) -> float:
    return copysign(LARGEST, value) if isinf(value) else value


def pairs(owner: dict, values: dict) -> list[dict]:
    return [{**owner, "key": key, "value": value} for key, value in values.items()]


def rows_of_experiments(made) -> dict:
    rows = {experiments: [], experiment_tags: []}
    for fields, (number, created, updated) in zip(EXPERIMENTS, made, strict=True):
        owner = {"experiment_id": number}
        rows[experiment_tags] += pairs(owner, fields["tags"])
        rows[experiments].append(
            {**owner, "name": fields["name"], "lifecycle_stage": fields["lifecycle_stage"],
             "artifact_location": "", "creation_time": created, "last_update_time": updated}
        )  # fmt: skip
    return rows


def rows_of_logged_models(made, run_id) -> dict:
    tables = logged_models, logged_model_params, logged_model_tags, logged_model_metrics
    rows = {table: [] for table in tables}
    for fields, (model_id, created, updated) in zip(LOGGED_MODELS, made, strict=True):
        owner = {"model_id": model_id}
        rows[logged_model_params] += pairs(owner, fields["params"])
        rows[logged_model_tags] += pairs(owner, fields["tags"])
        rows[logged_models].append(
            {**owner, "experiment_id": 0, "name": fields["name"], "artifact_uri": "",
             "creation_time": created, "last_update_time": updated,
             "status": "LOGGED_MODEL_PENDING", "model_type": fields["model_type"],
             "lifecycle_stage": "active"}
        )  # fmt: skip
        rows[logged_model_metrics] += [
            {**owner, "key": key, "value": value, "is_nan": False, "timestamp": timestamp,
             "step": step, "run_id": run_id, "dataset_name": name or "",
             "dataset_digest": digest or ""}
            for key, value, timestamp, step, name, digest in fields["metrics"]
        ]  # fmt: skip
    return rows


def rows_of_versions(store, made) -> dict:
    """Make the registered models, and return the rows of their versions."""
    rows = {model_versions: [], model_version_tags: []}
    for fields, (created, updated, times) in zip(REGISTERED, made, strict=True):
        tags = [Tag(*pair) for pair in fields["tags"].items()]
        CREATE_REGISTERED_MODEL.run(store, CreateRegisteredModel(fields["name"], tags))
        is_it = registered_models.c.name == fields["name"]
        with store.database.write() as connection:
            new = {"creation_time": created, "last_update_time": updated}
            connection.execute(update(registered_models).where(is_it).values(new))
        for i, (version, (first, last)) in enumerate(zip(fields["versions"], times, strict=True)):
            key = {"name": fields["name"], "version": i + 1}
            rows[model_version_tags] += pairs(key, version["tags"])
            rows[model_versions].append(
                {**key, "creation_time": first, "last_update_time": last, "description": "",
                 "stage": "None", "source": version["source"], "storage_uri": version["source"],
                 "run_id": version["run_id"], "run_link": "", "status": "READY"}
            )  # fmt: skip
    return rows


def find(store, kind: str, asked: dict) -> list[str]:
    """Return the names of what is found here."""
    text, order_by, view = asked["filter"], asked["order_by"], asked.get("view_type")
    if kind == "runs":
        request = SearchRuns(["0"], filter=text, order_by=order_by, run_view_type=view)
        return [run.info.run_name for run in SEARCH_RUNS.run(store, request).runs]
    if kind == "experiments":
        request = SearchExperiments(filter=text, order_by=order_by, view_type=view)
        return [each.name for each in SEARCH_EXPERIMENTS.run(store, request).experiments]
    if kind == "logged_models":
        datasets = [
            DatasetChoice(**{"dataset_name": "", **each}) for each in asked["datasets"] or []
        ]
        orders = [LoggedModelOrder(**each) for each in order_by]
        request = SearchLoggedModels(["0"], filter=text, order_by=orders, datasets=datasets)
        return [each.info.name for each in SEARCH_LOGGED_MODELS.run(store, request).models]
    if kind == "registered_models":
        request = SearchRegisteredModels(filter=text, order_by=order_by)
        found = SEARCH_REGISTERED_MODELS.run(store, request).registered_models
        return [each.name for each in found]
    request = SearchModelVersions(filter=text, order_by=order_by)
    found = SEARCH_MODEL_VERSIONS.run(store, request).model_versions
    return [f"{each.name} {each.version}" for each in found]


@pytest.mark.parametrize("kind", SEARCHES)
def test_searches_find_what_mlflow_finds(filled_store, mlflow_answers, kind):
    differences = []
    for asked, theirs in zip(SEARCHES[kind], mlflow_answers["found"][kind], strict=True):
        try:
            ours = find(filled_store, kind, asked)
        except InvalidParameter as error:
            ours = str(error)
        is_refused = isinstance(theirs, str)
        if ours != theirs and not (is_refused and isinstance(ours, str)):
            differences.append((asked, ours, theirs))
    assert differences == []
