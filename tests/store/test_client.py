"""The client's methods, on every way to a store: two databases, our server and MLflow's."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
import yaml
from mlserve import MlserveClient
from mlserve.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelOutput,
    Metric,
    Param,
    RunTag,
    ViewType,
)
from mlserve.store.connections import shared
from mlserve.store.errors import (
    AlreadyExists,
    InvalidParameter,
    InvalidState,
    NotFound,
    ServerRefused,
)

from .servers import running_mlserve

LARGEST = 1.7976931348623157e308
OURS = ["sqlite", "postgresql", "mlserve_server"]


@pytest.fixture(params=[*OURS, "mlflow_server"])
def tracking_uri(request, tmp_path) -> str:
    return find_uri(request, tmp_path)


def find_uri(request, tmp_path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    if request.param == "postgresql":
        return request.getfixturevalue("new_postgres_uri")
    return request.getfixturevalue(request.param)


@pytest.fixture
def client(tracking_uri):
    yield MlserveClient(tracking_uri)
    shared().close()


@pytest.fixture
def name():
    """A name that no other test has: some share a server."""
    return f"n-{uuid4().hex}"


@pytest.fixture
def experiment_id(client, name):
    return client.create_experiment(name)


@pytest.fixture
def run_id(client, experiment_id):
    return client.create_run(experiment_id).info.run_id


class TestExperiments:
    def test_an_experiment_is_what_it_was_made_as(self, client, name):
        number = client.create_experiment(name, tags={"team": "blue", "size": 3})
        found = client.get_experiment(number)
        assert (found.experiment_id, found.name, found.lifecycle_stage) == (number, name, "active")
        assert found.tags == {"team": "blue", "size": "3"}
        assert found.artifact_location.endswith(f"/{number}")
        assert client.get_experiment_by_name(name) == found

    def test_a_name_that_is_taken_is_refused(self, client, name):
        client.create_experiment(name)
        with pytest.raises(AlreadyExists, match=name):
            client.create_experiment(name)

    def test_a_name_that_is_not_there_is_none(self, client, name):
        assert client.get_experiment_by_name(name) is None

    def test_an_id_that_is_not_there_is_an_error(self, client):
        with pytest.raises(NotFound, match="987654321"):
            client.get_experiment("987654321")

    def test_an_experiment_is_renamed(self, client, experiment_id, name):
        client.rename_experiment(experiment_id, f"{name}-2")
        assert client.get_experiment(experiment_id).name == f"{name}-2"

    def test_a_deleted_experiment_is_restored(self, client, experiment_id):
        client.delete_experiment(experiment_id)
        assert client.get_experiment(experiment_id).lifecycle_stage == "deleted"
        client.restore_experiment(experiment_id)
        assert client.get_experiment(experiment_id).lifecycle_stage == "active"

    def test_tags_are_set_and_deleted(self, client, experiment_id):
        client.set_experiment_tag(experiment_id, "a", 1)
        client.set_experiment_tag(experiment_id, "b", "x")
        client.delete_experiment_tag(experiment_id, "a")
        assert client.get_experiment(experiment_id).tags == {"b": "x"}

    def test_a_search_finds_by_name_and_view(self, client, experiment_id, name):
        query = f"name = '{name}'"
        (found,) = client.search_experiments(filter_string=query)
        assert found.experiment_id == experiment_id
        client.delete_experiment(experiment_id)
        assert client.search_experiments(filter_string=query) == []
        assert len(client.search_experiments(ViewType.DELETED_ONLY, filter_string=query)) == 1

    def test_a_search_comes_in_pages(self, client, name):
        numbers = [client.create_experiment(f"{name}-{i}") for i in range(3)]
        query, order = f"name LIKE '{name}%'", ["name ASC"]
        first = client.search_experiments(max_results=2, filter_string=query, order_by=order)
        rest = client.search_experiments(
            max_results=2, filter_string=query, order_by=order, page_token=first.token
        )
        assert [one.experiment_id for one in [*first, *rest]] == numbers
        assert rest.token is None


class TestRuns:
    def test_a_run_is_what_it_was_made_as(self, client, experiment_id):
        made = client.create_run(
            experiment_id, start_time=123, tags={"mlflow.user": "ada", "n": 1}, run_name="first"
        )
        found = client.get_run(made.info.run_id)
        assert found.info == made.info
        assert (found.info.experiment_id, found.info.status) == (experiment_id, "RUNNING")
        assert (found.info.run_name, found.info.user_id) == ("first", "ada")
        assert (found.info.start_time, found.info.end_time) == (123, None)
        assert found.info.lifecycle_stage == "active"
        assert found.info.artifact_uri.endswith(f"/{experiment_id}/{made.info.run_id}/artifacts")
        assert found.data.tags == {"mlflow.user": "ada", "n": "1", "mlflow.runName": "first"}

    def test_a_run_without_a_name_gets_one(self, client, experiment_id):
        assert client.create_run(experiment_id).info.run_name

    def test_what_is_logged_is_read_as_dicts(self, client, run_id):
        client.log_metric(run_id, "loss", 0.5)
        client.log_param(run_id, "depth", 3)
        client.set_tag(run_id, "team", "blue")
        data = client.get_run(run_id).data
        assert data.metrics == {"loss": 0.5}
        assert data.params == {"depth": "3"}
        assert data.tags["team"] == "blue"

    def test_a_param_is_returned_as_it_was_given(self, client, run_id):
        assert client.log_param(run_id, "depth", 3) == 3

    def test_a_param_with_an_empty_value_is_kept(self, client, run_id):
        client.log_param(run_id, "nothing", "")
        assert client.get_run(run_id).data.params == {"nothing": ""}

    def test_a_param_keeps_its_first_value(self, client, run_id):
        client.log_param(run_id, "depth", 3)
        client.log_param(run_id, "depth", 3)
        with pytest.raises(InvalidParameter, match="Changing param values is not allowed"):
            client.log_param(run_id, "depth", 4)

    @pytest.mark.parametrize(
        "value", [np.float32(0.5), np.int64(2), np.array([2.5]), np.bool_(True), True, 3]
    )
    def test_whatever_is_a_number_is_a_value(self, client, run_id, value):
        client.log_metric(run_id, "m", value, step=np.int32(2))
        (point,) = client.get_metric_history(run_id, "m")
        assert (point.value, point.step) == (float(np.asarray(value).item()), 2)

    @pytest.mark.parametrize(
        ("value", "kept"), [(math.inf, LARGEST), (-math.inf, -LARGEST), (10**400, LARGEST)]
    )
    def test_what_is_infinite_is_the_largest_number(self, client, run_id, value, kept):
        client.log_metric(run_id, "m", value)
        assert client.get_run(run_id).data.metrics == {"m": kept}

    def test_what_is_no_number_is_nan(self, client, run_id):
        client.log_metric(run_id, "m", math.nan)
        assert math.isnan(client.get_run(run_id).data.metrics["m"])
        (point,) = client.get_metric_history(run_id, "m")
        assert math.isnan(point.value)

    def test_the_history_has_every_point_and_the_run_the_latest(self, client, run_id):
        for step, value in enumerate([3.0, 1.0, 2.0]):
            client.log_metric(run_id, "loss", value, timestamp=1000 + step, step=step)
        points = client.get_metric_history(run_id, "loss")
        assert [(p.timestamp, p.step, p.value) for p in points] == [
            (1000, 0, 3.0), (1001, 1, 1.0), (1002, 2, 2.0)
        ]  # fmt: skip
        assert client.get_run(run_id).data.metrics == {"loss": 2.0}

    def test_a_metric_without_points_has_no_history(self, client, run_id):
        assert client.get_metric_history(run_id, "loss") == []

    def test_a_batch_of_any_size_is_logged(self, client, run_id):
        client.log_batch(
            run_id,
            metrics=[Metric("m", float(i), 1000 + i, i) for i in range(2500)],
            params=[Param(f"p{i}", str(i)) for i in range(250)],
            tags=[RunTag(f"t{i}", str(i)) for i in range(150)],
        )
        data = client.get_run(run_id).data
        assert data.params == {f"p{i}": str(i) for i in range(250)}
        assert data.tags.items() >= {f"t{i}": str(i) for i in range(150)}.items()
        values = [point.value for point in client.get_metric_history(run_id, "m")]
        assert values == [float(i) for i in range(2500)]

    def test_what_is_logged_without_waiting_is_there_when_it_is_waited_for(self, client, run_id):
        for step in range(50):
            logged = client.log_metric(run_id, "m", step, step=step, synchronous=False)
        logged.wait()
        assert len(client.get_metric_history(run_id, "m")) == 50

    def test_a_read_knows_what_was_logged_without_waiting(self, client, run_id):
        client.log_metric(run_id, "m", 1, synchronous=False)
        assert client.get_run(run_id).data.metrics == {"m": 1.0}

    def test_tags_are_deleted(self, client, run_id):
        client.set_tag(run_id, "a", 1)
        client.delete_tag(run_id, "a")
        assert "a" not in client.get_run(run_id).data.tags

    def test_a_run_ends_as_finished_unless_it_is_said_how(self, client, run_id):
        client.set_terminated(run_id)
        info = client.get_run(run_id).info
        assert info.status == "FINISHED"
        assert info.end_time >= info.start_time
        client.set_terminated(run_id, "KILLED", end_time=5)
        info = client.get_run(run_id).info
        assert (info.status, info.end_time) == ("KILLED", 5)

    def test_a_run_is_renamed_and_goes_on(self, client, run_id):
        client.set_terminated(run_id)
        client.update_run(run_id, "RUNNING", "other")
        info = client.get_run(run_id).info
        assert (info.status, info.run_name) == ("RUNNING", "other")

    def test_a_deleted_run_is_restored(self, client, run_id):
        client.delete_run(run_id)
        assert client.get_run(run_id).info.lifecycle_stage == "deleted"
        client.restore_run(run_id)
        assert client.get_run(run_id).info.lifecycle_stage == "active"

    def test_a_run_that_is_not_there_is_an_error(self, client):
        missing = uuid4().hex
        with pytest.raises(NotFound, match=missing):
            client.get_run(missing)

    def test_a_parent_is_found_by_its_tag(self, client, experiment_id, run_id):
        child = client.create_run(experiment_id, tags={"mlflow.parentRunId": run_id})
        assert client.get_parent_run(child.info.run_id).info.run_id == run_id
        assert client.get_parent_run(run_id) is None

    def test_datasets_and_models_are_linked(self, client, experiment_id, run_id):
        dataset = Dataset("iris", "abc", "local", "here")
        given = DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])
        client.log_inputs(run_id, [given])
        model = client.create_logged_model(experiment_id, "m", run_id)
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 2)])
        run = client.get_run(run_id)
        assert run.inputs.dataset_inputs == [given]
        assert run.outputs.model_outputs == [LoggedModelOutput(model.model_id, 2)]

    def test_a_search_filters_orders_and_comes_in_pages(self, client, experiment_id):
        made = {}
        for i in range(5):
            run = client.create_run(experiment_id, start_time=1000 + i)
            client.log_metric(run.info.run_id, "auc", i / 10)
            made[i] = run.info.run_id
        query, order = "metrics.auc > 0.05", ["metrics.auc DESC"]
        first = client.search_runs([experiment_id], query, max_results=3, order_by=order)
        rest = client.search_runs(
            [experiment_id], query, max_results=3, order_by=order, page_token=first.token
        )
        assert [run.info.run_id for run in [*first, *rest]] == [made[i] for i in (4, 3, 2, 1)]
        assert rest.token is None

    def test_a_filter_that_cannot_be_read_is_refused(self, client, experiment_id):
        with pytest.raises(InvalidParameter):
            client.search_runs([experiment_id], "nonsense ~ 3")

    @pytest.mark.parametrize("value", ["1", b"1", None, [1], {}, object(), np.array([1, 2]), 1j])
    def test_what_is_no_number_is_refused(self, client, run_id, value):
        with pytest.raises(InvalidParameter, match="metric 'm'"):
            client.log_metric(run_id, "m", value)

    @pytest.mark.parametrize("step", [1.5, "1", math.nan, math.inf])
    def test_a_step_that_is_no_whole_number_is_refused(self, client, run_id, step):
        with pytest.raises(InvalidParameter, match="m"):
            client.log_metric(run_id, "m", 1, step=step)

    @pytest.mark.parametrize("key", ["", "a\0b", "../a", "a" * 300, "\ud800", 5])
    def test_a_key_that_is_not_taken_is_refused(self, client, run_id, key):
        with pytest.raises(InvalidParameter):
            client.log_metric(run_id, key, 1)

    @pytest.mark.parametrize("status", ["finished?", "", 3])
    def test_a_status_that_there_is_not_is_refused(self, client, run_id, status):
        with pytest.raises(InvalidParameter):
            client.update_run(run_id, status or "NONE")


class TestArtifacts:
    def test_a_file_is_written_listed_and_read(self, client, run_id, tmp_path):
        (tmp_path / "a b.txt").write_bytes(b"one")
        client.log_artifact(run_id, tmp_path / "a b.txt")
        client.log_artifact(run_id, str(tmp_path / "a b.txt"), "some/folder")
        listed = client.list_artifacts(run_id)
        assert [(f.path, f.is_dir, f.file_size) for f in listed] == [
            ("a b.txt", False, 3), ("some", True, None)
        ]  # fmt: skip
        (deep,) = client.list_artifacts(run_id, "some/folder")
        assert deep.path == "some/folder/a b.txt"
        target = tmp_path / "out"
        target.mkdir()
        found = client.download_artifacts(run_id, "some/folder/a b.txt", target)
        assert found == str(target / "some/folder/a b.txt")
        assert (target / "some/folder/a b.txt").read_bytes() == b"one"

    def test_a_folder_is_written_and_read_whole(self, client, run_id, tmp_path):
        source = tmp_path / "in"
        (source / "deep").mkdir(parents=True)
        (source / "a.txt").write_text("a")
        (source / "deep" / "ü.bin").write_bytes(bytes(range(256)) * 5000)
        client.log_artifacts(run_id, source, "data")
        client.log_artifact(run_id, source)
        found = client.download_artifacts(run_id, "data", tmp_path)
        assert (tmp_path / "data" / "deep" / "ü.bin").read_bytes() == bytes(range(256)) * 5000
        assert found == str(tmp_path / "data")
        assert [f.path for f in client.list_artifacts(run_id, "in")] == ["in/a.txt", "in/deep"]

    def test_all_is_downloaded_into_a_new_folder(self, client, run_id):
        client.log_text(run_id, "hello", "a/b.txt")
        folder = Path(client.download_artifacts(run_id, ""))
        assert (folder / "a" / "b.txt").read_text() == "hello"

    def test_texts_and_dicts_are_written(self, client, run_id, tmp_path):
        value = {"a": [1, 2.5, None, "ü"], "n": np.float32(0.5), "v": np.arange(2)}
        client.log_dict(run_id, value, "d.json")
        client.log_dict(run_id, {"a": [1, "ü"]}, "d.yaml")
        client.log_text(run_id, "", "empty.txt")
        client.download_artifacts(run_id, "", tmp_path)
        assert json.loads((tmp_path / "d.json").read_text()) == {
            "a": [1, 2.5, None, "ü"], "n": 0.5, "v": [0, 1]
        }  # fmt: skip
        assert yaml.safe_load((tmp_path / "d.yaml").read_text()) == {"a": [1, "ü"]}
        assert (tmp_path / "empty.txt").read_bytes() == b""

    def test_a_file_that_is_not_there_is_an_error(self, client, run_id, tmp_path):
        with pytest.raises(NotFound):
            client.download_artifacts(run_id, "nothing.txt", tmp_path)
        with pytest.raises(NotFound, match=r"no\.txt"):
            client.log_artifact(run_id, tmp_path / "no.txt")

    def test_a_run_without_artifacts_lists_none(self, client, run_id):
        assert client.list_artifacts(run_id) == []

    @pytest.mark.parametrize("path", ["../a", "/a", "a/../../b", "", "a\0", "%2e%2e/a"])
    def test_a_path_that_leads_elsewhere_is_refused(self, client, run_id, path):
        with pytest.raises(InvalidParameter, match="Invalid path"):
            client.log_text(run_id, "x", path)


class TestLoggedModels:
    def test_a_model_is_made_filled_and_found(self, client, experiment_id, run_id, tmp_path):
        folder = tmp_path / "model"
        folder.mkdir()
        (folder / "MLmodel").write_text("flavors: {}")
        model = client.create_logged_model(
            experiment_id, "churn", run_id, tags={"a": 1}, params={"p": 2}, model_type="tree"
        )
        assert (model.status, model.tags, model.params) == ("PENDING", {"a": "1"}, {"p": "2"})
        assert model.model_uri == f"models:/{model.model_id}"
        client.log_model_artifacts(model.model_id, folder)
        assert client.finalize_logged_model(model.model_id, "READY").status == "READY"
        (found,) = client.search_logged_models([experiment_id], "name = 'churn'")
        assert found == client.get_logged_model(model.model_id)
        (file,) = client.list_logged_model_artifacts(model.model_id)
        assert file.path == "MLmodel"

    def test_tags_and_params_are_changed(self, client, experiment_id):
        model = client.create_logged_model(experiment_id, "m")
        client.set_logged_model_tags(model.model_id, {"a": 1, "b": 2})
        client.delete_logged_model_tag(model.model_id, "a")
        client.log_model_params(model.model_id, {"p": 1})
        found = client.get_logged_model(model.model_id)
        assert (found.tags, found.params) == ({"b": "2"}, {"p": "1"})

    def test_a_deleted_model_is_not_found(self, client, experiment_id):
        model = client.create_logged_model(experiment_id, "m")
        client.delete_logged_model(model.model_id)
        with pytest.raises(NotFound):
            client.get_logged_model(model.model_id)

    def test_points_of_a_model_are_among_its_metrics(self, client, experiment_id, run_id):
        model = client.create_logged_model(experiment_id, "m", run_id)
        client.log_metric(run_id, "auc", 0.9, model_id=model.model_id)
        (metric,) = client.get_logged_model(model.model_id).metrics
        assert (metric.key, metric.value, metric.run_id) == ("auc", 0.9, run_id)


@pytest.fixture
def source(client, run_id):
    """The folder of a model among the artifacts of a run."""
    client.log_text(run_id, "flavors: {}", "model/MLmodel")
    return f"{client.get_run(run_id).info.artifact_uri}/model"


@pytest.fixture
def model(client, name, source, run_id):
    """The name of a registered model with two versions."""
    client.create_registered_model(name)
    for _ in range(2):
        client.create_model_version(name, source, run_id)
    return name


class TestRegistry:
    def test_a_model_is_what_it_was_made_as(self, client, name):
        made = client.create_registered_model(name, {"team": "blue"}, "about churn")
        found = client.get_registered_model(name)
        assert (found.name, found.description, found.tags) == (
            name, "about churn", {"team": "blue"}
        )  # fmt: skip
        assert found.latest_versions == []
        assert made.name == name

    def test_a_name_that_is_taken_is_refused(self, client, model):
        with pytest.raises(AlreadyExists, match=model):
            client.create_registered_model(model)

    def test_a_model_is_renamed_changed_and_deleted(self, client, model):
        assert client.rename_registered_model(model, f"{model}-2").name == f"{model}-2"
        found = client.update_registered_model(f"{model}-2", "other")
        assert found.description == "other"
        client.set_registered_model_tag(f"{model}-2", "a", 1)
        client.set_registered_model_tag(f"{model}-2", "b", 2)
        client.delete_registered_model_tag(f"{model}-2", "a")
        assert client.get_registered_model(f"{model}-2").tags == {"b": "2"}
        client.delete_registered_model(f"{model}-2")
        with pytest.raises(NotFound):
            client.get_registered_model(f"{model}-2")

    def test_versions_are_counted(self, client, model, source, run_id):
        version = client.create_model_version(
            model, source, run_id, tags={"a": 1}, description="third"
        )
        found = client.get_model_version(model, 3)
        assert (version.version, found.version, found.status) == ("3", "3", "READY")
        assert (found.run_id, found.source, found.description) == (run_id, source, "third")
        assert found.tags == {"a": "1"}
        assert client.get_model_version_download_uri(model, "3").endswith("/model")

    def test_a_version_is_changed_and_deleted(self, client, model):
        assert client.update_model_version(model, 1, "better").description == "better"
        client.set_model_version_tag(model, 1, "a", 5)
        client.set_model_version_tag(model, "1", "b", 6)
        client.delete_model_version_tag(model, "1", "a")
        assert client.get_model_version(model, "1").tags == {"b": "6"}
        client.delete_model_version(model, 1)
        with pytest.raises(NotFound):
            client.get_model_version(model, "1")

    def test_stages_are_given_and_taken(self, client, model):
        moved = client.transition_model_version_stage(model, 1, "Production")
        assert moved.current_stage == "Production"
        client.transition_model_version_stage(model, 2, "Production", True)
        assert client.get_model_version(model, 1).current_stage == "Archived"
        (latest,) = client.get_latest_versions(model, ["Production"])
        assert latest.version == "2"
        client.set_model_version_tag(model, key="live", value="yes", stage="Production")
        assert client.get_model_version(model, 2).tags == {"live": "yes"}

    def test_a_stage_that_there_is_not_is_refused(self, client, model):
        with pytest.raises(InvalidParameter, match="Invalid Model Version stage"):
            client.transition_model_version_stage(model, 1, "Nowhere")

    def test_aliases_are_given_and_taken(self, client, model):
        client.set_registered_model_alias(model, "champion", 1)
        assert client.get_model_version_by_alias(model, "champion").version == "1"
        client.set_registered_model_alias(model, "champion", "2")
        found = client.get_registered_model(model)
        assert {alias: str(number) for alias, number in found.aliases.items()} == {"champion": "2"}
        assert client.get_model_version(model, 2).aliases == ["champion"]
        client.delete_registered_model_alias(model, "champion")
        with pytest.raises(InvalidParameter, match="alias champion not found"):
            client.get_model_version_by_alias(model, "champion")

    def test_models_and_versions_are_searched(self, client, model, run_id):
        (found,) = client.search_registered_models(f"name = '{model}'")
        assert [version.version for version in found.latest_versions] == ["2"]
        versions = client.search_model_versions(
            f"name = '{model}'", order_by=["version_number ASC"]
        )
        assert [one.version for one in versions] == ["1", "2"]
        first = client.search_model_versions(f"run_id = '{run_id}'", max_results=1)
        assert len(first) == 1
        assert first.token

    def test_a_version_needs_a_number_or_a_stage(self, client, model):
        with pytest.raises(InvalidParameter, match="either a version or a stage"):
            client.set_model_version_tag(model, key="a", value=1)


class TestPromotions:
    """What MLflow's API does not have."""

    @pytest.fixture(params=OURS)
    def tracking_uri(self, request, tmp_path):
        return find_uri(request, tmp_path)

    def test_every_move_is_in_the_log(self, client, model):
        client.transition_model_version_stage(model, 1, "Production", reason="best so far")
        client.set_registered_model_alias(model, "champion", 1, reason="likewise")
        moves = client.search_promotions(model)
        found = {(one.kind, one.version, one.to, one.reason) for one in moves}
        assert ("stage", "1", "Production", "best so far") in found
        assert ("alias", "1", "1", "likewise") in found
        assert all(one.actor for one in moves)

    def test_a_stage_is_given_back(self, client, model):
        client.transition_model_version_stage(model, 1, "Production", True)
        client.transition_model_version_stage(model, 2, "Production", True)
        assert client.roll_back(model, "Production", "it was worse").version == "1"
        assert client.get_model_version(model, 1).current_stage == "Production"

    def test_the_version_of_a_moment_is_found(self, client, model):
        client.transition_model_version_stage(model, 1, "Production", True)
        (move,) = [one for one in client.search_promotions(model) if one.to == "Production"]
        client.transition_model_version_stage(model, 2, "Production", True)
        assert client.find_model_version(model, "Production", move.at).version == "1"

    def test_an_approval_that_no_stage_asks_for_is_refused(self, client, model):
        with pytest.raises((InvalidParameter, InvalidState), match="asks for no approval"):
            client.request_approval(model, 1, "Production", "it is ready")


def test_a_server_of_mlflows_says_that_it_has_no_promotions(mlflow_server):
    with pytest.raises(ServerRefused, match="has no such operation"):
        MlserveClient(mlflow_server).search_promotions("churn")
    shared().close()


class TestApprovals:
    """Of a store with a stage that asks for them."""

    @pytest.fixture(params=["embedded", "server"])
    def tracking_uri(self, request, tmp_path):
        lifecycle = tmp_path / "lifecycle.toml"
        lifecycle.write_text("self_approval = true\n[stage.Production]\napproval = true\n")
        if request.param == "server":
            with running_mlserve(tmp_path, "--lifecycle", str(lifecycle)) as uri:
                yield uri
        else:
            os.environ["MLSERVE_LIFECYCLE"] = str(lifecycle)
            yield f"sqlite:///{tmp_path / 'store.db'}"
            del os.environ["MLSERVE_LIFECYCLE"]

    def test_what_is_rejected_does_not_move(self, client, model):
        asked = client.request_approval(model, 1, "Production", "it is ready")
        assert (asked.state, asked.reason) == ("pending", "it is ready")
        client.reject(model, 1, "Production", "not tested")
        (found,) = client.search_approvals(model)
        assert (found.state, found.decision_reason) == ("rejected", "not tested")
        with pytest.raises(InvalidState, match="asks for an approval"):
            client.transition_model_version_stage(model, 1, "Production")

    def test_what_is_approved_moves_once(self, client, model):
        client.request_approval(model, 2, "Production", "it is ready")
        client.approve(model, 2, "Production", "so it is")
        moved = client.transition_model_version_stage(model, 2, "Production")
        assert moved.current_stage == "Production"
        (found,) = client.search_approvals(model)
        assert found.state == "used"

    def test_a_reason_is_needed(self, client, model):
        with pytest.raises(InvalidParameter, match="reason"):
            client.request_approval(model, 1, "Production", "")
