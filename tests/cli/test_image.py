"""``mlserve image show``: images of our own making and of others, wherever they lie."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from mlserve.builder.assembling import OciEngine, OciOptions
from mlserve.builder.contract import Artifact, Stage
from mlserve.builder.layouts import Layout, attach_to_layout
from mlserve.builder.provenance import IN_TOTO
from mlserve.builder.sbom import CYCLONEDX

from ..builder.cyclonedx_schema import check_sbom
from ..builder.images_made_here import (
    AMD64,
    ARM64,
    OF_PYTHON,
    plan_on,
    stage_on,
    write_layout,
    write_trees,
)
from ..builder.registries import running_registry

ROOT = Path(__file__).parents[2]


def mlserve(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mlserve", *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def show(*arguments: object) -> str:
    done = mlserve("image", "show", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def show_json(*arguments: object) -> dict:
    return json.loads(show(*arguments, "--json"))


def refusal(*arguments: object, code: int = 1) -> str:
    done = mlserve("image", "show", *arguments)
    assert done.returncode == code
    assert not done.stdout
    return done.stderr


@dataclass(frozen=True)
class Built:
    """One image of an ONNX model, built three times, and what is said to have been built."""

    digests: dict[str, str]
    places: dict[str, str]
    base: str


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("image")
    model = folder / "churn"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "benchmarks")}
    command = [sys.executable, ROOT / ".ci" / "package_onnx.py", model]
    subprocess.run(command, env=environment, check=True, timeout=120)
    base = write_layout(folder / "base", config=OF_PYTHON)
    with running_registry(folder / "registry") as address:
        places = {
            "registry": f"{address}/models/churn:7",
            "layout": f"{folder}/layout:7",
            "tar": f"{folder}/image.tar:7",
        }
        digests = {}
        for kind, place in places.items():
            target = ("--push",) if kind == "registry" else ("-o", place.removesuffix(":7"))
            name = place if kind == "registry" else "churn:7"
            flags = ("--engine", "oci", "--base", f"oci:{base}", *target)
            cache = {"XDG_CACHE_HOME": str(folder / "cache")}
            done = mlserve("build-docker", "-m", model, "-n", name, *flags, **cache)
            assert done.returncode == 0, done.stderr
            digests[kind] = done.stdout.strip()
        yield Built(digests, places, Layout(base).resolve("").digest)


@pytest.fixture(params=["registry", "layout", "tar"])
def place(request, built) -> str:
    return built.places[request.param]


def test_an_image_is_shown_wherever_it_lies(built, place):
    text = show(place)
    lines = {tuple(line.split()[:2]) for line in text.splitlines()}
    assert text.startswith(f"{place}\n  digest     {built.digests['layout']}\n")
    assert {("name", "churn"), ("flavor", "onnx"), ("mlserve", "0.1.0")} <= lines
    assert ("python", "3.11.9") in lines
    assert "the model, in /opt/ml/model" in text
    assert "the packages that the model needs, in /opt/mlserve" in text


def test_the_facts_are_the_same_wherever_it_lies(built):
    shown = [show_json(place) for place in built.places.values()]
    assert len({one.pop("reference") for one in shown}) == 3
    assert shown[0] == shown[1] == shown[2]
    assert len(set(built.digests.values())) == 1


def test_layers_have_the_sizes_that_are_kept_and_make_up_the_image(built):
    [report] = show_json(built.places["layout"])["platforms"]
    sizes = [layer["size_bytes"] for layer in report["layers"]]
    assert len(sizes) == 4
    assert sum(sizes) < report["size_bytes"] < sum(sizes) + 20_000


def test_the_sbom_is_printed_as_it_is_attached_and_lists_what_the_lock_pins(built, place):
    document = json.loads(show(place, "--sbom"))
    check_sbom(document)
    container = document["metadata"]["component"]
    assert container["bom-ref"] == built.digests["layout"]
    names = {one["name"].lower() for one in document["components"]}
    assert {"churn", "mlserve", "python", "numpy", "onnxruntime", "starlette"} <= names
    assert not {"mlflow", "pandas", "scikit-learn"} & names


def test_the_provenance_names_the_model_the_base_and_the_lock(built):
    [report] = show_json(built.places["registry"])["platforms"]
    provenance = report["provenance"]
    digests = {one["name"]: one["digest"]["sha256"] for one in provenance["dependencies"]}
    assert f"sha256:{digests['base']}" == built.base
    assert f"sha256:{digests['model']}" == report["model"]["digest"]
    assert digests.keys() == {"base", "requirements.lock", "model"}
    assert provenance["parameters"] == {
        "flavor": "onnx",
        "platform": "linux/amd64",
        "python": "3.11",
    }


def test_no_document_names_a_path_of_this_machine(built, tmp_path_factory):
    layout = Layout(Path(built.places["layout"].removesuffix(":7")))
    for one in layout.find_referrers(layout.resolve("7")):
        with layout.open(one) as manifest:
            content = manifest.read()
        assert str(tmp_path_factory.getbasetemp()).encode() not in content
    assert str(tmp_path_factory.getbasetemp()) not in show(built.places["layout"], "--sbom")
    [report] = show_json(built.places["layout"])["platforms"]
    assert not [text for text in report["labels"].values() if "/base" in text]


@pytest.fixture
def layout(tmp_path) -> Path:
    """An image for two platforms, of which nothing is told but by the test."""
    base = write_layout(tmp_path / "base", (AMD64, ARM64), config=OF_PYTHON)
    trees = write_trees(tmp_path / "trees")
    stages = [stage_on(f"oci:{base}", trees, platform) for platform in (AMD64, ARM64)]
    engine = OciEngine(OciOptions(output=tmp_path / "image"))
    engine.build(stages, ["churn:7"], lambda _: None)
    engine.close()
    return tmp_path / "image"


def test_an_image_for_several_platforms_is_shown_for_each(layout):
    shown = show_json(layout)
    assert [one["platform"] for one in shown["platforms"]] == ["linux/amd64", "linux/arm64/v8"]
    [chosen] = show_json(layout, "--platform", "linux/arm64")["platforms"]
    assert chosen == shown["platforms"][1]
    assert "has no image for linux/s390x; it holds linux/amd64, linux/arm64/v8" in refusal(
        layout, "--platform", "linux/s390x"
    )


def test_an_image_without_documents_is_shown_without_them(layout):
    [report, _] = show_json(layout)["platforms"]
    assert report["packages"] is None
    assert report["provenance"] is None
    assert report["artifacts"] == []
    choice = "choose one with --platform: linux/amd64, linux/arm64/v8"
    assert choice in refusal(layout, "--sbom", code=2)
    assert "none in CycloneDX is attached" in refusal(layout, "--sbom", "--platform", "linux/amd64")


def told_wrongly(tmp_path: Path, artifact: Artifact) -> Path:
    base = write_layout(tmp_path / "base", config=OF_PYTHON)
    engine = OciEngine(OciOptions(output=tmp_path / "image"))
    stage = Stage(plan_on(f"oci:{base}"), write_trees(tmp_path / "trees"))
    engine.build([stage], ["churn:7"], lambda _: None)
    engine.close()
    image = tmp_path / "image"
    attach_to_layout(image, artifact, Layout(image).resolve("7"))
    return image


@pytest.mark.parametrize("content", [b"\xff", b"[]", b'{"components": [{"name": "numpy"}]}'])
def test_an_sbom_of_another_form_is_an_error_and_can_still_be_read(tmp_path, content):
    image = told_wrongly(tmp_path, Artifact(CYCLONEDX, CYCLONEDX, content))
    assert "expected CycloneDX in JSON" in refusal(image)
    assert show(image, "--sbom").encode(errors="surrogateescape")


def test_a_statement_of_another_form_is_told_of_the_image_and_no_more(tmp_path):
    image = told_wrongly(tmp_path, Artifact(IN_TOTO, IN_TOTO, b"nothing"))
    [report] = show_json(image)["platforms"]
    assert report["provenance"] is None
    assert [one["type"] for one in report["artifacts"]] == [IN_TOTO]


def test_what_acts_on_a_terminal_is_escaped(tmp_path):
    document = {"components": [{"type": "library", "name": "evil\x1b[2J", "version": "1"}]}
    artifact = Artifact(CYCLONEDX, CYCLONEDX, json.dumps(document).encode())
    text = show(told_wrongly(tmp_path, artifact))
    assert "\x1b" not in text
    assert "evil\\x1b[2J" in text


def test_what_is_no_image_is_refused(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("nothing")
    expected = "expected an OCI layout, or a tar of an image"
    assert f"found nothing there, {expected}" in refusal(tmp_path / "absent")
    assert f"a folder without the file oci-layout, {expected}" in refusal(tmp_path / "folder")
    assert f"found no image in it, {expected}" in refusal(tmp_path / "file")
    assert f"File name too long, {expected}" in refusal("./" + "a" * 300)
    assert "names no image" in refusal("Churn:7:8")


def test_an_image_that_a_registry_does_not_have_is_named(built):
    name = built.places["registry"].removesuffix(":7")
    assert f"{name} has no image 8" in refusal(f"{name}:8")
