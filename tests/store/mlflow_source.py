"""An MLflow with something of everything, made by the real client: a program for its interpreter.

    mlflow_source.py TRACKING_URI

It prints one line of JSON: what the client reads back, and what the model in Production predicts.
"""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.entities import Metric
from read_back import read_back
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

ROWS = [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]]
COLUMNS = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]


def make(uri: str) -> list[Any]:
    """Fill the MLflow at ``uri``, and return what its model in Production predicts."""
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient()
    features, species = load_iris(return_X_y=True, as_frame=True)
    model = LogisticRegression(max_iter=500).fit(features, species)
    mlflow.set_experiment("churn")
    mlflow.set_experiment_tag("team", "growth")
    with mlflow.start_run(run_name="parent", description="the first") as parent:
        mlflow.log_params({"depth": 3, "näme": "ü" * 300})
        mlflow.log_metrics({"nan": float("nan"), "inf": float("inf"), "low": -float("inf")})
        for start in (0, 1000):
            points = [Metric("loss", 1 / (i + 1), 1000 + i, i) for i in range(start, start + 1000)]
            client.log_batch(parent.info.run_id, metrics=points)
        data = mlflow.data.from_pandas(features.head(5), name="iris")
        mlflow.log_input(data, context="training", tags={"split": "a"})
        mlflow.log_text("hello", "notes/a.txt")
        log_in_run(mlflow, client, parent, model)
        with mlflow.start_run(nested=True, run_name="child"):
            for _ in range(3):
                info = mlflow.sklearn.log_model(
                    model, name="model", registered_model_name="churn",
                    params={"solver": "lbfgs"}, input_example=features.head(2),
                )  # fmt: skip
                mlflow.log_metric("acc", 0.9, model_id=info.model_id, dataset=data)
            client.delete_logged_model(info.model_id)
    with mlflow.start_run(run_name="mistake") as mistake:
        mlflow.log_param("depth", 1)
    client.delete_run(mistake.info.run_id)
    client.create_run("0", run_name="unfinished")
    client.delete_experiment(client.create_experiment("gone", tags={"a": "b"}))
    register(client)
    found = mlflow.pyfunc.load_model("models:/churn/Production")
    return found.predict(pd.DataFrame(ROWS, columns=COLUMNS)).tolist()


def log_in_run(mlflow: Any, client: Any, run: Any, model: Any) -> None:
    """Log a model among the artifacts of a run, as MLflow 2 did, and register it."""
    with tempfile.TemporaryDirectory() as folder:
        mlflow.sklearn.save_model(model, Path(folder) / "old")
        mlflow.log_artifacts(folder)
    client.create_registered_model("old", description="of a run")
    client.create_model_version("old", f"{run.info.artifact_uri}/old", run.info.run_id)


def register(client: Any) -> None:
    """Give the versions of "churn" stages, aliases and tags, and delete one."""
    client.transition_model_version_stage("churn", 1, "Production")
    client.transition_model_version_stage("churn", 2, "Staging")
    client.set_registered_model_alias("churn", "champion", 1)
    client.set_registered_model_alias("churn", "challenger", 2)
    client.set_registered_model_tag("churn", "team", "growth")
    client.set_model_version_tag("churn", "1", "checked", "yes")
    client.update_registered_model("churn", "who leaves")
    client.update_model_version("churn", "1", "the first")
    client.delete_model_version("churn", "3")
    client.copy_model_version("models:/churn/1", "copied")


def main() -> None:
    warnings.simplefilter("ignore")
    predictions = make(sys.argv[1])
    print(json.dumps({"there": read_back(mlflow.MlflowClient()), "predictions": predictions}))


if __name__ == "__main__":
    main()
