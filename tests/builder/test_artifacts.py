"""What is told of an image beside it: in layouts, tars, and registries with and without a list."""

from __future__ import annotations

import json

import pytest
from mlserve.builder.archives import Archive
from mlserve.builder.artifacts import read_artifact
from mlserve.builder.assembling import OciEngine, OciOptions
from mlserve.builder.contract import Artifact, MadeImage, Stage
from mlserve.builder.image_names import parse_image_name
from mlserve.builder.layouts import Layout, attach_to_layout
from mlserve.builder.publishing import open_destination
from mlserve.builder.registry import open_repository
from mlserve.builder.registry_access import RegistryAccess

from .images_made_here import plan_on, run, write_layout, write_trees
from .registries import faulty, running_registry

SBOM = Artifact("application/vnd.cyclonedx+json", "application/vnd.cyclonedx+json", b'{"a": 1}')
ACCESS = RegistryAccess(find_login=lambda _: None)


def statement_of(image: MadeImage) -> Artifact:
    """What can only be said once the image has a digest."""
    content = json.dumps({"subject": image.descriptor.digest}).encode()
    return Artifact("application/vnd.in-toto+json", "application/vnd.in-toto+json", content)


@pytest.fixture
def stage(tmp_path) -> Stage:
    base = f"oci:{write_layout(tmp_path / 'base')}"
    trees = write_trees(tmp_path / "trees")
    return Stage(plan_on(base), trees, (lambda _: SBOM, statement_of))


def told_of(source, reference: str) -> list[Artifact]:
    found = source.find_referrers(source.resolve(reference))
    return [read_artifact(source, one) for one in found]


@pytest.mark.parametrize("name", ["image", "image.tar"])
def test_what_a_stage_tells_of_its_image_is_written_beside_it(tmp_path, stage, name):
    engine = OciEngine(OciOptions(output=tmp_path / name))
    image = engine.build([stage], ["churn:7"], lambda _: None)
    engine.close()
    source = (Layout if name == "image" else Archive)(tmp_path / name)
    sbom, statement = told_of(source, "7")
    assert sbom == SBOM
    assert json.loads(statement.content) == {"subject": image.digest}
    names = ("", "7", "churn:7", "docker.io/library/churn:7", image.digest)
    assert {source.resolve(name).digest for name in names} == {image.digest}


def test_what_is_told_of_an_image_does_not_change_its_digest(tmp_path, stage):
    digests = set()
    for name, told in (("with", stage), ("without", Stage(stage.plan, stage.folder))):
        engine = OciEngine(OciOptions(output=tmp_path / name))
        digests.add(engine.build([told], ["churn:7"], lambda _: None).digest)
        engine.close()
    assert len(digests) == 1
    run("umoci", "unpack", "--rootless", "--image", f"{tmp_path}/with:7", tmp_path / "unpacked")


def test_an_artifact_is_attached_to_a_layout_that_is_there_and_only_once(tmp_path, stage):
    engine = OciEngine(OciOptions(output=tmp_path / "image"))
    engine.build([Stage(stage.plan, stage.folder)], ["churn:7"], lambda _: None)
    engine.close()
    for _ in range(2):
        attach_to_layout(tmp_path / "image", SBOM, Layout(tmp_path / "image").resolve("7"))
    assert told_of(Layout(tmp_path / "image"), "7") == [SBOM]


@pytest.mark.parametrize("has_list", [False, True])
def test_what_is_told_of_an_image_is_found_in_its_registry(tmp_path, stage, has_list):
    with running_registry(tmp_path / "registry") as real, faulty(real) as server:
        server.has_referrers = has_list
        name = parse_image_name(f"{server.address}/churn:7")
        engine = OciEngine(OciOptions(access=ACCESS))
        image = engine.build([stage], [str(name)], lambda _: None)
        engine.push(image, lambda _: None)
        engine.close()
        repository = open_repository(name, ACCESS)
        described = repository.resolve("7")
        added = Artifact("text/plain", "text/plain", b"", {"by": "hand"})
        destination = open_destination(name, ACCESS)
        destination.attach(added, described)
        destination.close()
        told = told_of(repository, "7")
        assert [one.artifact_type for one in repository.find_referrers(described)] == [
            SBOM.artifact_type,
            "application/vnd.in-toto+json",
            "text/plain",
        ]
        repository.close()
        assert told == [SBOM, statement_of(MadeImage(described)), added]
        tags = [path for method, path in server.asked if "manifests/sha256-" in path]
        assert bool(tags) is not has_list


def test_an_image_of_which_nothing_is_told_has_no_artifacts(tmp_path, stage):
    with running_registry(tmp_path / "registry") as address:
        name = parse_image_name(f"{address}/churn:7")
        engine = OciEngine(OciOptions(access=ACCESS))
        image = engine.build([Stage(stage.plan, stage.folder)], [str(name)], lambda _: None)
        engine.push(image, lambda _: None)
        engine.close()
        repository = open_repository(name, ACCESS)
        assert told_of(repository, "7") == []
        repository.close()
