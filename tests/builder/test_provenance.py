"""How an image came to be, as in-toto and SLSA state it."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256

import msgspec
import pytest
from mlserve.builder.contract import MadeImage
from mlserve.builder.oci import MANIFEST, Descriptor
from mlserve.builder.planning import PackedModel, plan_image
from mlserve.builder.provenance import BUILDER, Origin, describe_origin, read_provenance

from .images_made_here import AMD64

IMAGE = MadeImage(
    Descriptor(media_type=MANIFEST, digest="sha256:" + "ab" * 32, size=500),
    base_name="docker.io/library/python:3.11-slim",
    base_digest="sha256:" + "cd" * 32,
)
MODEL = PackedModel("churn", "7", "0123", "sha256:" + "ef" * 32, "onnx")
PLAN = plan_image(MODEL, AMD64, "3.11", None, "0.1.0")
ORIGIN = Origin(MODEL, "models:/churn/Production", PLAN, b"numpy==1\n", "0.1.0")


def statement_of(origin: Origin, image: MadeImage = IMAGE) -> dict:
    return json.loads(describe_origin(origin, image).content)


def test_the_statement_has_the_form_of_in_toto_and_slsa():
    statement = statement_of(ORIGIN)
    assert statement.keys() == {"_type", "subject", "predicateType", "predicate"}
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    assert statement["subject"] == [{"name": "churn", "digest": {"sha256": "ab" * 32}}]
    assert statement["predicate"].keys() == {"buildDefinition", "runDetails"}
    assert statement["predicate"]["runDetails"] == {
        "builder": {"id": BUILDER, "version": {"mlserve": "0.1.0"}}
    }


def test_what_was_asked_for_and_what_it_came_from_are_told():
    definition = statement_of(ORIGIN)["predicate"]["buildDefinition"]
    assert definition["externalParameters"] == {
        "model": "models:/churn/Production",
        "flavor": "onnx",
        "base": "docker.io/library/python:3.11-slim",
        "platform": "linux/amd64",
        "python": "3.11",
    }
    base, lock, model = definition["resolvedDependencies"]
    assert base["digest"] == {"sha256": "cd" * 32}
    assert lock["digest"] == {"sha256": sha256(b"numpy==1\n").hexdigest()}
    assert model == {
        "name": "model",
        "uri": "models:/churn/Production",
        "digest": {"sha256": "ef" * 32},
        "annotations": {"name": "churn", "version": "7", "run": "0123"},
    }


def test_a_time_is_told_only_where_the_image_has_one():
    dated = replace(IMAGE, created=86_400)
    details = statement_of(ORIGIN, dated)["predicate"]["runDetails"]
    assert details["metadata"] == {"startedOn": "1970-01-02T00:00:00Z"}
    assert describe_origin(ORIGIN, IMAGE) == describe_origin(ORIGIN, IMAGE)


def test_what_was_written_is_read_again():
    found = read_provenance(describe_origin(ORIGIN, IMAGE).content)
    assert found is not None
    assert found.builder == BUILDER
    assert found.parameters["model"] == "models:/churn/Production"
    assert [one["name"] for one in found.dependencies] == ["base", "requirements.lock", "model"]


def test_a_statement_of_something_else_is_no_provenance():
    statement = {"_type": "https://in-toto.io/Statement/v1", "predicateType": "x", "predicate": {}}
    assert read_provenance(json.dumps(statement).encode()) is None
    with pytest.raises(msgspec.ValidationError):
        read_provenance(b"[]")
