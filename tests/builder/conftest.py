"""What the tests of images share: an engine, a base, two models, and images of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import mlserve
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from .engines import BASE, PROGRAM, make_base, running_engine

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Engine:
    """A running Docker engine that holds the stand-in for Python's image; and this as a tar."""

    address: str
    client: docker.DockerClient
    base_archive: Path


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def engine(tmp_path_factory) -> Iterator[Engine]:
    if shutil.which(PROGRAM) is None or os.geteuid() != 0:
        reason = f"NO IMAGE IS BUILT: {PROGRAM} is not installed (apt-get install docker.io)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(f"{reason}, or this is not root")
    folder = tmp_path_factory.mktemp("engine")
    with running_engine(folder) as address:
        make_base(address, folder)
        client = docker.DockerClient(base_url=address, timeout=300)
        archive = folder / "base.tar"
        with archive.open("wb") as output:
            for chunk in client.images.get(BASE).save(named=True):
                output.write(chunk)
        yield Engine(address, client, archive)
        client.close()


@pytest.fixture(scope="session")
def mlserve_run(tmp_path_factory) -> Run:
    """Runs mlserve as a program that keeps what it needs again in a folder of the tests."""
    cache = tmp_path_factory.mktemp("cache")

    def run(*arguments: object, check: bool = True, **environment: str) -> object:
        env = {**os.environ, "XDG_CACHE_HOME": str(cache), **environment}
        command = [sys.executable, "-m", "mlserve", *map(str, arguments)]
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0 or not check, done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def onnx_model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("onnx") / "churn"
    command = [sys.executable, ROOT / ".ci" / "package_onnx.py", folder]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "benchmarks")}
    subprocess.run(command, env=environment, check=True, timeout=120)
    return folder


@pytest.fixture(scope="session")
def sklearn_model(tmp_path_factory) -> Path:
    flowers = load_iris(as_frame=True)
    model = LogisticRegression(max_iter=1000).fit(flowers.data, flowers.target)
    folder = tmp_path_factory.mktemp("sklearn") / "iris"
    return mlserve.save_model(model, folder, example=flowers.data, predict_fn="predict_proba")


@pytest.fixture(scope="session")
def built_by_docker(engine, mlserve_run, onnx_model) -> str:
    """The name of an image that the engine built of the ONNX model."""
    name = "churn-docker:7"
    mlserve_run("build-docker", "-m", onnx_model, "-n", name, DOCKER_HOST=engine.address)
    return name


@pytest.fixture(scope="session")
def built_without(engine, mlserve_run, onnx_model, tmp_path_factory) -> str:
    """The name of an image of the same model, built without an engine and loaded into it."""
    name, archive = "churn-oci:7", tmp_path_factory.mktemp("oci") / "image.tar"
    flags = ("--engine", "oci", "--base", engine.base_archive, "-o", archive)
    mlserve_run("build-docker", "-m", onnx_model, "-n", name, *flags)
    with archive.open("rb") as content:
        engine.client.images.load(content)
    return name


@pytest.fixture(params=["built_by_docker", "built_without"])
def image(request) -> str:
    """The name of an image of the ONNX model, built in each of the two ways."""
    return request.getfixturevalue(request.param)
