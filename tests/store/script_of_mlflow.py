"""A script of MLflow's users; run as ``script_of_mlflow.py MODULE NAME``, it prints what it found.

``MODULE`` is what it takes for mlflow. What a server, a clock or chance makes up is left out.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

mlflow = importlib.import_module(sys.argv[1])
name = sys.argv[2]
facts: dict[str, object] = {}


def told(function, *args, **kwargs):
    """Return the beginning of the error's message."""
    try:
        function(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - any is of interest here
        return str(error).removeprefix("INVALID_PARAMETER_VALUE: ").replace(name, "NAME")[:50]
    return None


experiment = mlflow.set_experiment(name)
number = experiment.experiment_id
facts["experiment"] = [experiment.name, experiment.lifecycle_stage]
facts["again"] = mlflow.set_experiment(name).experiment_id == number
facts["by id"] = mlflow.set_experiment(experiment_id=number).name
facts["no experiment"] = mlflow.get_experiment_by_name(f"{name}-none")
facts["inactive"] = [mlflow.active_run(), mlflow.last_active_run()]
facts["two experiments"] = told(mlflow.set_experiment, name, number)

with mlflow.start_run(run_name="outer", tags={"a": "1"}, description="why") as outer:
    run_id = outer.info.run_id
    facts["active"] = mlflow.active_run().info.run_id == run_id
    facts["param"] = mlflow.log_param("depth", 3)
    mlflow.log_params({"rate": 0.1, "kind": "tree", "none": None})
    facts["metric"] = mlflow.log_metric("loss", 0.5)
    mlflow.log_metric("loss", np.float32(0.25), step=1)
    mlflow.log_metric("loss", float("nan"), step=2)
    mlflow.log_metrics({"auc": 0.75, "f1": 1}, step=2)
    mlflow.log_metric("later", 1, timestamp=5, synchronous=False).wait()
    mlflow.set_tag("b", [1, 2])
    mlflow.set_tags({"c": 1.5, "d": None})
    mlflow.delete_tag("a")
    mlflow.log_text("hello", "texts/a.txt")
    mlflow.log_dict({"k": [1, 2]}, "d.json")
    mlflow.log_dict({"k": [1, 2]}, "d.yaml")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "f.bin")
        file.write_bytes(b"123")
        mlflow.log_artifact(file)
        mlflow.log_artifact(str(file), "deep/er")
        mlflow.log_artifacts(folder, "all")
    with mlflow.start_run(nested=True, run_name="inner") as inner:
        mlflow.log_metric("loss", 2)
        facts["parent"] = mlflow.get_parent_run(inner.info.run_id).info.run_id == run_id
    facts["changed"] = told(mlflow.log_param, "depth", 4)
    facts["second run"] = told(mlflow.start_run).replace(run_id, "ID")
    facts["uri"] = mlflow.get_artifact_uri("x").endswith(f"{run_id}/artifacts/x")
    mlflow.log_metric("loss", 3, run_id=inner.info.run_id)
facts["ended"] = [mlflow.active_run(), mlflow.last_active_run().info.run_id == run_id]

run = mlflow.get_run(run_id)
facts["run"] = [run.info.status, run.info.run_name, run.data.params]
facts["metrics"] = {key: str(value) for key, value in run.data.metrics.items()}
facts["tags"] = {key: value for key, value in run.data.tags.items() if "git" not in key}
facts["inner tags"] = sorted(tag for tag in mlflow.get_run(inner.info.run_id).data.tags)
facts["timed"] = run.info.end_time >= run.info.start_time > 1_600_000_000_000

client = mlflow.MlflowClient()
points = client.get_metric_history(run_id, "loss")
facts["history"] = [(point.key, point.step, str(point.value)) for point in points]
(point,) = client.get_metric_history(run_id, "later")
facts["later"] = [point.timestamp, point.step]
facts["files"] = [(f.path, f.is_dir, f.file_size) for f in client.list_artifacts(run_id)]
facts["deep"] = [f.path for f in client.list_artifacts(run_id, "deep")]
facts["json"] = json.loads(Path(client.download_artifacts(run_id, "d.json")).read_text())
facts["yaml"] = Path(client.download_artifacts(run_id, "d.yaml")).read_text()

with mlflow.start_run(run_id=run_id, tags={"e": "1"}, description="because"):
    facts["resumed"] = mlflow.get_run(run_id).info.status
    mlflow.log_metric("more", 1)
facts["described"] = mlflow.get_run(run_id).data.tags["mlflow.note.content"]
try:
    with mlflow.start_run(run_name="failed") as failed:
        raise KeyError  # noqa: TRY301
except KeyError:
    facts["failed"] = mlflow.get_run(failed.info.run_id).info.status
os.environ["MLFLOW_RUN_ID"] = inner.info.run_id
with mlflow.start_run() as resumed:
    same = resumed.info.run_id == inner.info.run_id
    facts["by environment"] = [same, "MLFLOW_RUN_ID" in os.environ]
facts["described twice"] = told(
    mlflow.start_run, tags={"mlflow.note.content": "a"}, description="b"
)
mlflow.log_metric("opens", 1)
facts["opened"] = mlflow.active_run().info.experiment_id == number
mlflow.end_run("KILLED")
mlflow.end_run()
facts["killed"] = mlflow.last_active_run().info.status

frame = mlflow.search_runs(order_by=["attributes.start_time ASC"])
facts["columns"] = sorted(c for c in frame.columns if "git" not in c)
facts["dtypes"] = {k: str(t) for k, t in sorted(frame.dtypes.items()) if "git" not in k}
for column in ("status", "metrics.auc", "metrics.loss", "params.depth", "tags.e"):
    facts[f"column {column}"] = [str(cell) for cell in frame[column]]
times = [str(frame[column].iloc[0])[-6:] for column in ("start_time", "end_time")]
facts["times"] = times
found = mlflow.search_runs(filter_string="metrics.auc > 0.7", output_format="list")
facts["list"] = [run.info.run_name for run in found]
facts["nothing"] = mlflow.search_runs(filter_string="metrics.auc > 7").shape
facts["first"] = len(mlflow.search_runs(max_results=2))
facts["by name"] = len(mlflow.search_runs(experiment_names=[name]))
facts["both"] = told(mlflow.search_runs, [number], experiment_names=[name])
facts["format"] = told(mlflow.search_runs, output_format="table")
found = mlflow.search_experiments(filter_string=f"name = '{name}'")
facts["experiments"] = [one.name for one in found]
mlflow.set_experiment_tag("team", 1)
mlflow.set_experiment_tags({"size": 2, "gone": 3})
mlflow.delete_experiment_tag("gone")
facts["experiment tags"] = dict(mlflow.get_experiment(number).tags)

with mlflow.start_run() as run:
    mlflow.log_text("flavors: {}", "model/MLmodel")
uri = f"runs:/{run.info.run_id}/model"
version = mlflow.register_model(uri, name, tags={"t": 1})
facts["version"] = [version.name, str(version.version), version.tags, version.status]
facts["of the run"] = version.run_id == run.info.run_id
facts["second"] = str(mlflow.register_model(uri, name).version)
facts["no model"] = told(mlflow.register_model, f"{uri}-none", name)
query = f"name = '{name}'"
facts["models"] = [one.name for one in mlflow.search_registered_models(filter_string=query)]
found = mlflow.search_model_versions(filter_string=query)
facts["versions"] = sorted(str(one.version) for one in found)
mlflow.set_model_version_tag(name, "1", "live", "yes")
facts["version tags"] = client.get_model_version(name, "1").tags

mlflow.delete_run(run.info.run_id)
facts["deleted"] = mlflow.get_run(run.info.run_id).info.lifecycle_stage
facts["resumed though deleted"] = told(mlflow.start_run, run.info.run_id) is not None
mlflow.delete_experiment(number)
facts["of a deleted experiment"] = told(mlflow.set_experiment, name)
print("FACTS", json.dumps(facts, indent=1).replace(name, "NAME"))
