"""A model in a real MLflow server, made by the real client: a program for its interpreter.

    mlflow_models.py TRACKING_URI

It logs and registers a model twice, gives the versions a stage and an alias, and prints the ids as
one line of JSON.
"""

from __future__ import annotations

import json
import sys
import warnings

import mlflow
import numpy as np
from mlflow.tracking import MlflowClient
from sklearn.linear_model import LinearRegression


def main() -> None:
    warnings.simplefilter("ignore")  # stages are deprecated there
    mlflow.set_tracking_uri(sys.argv[1])
    client = MlflowClient()
    model = LinearRegression().fit(np.array([[0.0], [1.0]]), [0.0, 2.0])
    ids = []
    for _ in range(2):
        with mlflow.start_run() as run:
            info = mlflow.sklearn.log_model(
                model, name="model", registered_model_name="line", input_example=np.array([[3.0]])
            )
            mlflow.log_dict({"flavors": {}}, "folder/MLmodel")
            ids.append({"run": run.info.run_id, "model": info.model_id})
    client.transition_model_version_stage("line", "1", "Production")
    client.set_registered_model_alias("line", "champion", "2")
    client.create_registered_model("empty")
    print(json.dumps(ids))


if __name__ == "__main__":
    main()
