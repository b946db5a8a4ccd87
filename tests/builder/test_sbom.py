"""What is in an image, as CycloneDX says it."""

from __future__ import annotations

import json
from importlib.metadata import distributions, version

import pytest
from jsonschema import ValidationError
from mlserve.builder.contract import MadeImage
from mlserve.builder.distributions import Distribution, read_distributions, read_metadata
from mlserve.builder.oci import MANIFEST, Descriptor
from mlserve.builder.planning import PackedModel
from mlserve.builder.sbom import Contents, Package, describe_contents, read_packages

from .cyclonedx_schema import check_sbom

DIGEST = "sha256:" + "ab" * 32
IMAGE = MadeImage(
    Descriptor(media_type=MANIFEST, digest=DIGEST, size=500),
    base_name="docker.io/library/python:3.11-slim",
    base_digest="sha256:" + "cd" * 32,
    python="3.11.9",
)
MODEL = PackedModel("churn", "7", "0123", "sha256:" + "ef" * 32, "onnx")
NUMPY = Distribution("numpy", "2.3.5", "Arrays", "BSD-3-Clause AND MIT")


def sbom_of(*found: Distribution, image: MadeImage = IMAGE, model: PackedModel = MODEL) -> dict:
    content = describe_contents(Contents(model, "0.1.0", "3.11", found), image).content
    document = json.loads(content)
    check_sbom(document)
    return document


def component(document: dict, name: str) -> dict:
    (found,) = (one for one in document["components"] if one["name"] == name)
    return found


def test_the_image_and_its_base_are_named_by_digest():
    described = sbom_of()["metadata"]["component"]
    assert (described["type"], described["name"], described["version"]) == (
        "container",
        "churn",
        "7",
    )
    assert described["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    properties = {one["name"]: one["value"] for one in described["properties"]}
    assert properties == {
        "mlserve:base.name": IMAGE.base_name,
        "mlserve:base.digest": IMAGE.base_digest,
    }


def test_model_mlserve_python_and_packages_are_listed():
    kinds = {one["name"]: one["type"] for one in sbom_of(NUMPY)["components"]}
    assert kinds == {
        "churn": "machine-learning-model",
        "mlserve": "application",
        "python": "platform",
        "numpy": "library",
    }


def test_mlserve_has_no_package_url_of_the_index_where_another_project_has_its_name():
    assert component(sbom_of(), "mlserve")["purl"] == "pkg:generic/mlserve@0.1.0"


def test_the_python_is_the_one_that_the_base_declares_else_the_one_of_the_plan():
    assert component(sbom_of(), "python")["version"] == "3.11.9"
    unknown = MadeImage(IMAGE.descriptor)
    assert component(sbom_of(image=unknown), "python")["version"] == "3.11"


def test_an_image_of_which_little_is_known_has_a_valid_sbom():
    sbom_of(Distribution("x", "1"), image=MadeImage(IMAGE.descriptor), model=PackedModel("m"))


@pytest.mark.parametrize(
    ("found", "licenses"),
    [
        (NUMPY, [{"expression": "BSD-3-Clause AND MIT"}]),
        (Distribution("a", "1", license_names=("MIT License",)), [{"license": {"id": "MIT"}}]),
        (
            Distribution("a", "1", license_names=("BSD License", "MIT License")),
            [{"license": {"name": "BSD License"}}, {"license": {"id": "MIT"}}],
        ),
    ],
)
def test_a_license_is_an_identifier_where_one_alone_is_meant(found, licenses):
    assert component(sbom_of(found), found.name)["licenses"] == licenses


def test_a_package_url_has_the_normal_name_and_an_escaped_version():
    assert Distribution("Zope.Interface_X", "1.0+cpu").purl == (
        "pkg:pypi/zope-interface-x@1.0%2Bcpu"
    )


def test_the_sbom_is_the_same_on_any_day_and_has_a_time_only_where_the_image_has():
    first, second = (
        describe_contents(Contents(MODEL, "0.1.0", "3.11", (NUMPY,)), IMAGE) for _ in range(2)
    )
    assert first == second
    assert "timestamp" not in sbom_of()["metadata"]
    dated = MadeImage(IMAGE.descriptor, created=86_400)
    assert sbom_of(image=dated)["metadata"]["timestamp"] == "1970-01-02T00:00:00+00:00"


def test_all_that_is_installed_here_makes_a_valid_sbom(tmp_path):
    for one in distributions():
        folder = tmp_path / f"{one.name}-{one.version}.dist-info"
        folder.mkdir(exist_ok=True)
        (folder / "METADATA").write_text(one.read_text("METADATA") or "", encoding="utf-8")
    found = read_distributions(tmp_path)
    document = sbom_of(*found)
    assert component(document, "numpy")["version"] == version("numpy")
    assert [one.name for one in found] == sorted(
        (one.name for one in found), key=lambda name: name.lower().replace("_", "-")
    )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("License: MIT\nClassifier: License :: OSI Approved :: BSD License", ("MIT",)),
        ("License: UNKNOWN", ()),
        ("License: Copyright (c)\n  all of it", ()),
        (
            f"License: {'long ' * 30}\nClassifier: License :: OSI Approved :: BSD License",
            ("BSD License",),
        ),
        ("Classifier: Topic :: Science", ()),
    ],
)
def test_a_license_in_words_is_a_name_and_never_a_text(text, names):
    found = read_metadata(f"Metadata-Version: 2.1\nName: a\nVersion: 1\n{text}\n\nLicense: no\n")
    assert found == Distribution("a", "1", license_names=names)


def test_what_was_written_is_read_again_in_short():
    content = describe_contents(Contents(MODEL, "0.1.0", "3.11", (NUMPY,)), IMAGE).content
    assert read_packages(content) == [
        Package("machine-learning-model", "churn", "7", ""),
        Package("application", "mlserve", "0.1.0", "Apache-2.0"),
        Package("platform", "python", "3.11.9", ""),
        Package("library", "numpy", "2.3.5", "BSD-3-Clause AND MIT"),
    ]


def test_the_schema_refuses_what_is_no_sbom():
    document = sbom_of()
    document["components"][0]["type"] = "model"
    with pytest.raises(ValidationError):
        check_sbom(document)
