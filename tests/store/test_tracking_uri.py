"""Which store is meant, and as whom it is gone to."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlserve.runtimes.errors import InvalidSetting
from mlserve.store.credentials import Credentials, find_credentials
from mlserve.store.embedded import EmbeddedTransport
from mlserve.store.http_transport import HttpTransport
from mlserve.store.tracking_uri import (
    Target,
    find_target,
    find_tracking_uri,
    open_target,
    open_transport,
)

SECRET = "hush-hush"
OURS = {"MLSERVE_TRACKING_USERNAME": "ada", "MLSERVE_TRACKING_PASSWORD": SECRET}
THEIRS = {"MLFLOW_TRACKING_USERNAME": "bob", "MLFLOW_TRACKING_PASSWORD": "x"}


@pytest.mark.parametrize(
    ("environment", "uri"),
    [
        ({}, "sqlite:///mlserve.db"),
        ({"MLFLOW_TRACKING_URI": "http://a"}, "http://a"),
        ({"MLFLOW_TRACKING_URI": "http://a", "MLSERVE_TRACKING_URI": "http://b"}, "http://b"),
        ({"MLFLOW_TRACKING_URI": "http://a", "MLSERVE_TRACKING_URI": ""}, "http://a"),
    ],
)
def test_the_environment_names_the_store(environment, uri):
    assert find_tracking_uri(environment) == uri
    assert find_target(None, environment).uri == uri
    assert find_target("http://c", environment).uri == "http://c"


@pytest.mark.parametrize(
    ("environment", "credentials"),
    [
        ({}, None),
        (OURS, Credentials("ada", SECRET)),
        (THEIRS, Credentials("bob", "x")),
        (OURS | THEIRS, Credentials("ada", SECRET)),
        (THEIRS | {"MLSERVE_TRACKING_TOKEN": "t"}, Credentials(token="t")),
        (OURS | {"MLSERVE_TRACKING_TOKEN": "t"}, Credentials("ada", SECRET)),
        ({"MLFLOW_TRACKING_TOKEN": "t"}, Credentials(token="t")),
        ({"MLFLOW_TRACKING_USERNAME": "bob"}, None),
    ],
)
def test_the_environment_says_as_whom(environment, credentials):
    assert find_credentials(environment) == credentials
    assert find_target("https://a", environment).credentials == credentials
    assert find_target("sqlite:///a.db", environment).credentials is None


def test_a_token_that_no_header_can_hold_is_refused_without_it():
    with pytest.raises(InvalidSetting, match="MLFLOW_TRACKING_TOKEN") as raised:
        find_credentials({"MLFLOW_TRACKING_TOKEN": f"{SECRET}\n"})
    assert SECRET not in str(raised.value)


def test_secrets_are_not_shown():
    target = find_target(f"https://ada:{SECRET}@host", OURS)
    assert SECRET not in repr(target)
    assert SECRET not in repr(Credentials(token=SECRET))


def test_the_environment_names_the_place_of_artifacts_and_the_lifecycle():
    environment = {"MLSERVE_ARTIFACTS_DESTINATION": "s3://b", "MLSERVE_LIFECYCLE": "l.toml"}
    expected = Target("sqlite:///a.db", "s3://b", Path("l.toml"))
    assert find_target("sqlite:///a.db", environment) == expected


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        ("http://h", HttpTransport),
        ("HTTPS://h:5000/tracking", HttpTransport),
        ("sqlite:///{folder}/a.db", EmbeddedTransport),
        ("sqlite+pysqlite:///{folder}/a.db", EmbeddedTransport),
    ],
)
def test_the_scheme_says_which_way_to_go(tmp_path, uri, kind):
    transport = open_transport(uri.format(folder=tmp_path), {})
    assert type(transport) is kind
    transport.close()


@pytest.mark.parametrize(
    "uri",
    ["./mlruns", "file:///mlruns", "databricks", "mysql://h/d", "ftp://h", "http//h", "a:b@c"],
)
def test_what_names_no_store_is_refused_with_what_does(uri):
    with pytest.raises(InvalidSetting, match="expected sqlite:///FILE"):
        open_target(Target(uri))


@pytest.mark.parametrize("uri", [f"mysql://ada:{SECRET}@h/d", f"ftp://ada:{SECRET}@h"])
def test_a_refusal_shows_no_secret(uri):
    with pytest.raises(InvalidSetting) as raised:
        open_transport(uri, {})
    assert SECRET not in str(raised.value)


def test_artifacts_are_kept_at_the_place_that_is_named(tmp_path):
    environment = {"MLSERVE_ARTIFACTS_DESTINATION": str(tmp_path / "there")}
    transport = open_transport(f"sqlite:///{tmp_path / 'a.db'}", environment)
    with (tmp_path / "a.db").open("rb") as source:
        transport.artifacts("mlflow-artifacts:/0/a").write("b.bin", source)
    transport.close()
    assert (tmp_path / "there" / "0" / "a" / "b.bin").exists()
