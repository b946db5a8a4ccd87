"""The entry point of an image: what it serves without a command line, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import closing
from http.client import RemoteDisconnected
from pathlib import Path

import pytest

from .containers import NAMES, ROWS, contained, write_app, write_held_model, write_iris
from .processes import wait_until

BODY = json.dumps({"dataframe_split": {"columns": NAMES, "data": ROWS}})
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def app(tmp_path_factory) -> Path:
    return write_app(tmp_path_factory.mktemp("app"))


@pytest.fixture(scope="module")
def iris(tmp_path_factory) -> Path:
    return write_iris(tmp_path_factory.mktemp("models") / "iris")


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


def predict(program) -> tuple[int, list[dict]]:
    with closing(program.connect()) as connection:
        connection.request("POST", "/invocations", BODY, JSON)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())["predictions"]


def test_it_imports_no_command_line():
    code = "import sys, mlserve.serve.container; print('click' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    assert run.stdout == b"False\n"


@pytest.mark.parametrize("arguments", [[], ["serve"]], ids=str)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_serves_without_a_command_line(app, iris, arguments, workers):
    environment = {"AZUREML_MODEL_DIR": str(iris), "MLSERVE_PORT": "0"}
    with contained(app, *arguments, **environment, MLSERVE_WORKERS=workers) as program:
        ready = program.wait_for("ready")
        assert (ready["flavor"], ready["url"][:15]) == ("onnx", "http://0.0.0.0:")
        status, predictions = predict(program)
        assert (status, [row["label"] for row in predictions]) == (200, [0, 1, 2])
        program.send(signal.SIGTERM)
        assert program.wait() == 0


def test_it_listens_where_the_platform_says(app, iris):
    port = free_port()
    environment = {"MLSERVE_MODEL_URI": str(iris), "SAGEMAKER_BIND_TO_PORT": port}
    with contained(app, "serve", **environment) as program:
        assert program.address[1] == int(port)


def test_a_stop_lets_an_accepted_request_finish(app, tmp_path):
    model = write_held_model(tmp_path / "model")
    environment = {"MLSERVE_MODEL_URI": str(model), "MLSERVE_PORT": "0"}
    with contained(app, "serve", **environment) as program, closing(program.connect()) as held:
        held.request("POST", "/invocations", json.dumps({"inputs": [[1]]}), JSON)
        wait_until((model / "asked").exists)
        program.send(signal.SIGTERM)
        program.wait_for("stopping")
        (model / "go").touch()
        assert json.loads(held.getresponse().read()) == {"predictions": [1]}
        assert program.wait() == 0


def test_a_stop_under_load_loses_no_request(app, iris):
    outcomes = []

    def ask(program):
        while not outcomes or outcomes[-1] != "refused":
            try:
                outcomes.append(predict(program)[0])
            except ConnectionRefusedError:
                outcomes.append("refused")
            except (ConnectionResetError, RemoteDisconnected) as error:
                # The kernel had taken the connection, and the service never had.
                outcomes.append(type(error).__name__)

    with contained(app, MLSERVE_MODEL_URI=str(iris), MLSERVE_PORT="0") as program:
        program.wait_for("ready")
        clients = [threading.Thread(target=ask, args=(program,)) for _ in range(4)]
        for client in clients:
            client.start()
        wait_until(lambda: len(outcomes) > 100)
        program.send(signal.SIGTERM)
        assert program.wait() == 0
        for client in clients:
            client.join()
    assert set(outcomes) <= {200, "refused", "ConnectionResetError", "RemoteDisconnected"}
    assert not [message for message in program.messages if "cut off" in message]


def test_a_stop_before_the_settings_are_read_is_not_lost(app, tmp_path):
    os.mkfifo(tmp_path / "serve.toml")
    with contained(app, MLSERVE_CONFIG=str(tmp_path / "serve.toml")) as program:
        reading = (tmp_path / "serve.toml").open("w")  # which waits until it is being read
        program.send(signal.SIGTERM)
        assert program.wait() == 0
        reading.close()


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "words"),
    [
        (["train"], {}, 2, 'found the arguments "train", expected serve or none'),
        (["serve"], {"AIP_HTTP_PORT": "x"}, 2, 'AIP_HTTP_PORT: found "x", expected a whole'),
        (["serve"], {"MLSERVE_PROT": "1"}, 2, "did you mean MLSERVE_PORT?"),
        (["serve"], {"MLSERVE_MODEL_URI": "models:/churn/1"}, 2, "download the model"),
        (["serve"], {"MLSERVE_MODEL_URI": "/nowhere", "MLSERVE_PORT": "0"}, 1, "no model at /no"),
    ],
)
def test_what_is_wrong_is_told_and_the_exit_code_says_whose_fault_it_is(
    app, arguments, environment, code, words
):
    with contained(app, *arguments, **environment) as program:
        assert program.wait() == code
        told = "".join(program.lines)
        assert words in told.replace('\\"', '"')
        assert "Traceback" not in told
