"""The commands that make images, as far as no engine is needed for it."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tarfile

import pytest
from mlserve import save_model

from ..builder.images_made_here import AMD64, ARM64, OF_PYTHON, write_layout
from ..runtimes.trained import IRIS, iris_classifier

NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_model(
        iris_classifier(), tmp_path_factory.mktemp("models") / "iris", example=IRIS.data
    )


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base") / "layout"
    write_layout(folder, (AMD64, ARM64), config=OF_PYTHON)
    return f"oci:{folder}:3.11"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def mlserve(tmp_path, cache):
    """Runs mlserve in an empty folder, where no Docker engine answers."""

    def run(*arguments, **options):
        environment = {**os.environ, **NO_ENGINE, "XDG_CACHE_HOME": cache}
        return subprocess.run(
            [sys.executable, "-m", "mlserve", *map(str, arguments)],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            **options,
        )

    return run


LOG = """
import mlserve
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

flowers = load_iris(as_frame=True)
model = LogisticRegression(max_iter=1000).fit(flowers.data, flowers.target)
with mlserve.start_run() as run:
    mlserve.log_model(model, "iris", example=flowers.data, registered_model_name="iris")
print(run.info.run_id)
"""


@pytest.fixture
def run_id(tmp_path):
    """The run whose model is version 1 of iris in the store of the folder."""
    run = subprocess.run(
        [sys.executable, "-c", LOG],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=True,
    )
    return run.stdout.strip()


def test_where_no_engine_answers_none_is_needed(mlserve, model, tmp_path):
    (tmp_path / "mlserve-model.tar").touch()
    run = mlserve("build-docker", "-m", model)
    assert "building without a Docker engine: no Docker engine answers at unix:" in run.stderr
    assert run.stderr.splitlines()[-1].startswith("Error: mlserve-model.tar exists already")


def test_without_an_engine_the_image_becomes_a_file_named_after_it(mlserve, model, base, tmp_path):
    run = mlserve("build-docker", "-m", model, "-n", "team/iris:1", "--base", base)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("sha256:")
    assert [file.name for file in tmp_path.iterdir()] == ["iris-1.tar"]
    with tarfile.open(tmp_path / "iris-1.tar") as archive:
        (entry,) = json.load(archive.extractfile("manifest.json"))
    assert entry["RepoTags"] == ["team/iris:1"]


def test_the_same_model_gives_the_same_digest_again(mlserve, model, base):
    flags = ("-m", model, "-n", "iris:1", "--base", base, "--engine", "oci")
    first = mlserve("build-docker", *flags, "-o", "one")
    second = mlserve("models", "build-docker", *flags, "-o", "two.tar", "--no-cache")
    assert first.stdout == second.stdout != ""


def test_an_image_for_two_platforms_is_an_index_with_the_wheels_of_each(
    mlserve, model, base, tmp_path
):
    flags = ("-n", "iris:1", "--base", base, "-o", "both", "--platform", "linux/amd64,linux/arm64")
    run = mlserve("build-docker", "-m", model, *flags)
    assert run.returncode == 0, run.stderr
    blobs = tmp_path / "both" / "blobs" / "sha256"
    index = json.loads((blobs / run.stdout.strip().removeprefix("sha256:")).read_text())
    machines = {}
    for entry in index["manifests"]:
        manifest = json.loads((blobs / entry["digest"].removeprefix("sha256:")).read_text())
        layer = blobs / manifest["layers"][1]["digest"].removeprefix("sha256:")
        with tarfile.open(layer) as packages:
            modules = [name for name in packages.getnames() if name.endswith("-linux-gnu.so")]
        architecture = entry["platform"]["architecture"]
        machines[architecture] = {name.split("-")[-3] for name in modules}
    assert machines == {"amd64": {"x86_64"}, "arm64": {"aarch64"}}


def test_an_engine_that_was_asked_for_has_to_be_there(mlserve, model):
    run = mlserve("build-docker", "-m", model, "--engine", "docker")
    assert run.returncode == 1
    assert "no Docker engine answers at unix:///nowhere/docker.sock" in run.stderr
    assert "--engine oci" in run.stderr


def test_an_output_that_exists_is_refused_before_anything_is_done(mlserve, model, tmp_path):
    (tmp_path / "x.tar").write_text("mine")
    for arguments in (
        ("build-docker", "-m", model, "-o", "x.tar"),
        ("models", "generate-dockerfile", "-m", model, "-d", "x.tar"),
    ):
        run = mlserve(*arguments)
        assert run.returncode == 1
        assert run.stderr.splitlines()[-1].startswith("Error: x.tar exists already")
    assert (tmp_path / "x.tar").read_text() == "mine"


def test_a_requirement_that_nobody_has_is_named_and_nothing_is_written(mlserve, tmp_path, model):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    flags = ("--wheels", wheels, "--platform", "linux/arm64", "-d", "context")
    run = mlserve("models", "generate-dockerfile", "-m", model, *flags)
    assert run.returncode == 1
    assert "cannot be had for linux/arm64 with Python 3.11: " in run.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["wheels"]


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        (("-m", "nowhere"), 1, "nowhere: there is no such folder"),
        (("-m", "models:/churn/1"), 2, "there is no store at"),
        (("-m", "."), 1, "the folder holds no MLmodel"),
        (("-m", ".", "-n", "Upper/Case"), 1, "capital letters"),
        (("-m", ".", "--platform", "plan9/mips"), 2, "linux/amd64, linux/arm64"),
        (("-m", ".", "--python", "3.8"), 2, "expected 3.11 or later"),
        (("-m", ".", "--build-arg", "x"), 2, "expected NAME=VALUE"),
        (("-m", ".", "--engine", "docker", "-o", "x"), 2, "--engine oci"),
        (("-m", ".", "--engine", "docker", "--base", "./x.tar"), 2, "--base with a path"),
        (("-m", ".", "-o", "x", "--push"), 2, "expected one of them"),
        (("-m", ".", "--engine", "oci", "--network", "x"), 2, "for a Docker engine alone"),
        ((), 2, "Missing option '-m'"),
    ],
)
def test_what_is_wrong_is_told_without_a_traceback(mlserve, tmp_path, flags, code, message):
    run = mlserve("build-docker", *flags)
    assert (run.returncode, run.stdout) == (code, "")
    assert message in run.stderr
    assert "Traceback" not in run.stderr
    assert not list(tmp_path.iterdir())


def test_a_model_of_the_registry_is_told_in_the_image(mlserve, base, tmp_path, run_id):
    flags = ("-n", "iris:1", "--base", base, "-o", "layout")
    run = mlserve("build-docker", "-m", "models:/iris/1", *flags)
    assert run.returncode == 0, run.stderr
    config = read_config(tmp_path / "layout", run.stdout.strip())
    labels, environment = config["Labels"], config["Env"]
    assert labels["org.opencontainers.image.version"] == "1"
    assert labels["ml.mlserve.model.name"] == "iris"
    assert labels["ml.mlserve.model.run"] == run_id
    assert {"MLSERVE_MODEL_NAME=iris", "MLSERVE_MODEL_VERSION=1"} <= set(environment)


@pytest.mark.usefixtures("run_id")
def test_a_model_that_is_not_as_it_was_registered_is_not_packed(mlserve, base, tmp_path):
    (model,) = tmp_path.glob("mlartifacts/**/model.skops")
    model.write_bytes(model.read_bytes() + b"more")
    run = mlserve("build-docker", "-m", "models:/iris/1", "--base", base, "-o", "x.tar")
    assert run.returncode == 1
    assert "models:/iris/1" in run.stderr
    assert "model.skops" in run.stderr
    assert not (tmp_path / "x.tar").exists()


def read_config(layout, digest):
    blobs = layout / "blobs" / "sha256"
    manifest = json.loads((blobs / digest.removeprefix("sha256:")).read_text())
    config = blobs / manifest["config"]["digest"].removeprefix("sha256:")
    return json.loads(config.read_text())["config"]


def test_a_full_disk_is_told_and_leaves_nothing(mlserve, tmp_path, model):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))

    large = shutil.copytree(model, tmp_path / "large")
    (large / "weights.bin").write_bytes(bytes(2 << 20))
    run = mlserve("build-docker", "-m", large, "-o", "x.tar", preexec_fn=limit)
    assert run.returncode == 1
    assert f"{large} could not be packed: File too large" in run.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["large"]


def test_the_flags_of_mlflows_users_are_taken(mlserve, model, tmp_path):
    flags = ("--env-manager", "local", "--install-java", "false", "--install-mlflow")
    flags += ("--mlflow-home", "somewhere", "-d", "context")
    run = mlserve("models", "generate-dockerfile", "-m", model, *flags)
    assert (run.returncode, run.stdout) == (0, "context\n"), run.stderr
    names = {file.name for file in (tmp_path / "context").iterdir()}
    assert names == {"Dockerfile", "mlserve", "model", "requirements"}
