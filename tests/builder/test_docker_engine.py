"""The Docker engine driven by mlserve: what it leaves behind, refuses, pushes and is told."""

from __future__ import annotations

import io
import shutil
import signal
import subprocess
import sys
import tarfile
import time

import pytest

from .containers import files_of, serving
from .registries import running_registry
from .wheels_made_here import SECRET, private_index


def state_of(client):
    """All images and containers of an engine, untagged ones too."""
    images = {image.id for image in client.images.list(all=True)}
    dangling = {image.id for image in client.images.list(filters={"dangling": True})}
    return images, dangling, {container.id for container in client.containers.list(all=True)}


@pytest.fixture
def empty_base(engine):
    """An image that holds a single file."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("nothing"))
    engine.client.api.import_image_from_data(content.getvalue(), "empty", "1")
    yield "empty:1"
    engine.client.images.remove("empty:1")


def test_a_base_without_python_is_refused_and_nothing_is_left(
    engine, mlserve_run, onnx_model, empty_base
):
    before = state_of(engine.client)
    flags = ("-n", "x:1", "--base", empty_base)
    run = mlserve_run(
        "build-docker", "-m", onnx_model, *flags, check=False, DOCKER_HOST=engine.address
    )
    assert run.returncode == 1
    assert "the base image empty:1: found no python3" in run.stderr
    assert state_of(engine.client) == before


def test_another_python_than_the_models_is_told_with_the_flag_that_takes_it(
    engine, mlserve_run, onnx_model
):
    flags = ("-n", "x:1", "--base", "python:3.11-slim", "--python", "3.12")
    run = mlserve_run(
        "build-docker", "-m", onnx_model, *flags, check=False, DOCKER_HOST=engine.address
    )
    assert "found Python 3.11, expected Python 3.12; build with --python 3.11" in run.stderr


def test_a_base_that_nobody_has_is_named(engine, mlserve_run, onnx_model):
    flags = ("-n", "x:1", "--base", "127.0.0.1:1/nobody/has:this")
    run = mlserve_run(
        "build-docker", "-m", onnx_model, *flags, check=False, DOCKER_HOST=engine.address
    )
    assert run.returncode == 1
    assert "the base image 127.0.0.1:1/nobody/has:this: found none" in run.stderr


@pytest.mark.usefixtures("built_by_docker")
def test_an_interrupted_build_leaves_nothing(engine, onnx_model, tmp_path):
    large = shutil.copytree(onnx_model, tmp_path / "large")
    (large / "weights.bin").write_bytes(b"\0" * (200 << 20))
    before = state_of(engine.client)
    command = [sys.executable, "-m", "mlserve", "build-docker", "-m", large, "-n", "large:1"]
    with subprocess.Popen(
        command,
        env={"DOCKER_HOST": engine.address, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as build:
        for line in build.stderr:
            if line.startswith("Step 4/"):
                break
        build.send_signal(signal.SIGINT)
        build.stderr.read()
        assert build.wait(60) == 1
    wait_until(lambda: state_of(engine.client)[1:] == before[1:])
    assert not list(tmp_path.glob("mlserve-*"))


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_what_is_pushed_is_pulled_and_serves(engine, mlserve_run, onnx_model, tmp_path):
    with running_registry(tmp_path / "registry") as address:
        name = f"{address}/team/churn:7"
        flags = ("-n", name, "-t", f"{address}/team/churn:latest", "--push")
        run = mlserve_run("build-docker", "-m", onnx_model, *flags, DOCKER_HOST=engine.address)
        digest = run.stdout.strip()
        for tag in ("7", "latest"):
            engine.client.images.remove(f"{address}/team/churn:{tag}")
        engine.client.images.pull(f"{address}/team/churn@{digest}")
        with serving(engine.client, f"{address}/team/churn@{digest}") as service:
            assert service.get("/ping") == 200


def test_a_registry_that_wants_a_password_is_named_with_what_to_do(
    engine, mlserve_run, onnx_model, tmp_path
):
    with running_registry(tmp_path / "registry", has_users=True) as address:
        flags = ("-n", f"{address}/churn:7", "--push")
        run = mlserve_run(
            "build-docker", "-m", onnx_model, *flags, check=False, DOCKER_HOST=engine.address
        )
    assert run.returncode == 1
    assert f"log in with docker login {address}" in run.stderr


def test_a_context_is_what_plain_docker_builds(
    engine, mlserve_run, onnx_model, built_by_docker, tmp_path
):
    if shutil.which("docker") is None:
        pytest.skip("no docker client is installed")
    folder = tmp_path / "context"
    mlserve_run("models", "generate-dockerfile", "-m", onnx_model, "-d", folder)
    environment = {"DOCKER_HOST": engine.address, "DOCKER_BUILDKIT": "0", "PATH": "/usr/bin:/bin"}
    subprocess.run(
        ["docker", "build", "-q", "-t", "plain:1", folder],
        env=environment,
        check=True,
        timeout=300,
        capture_output=True,
    )
    assert files_of(engine.client, "plain:1") == files_of(engine.client, built_by_docker)


def test_a_base_of_ours_carries_an_image(engine, mlserve_run, onnx_model):
    docker = {"DOCKER_HOST": engine.address}
    # The stand-in for Python's image has no apt, and there is nothing newer anyway.
    mlserve_run("build-base", "-n", "base:1", "--build-arg", "UPGRADE=no", **docker)
    mlserve_run("build-docker", "-m", onnx_model, "-n", "x:2", "--base", "base:1", **docker)
    with serving(engine.client, "x:2") as service:
        code, output = service.container.exec_run(["id", "-un"])
    assert (code, output) == (0, b"mlserve\n")


@pytest.mark.parametrize("way", ["docker", "oci"])
def test_the_password_of_an_index_is_in_no_layer_and_no_history(
    engine, mlserve_run, sklearn_model, tmp_path, way
):
    model = shutil.copytree(sklearn_model, tmp_path / "model")
    with (model / "requirements.txt").open("a") as requirements:
        requirements.write("secret-sauce==1.0\n")
    archive = tmp_path / "image.tar"
    flags = {
        "docker": (),
        "oci": ("--engine", "oci", "--base", engine.base_archive, "-o", archive),
    }[way]
    with private_index(tmp_path / "index") as url:
        mlserve_run(
            *("build-docker", "-m", model, "-n", f"secret-{way}:1", *flags),
            DOCKER_HOST=engine.address,
            UV_INDEX=url,
        )
    if way == "docker":
        with archive.open("wb") as output:
            output.writelines(engine.client.images.get("secret-docker:1").save())
    texts = [*every_file(archive)]
    assert any(name.endswith("secret_sauce.py") for name, _ in texts)
    assert not [name for name, content in texts if SECRET.encode() in content]


def every_file(archive):
    """Every file of an image: its documents and, unpacked, what is in its layers."""
    with tarfile.open(archive) as image:
        for member in image:
            content = image.extractfile(member)
            if content is None:
                continue
            data = content.read()
            try:
                with tarfile.open(fileobj=io.BytesIO(data)) as layer:
                    for inner in layer:
                        if inner.isfile():
                            yield inner.name, layer.extractfile(inner).read()
            except tarfile.ReadError:
                yield member.name, data


def test_a_failed_tag_names_what_is_wrong_and_builds_nothing(engine, mlserve_run, onnx_model):
    before = state_of(engine.client)
    run = mlserve_run(
        "build-docker", "-m", onnx_model, "-n", "Bad Name", check=False, DOCKER_HOST=engine.address
    )
    assert run.returncode == 1
    assert '"Bad Name" names no image' in run.stderr
    assert state_of(engine.client) == before


def test_the_labels_tell_of_the_model(engine, built_by_docker):
    labels = engine.client.images.get(built_by_docker).labels
    assert labels["org.opencontainers.image.title"] == "churn"
    assert labels["ml.mlserve.model.flavor"] == "onnx"
    assert labels["ml.mlserve.model.digest"].startswith("sha256:")
    assert labels["org.opencontainers.image.base.name"] == "python:3.11-slim"
