"""Where an import looks for artifacts, and to whom they belong."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlserve.store.errors import InvalidParameter
from mlserve.store.importing_places import Place, Places, find_place

RUN = "0123456789abcdef" * 2
MODEL = f"m-{RUN}"

PLACES = Places(
    {
        "mlflow-artifacts:/": "/now/mlartifacts",
        "/old/mlruns": "s3://bucket/mlruns",
        "/old/mlruns/7": "/now/seven",
        "s3://models/": "/now/models",
        "relative": "/now/relative",
    },
    Path("/db"),
)


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("mlflow-artifacts:/1/a", "/now/mlartifacts/1/a"),
        ("mlflow-artifacts://host:5000/1/a", "/now/mlartifacts/1/a"),
        ("/old/mlruns/1/a", "s3://bucket/mlruns/1/a"),
        ("file:///old/mlruns/1/a%20b", "s3://bucket/mlruns/1/a b"),
        ("/old/mlruns/7/a", "/now/seven/a"),
        ("/old/mlruns", "s3://bucket/mlruns"),
        ("s3://models/x", "/now/models/x"),
        ("./relative/x", "/now/relative/x"),
        ("/db/relative/x", "/now/relative/x"),
    ],
)
def test_the_longest_beginning_says_where_it_is_now(uri, place):
    assert PLACES.find(uri) == place


@pytest.mark.parametrize(
    "uri",
    [
        "/old/mlruns2/1",
        "/other",
        "s3://models2/x",
        "s3://bucket/mlruns/1",
        "/old/mlruns/../../etc",
        "file:///old/mlruns/%2e%2e/x",
        "/other/relative",
    ],
)
def test_what_is_not_below_a_beginning_is_nowhere_else(uri):
    assert PLACES.find(uri) is None


def test_the_artifacts_of_a_server_lead_out_of_none_of_its_folders():
    with pytest.raises(InvalidParameter):
        PLACES.find("mlflow-artifacts:/../../etc")


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        (f"/mlruns/1/{RUN}/artifacts", Place(RUN, "")),
        (f"s3://bucket/1/{RUN}/artifacts/model/", Place(RUN, "model")),
        (f"mlflow-artifacts:/1/models/{MODEL}/artifacts", Place(MODEL, "")),
        (f"file:///a%20b/{RUN}/artifacts/c%20d", Place(RUN, "c d")),
        (f"runs:/{RUN}/model", None),
        (f"/mlruns/1/{RUN}", None),
        (f"/mlruns/1/{RUN.upper()}/artifacts", None),
        ("/etc/artifacts", None),
        ("", None),
    ],
)
def test_artifacts_belong_to_whose_id_is_before_them(uri, place):
    assert find_place(uri) == place
