"""Measures images and their builds beside what MLflow's own Dockerfile installs.

    python benchmarks/build.py [--mlflow-python .venv-mlflow/bin/python] [--starts 3]

Has to be root, with a Docker engine and a registry installed: it starts its own, and stops them.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker
import numpy as np
from mlflow_images import build as build_mlflow
from mlflow_images import install, release_of, requirements_of
from mlserve.runtimes.inference import infer_signature
from mlserve.runtimes.modelspec import ModelSpec, write_model_spec
from models import load_customers, save_sklearn, split_body, train
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "builder"))
from engines import BASE, make_base, running_engine
from registries import running_registry

MIB = 1 << 20
LIMIT_SECONDS = 180
VERSIONS = (7, 8)


@dataclass
class Figures:
    """What was measured of the images of one model; what was not is None."""

    name: str
    mib: float
    first: float
    again: float
    layers_sent: int | None
    kib_sent: float | None
    start: float


@dataclass
class Place:
    """Where it is measured: an engine, a registry, the base as a tar, and a folder for the rest."""

    folder: Path
    address: str
    registry: str
    base: Path
    client: docker.DockerClient
    starts: int

    @property
    def docker(self):
        """Docker's own client, for the engine."""
        return ["docker", "-H", self.address]

    def model(self, flavor, version):
        """Return the folder of a version of a model."""
        return self.folder / flavor / str(version) / "churn"

    def mlserve(self, kind, *arguments):
        """Run mlserve with what builds of this kind keep; return seconds, stdout and stderr."""
        kept = {"XDG_CACHE_HOME": str(self.folder / kind), "DOCKER_HOST": self.address}
        kept["UV_CACHE_DIR"] = str(self.folder / kind / "uv")
        command = [sys.executable, "-m", "mlserve", *map(str, arguments)]
        started = time.perf_counter()
        done = subprocess.run(
            command, env=os.environ | kept, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(done.stderr)
        return time.perf_counter() - started, done.stdout, done.stderr


def main():
    """Measure and print."""
    arguments = parse_arguments()
    pipeline, features = train()
    bodies = {"onnx": numbers_body(features), "sklearn": split_body(features.head(1)).encode()}
    with placed(arguments.starts) as place:
        for version, rows in zip(VERSIONS, (features, features.iloc[100:]), strict=True):
            save_numbers(rows, place.model("onnx", version))
            save_sklearn(pipeline, rows, place.model("sklearn", version))
        for flavor, body in bodies.items():
            print(f"\nThe {flavor} model:\n")
            report([*measure(place, flavor, body, arguments.mlflow_python)])


def save_numbers(features, folder):
    """Write an ONNX model of one tensor: MLflow cannot feed the churn model, which has many."""
    churn = load_customers()[1].loc[features.index]
    numbers = numbers_of(features)
    model = LogisticRegression(max_iter=1000).fit(numbers, churn)
    graph = to_onnx(model, numbers[:1], options={"zipmap": False})
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(graph.SerializeToString())
    flavors = {
        "onnx": {"data": "model.onnx", "onnx_version": "1.17.0"},
        "python_function": {"loader_module": "mlflow.onnx", "data": "model.onnx"},
    }
    write_model_spec(folder, ModelSpec(flavors, signature=infer_signature(numbers[:5], None)))


def numbers_of(features):
    """Return the columns of numbers as one array."""
    return np.nan_to_num(features.select_dtypes("number").to_numpy(np.float32))


def numbers_body(features):
    """Return the request body with the numbers of one row."""
    return json.dumps({"inputs": numbers_of(features)[:1].tolist()}).encode()


def parse_arguments():
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--mlflow-python", type=Path, default=Path(".venv-mlflow/bin/python"))
    return parser.parse_args()


@contextmanager
def placed(starts):
    """Give an engine and a registry of our own, with the base in the engine and as a tar."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "engine").mkdir()
        with (
            running_engine(folder / "engine") as address,
            running_registry(folder / "registry") as registry,
        ):
            make_base(address, folder / "engine")
            client = docker.DockerClient(base_url=address, timeout=LIMIT_SECONDS)
            base = folder / "base.tar"
            with base.open("wb") as output:
                for chunk in client.images.get(BASE).save(named=True):
                    output.write(chunk)
            yield Place(folder, address, registry, base, client, starts)
            client.close()


def measure(place, flavor, body, mlflow_python):
    """Yield the figures of both ways to build here, and of MLflow where it is there."""
    yield measure_docker(place, flavor, body)
    yield measure_oci(place, flavor, body)
    if mlflow_python.exists():
        yield measure_mlflow(place, flavor, body, mlflow_python)


def measure_docker(place, flavor, body):
    """Return the figures of builds with the engine."""
    kind = f"docker-{flavor}"
    seconds = [
        place.mlserve(
            kind, "build-docker", "-m", place.model(flavor, version), "-n", f"{kind}:{version}"
        )[0]
        for version in VERSIONS
    ]
    start = start_seconds(place, f"{kind}:7", body)
    size = size_mib(place, f"{kind}:7")
    return Figures("mlserve, with an engine", size, *seconds, None, None, start)


def measure_oci(place, flavor, body):
    """Return the figures of builds without the engine, which pulls what was pushed."""
    kind, seconds, layers = f"oci-{flavor}", [], []
    name = f"{place.registry}/{kind}"
    for version in VERSIONS:
        model = place.model(flavor, version)
        flags = ("--engine", "oci", "--base", place.base, "--push")
        taken, _, log = place.mlserve(
            kind, "build-docker", "-m", model, "-n", f"{name}:{version}", *flags
        )
        seconds.append(taken)
        shown = json.loads(place.mlserve(kind, "image", "show", f"{name}:{version}", "--json")[1])
        layers.append({one["digest"] for one in shown["platforms"][0]["layers"]})
    sent = [int(line.split()[-2]) for line in log.splitlines() if "was sent:" in line]
    place.client.images.pull(f"{name}:7")
    start = start_seconds(place, f"{name}:7", body)
    size = size_mib(place, f"{name}:7")
    new = len(layers[1] - layers[0])
    return Figures("mlserve, without one", size, *seconds, new, sum(sent) / 1024, start)


def measure_mlflow(place, flavor, body, python):
    """Return the figures of what MLflow installs; of its builds, pip's part alone is counted."""
    model = place.model(flavor, VERSIONS[0])
    requirements = requirements_of(python, flavor, model)
    environment = install(place.folder / "mlflow", release_of(python), requirements)
    name = f"mlflow-{flavor}:7"
    build_mlflow(place.docker, environment, model, place.folder / "context", BASE, name)
    shutil.rmtree(place.folder / "mlflow")
    first = environment.mlflow_seconds + environment.model_seconds
    start = start_seconds(place, name, body)
    size = size_mib(place, name)
    place.client.images.remove(name, force=True)
    return Figures("mlflow", size, first, environment.model_seconds, None, None, start)


def size_mib(place, name):
    """Return what an image takes over its base, unpacked."""
    sizes = [place.client.images.get(one).attrs["Size"] for one in (name, BASE)]
    return (sizes[0] - sizes[1]) / MIB


def start_seconds(place, name, body):
    """Return the median time from ``docker run`` to the first good answer."""
    return statistics.median(start_once(place, name, body) for _ in range(place.starts))


def start_once(place, name, body):
    """Return the time from ``docker run`` to the first good answer, once."""
    started = time.perf_counter()
    container = place.client.containers.run(name, detach=True)
    try:
        container.reload()
        host = container.attrs["NetworkSettings"]["IPAddress"]
        wait_for_answer(f"http://{host}:8080/invocations", body, container)
        return time.perf_counter() - started
    finally:
        container.remove(force=True)


def wait_for_answer(url, body, container):
    """Ask until there is a good answer; what a container says is printed where there is none."""
    give_up = time.monotonic() + LIMIT_SECONDS
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    while True:
        try:
            with urllib.request.urlopen(request, timeout=LIMIT_SECONDS) as response:
                response.read()
                return
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{error.read().decode()}\n{container.logs().decode()}") from error
        except OSError:
            container.reload()
            if container.status != "running" or time.monotonic() > give_up:
                print(container.logs().decode(), file=sys.stderr)
                raise
            time.sleep(0.01)


def report(figures):
    """Print a Markdown table, with ratios to MLflow where it was measured."""
    print("| image | MiB over the base | s first build | s new version | new layers, KiB sent "
          "| s to first answer | of MLflow: size, new version, start |")  # fmt: skip
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    peer = figures[-1] if figures[-1].name == "mlflow" else None
    for one in figures:
        sent = "" if one.layers_sent is None else f"{one.layers_sent}, {one.kib_sent:.0f}"
        print(
            f"| {one.name} | {one.mib:.0f} | {one.first:.1f} | {one.again:.1f} | {sent} "
            f"| {one.start:.2f} | {ratios(one, peer)} |"
        )


def ratios(one, peer):
    """Return the size and the seconds of ``one`` over those of ``peer``."""
    if peer is None:
        return ""
    pairs = (one.mib, peer.mib), (one.again, peer.again), (one.start, peer.start)
    return ", ".join(f"{ours / theirs:.2f}" for ours, theirs in pairs)


if __name__ == "__main__":
    main()
