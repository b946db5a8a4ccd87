"""Logins from the configuration of Docker and from its programs."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest
from mlserve.builder.credentials import Login, find_login
from mlserve.builder.errors import CredentialsUnavailable
from mlserve.runtimes.errors import InvalidSetting

ANN = Login("ann", "se:cret")
ENTRY = {"auth": base64.b64encode(b"ann:se:cret").decode()}


def login(folder: Path, config: dict, registry: str = "registry.example:5000") -> Login | None:
    (folder / "config.json").write_text(json.dumps(config))
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return find_login(registry, {"DOCKER_CONFIG": str(folder), "PATH": path})


def add_program(folder: Path, name: str, script: str) -> None:
    program = folder / "bin" / f"docker-credential-{name}"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("registry", "key"),
    [
        ("registry.example:5000", "registry.example:5000"),
        ("registry.example:5000", "https://registry.example:5000/v2/"),
        ("docker.io", "https://index.docker.io/v1/"),
    ],
)
def test_a_login_is_found_under_what_docker_calls_a_registry(tmp_path, registry, key):
    config = {"auths": {"other.example": {"auth": "x"}, key: ENTRY}, "unknown": 1}
    assert login(tmp_path, config, registry) == ANN


def test_a_login_may_be_a_token(tmp_path):
    entry = {"auth": base64.b64encode(b"00000000:").decode(), "identitytoken": "long"}
    found = login(tmp_path, {"auths": {"registry.example:5000": entry}})
    assert found == Login("00000000", "", "long")


def test_a_program_of_the_registry_comes_before_that_of_all_and_before_the_file(tmp_path):
    add_program(
        tmp_path, "one", 'echo "{\\"Username\\": \\"of one\\", \\"Secret\\": \\"$(cat)\\"}"'
    )
    add_program(tmp_path, "all", 'echo "{\\"Username\\": \\"<token>\\", \\"Secret\\": \\"t\\"}"')
    config = {
        "auths": {"registry.example:5000": ENTRY, "other.example": ENTRY},
        "credHelpers": {"registry.example:5000": "one"},
        "credsStore": "all",
    }
    assert login(tmp_path, config) == Login("of one", "registry.example:5000")
    assert login(tmp_path, config, "other.example") == Login("", "", "t")


def test_a_program_that_knows_of_no_login_leaves_it_to_the_file(tmp_path):
    add_program(tmp_path, "all", "echo credentials not found in native keychain; exit 1")
    config = {"credsStore": "all", "auths": {"registry.example:5000": ENTRY}}
    assert login(tmp_path, config) == ANN
    assert login(tmp_path, config, "other.example") is None


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo locked; exit 1", "docker-credential-x: locked"),
        ("echo my-secret", "docker-credential-x answered in another form"),
        (None, "docker-credential-x: No such file"),
    ],
)
def test_a_program_that_fails_is_told_without_what_may_be_secret(tmp_path, script, reason):
    if script:
        add_program(tmp_path, "x", script)
    with pytest.raises(CredentialsUnavailable, match=reason) as raised:
        login(tmp_path, {"credsStore": "x"})
    assert "my-secret" not in str(raised.value)


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"auths": {"a": 1}}', '{"auths": {"a": {"auth": 1}}}']
)
def test_a_damaged_configuration_is_told(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(InvalidSetting, match=r"config\.json"):
        find_login("registry.example", {"DOCKER_CONFIG": str(tmp_path)})


def test_who_never_logged_in_has_no_login(tmp_path):
    assert find_login("registry.example", {"HOME": str(tmp_path)}) is None


def test_a_login_never_shows_its_secret():
    assert "se:cret" not in repr(ANN)
