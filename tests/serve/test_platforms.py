"""What the environment of a container asks for, and the folder in which its model lies."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mlserve.builder.planning import PORT_VARIABLES
from mlserve.runtimes.errors import InvalidSetting
from mlserve.serve.container import container_settings, find_model
from mlserve.serve.platforms import DEFAULTS, MODEL_FOLDER, VARIABLES, read_platform
from mlserve.serve.settings import SETTINGS

DOCS = (Path(__file__).parents[2] / "docs" / "contracts.md").read_text()
VERTEX = {
    "AIP_HTTP_PORT": "7080",
    "AIP_HEALTH_ROUTE": "/v1/endpoints/1/deployedModels/2",
    "AIP_PREDICT_ROUTE": "/v1/endpoints/1/deployedModels/2:predict",
}


def test_an_environment_that_says_nothing_gives_the_place_that_every_platform_knows():
    settings = container_settings({})
    assert (settings.host, settings.port, settings.model) == ("0.0.0.0", 8080, MODEL_FOLDER)
    assert settings.contracts == ("kserve", "sagemaker")


def test_a_service_ends_before_it_is_killed():
    assert container_settings({}).drain_seconds < 30


def test_vertex_names_its_port_and_its_paths():
    settings = container_settings(VERTEX)
    assert settings.port == 7080
    assert settings.health_route == "/v1/endpoints/1/deployedModels/2"
    assert settings.predict_route == "/v1/endpoints/1/deployedModels/2:predict"
    assert settings.contracts == ("kserve", "sagemaker", "vertex")


@pytest.mark.parametrize(
    ("environment", "port"),
    [
        ({"PORT": "1"}, 1),
        ({"PORT": "1", "AIP_HTTP_PORT": "2"}, 2),
        ({"PORT": "1", "AIP_HTTP_PORT": "2", "SAGEMAKER_BIND_TO_PORT": "3"}, 3),
        ({"SAGEMAKER_BIND_TO_PORT": "3", "MLSERVE_PORT": "4"}, 4),
        ({"PORT": "1", "MLFLOW_PORT": "5"}, 1),
        ({"MLFLOW_PORT": "5"}, 5),
        ({"PORT": "1", "MLSERVE_PORT": "tcp://10.0.0.1:80"}, 1),
        ({"PORT": ""}, 8080),
    ],
)
def test_a_port_of_ours_goes_before_a_platforms_and_that_before_mlflows(environment, port):
    assert container_settings(environment).port == port


def test_the_health_check_of_an_image_reads_the_same_ports():
    ports = [variable.name for variable in VARIABLES if variable.field == "port"]
    assert list(PORT_VARIABLES) == [SETTINGS["port"].variable, *ports]


def test_a_file_goes_before_the_defaults_and_behind_the_platform(tmp_path):
    config = tmp_path / "serve.toml"
    config.write_text('port = 9\nworkers = 2\nmodel_uri = "there"\n')
    environment = {"MLSERVE_CONFIG": str(config)}
    settings = container_settings(environment)
    assert (settings.port, settings.workers, settings.model) == (9, 2, Path("there"))
    assert container_settings({**environment, "PORT": "1"}).port == 1


def test_the_contracts_that_are_named_are_all_there_are():
    settings = container_settings({**VERTEX, "MLSERVE_CONTRACTS": "azureml"})
    assert settings.contracts == ("azureml",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("AIP_HTTP_PORT", "70000"),
        ("AIP_PREDICT_ROUTE", "predict"),
        ("AIP_HEALTH_ROUTE", "/{x}"),
    ],
)
def test_what_cannot_be_meant_is_told_by_the_platforms_own_name(name, value):
    with pytest.raises(InvalidSetting, match=f'{name}: found "{re.escape(value)}", expected'):
        container_settings({name: value})


@pytest.mark.parametrize(
    ("environment", "folders"),
    [
        ({"AZUREML_MODEL_DIR": "/azure/1"}, ["/azure/1", "/opt/ml/model"]),
        ({"AIP_STORAGE_URI": "/vertex"}, ["/vertex", "/opt/ml/model"]),
        ({"AIP_STORAGE_URI": "gs://bucket/model"}, ["/opt/ml/model"]),
        ({"STORAGE_URI": "s3://bucket/model"}, ["/mnt/models", "/opt/ml/model"]),
    ],
)
def test_a_platform_tells_where_the_model_may_be(environment, folders):
    assert [str(folder) for folder in read_platform(environment).models] == folders


def test_the_model_that_is_named_counts_before_all_places(tmp_path):
    model = write_model(tmp_path / "own")
    environment = {"AZUREML_MODEL_DIR": str(write_model(tmp_path / "azure"))}
    settings = container_settings({**environment, "MLSERVE_MODEL_URI": str(model)})
    assert settings.model == model


def test_a_model_is_found_in_a_folder_of_its_own_below(tmp_path):
    model = write_model(tmp_path / "azure" / "churn")
    assert container_settings({"AZUREML_MODEL_DIR": str(tmp_path / "azure")}).model == model


def test_a_folder_without_a_model_is_passed_over(tmp_path):
    (tmp_path / "empty").mkdir()
    model = write_model(tmp_path / "model")
    assert find_model([tmp_path / "none", tmp_path / "empty", model]) == model


def test_where_no_folder_has_a_model_it_is_the_likeliest(tmp_path):
    assert find_model([tmp_path / "a", tmp_path / "b"]) == tmp_path / "a"


def write_model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "MLmodel").touch()
    return folder


def test_the_docs_have_a_row_for_every_variable():
    rows = "".join(f"| `{v.name}` | {v.platform} | {v.meaning} |\n" for v in VARIABLES)
    assert rows in DOCS, f"expected:\n{rows}"


def test_the_docs_tell_what_holds_in_a_container():
    rows = re.findall(r"(?m)^\| `(MLSERVE_\w+)` \| (.*) \|$", DOCS)
    told = {name: SETTINGS[name].variable for name in DEFAULTS}
    read = {name: dict(rows)[variable] for name, variable in told.items()}
    assert {name: SETTINGS[name].kind.read(text) for name, text in read.items()} == DEFAULTS
    assert len(rows) == len(DEFAULTS)
