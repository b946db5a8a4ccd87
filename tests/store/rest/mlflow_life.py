"""The whole life of experiments, runs and models, by MLflow's own client.

Run by the interpreter that has MLflow: `mlflow_life.py TRACKING_URI`. Prints a JSON object with
each scene and the traceback of how it failed, or null. Later scenes build on earlier ones.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from operator import eq, ge, gt, le, lt, ne
from pathlib import Path
from tempfile import TemporaryDirectory

# A status after which the client would try again ends a scene at once.
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"

import mlflow
import mlflow.sklearn
import numpy as np
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sklearn.linear_model import LogisticRegression

SCENES = []
ROWS = np.array([[0.0], [1.0], [2.0], [3.0]])


def scene(function):
    SCENES.append(function)
    return function


def refusal(call, *arguments, **named):
    """Return the error code with which the server refuses a call."""
    try:
        call(*arguments, **named)
    except MlflowException as error:
        return error.error_code
    raise AssertionError(f"{call.__name__} was not refused")


@scene
def experiments(client):
    first = client.create_experiment("first", tags={"team": "a"})
    client.set_experiment_tag(first, "owner", "alice")
    client.rename_experiment(first, "renamed")
    found = client.get_experiment_by_name("renamed")
    assert (found.experiment_id, found.tags) == (first, {"team": "a", "owner": "alice"})
    assert client.get_experiment_by_name("first") is None
    client.delete_experiment(first)
    assert client.get_experiment(first).lifecycle_stage == "deleted"
    assert first not in [one.experiment_id for one in client.search_experiments()]
    assert first in [e.experiment_id for e in client.search_experiments(ViewType.DELETED_ONLY)]
    client.restore_experiment(first)
    for filter_string, expected in {
        "name = 'renamed'": {"renamed"},
        "name LIKE 'ren%'": {"renamed"},
        "name ILIKE 'REN%'": {"renamed"},
        "name != 'renamed'": {"Default"},
        "tags.team = 'a'": {"renamed"},
        "tag.owner ILIKE 'AL%'": {"renamed"},
        "creation_time > 0 AND name = 'Default'": {"Default"},
    }.items():
        names = {one.name for one in client.search_experiments(filter_string=filter_string)}
        assert names == expected, filter_string
    ordered = client.search_experiments(order_by=["name ASC"], max_results=1)
    assert [one.name for one in ordered] == ["Default"]
    rest = client.search_experiments(order_by=["name ASC"], page_token=ordered.token)
    assert [one.name for one in rest] == ["renamed"]


@scene
def runs(client):
    mlflow.set_experiment("life")
    with mlflow.start_run(run_name="parent", tags={"t": "1"}, description="what it is") as parent:
        mlflow.log_param("depth", 3)
        mlflow.log_params({"rate": 0.1, "name": "äöü <script>"})
        mlflow.log_metric("loss", 0.5, step=0)
        mlflow.log_metric("loss", 0.25, step=1)
        mlflow.log_metrics({"nan": float("nan"), "inf": float("inf")}, step=2)
        mlflow.set_tags({"kind": "demo", "gone": "x"})
        mlflow.delete_tag("gone")
        mlflow.log_input(mlflow.data.from_numpy(ROWS, name="rows"), context="train")
        with mlflow.start_run(nested=True, run_name="child"):
            mlflow.log_metric("loss", 1.0)
    run = client.get_run(parent.info.run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "parent"
    assert run.data.params == {"depth": "3", "rate": "0.1", "name": "äöü <script>"}
    assert run.data.metrics["loss"] == 0.25
    assert np.isnan(run.data.metrics["nan"])
    assert run.data.metrics["inf"] == sys.float_info.max
    assert run.data.tags["kind"] == "demo"
    assert "gone" not in run.data.tags
    assert run.inputs.dataset_inputs[0].dataset.name == "rows"
    assert run.inputs.dataset_inputs[0].tags[0].value == "train"
    history = client.get_metric_history(parent.info.run_id, "loss")
    assert [(one.step, one.value) for one in history] == [(0, 0.5), (1, 0.25)]
    (child,) = client.search_runs(
        [run.info.experiment_id], f"tags.mlflow.parentRunId = '{parent.info.run_id}'"
    )
    assert child.info.run_name == "child"
    client.update_run(parent.info.run_id, name="renamed parent")
    assert client.get_run(parent.info.run_id).data.tags["mlflow.runName"] == "renamed parent"


@scene
def a_run_that_fails(client):
    try:
        with mlflow.start_run() as run:
            1 // 0  # noqa: B018 - it fails
    except ZeroDivisionError:
        pass
    found = client.get_run(run.info.run_id)
    assert found.info.status == "FAILED"
    assert found.info.run_name


@scene
def ten_thousand_metrics(client):
    run_id = client.create_run("0").info.run_id
    for start in range(0, 10_000, 1000):
        points = [Metric("m", i / 2, 1000 + i, i) for i in range(start, start + 1000)]
        client.log_batch(run_id, metrics=points)
    history = client.get_metric_history(run_id, "m")
    assert [(one.step, one.value) for one in history] == [(i, i / 2) for i in range(10_000)]
    assert client.get_run(run_id).data.metrics == {"m": 9999 / 2}
    names = [Metric(f"m{i}", i, 1, 0) for i in range(1000)]
    client.log_batch(run_id, metrics=names)
    assert len(client.get_run(run_id).data.metrics) == 1001
    client.log_batch(
        run_id, params=[Param(f"p{i}", str(i)) for i in range(100)],
        tags=[RunTag(f"t{i}", str(i)) for i in range(100)],
    )  # fmt: skip
    assert len(client.get_run(run_id).data.params) == 100


@scene
def artifacts(client):
    with TemporaryDirectory() as name, mlflow.start_run() as run:
        folder = Path(name)
        (folder / "sub").mkdir()
        (folder / "a.txt").write_text("a")
        (folder / "sub" / "b ä.bin").write_bytes(os.urandom(20_000_000))
        mlflow.log_text("hello", "texts/hello.txt")
        mlflow.log_dict({"a": [1]}, "a.json")
        mlflow.log_artifact(str(folder / "a.txt"))
        mlflow.log_artifacts(str(folder), "all")
        run_id = run.info.run_id
        listed = [(one.path, one.is_dir, one.file_size) for one in client.list_artifacts(run_id)]
        assert listed == [
            ("a.json", False, len(json.dumps({"a": [1]}, indent=2))),
            ("a.txt", False, 1),
            ("all", True, None),
            ("texts", True, None),
        ]
        assert client.list_artifacts(run_id, "a.txt") == []
        assert client.list_artifacts(run_id, "none") == []
        with TemporaryDirectory() as target:
            got = Path(client.download_artifacts(run_id, "all", target))
            sent = (folder / "sub" / "b ä.bin").read_bytes()
            assert (got / "sub" / "b ä.bin").read_bytes() == sent
        assert mlflow.artifacts.load_text(f"runs:/{run_id}/texts/hello.txt") == "hello"
        assert mlflow.artifacts.load_dict(f"{run.info.artifact_uri}/a.json") == {"a": [1]}


@scene
def log_and_register_a_model(client):
    model = LogisticRegression().fit(ROWS, [0, 0, 1, 1])
    with mlflow.start_run(run_name="trained") as run:
        mlflow.log_metric("auc", 0.9)
        first = mlflow.sklearn.log_model(
            model, name="model", registered_model_name="churn", input_example=ROWS
        )
        second = mlflow.sklearn.log_model(model, name="model2", registered_model_name="churn")
    versions = client.search_model_versions("name = 'churn'")
    assert [one.version for one in versions] == ["2", "1"]
    assert {one.status for one in versions} == {"READY"}
    assert {one.run_id for one in versions} == {run.info.run_id}
    assert {one.current_stage for one in versions} == {"None"}
    logged = client.get_logged_model(first.model_id)
    assert (logged.name, logged.status.name, logged.source_run_id) == (
        "model", "READY", run.info.run_id,
    )  # fmt: skip
    assert json.loads(logged.tags["mlflow.modelVersions"])[0]["name"] == "churn"
    outputs = client.get_run(run.info.run_id).outputs.model_outputs
    assert {one.model_id for one in outputs} == {first.model_id, second.model_id}
    third = mlflow.register_model(f"runs:/{run.info.run_id}/model", "churn")
    fourth = mlflow.register_model(f"models:/{second.model_id}", "churn")
    assert [third.version, fourth.version] == [3, 4] or [third.version, fourth.version] == [
        "3",
        "4",
    ]
    client.set_logged_model_tags(first.model_id, {"quality": "good"})
    assert client.get_logged_model(first.model_id).tags["quality"] == "good"
    client.delete_logged_model_tag(first.model_id, "quality")
    experiment = [run.info.experiment_id]
    for filter_string, expected in {
        "name = 'model'": {"model"},
        "name LIKE 'model%'": {"model", "model2"},
        f"source_run_id = '{run.info.run_id}' AND name != 'model'": {"model2"},
        "metrics.auc > 0.5": {"model", "model2"},
    }.items():
        found = client.search_logged_models(experiment, filter_string)
        assert {one.name for one in found} == expected, filter_string


@scene
def search_runs_with_every_operator(client):
    experiment = client.create_experiment("searched")
    values = {}
    for i in range(6):
        run = client.create_run(experiment, start_time=1000 + i, run_name=f"run-{i}")
        run_id = run.info.run_id
        values[run_id] = float(i)
        client.log_metric(run_id, "m", i, timestamp=1)
        client.log_metric(run_id, "a metric/with spaces", i, timestamp=1)
        client.log_param(run_id, "p", f"Value-{i}")
        client.set_tag(run_id, "t", "even" if i % 2 == 0 else "odd")
        if i < 3:
            client.set_terminated(run_id, "FINISHED" if i else "FAILED", end_time=5000 + i)
            client.set_tag(run_id, "early", "yes")

    def found(filter_string, **named):
        pages = client.search_runs([experiment], filter_string, **named)
        return [values[run.info.run_id] for run in pages]

    everything = [5.0, 4.0, 3.0, 2.0, 1.0, 0.0]  # the newest first
    for sign, operator in {">": gt, ">=": ge, "=": eq, "!=": ne, "<": lt, "<=": le}.items():
        assert found(f"metrics.m {sign} 3") == [v for v in everything if operator(v, 3)], sign
    ids = list(values)
    for filter_string, expected in {
        "metrics.`a metric/with spaces` > 4": [5],
        "metric.\"m\" > 4 and params.p = 'Value-5'": [5],
        "params.p = 'Value-2'": [2],
        "param.p != 'Value-2'": [5, 4, 3, 1, 0],
        "params.p LIKE 'Value%'": everything,
        "params.p LIKE '%-3'": [3],
        "params.p LIKE 'value-%'": [],
        "params.p ILIKE 'VALUE-1'": [1],
        "params.p LIKE 'Value_4'": [4],
        "tags.t = 'even'": [4, 2, 0],
        "tag.t != 'even'": [5, 3, 1],
        "tags.t LIKE '%d%'": [5, 3, 1],
        "tags.t ILIKE 'ODD' AND metrics.m < 4": [3, 1],
        "tags.early IS NULL": [5, 4, 3],
        "tags.early IS NOT NULL": [2, 1, 0],
        "params.none IS NULL": everything,
        "attributes.status = 'FINISHED'": [2, 1],
        "attribute.status != 'RUNNING'": [2, 1, 0],
        "status = 'FAILED'": [0],
        "attributes.run_name = 'run-3'": [3],
        "run_name LIKE 'run-%'": everything,
        "attributes.start_time > 1003": [5, 4],
        "attributes.end_time <= 5001": [1, 0],
        f"attributes.run_id IN ('{ids[1]}', '{ids[4]}')": [4, 1],
        f"attributes.run_id NOT IN ('{ids[1]}', '{ids[4]}')": [5, 3, 2, 0],
        f"run_id = '{ids[0]}'": [0],
        f"artifact_uri LIKE '%{ids[2]}%'": [2],
        "attributes.user_id != 'nobody at all'": everything,
        "metrics.m > 1 AND metrics.m < 4 AND tags.t = 'odd'": [3],
        "tags.t = 'it''s'": [],
        "": everything,
    }.items():
        assert found(filter_string) == expected, filter_string
    for order_by, expected in {
        "metrics.m ASC": everything[::-1],
        "metrics.m DESC": everything,
        "params.p": everything[::-1],
        "attributes.start_time DESC": everything,
        "attributes.status ASC": [0, 2, 1, 5, 4, 3],
        "tags.early": [2, 1, 0, 5, 4, 3],
    }.items():
        assert found("", order_by=[order_by]) == expected, order_by
    token, pages = None, []
    while token != "":
        page = client.search_runs([experiment], max_results=4, page_token=token)
        pages.append([values[run.info.run_id] for run in page])
        token = page.token or ""
    assert pages == [everything[:4], everything[4:]]
    frame = mlflow.search_runs([experiment], "metrics.m >= 4", order_by=["metrics.m"])
    assert frame["metrics.m"].tolist() == [4.0, 5.0]
    assert frame["params.p"].tolist() == ["Value-4", "Value-5"]
    assert refusal(client.search_runs, [experiment], "nonsense") == "INVALID_PARAMETER_VALUE"
    assert refusal(client.search_runs, [experiment], "metrics.m ~ 1") == "INVALID_PARAMETER_VALUE"


@scene
def search_by_datasets(client):
    for filter_string, expected in {
        "datasets.name = 'rows'": 1,
        "dataset.name LIKE 'ro%'": 1,
        "datasets.context = 'train'": 1,
        "datasets.context IN ('test', 'other')": 0,
        "datasets.digest != 'x'": 1,
    }.items():
        experiment = client.get_experiment_by_name("life").experiment_id
        assert len(client.search_runs([experiment], filter_string)) == expected, filter_string


@scene
def stages(client):
    moved = client.transition_model_version_stage("churn", "1", "Production")
    assert moved.current_stage == "Production"
    client.transition_model_version_stage("churn", "2", "Staging")
    moved = client.transition_model_version_stage(
        "churn", "3", "production", archive_existing_versions=True
    )
    assert moved.current_stage == "Production"
    assert client.get_model_version("churn", "1").current_stage == "Archived"
    latest = {one.current_stage: one.version for one in client.get_latest_versions("churn")}
    assert latest == {"None": "4", "Staging": "2", "Production": "3", "Archived": "1"}
    assert [v.version for v in client.get_latest_versions("churn", ["Staging"])] == ["2"]
    code = refusal(client.transition_model_version_stage, "churn", "1", "nowhere")
    assert code == "INVALID_PARAMETER_VALUE"


@scene
def aliases(client):
    client.set_registered_model_alias("churn", "champion", "1")
    client.set_registered_model_alias("churn", "champion", "2")
    client.set_registered_model_alias("churn", "challenger", 4)
    assert client.get_model_version_by_alias("churn", "champion").version == "2"
    assert client.get_registered_model("churn").aliases == {"champion": "2", "challenger": "4"}
    assert client.get_model_version("churn", "2").aliases == ["champion"]
    client.delete_registered_model_alias("churn", "challenger")
    code = refusal(client.get_model_version_by_alias, "churn", "challenger")
    assert code == "INVALID_PARAMETER_VALUE"


@scene
def tags_and_descriptions(client):
    client.set_registered_model_tag("churn", "team", "a")
    client.set_model_version_tag("churn", "1", "checked", "yes")
    client.set_model_version_tag("churn", stage="Staging", key="by", value="stage")
    client.update_registered_model("churn", "who leaves")
    client.update_model_version("churn", "1", "the first")
    model = client.get_registered_model("churn")
    assert (model.tags, model.description) == ({"team": "a"}, "who leaves")
    version = client.get_model_version("churn", "1")
    assert (version.tags, version.description) == ({"checked": "yes"}, "the first")
    assert client.get_model_version("churn", "2").tags == {"by": "stage"}
    client.delete_registered_model_tag("churn", "team")
    client.delete_model_version_tag("churn", "1", "checked")
    assert client.get_registered_model("churn").tags == {}
    assert client.get_model_version("churn", "1").tags == {}


@scene
def search_the_registry(client):
    client.create_registered_model("another", tags={"k": "V"}, description="d")
    for filter_string, expected in {
        "name = 'churn'": {"churn"},
        "name != 'churn'": {"another"},
        "name LIKE 'ch%'": {"churn"},
        "name ILIKE 'ANO%'": {"another"},
        "tags.k = 'V'": {"another"},
        "tag.k ILIKE 'v'": {"another"},
        "": {"another", "churn"},
    }.items():
        names = {one.name for one in client.search_registered_models(filter_string)}
        assert names == expected, filter_string
    page = client.search_registered_models(max_results=1, order_by=["name DESC"])
    assert [one.name for one in page] == ["churn"]
    page = client.search_registered_models(
        max_results=1, order_by=["name DESC"], page_token=page.token
    )
    assert [one.name for one in page] == ["another"]
    client.set_model_version_tag("churn", "2", "k", "v")
    run_id = client.get_model_version("churn", "1").run_id
    source = client.get_model_version("churn", "1").source
    for filter_string, expected in {
        "name = 'churn' and version_number = 2": {"2"},
        "name = 'churn' and version_number > 2": {"3", "4"},
        f"run_id = '{run_id}'": {"1", "2", "3", "4"},
        f"run_id IN ('{run_id}', 'x')": {"1", "2", "3", "4"},
        f"source_path = '{source}' and version_number = 1": {"1"},
        "tags.k = 'v'": {"2"},
        "name LIKE 'CH%'": set(),
    }.items():
        found = {one.version for one in client.search_model_versions(filter_string)}
        assert found == expected, filter_string
    ordered = client.search_model_versions("name = 'churn'", order_by=["version_number ASC"])
    assert [one.version for one in ordered] == ["1", "2", "3", "4"]


@scene
def load_models_by_every_reference(client):
    version = client.get_model_version("churn", "1")
    logged = client.search_logged_models(
        [client.get_experiment_by_name("life").experiment_id], "name = 'model'"
    )[0]
    for reference in (
        "models:/churn/1",
        "models:/churn/Production",
        "models:/churn/staging",
        "models:/churn@champion",
        "models:/churn/latest",
        f"models:/{logged.model_id}",
        f"runs:/{version.run_id}/model",
    ):
        model = mlflow.pyfunc.load_model(reference)
        assert model.predict(ROWS).tolist() == [0, 0, 1, 1], reference
    assert refusal(mlflow.pyfunc.load_model, "models:/churn/99") == "RESOURCE_DOES_NOT_EXIST"
    assert refusal(mlflow.pyfunc.load_model, "models:/none/1") == "RESOURCE_DOES_NOT_EXIST"


@scene
def delete_and_restore(client):
    run_id = client.search_runs(
        [client.get_experiment_by_name("searched").experiment_id], max_results=1
    )[0].info.run_id
    client.delete_run(run_id)
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    assert refusal(client.log_metric, run_id, "m", 1.0) == "INVALID_PARAMETER_VALUE"
    client.restore_run(run_id)
    client.log_metric(run_id, "m", 1.0)
    client.delete_model_version("churn", "4")
    assert refusal(client.get_model_version, "churn", "4") == "RESOURCE_DOES_NOT_EXIST"
    client.rename_registered_model("another", "renamed model")
    client.delete_registered_model("renamed model")
    assert refusal(client.get_registered_model, "renamed model") == "RESOURCE_DOES_NOT_EXIST"
    made = client.create_logged_model("0", name="external")
    client.finalize_logged_model(made.model_id, "READY")
    client.delete_logged_model(made.model_id)
    assert refusal(client.get_logged_model, made.model_id) == "RESOURCE_DOES_NOT_EXIST"


@scene
def mistakes_are_told_at_once(client):
    run_id = client.create_run("0").info.run_id
    client.log_param(run_id, "a", "1")
    too_long = "x" * 300
    for call, arguments, code in (
        (client.log_param, (run_id, "a", "2"), "INVALID_PARAMETER_VALUE"),
        (client.log_param, (run_id, "", "2"), "INVALID_PARAMETER_VALUE"),
        (client.log_param, (run_id, too_long, "2"), "INVALID_PARAMETER_VALUE"),
        (client.set_tag, (run_id, "a\0b", "x"), "INVALID_PARAMETER_VALUE"),
        (client.log_metric, (run_id, "m/../n", 1.0), "INVALID_PARAMETER_VALUE"),
        (client.get_run, ("none",), "RESOURCE_DOES_NOT_EXIST"),
        (client.get_experiment, ("999",), "RESOURCE_DOES_NOT_EXIST"),
        (client.create_experiment, ("life",), "RESOURCE_ALREADY_EXISTS"),
        (client.create_registered_model, ("churn",), "RESOURCE_ALREADY_EXISTS"),
        (client.create_registered_model, ("a/b",), "INVALID_PARAMETER_VALUE"),
        (client.create_model_version, ("churn", "/etc/passwd"), "INVALID_PARAMETER_VALUE"),
        (client.create_model_version, ("churn", "file:///etc"), "INVALID_PARAMETER_VALUE"),
        (client.set_registered_model_alias, ("churn", "latest", "1"), "INVALID_PARAMETER_VALUE"),
        (client.set_registered_model_alias, ("churn", "v1", "1"), "INVALID_PARAMETER_VALUE"),
    ):
        assert refusal(call, *arguments) == code, (call.__name__, arguments[1:2])


def main() -> None:
    mlflow.set_tracking_uri(sys.argv[1])
    client = MlflowClient()
    outcomes = {}
    for one in SCENES:
        try:
            one(client)
        except BaseException:  # noqa: BLE001 - the scene's failure is its outcome
            outcomes[one.__name__] = traceback.format_exc()
        else:
            outcomes[one.__name__] = None
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main()
