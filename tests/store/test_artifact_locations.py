"""Where an experiment's artifacts may be kept, and who may say so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from mlserve.store.artifact_locations import check_location
from mlserve.store.errors import InvalidParameter
from mlserve.store.tracking_operations import CREATE_EXPERIMENT
from mlserve.store.tracking_requests import CreateExperiment


@pytest.mark.parametrize(
    ("location", "kept"),
    [
        ("s3://bucket", "s3://bucket"),
        ("gs://bucket/a b/", "gs://bucket/a b"),
        ("abfs://box@account/a", "abfs://box@account/a"),
        ("mlflow-artifacts:/team", "mlflow-artifacts:/team"),
        ("mlflow-artifacts:/team/a/", "mlflow-artifacts:/team/a"),
    ],
)
@pytest.mark.parametrize("allows_local_paths", [True, False])
def test_object_stores_and_folders_of_the_store_may_be_named(location, kept, allows_local_paths):
    assert check_location(location, allows_local_paths=allows_local_paths) == kept


@pytest.mark.parametrize(
    ("location", "kept"),
    [
        ("/a/b", "file:///a/b"),
        ("/a/../b", "file:///b"),
        ("file:///a/b", "file:///a/b"),
        ("file:/a/b/", "file:///a/b"),
        ("a", f"file://{Path.cwd()}/a"),
        ("~/a", f"file://{Path.home()}/a"),
    ],
)
def test_folders_of_this_machine_may_be_named_by_who_is_on_it_alone(location, kept):
    assert check_location(location, allows_local_paths=True) == kept
    with pytest.raises(InvalidParameter, match="not named by its clients"):
        check_location(location, allows_local_paths=False)


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest", "ftp://host/a", "hdfs://host/a", "dbfs:/a", "runs:/x/y",
        "models:/m/1", "s3://", "s3://user:secret@bucket/a", "s3://bucket/../a", "s3://bucket/a?b=c",
        "s3://bucket/a#b", "file://host/a", "mlflow-artifacts:", "mlflow-artifacts:/",
        "mlflow-artifacts://host/a", "mlflow-artifacts:/../a", "mlflow-artifacts:/a/%2e%2e/b",
        "/a\0", "\ud800", "s3://bucket/" + "a" * 2048,
    ],
    ids=lambda location: ascii(location[:30]),
)  # fmt: skip
@pytest.mark.parametrize("allows_local_paths", [True, False])
def test_any_other_place_is_refused(location, allows_local_paths):
    with pytest.raises(InvalidParameter) as caught:
        check_location(location, allows_local_paths=allows_local_paths)
    assert "secret" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_store_for_others_takes_no_folder_of_its_machine(store):
    remote = replace(store, allows_local_paths=False)
    for location in ("/etc", "file:///etc", "etc", "~"):
        with pytest.raises(InvalidParameter, match="not named by its clients"):
            CREATE_EXPERIMENT.run(remote, CreateExperiment("e", location))
