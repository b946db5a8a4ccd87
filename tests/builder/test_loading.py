"""Images made without an engine, run by one: loaded from a tar, and pulled from a registry."""

from __future__ import annotations

import json

import docker
from mlserve.builder.assembling import OciEngine, OciOptions
from mlserve.builder.registry_access import RegistryAccess

from .images_made_here import plan_on, stage_on, write_trees
from .registries import running_registry

ASK = (
    "import json, os, sys; "
    "print(json.dumps([sys.version_info[:2], os.getuid(), os.getcwd(), os.environ['LANG'], "
    "open('/opt/ml/model/MLmodel').read(), os.listdir('/opt/mlserve/app')]))"
)


def ask(client: docker.DockerClient, image: str) -> list:
    output = client.containers.run(
        image, ["-c", ASK], entrypoint=["python3"], remove=True, read_only=True, network_mode="none"
    )
    return json.loads(output)


def test_an_image_that_no_engine_made_runs_in_one(engine, tmp_path):
    base, client = engine.base_archive, engine.client
    trees = write_trees(tmp_path / "trees")
    answer = [[3, 11], 10_001, "/tmp", "C", "a model", ["mlserve"]]
    builder = OciEngine(OciOptions(tmp_path / "image.tar"))
    builder.build([stage_on(str(base), trees)], ["churn:7"], lambda _: None)
    builder.close()
    with (tmp_path / "image.tar").open("rb") as archive:
        [loaded] = client.images.load(archive)
    assert loaded.tags == ["churn:7"]
    assert ask(client, "churn:7") == answer
    config = loaded.attrs["Config"]
    plan = plan_on(str(base))
    assert config["Healthcheck"] == {"Test": ["CMD", *plan.healthcheck]}
    assert (config["StopSignal"], config["User"]) == ("SIGTERM", "10001:10001")
    assert len(client.api.history("churn:7")) == 4

    with running_registry(tmp_path / "registry") as registry:
        tag = f"{registry}/churn:7"
        builder = OciEngine(OciOptions(access=RegistryAccess(find_login=lambda _: None)))
        image = builder.build([stage_on(str(base), trees)], [tag], lambda _: None)
        builder.push(image, lambda _: None)
        builder.close()
        client.images.remove("churn:7")
        pulled = client.images.pull(f"{registry}/churn", tag="7")
        assert pulled.attrs["RepoDigests"] == [f"{registry}/churn@{image.digest}"]
        assert ask(client, tag) == answer
