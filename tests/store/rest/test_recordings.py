"""What MLflow's own client sent to MLflow's own server, sent to ours: the answers are the same.

Where they are not, on purpose, a row of `DIFFERENCES` says why, and docs/store-protocol.md too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from .clients import API, client_of
from .recordings import Difference, Replay, read_recording

PAGE = Path(__file__).parents[3] / "docs" / "store-protocol.md"


def anything(*_):
    return True


def is_more(recorded, _):
    return recorded == "nothing"


def is_less(_, found):
    return found == "nothing"


class Row(NamedTuple):
    """Differences that are meant: where they may be, by patterns, which, and the reason."""

    request: str
    place: str
    is_meant: Callable[[Any, Any], bool]
    reason: str

    def covers(self, difference: Difference) -> bool:
        return bool(
            re.search(self.request, difference.request)
            and re.fullmatch(self.place, difference.place)
            and self.is_meant(difference.recorded, difference.found)
        )


DIFFERENCES = [
    Row("", r"sqlstate|error_class", is_less, "errors say what clients read: a code and a message"),
    Row("experiments/", r"experiments?(\[\])?\.workspace", is_less, "there are no workspaces"),
    Row(
        "server-info",
        r"skill_\w+|presigned_\w+|model_artifact_\w+|features_enabled|tracking_auth",
        is_less,
        "the client does without what is not named",
    ),
    Row(
        "logged-models",
        r"models?(\[\])?\.data\.metrics\[\]\.value",
        lambda *values: values == (0.0, "NaN"),
        "MLflow says 0 of a logged model's metric that is NaN",
    ),
    Row(
        "logged-models",
        r"models?(\[\])?\.info\.tags\[\](\.value)?",
        lambda recorded, _: "mlflow.modelVersions" in str(recorded) or "churnx" in recorded,
        "the client writes the tag mlflow.modelVersions itself: the server need not",
    ),
    Row(
        "logged-models",
        r"model\.info\.source_run_id",
        lambda *values: values == ("", "nothing"),
        "a logged model that no run made names no run",
    ),
    Row(
        "(registered-models|model-versions)/",
        r".*\.(user_id|model_id)",
        is_more,
        "a version says who registered it, and which logged model it is",
    ),
    Row(
        "registered-models/",
        r"registered_models?(\[\])?\.latest_versions\[\]\.aliases",
        is_more,
        "the aliases of a version are told wherever it is",
    ),
    Row("experiments/create", "message", anything, "MLflow tells the SQL of its database"),
    Row(
        "runs/search",
        "message",
        lambda recorded, found: found.startswith(recorded),
        "the reason follows MLflow's words",
    ),
    Row(
        "GET .*/mlflow-artifacts/",
        "message",
        anything,
        "a file that is not there is told in other words",
    ),
]


@pytest.fixture
def client(store):
    with client_of(store) as made:
        yield made


@pytest.fixture
def replay(client):
    return Replay(client)


def post(client, path, **body):
    answer = client.post(f"{API}/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def bring_to_where_the_recording_begins(replay, client):
    """Make what was there before: an experiment, a run and two models of it, registered."""
    experiment_id = post(client, "experiments/create", name="exp1")["experiment_id"]
    run_id = post(client, "runs/create", experiment_id=experiment_id)["run"]["info"]["run_id"]
    replay.known["659b3cedb3474272b513dc0b2e3ab414"] = run_id
    for recorded, names in {
        "m-8457e9c1f19942d2a2a3695940d68df7": ["churn"],
        "m-b1acc3a40f3c4a03a4872cae7230e929": ["churn", "churn3"],
    }.items():
        made = post(client, "logged-models", experiment_id=experiment_id, source_run_id=run_id)
        model_id = replay.known[recorded] = made["model"]["info"]["model_id"]
        for name in names:
            client.post(f"{API}/registered-models/create", json={"name": name})
            source = f"models:/{model_id}"
            post(
                client, "model-versions/create",
                name=name, source=source, run_id=run_id, model_id=model_id,
            )  # fmt: skip


def unexplained(found):
    return [one for one in found if not any(row.covers(one) for row in DIFFERENCES)]


def test_the_client_of_mlflow_3_is_answered_as_by_mlflow(replay, client):
    bring_to_where_the_recording_begins(replay, client)
    found = [d for exchange in read_recording("mlflow_3_18.jsonl") for d in replay.send(exchange)]
    assert unexplained(found) == []
    assert [row for row in DIFFERENCES if not any(map(row.covers, found))] == []


def test_the_client_of_mlflow_2_is_answered_as_by_mlflow(replay, client):
    for name in ("exp1", "exp2", "ex2"):
        post(client, "experiments/create", name=name)
    found = [d for exchange in read_recording("mlflow_2_22.jsonl") for d in replay.send(exchange)]
    assert unexplained(found) == []


@pytest.mark.parametrize("row", DIFFERENCES, ids=lambda row: row.reason)
def test_the_docs_tell_each_difference(row):
    differences = PAGE.read_text().partition("## Differences")[2]
    assert f"| {row.reason[0].upper()}{row.reason[1:]}. |" in differences
