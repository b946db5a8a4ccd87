"""`mlserve models serve` with a real model, from its first line to its exit code."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from mlserve import save_model
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from ..runtimes.trained import iris_classifier, write_sklearn
from ..serve.processes import SERVE, Program, running, serving, wait_until


@pytest.fixture(scope="module")
def iris(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "iris"
    data = load_iris(as_frame=True)
    model = LogisticRegression(max_iter=1000).fit(data.data, data.target)
    save_model(model, folder, example=data.data.head(2))
    return folder


def predict(service: Program, folder: Path) -> dict:
    with closing(service.connect()) as connection:
        body = (folder / "serving_input_example.json").read_bytes()
        connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())


def count_answers(service: Program) -> float:
    pattern = r'(?m)^mlserve_requests_total\{[^}]*status="200"[^}]*\} (\S+)$'
    return float(re.search(pattern, service.get("/metrics"))[1])


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_model_is_served_until_a_signal(iris, workers):
    with serving("-m", str(iris), "-w", workers) as service:
        ready = service.wait_for("ready")
        assert (ready["model"], ready["flavor"]) == ("iris", "sklearn")
        assert predict(service, iris) == {"predictions": [0, 0]}
        service.send(signal.SIGTERM)
        assert service.wait() == 0
        assert service.process.stdout.read() == ""


def test_metrics_count_the_requests_of_all_workers(iris):
    with serving("-m", str(iris), "-w", "2") as service:
        for _ in range(8):
            predict(service, iris)
        wait_until(lambda: count_answers(service) == 8)


def test_variables_and_a_file_configure_the_service(iris, tmp_path):
    config = tmp_path / "serve.toml"
    config.write_text('log_format = "json"\nmodel_name = "flowers"\nport = 0\n')
    environment = {"MLSERVE_MODEL_URI": iris.as_uri(), "MLSERVE_ACCESS_LOG": "true"}
    with running(*SERVE, "--config", str(config), **environment) as service:
        assert service.wait_for("ready")["model"] == "flowers"
        predict(service, iris)
        assert service.wait_for("request")["path"] == "/invocations"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_model_that_is_not_there_is_told_once_and_the_exit_code_is_1(tmp_path, workers):
    with serving("-m", str(tmp_path / "none"), "-w", workers) as service:
        assert service.wait() == 1
        told = [message for message in service.messages if f"no model at {tmp_path}" in message]
        assert len(told) == 1
        assert not [line for line in service.lines if "Traceback" in line]


@pytest.mark.parametrize(
    ("flags", "variables"),
    [(["--safe-only"], {}), ([], {"MLSERVE_SAFE_ONLY": "1"}), (["--safe-only", "-w", "2"], {})],
    ids=["flag", "variable", "workers"],
)
def test_a_model_that_can_run_code_is_refused_where_only_safe_ones_are_served(
    tmp_path, flags, variables
):
    folder = write_sklearn(tmp_path / "pickled", iris_classifier(), "pickle")
    with running(*SERVE, "-p", "0", "-m", str(folder), *flags, **variables) as service:
        assert service.wait() == 1
        told = "".join(service.lines)
        assert "save it as skops or ONNX" in told
        assert "Traceback" not in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no model was named"),
        (["-m", "models:/churn"], "--model-uri: models:/churn: found no version, stage or alias"),
        (["-m", "churn", "-p", "port"], '--port: found "port", expected a whole number'),
        (["-m", "churn", "--env-manager", "virtualenv"], "--env-manager: found virtualenv"),
        (["-m", "churn", "--env-manager", "conda"], "expected local, the only one served yet"),
    ],
)
def test_wrong_usage_is_told_and_exits_with_2(arguments, words):
    with serving(*arguments) as service:
        assert service.wait() == 2
        assert words in "".join(service.lines)


@pytest.mark.parametrize(
    "flags",
    [
        ["--env-manager", "local"],
        ["--no-conda"],
        ["--no-conda", "--env-manager", "conda"],
        ["--install-mlflow"],
    ],
    ids=" ".join,
)
def test_the_flags_of_mlflow_that_change_nothing_are_accepted(tmp_path, flags):
    with serving("-m", str(tmp_path / "none"), *flags) as service:
        assert service.wait() == 1
        assert f"no model at {tmp_path}" in "".join(service.lines)


def test_a_flag_that_mlflow_needs_is_told_to_be_needless(tmp_path):
    with serving("-m", str(tmp_path / "none"), "--install-mlflow") as service:
        service.wait()
        assert "--install-mlflow changes nothing" in "".join(service.lines)


LINES: dict[str, Callable[[str], Any]] = {
    "text": re.compile(r"\S+Z [A-Z]+ mlserve[.\w]*: .+\n").fullmatch,
    "json": json.loads,
}


@pytest.mark.parametrize("log_format", LINES)
def test_every_worker_logs_in_the_one_format(iris, log_format):
    flags = ["-w", "2", "--access-log", "--log-format", log_format]
    with running(*SERVE, "-p", "0", "-m", str(iris), *flags) as service:
        url = wait_until(lambda: re.search(r"http://[\d.:]+", "".join(service.lines)))[0]
        with urlopen(f"{url}/ping", timeout=60) as answer:
            assert answer.status == 200
        service.send(signal.SIGTERM)
        assert service.wait() == 0
    assert [line for line in service.lines if "/ping" in line]
    assert all(LINES[log_format](line) for line in service.lines)


def test_what_is_less_important_than_the_log_level_is_not_logged(tmp_path):
    flags = ["--install-mlflow", "--log-level", "warning"]
    with serving("-m", str(tmp_path / "none"), *flags) as service:
        service.wait()
        assert [record["level"] for record in service.records] == ["error"]
