"""`mlserve models serve` with references: looked up, downloaded, verified, and named in metrics."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import chdir, closing
from itertools import count
from pathlib import Path

import pytest
from mlserve.cli.locating import open_cache, open_existing
from mlserve.runtimes.errors import InvalidSetting
from mlserve.store import registry_operations as registry
from mlserve.store import tracking_operations as tracking
from mlserve.store.artifact_storage import open_artifacts
from mlserve.store.embedded import EmbeddedTransport
from mlserve.store.registry_requests import (
    CreateModelVersion,
    CreateRegisteredModel,
    SetAlias,
    TransitionStage,
)
from mlserve.store.rest.app import StoreApp
from mlserve.store.rest.settings import ServerSettings
from mlserve.store.store import open_store
from mlserve.store.tracking_requests import CreateRun

from ..runtimes.trained import iris_classifier, write_sklearn
from ..serve.processes import SERVE, running
from ..store.rest.clients import serving as serving_in_this_process
from ..store.s3_server import bucket, client, s3_environment

__all__ = ["bucket", "s3_environment"]

FLAGS = ["-p", "0", "--log-format", "json"]
BODY = json.dumps({"inputs": [[5.1, 3.5, 1.4, 0.2]]})


@pytest.fixture(scope="module")
def iris(tmp_path_factory) -> Path:
    return write_sklearn(tmp_path_factory.mktemp("models") / "iris", iris_classifier())


def upload(artifacts, folder: Path, path: str = "") -> None:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            name = file.relative_to(folder).as_posix()
            with file.open("rb") as source:
                artifacts.write(f"{path}/{name}" if path else name, source)


class RegisteredIris:
    """A store with a run that logged iris, registered as ``flowers``: 1 in Production, 2 not."""

    def __init__(self, uri: str, destination: str, folder: Path) -> None:
        with closing(EmbeddedTransport(uri, destination)) as transport:
            transport.call(registry.CREATE_REGISTERED_MODEL, CreateRegisteredModel("flowers"))
            for _ in range(2):
                info = transport.call(tracking.CREATE_RUN, CreateRun("0")).run.info
                upload(transport.artifacts(info.artifact_uri), folder, "model")
                request = CreateModelVersion("flowers", f"runs:/{info.run_id}/model", info.run_id)
                transport.call(registry.CREATE_MODEL_VERSION, request)
            stage = TransitionStage("flowers", "1", "Production")
            transport.call(registry.TRANSITION_STAGE, stage)
            transport.call(registry.SET_ALIAS, SetAlias("flowers", "champion", "2"))
        self.uri, self.run_id = uri, info.run_id
        self.artifact_uri = info.artifact_uri


@pytest.fixture
def store(tmp_path, iris) -> RegisteredIris:
    uri = f"sqlite:///{tmp_path / 'store.db'}"
    return RegisteredIris(uri, str(tmp_path / "artifacts"), iris)


def serve(reference: str, tmp_path: Path, **environment: str):
    variables = {"MLSERVE_CACHE_DIR": str(tmp_path / "cache")} | environment
    return running(*SERVE, *FLAGS, "-m", reference, **variables)


def predict(service) -> dict:
    with closing(service.connect()) as connection:
        connection.request("POST", "/invocations", BODY, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        document = json.loads(answer.read())
        assert answer.status == 200, document
        return document


def destination_of(store: RegisteredIris, tmp_path: Path) -> dict[str, str]:
    return {
        "MLSERVE_TRACKING_URI": store.uri,
        "MLSERVE_ARTIFACTS_DESTINATION": str(tmp_path / "artifacts"),
    }


@pytest.mark.parametrize(
    ("reference", "name", "version"),
    [
        ("models:/flowers/Production", "flowers", "1"),
        ("models:/flowers@champion", "flowers", "2"),
        ("models:/flowers/latest", "flowers", "2"),
        ("runs:/{run_id}/model", "model", ""),
    ],
)
def test_a_model_of_the_store_is_served_under_its_name_and_version(
    store, tmp_path, reference, name, version
):
    text = reference.format(run_id=store.run_id)
    with serve(text, tmp_path, **destination_of(store, tmp_path)) as service:
        assert service.wait_for("ready")["model"] == name
        assert predict(service) == {"predictions": [0]}
        metrics = service.get("/metrics")
        assert f'mlserve_requests_total{{model="{name}",' in metrics
        assert f'version="{version}"' in metrics
        service.send(signal.SIGTERM)
        assert service.wait() == 0


def test_several_workers_serve_a_model_of_the_store(store, tmp_path):
    environment = destination_of(store, tmp_path) | {"MLSERVE_WORKERS": "2"}
    with serve("models:/flowers/1", tmp_path, **environment) as service:
        assert predict(service) == {"predictions": [0]}


def test_a_variable_and_a_file_name_a_model_of_the_store_too(store, tmp_path):
    config = tmp_path / "serve.toml"
    config.write_text('model_uri = "models:/flowers/Production"\nmodel_version = "blue"\n')
    environment = {
        "MLSERVE_CACHE_DIR": str(tmp_path / "cache"),
        "MLFLOW_TRACKING_URI": store.uri,
        "MLSERVE_ARTIFACTS_DESTINATION": str(tmp_path / "artifacts"),
    }
    with running(*SERVE, *FLAGS, "--config", str(config), **environment) as service:
        assert service.wait_for("ready")["model"] == "flowers"
        assert 'version="blue"' in service.get("/metrics")
    environment["MLSERVE_MODEL_URI"] = "models:/flowers/2"
    with running(*SERVE, *FLAGS, **environment) as service:
        assert 'version="2"' in service.get("/metrics")


def test_a_model_is_served_from_the_cache_while_its_files_are_gone(store, tmp_path):
    environment = destination_of(store, tmp_path)
    with serve("models:/flowers/1", tmp_path, **environment) as service:
        service.wait_for("ready")
    open_artifacts(str(tmp_path / "artifacts")).delete("0")
    with serve("models:/flowers/1", tmp_path, **environment) as service:
        assert predict(service) == {"predictions": [0]}


@pytest.mark.parametrize(
    ("reference", "code", "told"),
    [
        ("models:/flowers/Staging", 1, "no version in Staging; Production has 1; the first stage"),
        ("models:/flowers@best", 1, "no alias best"),
        ("models:/flowers", 2, "--model-uri: models:/flowers: found no version, stage or alias"),
        ("models:/flowers/Nowhere", 2, "Value must be one of None, Development, Staging"),
        ("http://host/model", 2, "--model-uri: http://host/model: found an address that begins"),
        ("s3://key:secret@bucket/model", 2, "found credentials in the URI"),
        ("s3://[bucket/model", 2, "found no URI"),
    ],
)
def test_a_reference_that_names_no_model_is_told_with_what_there_is(
    store, tmp_path, reference, code, told
):
    with serve(reference, tmp_path, **destination_of(store, tmp_path)) as service:
        assert service.wait() == code
    said = "".join(service.lines)
    assert told in said
    assert "Traceback" not in said
    assert "secret" not in said


def test_a_store_that_is_not_there_is_not_made(tmp_path):
    with serve(
        "models:/flowers/1", tmp_path, MLSERVE_TRACKING_URI=f"sqlite:///{tmp_path}/s.db"
    ) as (service):
        assert service.wait() == 2
    assert f"{tmp_path}/s.db is not there; name the store in MLSERVE_TRACKING_URI or MLFLOW" in (
        "".join(service.lines)
    )
    assert not (tmp_path / "s.db").exists()


def test_a_folder_is_served_without_the_store(iris):
    code = (
        "import sys\n"
        "from mlserve.cli.models import _locate\n"
        f"print(_locate({str(iris)!r}).folder)\n"
        "print([name for name in sys.modules if name.startswith('mlserve.store')])\n"
    )
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)
    assert run.stdout == f"{iris}\n[]\n"


# Object storage


@pytest.fixture
def store_in_s3(tmp_path, iris, bucket) -> RegisteredIris:
    return RegisteredIris(f"sqlite:///{tmp_path / 'store.db'}", f"s3://{bucket}/all", iris)


def variables_of(store: RegisteredIris, bucket: str, s3_environment) -> dict[str, str]:
    return s3_environment | {
        "MLSERVE_TRACKING_URI": store.uri,
        "MLSERVE_ARTIFACTS_DESTINATION": f"s3://{bucket}/all",
    }


def test_a_model_of_a_store_in_s3_is_served(store_in_s3, tmp_path, bucket, s3_environment):
    variables = variables_of(store_in_s3, bucket, s3_environment)
    with serve("models:/flowers/Production", tmp_path, **variables) as service:
        assert predict(service) == {"predictions": [0]}
        assert 'version="1"' in service.get("/metrics")


def test_a_model_in_s3_with_a_changed_byte_is_not_served(
    store_in_s3, tmp_path, bucket, s3_environment
):
    s3 = client(s3_environment)
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    [key] = [key for key in keys if key.endswith("MLmodel") and store_in_s3.run_id in key]
    content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    s3.put_object(Bucket=bucket, Key=key, Body=content.replace(b"sklearn", b"sklearm", 1))
    variables = variables_of(store_in_s3, bucket, s3_environment)
    with serve("models:/flowers/2", tmp_path, **variables) as service:
        assert service.wait() == 1
    assert "models:/flowers/2: MLmodel: found SHA-256" in "".join(service.lines)
    assert list((tmp_path / "cache" / "models").iterdir()) == []
    with serve("models:/flowers/1", tmp_path, **variables) as service:
        assert predict(service) == {"predictions": [0]}


def test_a_folder_in_s3_is_served_without_a_store(iris, tmp_path, bucket, s3_environment):
    upload(open_artifacts(f"s3://{bucket}"), iris, "models/iris")
    with serve(f"s3://{bucket}/models/iris", tmp_path, **s3_environment) as service:
        assert service.wait_for("ready")["model"] == "iris"
        assert predict(service) == {"predictions": [0]}


# A server


def test_a_model_of_a_server_is_served(store, tmp_path):
    numbers = count(1)
    with closing(open_store(store.uri, str(tmp_path / "artifacts"))) as opened:
        app = StoreApp(opened, ServerSettings(), None, lambda _: f"request-{next(numbers)}")
        with serving_in_this_process(app) as url:
            versions = {"models:/flowers/Production": "1", f"runs:/{store.run_id}/model": ""}
            for reference, version in versions.items():
                with serve(reference, tmp_path, MLSERVE_TRACKING_URI=url) as service:
                    assert predict(service) == {"predictions": [0]}
                    assert f'version="{version}"' in service.get("/metrics")


# The cache


def folder_of(environment: dict[str, str]) -> Path:
    return open_cache(environment).folder


def test_the_cache_is_where_the_environment_says(tmp_path):
    assert folder_of({}) == Path.home() / ".cache" / "mlserve" / "models"
    assert folder_of({"XDG_CACHE_HOME": str(tmp_path)}) == tmp_path / "mlserve" / "models"
    named = {"MLSERVE_CACHE_DIR": str(tmp_path / "x"), "XDG_CACHE_HOME": str(tmp_path)}
    assert folder_of(named) == tmp_path / "x"


def test_the_cache_is_as_large_as_the_environment_says():
    assert open_cache({}).limit_bytes == 10 << 30
    assert open_cache({"MLSERVE_CACHE_MB": "100"}).limit_bytes == 100 << 20
    for value in ("x", "-1", "1.5"):
        with pytest.raises(InvalidSetting, match="MLSERVE_CACHE_MB: found"):
            open_cache({"MLSERVE_CACHE_MB": value})


def test_the_default_store_is_not_made_either(tmp_path):
    with chdir(tmp_path), pytest.raises(InvalidSetting, match=r"sqlite:///mlserve.db, the default"):
        open_existing({})
    assert list(tmp_path.iterdir()) == []
