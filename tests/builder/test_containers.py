"""Images of both kinds, run by a real engine under the conditions of real clusters."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from .containers import Load, files_of, serving

HARDENED = {
    "read_only": True,
    "user": "4242:4242",
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "mem_limit": "512m",
    "nano_cpus": 1_000_000_000,
    "pids_limit": 100,
}


@pytest.fixture(scope="session")
def request_body(onnx_model):
    return (onnx_model / "serving_input_example.json").read_text()


def predict_outside(folder, body):
    """What a service of the model answers that runs here, in no container."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlserve", "models", "serve", "-m", folder, "-p", str(port)]
    service = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/invocations", body.encode(), {"Content-Type": "application/json"}
    )
    deadline = time.monotonic() + 60
    try:
        while True:
            try:
                with urllib.request.urlopen(request, timeout=30) as response:
                    return json.load(response)
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
    finally:
        service.terminate()
        service.wait(30)


def test_a_container_predicts_what_the_model_does_outside(engine, image, onnx_model, request_body):
    with serving(engine.client, image) as service:
        assert service.get("/ping") == 200
        assert service.predict(request_body) == predict_outside(onnx_model, request_body)


def test_a_container_needs_no_network_no_rights_and_no_disk(engine, image, request_body):
    with serving(engine.client, image, network_mode="none", **HARDENED) as service:
        assert len(service.predict_within(request_body)["predictions"]) == 5


def test_the_service_is_the_only_process_and_no_ones_child(engine, image):
    with serving(engine.client, image) as service:
        processes = service.container.top(ps_args="-o pid,args")["Processes"]
        assert [command for _, command in processes] == ["python3 -m mlserve.serve.container serve"]
        code, output = service.container.exec_run(
            ["python3", "-c", "import os; print(os.getuid())"]
        )
        assert (code, output) == (0, b"10001\n")


def test_a_stop_under_load_loses_no_request(engine, image, request_body):
    with serving(engine.client, image) as service, Load(service, request_body) as load:
        stop = time.monotonic()
        service.container.kill("SIGTERM")
        code = service.container.wait(timeout=60)["StatusCode"]
    assert (load.lost(stop), code) == ([], 0)
    assert max(load.answered) > stop


def test_both_ways_make_the_same_files(engine, built_by_docker, built_without):
    of_docker = files_of(engine.client, built_by_docker)
    assert of_docker == files_of(engine.client, built_without)
    assert any(name.endswith(".pyc") for name in of_docker)


def test_both_ways_tell_the_same_of_the_image(engine, built_by_docker, built_without):
    configs = [
        engine.client.images.get(name).attrs["Config"] for name in (built_by_docker, built_without)
    ]
    told = ["Cmd", "Entrypoint", "ExposedPorts", "Healthcheck", "StopSignal", "User", "WorkingDir"]
    ours, theirs = [{key: config[key] for key in told} for config in configs]
    assert ours == theirs
    assert set(configs[0]["Env"]) == set(configs[1]["Env"])


def test_a_new_model_makes_one_new_layer(engine, mlserve_run, onnx_model, built_by_docker):
    newer = shutil.copytree(onnx_model, onnx_model.with_name("newer"))
    (newer / "notes.txt").write_text("trained again")
    mlserve_run("build-docker", "-m", newer, "-n", "churn-docker:8", DOCKER_HOST=engine.address)
    before, after = [
        engine.client.images.get(name).attrs["RootFS"]["Layers"]
        for name in (built_by_docker, "churn-docker:8")
    ]
    changed = [
        number for number, pair in enumerate(zip(before, after, strict=True)) if len(set(pair)) > 1
    ]
    assert changed == [len(before) - 1]


def test_a_scikit_learn_model_predicts_what_it_does_outside(engine, mlserve_run, sklearn_model):
    mlserve_run("build-docker", "-m", sklearn_model, "-n", "iris:1", DOCKER_HOST=engine.address)
    body = (sklearn_model / "serving_input_example.json").read_text()
    with serving(engine.client, "iris:1", read_only=True) as service:
        assert service.predict(body) == predict_outside(sklearn_model, body)
        installed = service.container.exec_run(["ls", "/opt/mlserve/site"]).output.decode()
    assert "sklearn" in installed
    assert "onnxruntime" not in installed
