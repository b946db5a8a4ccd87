"""The documents of the OCI format, and the names of images."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlserve.builder.errors import InvalidImage, InvalidImageName
from mlserve.builder.image_configs import decode_config
from mlserve.builder.image_names import ImageName, parse_image_name
from mlserve.builder.oci import (
    EMPTY,
    INDEX,
    MANIFEST,
    Index,
    Manifest,
    decode,
    describe,
    encode,
    media_type_of,
)
from mlserve.builder.registry_access import RegistryAccess
from mlserve.builder.registry_tokens import Challenge, read_challenges

DIGEST = "sha256:" + "a" * 64


def test_what_is_written_is_read_again():
    described = describe(EMPTY, b"{}")
    manifest = Manifest(
        media_type=MANIFEST, config=described, layers=[described], subject=described
    )
    assert decode(encode(manifest), Manifest, "x") == manifest
    index = Index(media_type=INDEX, manifests=[described], annotations={"b": "1", "a": "2"})
    assert decode(encode(index), Index, "x") == index


def test_documents_are_written_in_one_way():
    described = describe(EMPTY, b"{}")
    content = encode(Manifest(media_type=MANIFEST, config=described, layers=[]))
    document = json.loads(content)
    assert document["schemaVersion"] == 2
    assert content == json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"config": {"mediaType": "", "digest": "sha256:../etc", "size": 1}, "layers": []}',
        b'{"config": {"mediaType": "", "digest": "%s", "size": -1}, "layers": []}'
        % DIGEST.encode(),
    ],
)
def test_a_document_of_another_form_is_refused(content):
    with pytest.raises(InvalidImage, match=r"the thing: found .*, expected the manifest of"):
        decode(content, Manifest, "the thing")


@pytest.mark.parametrize(
    ("content", "declared", "expected"),
    [
        (b'{"manifests": []}', "", INDEX),
        (b'{"layers": []}', "", MANIFEST),
        (b'{"mediaType": "x/y"}', "", "x/y"),
        (b'{"mediaType": "x/y"}', "a/b", "a/b"),
        (b"nothing", "", ""),
    ],
)
def test_a_document_says_itself_what_it_is_unless_it_was_declared(content, declared, expected):
    assert media_type_of(content, declared) == expected


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b'{"rootfs": {}, "architecture": "amd64"}',
        b'{"rootfs": {"diff_ids": []}}',
        b'{"rootfs": {"diff_ids": []}, "architecture": "amd64", "config": {"Env": "PATH"}}',
        b'{"rootfs": {"diff_ids": []}, "architecture": "amd64", "history": [1]}',
    ],
)
def test_a_configuration_of_another_form_is_refused(content):
    with pytest.raises(InvalidImage, match="expected the configuration of an image"):
        decode_config(content, "x")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("python", ImageName("docker.io", "library/python", "latest")),
        ("python:3.11-slim", ImageName("docker.io", "library/python", "3.11-slim")),
        ("team/churn:7", ImageName("docker.io", "team/churn", "7")),
        ("docker.io/python", ImageName("docker.io", "library/python", "latest")),
        ("index.docker.io/a/b", ImageName("docker.io", "a/b", "latest")),
        ("localhost/churn", ImageName("localhost", "churn", "latest")),
        ("127.0.0.1:5000/a/b/c:7", ImageName("127.0.0.1:5000", "a/b/c", "7")),
        ("[::1]:5000/churn", ImageName("[::1]:5000", "churn", "latest")),
        (f"ghcr.io/a/b@{DIGEST}", ImageName("ghcr.io", "a/b", None, DIGEST)),
        (f"ghcr.io/a/b:7@{DIGEST}", ImageName("ghcr.io", "a/b", "7", DIGEST)),
    ],
)
def test_a_name_is_read_as_docker_reads_it(text, name):
    assert parse_image_name(text) == name
    assert parse_image_name(str(name)) == name


@pytest.mark.parametrize(
    "text",
    [
        *("", ":", "a:", "a@", "A", "team/Churn", "a//b", "a b", "a:b:c", "a@sha256:1", "-a"),
        *("a/..", "é", "http://a/b", "a\n"),
    ],
)
def test_what_can_be_no_name_is_refused(text):
    with pytest.raises(InvalidImageName, match="names no image"):
        parse_image_name(text)


@given(st.text(max_size=40))
def test_any_text_is_a_name_or_refused(text):
    try:
        name = parse_image_name(text)
    except InvalidImageName:
        return
    assert parse_image_name(str(name)) == name


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Basic realm="a, b"', [("basic", {"realm": "a, b"})]),
        (
            'Bearer realm="https://x/t?a=b",service="s",scope="repository:a:pull,push"',
            [
                (
                    "bearer",
                    {
                        "realm": "https://x/t?a=b",
                        "service": "s",
                        "scope": "repository:a:pull,push",
                    },
                )
            ],
        ),
        ('Basic, Bearer realm="r"', [("basic", {}), ("bearer", {"realm": "r"})]),
        (
            'Bearer realm="r" , Basic realm=x',
            [("bearer", {"realm": "r"}), ("basic", {"realm": "x"})],
        ),
        (
            'Bearer scope="repository:a:pull,push,delete, Basic x=1",realm="r"',
            [("bearer", {"scope": "repository:a:pull,push,delete, Basic x=1", "realm": "r"})],
        ),
        ("", []),
    ],
)
def test_a_challenge_is_read_with_its_parameters(header, expected):
    assert read_challenges(header) == [Challenge(scheme, more) for scheme, more in expected]


@pytest.mark.parametrize(
    ("registry", "may_be_plain"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("127.0.0.1:5000", True),
        ("127.8.9.1", True),
        ("[::1]:5000", True),
        ("named.example:5000", True),
        ("ghcr.io", False),
        ("10.0.0.1:5000", False),
        ("127.0.0.1.example", False),
    ],
)
def test_a_registry_is_spoken_to_without_tls_on_this_machine_or_where_it_is_named(
    registry, may_be_plain
):
    access = RegistryAccess(insecure=frozenset({"named.example:5000"}))
    assert access.may_be_plain(registry) is may_be_plain
