"""`mlserve conformance` asks real services: the entry point of our images, and MLflow's server."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from click.testing import CliRunner, Result
from mlserve import save_model
from mlserve.cli.conformance_contracts import CHECKS
from mlserve.cli.conformance_example import read_example
from mlserve.cli.main import main
from mlserve.runtimes.errors import InvalidSetting

from ..runtimes.trained import IRIS, iris_classifier
from ..serve.containers import contained, write_app, write_iris
from ..serve.processes import running, wait_until

VERTEX = {
    "AIP_HEALTH_ROUTE": "/v1/endpoints/1/deployedModels/2",
    "AIP_PREDICT_ROUTE": "/v1/endpoints/1/deployedModels/2:predict",
}
ROUTES = [
    *("--health-route", VERTEX["AIP_HEALTH_ROUTE"]),
    *("--predict-route", VERTEX["AIP_PREDICT_ROUTE"]),
]
SITUATIONS = {
    "mlflow": ({}, []),
    "sagemaker": ({}, []),
    "vertex": (VERTEX, ROUTES),
    "azureml": ({}, []),
    "kserve": ({"MLSERVE_MODEL_NAME": "a b"}, ["--model-name", "a b"]),
}


@pytest.fixture(scope="module")
def app(tmp_path_factory) -> Path:
    return write_app(tmp_path_factory.mktemp("app"))


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, Path]:
    parent = tmp_path_factory.mktemp("models")
    sklearn = save_model(iris_classifier(), parent / "sklearn", example=IRIS.data.head(2))
    return {"onnx": write_iris(parent / "onnx"), "sklearn": sklearn}


@pytest.fixture(scope="module")
def plain(app, models) -> Iterator[str]:
    """The address of a container that no platform says anything to."""
    with contained(app, MLSERVE_MODEL_URI=str(models["onnx"]), MLSERVE_PORT="0") as program:
        yield address_of(program)


def address_of(program) -> str:
    return f"http://127.0.0.1:{program.address[1]}"


def ask(address: str, contract: str, *options: str) -> Result:
    return CliRunner().invoke(main, ["conformance", address, "--contract", contract, *options])


@contextmanager
def mlflow_serving(python: str, folder: Path) -> Iterator[str]:
    """Run MLflow's own scoring server of the model in ``folder``; give its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = (python, "-m", "mlflow", "models", "serve", "-m", str(folder), "-p", str(port))
    environment = {
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "true",
        "PATH": os.pathsep.join([str(Path(python).parent), os.environ["PATH"]]),
    }

    def is_up() -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{port}/ping", timeout=60) as answer:
                return answer.status == 200
        except OSError:
            return False

    with running(*command, "--env-manager", "local", **environment):
        wait_until(is_up)
        yield f"http://127.0.0.1:{port}"


def test_every_contract_has_a_situation():
    assert SITUATIONS.keys() == CHECKS.keys()


@pytest.mark.parametrize("contract", CHECKS)
@pytest.mark.parametrize("model", ["onnx", "sklearn"])
def test_the_image_keeps_every_contract_in_its_environment(app, models, model, contract):
    variables, options = SITUATIONS[contract]
    # Azure ML's variable names the folder above the model's.
    place = "AZUREML_MODEL_DIR" if contract == "azureml" else "MLSERVE_MODEL_URI"
    environment = {place: str(models[model]), "MLSERVE_PORT": "0", **variables}
    with contained(app, "serve", **environment) as program:
        done = ask(address_of(program), contract, *options)
    assert done.exit_code == 0, done.output
    assert done.stdout.count(" met ") == len(CHECKS[contract])


def test_mlflows_own_server_keeps_mlflows_contract(models, mlflow_python):
    example = str(models["sklearn"] / "serving_input_example.json")
    with mlflow_serving(mlflow_python, models["sklearn"]) as address:
        done = ask(address, "mlflow", "--example", example)
        assert (done.exit_code, done.stdout.count(" met ")) == (0, len(CHECKS["mlflow"]))
        others = {name: ask(address, name, "--example", example) for name in CHECKS}
        unknown = ask(address, "mlflow")
    assert {name: other.exit_code for name, other in others.items()} == {
        "mlflow": 0,
        "sagemaker": 0,
        "vertex": 1,
        "azureml": 1,
        "kserve": 1,
    }
    assert unknown.exit_code == 2
    assert "give one with --example FILE" in unknown.stderr


def test_what_is_not_met_is_told_beside_what_is(plain):
    done = ask(plain, "azureml")
    lines = done.stdout.splitlines()
    assert done.exit_code == 1
    assert lines[0].split() == ["CHECK", "RESULT", "WHAT", "IS", "ASKED", "FOUND"]
    assert lines[1].startswith("health   met")  # the page is there
    assert "NOT MET" in lines[2]
    assert "status 404, expected 200" in lines[2]


def test_findings_are_objects_in_json(plain):
    done = ask(plain, "vertex", "--json")
    findings = json.loads(done.stdout)
    assert [one["check"] for one in findings] == [check.name for check in CHECKS["vertex"]]
    assert [one["is_met"] for one in findings] == [True, False, False, False]
    assert findings[0].keys() == {"check", "clause", "is_met", "found"}


def test_the_first_model_that_kserve_lists_is_asked(plain):
    assert ask(plain, "kserve").exit_code == 0


def test_a_service_that_is_not_there_is_told():
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    done = ask(address, "mlflow")
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"{address}: no answer to GET /openapi.json: [Errno 111] Connection refu" in done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--example", "/nowhere"], "--example /nowhere: No such file"),
        (["--header", "x"], '--header: found "x", expected NAME:VALUE'),
    ],
)
def test_wrong_usage_exits_with_2(plain, options, words):
    done = ask(plain, "mlflow", *options)
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in done.stderr


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8080", "ftp://x", "http://", "http://x:port", "http://["]
)
def test_what_is_no_address_is_told(url):
    done = ask(url, "mlflow")
    assert done.exit_code == 2
    assert f"found {url}, expected an address" in done.stderr


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": ["a", "b"], "data": [[1, "x"], [2, "y"]]}},
        {"dataframe_records": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]},
        {"instances": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]},
        {"inputs": {"a": [1, 2], "b": ["x", "y"]}},
    ],
    ids=lambda body: next(iter(body)),
)
def test_an_example_is_a_table_in_every_form(body):
    example = read_example(body, "example")
    assert example.rows == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    assert example.as_split() == {"columns": ["a", "b"], "data": [[1, "x"], [2, "y"]]}
    assert example.as_columns() == {"a": [1, 2], "b": ["x", "y"]}
    assert example.as_csv() == "a,b\n1,x\n2,y\n"


def test_an_example_may_be_an_array():
    example = read_example({"inputs": [[1, 2], [3, 4]]}, "example")
    assert (example.rows, example.columns) == ([[1, 2], [3, 4]], None)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"inputs": []},
        {"inputs": 1},
        {"dataframe_split": 1},
        {"messages": [{}]},
        {"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}},
        {"inputs": {"a": [1], "b": [1, 2]}},
    ],
    ids=json.dumps,
)
def test_what_is_no_example_is_refused(body):
    with pytest.raises(InvalidSetting, match="example: found"):
        read_example(body, "example")
