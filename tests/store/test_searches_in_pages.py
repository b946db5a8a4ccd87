"""The searches for experiments, logged models, registered models and versions: pages and bounds.

What they find is compared with MLflow in ``test_search_like_mlflow``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from mlserve.store.entities import Entity, Metric, Tag
from mlserve.store.errors import InvalidFilter, InvalidParameter
from mlserve.store.operation import Operation
from mlserve.store.registry_operations import (
    CREATE_REGISTERED_MODEL,
    SEARCH_MODEL_VERSIONS,
    SEARCH_REGISTERED_MODELS,
    SET_MODEL_VERSION_TAG,
)
from mlserve.store.registry_requests import (
    CreateRegisteredModel,
    SearchModelVersions,
    SearchRegisteredModels,
    SetModelVersionTag,
)
from mlserve.store.tracking_operations import (
    DELETE_EXPERIMENT,
    DELETE_LOGGED_MODEL,
    FINALIZE_LOGGED_MODEL,
    LOG_BATCH,
    SEARCH_EXPERIMENTS,
    SEARCH_LOGGED_MODELS,
)
from mlserve.store.tracking_requests import (
    DatasetChoice,
    ExperimentId,
    FinalizeLoggedModel,
    LogBatch,
    LoggedModelId,
    LoggedModelOrder,
    SearchExperiments,
    SearchLoggedModels,
)
from msgspec import structs

from .registry import new_registered, new_version
from .tracking import new_experiment, new_model, new_run, refusal


@dataclass(frozen=True)
class Kind:
    """A kind of entity that is searched for, and how a store gets some."""

    operation: Operation[Any, Any]
    request: Entity
    make: Any
    most: int
    usual_order: list[Any]
    other_order: list[Any]


def make_experiments(call, count: int) -> None:
    for _ in range(count):
        new_experiment(call)
    call(DELETE_EXPERIMENT, ExperimentId("0"))


def make_logged_models(call, count: int) -> None:
    for i in range(count):
        new_model(call, name=f"m{i % 3}")
    call(DELETE_LOGGED_MODEL, LoggedModelId(new_model(call, name="gone")))


def make_registered(call, count: int) -> None:
    for i in range(count):
        new_registered(call, f"model {i}")


def make_versions(call, count: int) -> None:
    new_registered(call, "a", count // 2)
    new_registered(call, "b", count - count // 2)


KINDS = {
    "experiments": Kind(
        SEARCH_EXPERIMENTS, SearchExperiments(), make_experiments, 50_000,
        ["creation_time DESC", "experiment_id ASC"], ["name DESC"],
    ),
    "models": Kind(
        SEARCH_LOGGED_MODELS, SearchLoggedModels(["0"]), make_logged_models, 50_000,
        [LoggedModelOrder("creation_timestamp", False), LoggedModelOrder("model_id")],
        [LoggedModelOrder("name"), LoggedModelOrder("metrics.none")],
    ),
    "registered_models": Kind(
        SEARCH_REGISTERED_MODELS, SearchRegisteredModels(), make_registered, 1_000,
        ["name"], ["timestamp DESC"],
    ),
    "model_versions": Kind(
        SEARCH_MODEL_VERSIONS, SearchModelVersions(), make_versions, 200_000,
        ["last_updated_timestamp DESC", "name ASC", "version_number DESC"], ["version_number"],
    ),
}  # fmt: skip


@pytest.fixture(params=KINDS)
def field(request) -> str:
    """The field of an answer that holds what was found."""
    return request.param


def find(call, field: str, **fields) -> tuple[list[Any], str | None]:
    kind = KINDS[field]
    answer = call(kind.operation, structs.replace(kind.request, **fields))
    return getattr(answer, field), answer.next_page_token


def test_pages_together_are_the_whole_in_the_same_order(call, field):
    KINDS[field].make(call, 7)
    for order in ([], KINDS[field].other_order):
        whole, token = find(call, field, order_by=order)
        assert (len(whole), token) == (7, None)
        found, token = find(call, field, order_by=order, max_results=3)
        while token is not None:
            page, token = find(call, field, order_by=order, max_results=2, page_token=token)
            assert len(page) == 2
            found += page
        assert found == whole


def test_the_usual_order_is_mlflow_s(call, field):
    KINDS[field].make(call, 7)
    assert find(call, field) == find(call, field, order_by=KINDS[field].usual_order)


def test_the_number_of_results_has_bounds(call, field):
    kind = KINDS[field]
    for size in (kind.most + 1, -1, 2**64):
        request = structs.replace(kind.request, max_results=size)
        assert "max_results" in refusal(InvalidParameter, call, kind.operation, request)
    assert find(call, field, max_results=kind.most)[1] is None


def test_the_token_of_another_search_is_refused(call, field):
    KINDS[field].make(call, 3)
    token = find(call, field, max_results=1)[1]
    for other in ({"filter": "name != 'x'"}, {"order_by": KINDS[field].other_order}):
        request = structs.replace(KINDS[field].request, page_token=token, **other)
        said = refusal(InvalidParameter, call, KINDS[field].operation, request)
        assert said.startswith("Invalid page token")


def test_a_filter_that_cannot_be_read_is_refused_in_mlflow_s_words(call, field):
    request = structs.replace(KINDS[field].request, filter="bad filter")
    said = refusal(InvalidFilter, call, KINDS[field].operation, request)
    assert said.startswith("Invalid clause(s) in filter string: 'bad filter'")


def test_an_order_that_cannot_be_read_is_refused(call, field):
    order = [LoggedModelOrder("x; DROP")] if field == "models" else ["x; DROP"]
    request = structs.replace(KINDS[field].request, order_by=order)
    assert "nvalid order" in refusal(InvalidParameter, call, KINDS[field].operation, request)


class TestLoggedModels:
    """What is said of logged models alone."""

    def names(self, call, text="", **fields):
        return sorted(model.info.name for model in find(call, "models", filter=text, **fields)[0])

    @pytest.fixture
    def made(self, call):
        """Models, with the points of a metric on two datasets."""
        run_id = new_run(call)
        points = {
            "a": [(0.1, 1, "iris", "x"), (0.9, 2, "iris", "y")],
            "b": [(0.5, 1, "wine", "x")],
            "c": [(float("nan"), 1, None, None)],
            "d": [],
        }
        made = {}
        for name, values in points.items():
            made[name] = model_id = new_model(call, name=name)
            metrics = [
                Metric("acc", "NaN" if value != value else value, time, 0, model_id, data, digest)  # noqa: PLR0124
                for value, time, data, digest in values
            ]
            call(LOG_BATCH, LogBatch(run_id=run_id, metrics=metrics))
        return made

    @pytest.mark.parametrize("status", ["READY", "LOGGED_MODEL_READY"])
    def test_a_status_may_be_written_either_way(self, call, made, status):
        call(FINALIZE_LOGGED_MODEL, FinalizeLoggedModel(made["a"], "LOGGED_MODEL_READY"))
        assert self.names(call, f"status = '{status}'") == ["a"]
        assert self.names(call, f"status != '{status}'") == ["b", "c", "d"]
        assert self.names(call, f"status IN ('{status}')") == ["a"]
        assert self.names(call, "status LIKE 'PEND%'") == ["b", "c", "d"]

    @pytest.mark.usefixtures("made")
    def test_a_metric_is_any_of_its_points(self, call):
        assert self.names(call, "metrics.acc < 0.2") == ["a"]
        assert self.names(call, "metrics.acc >= 0.5") == ["a", "b"]
        assert self.names(call, "metrics.acc != 0.5") == ["a", "c"]
        assert self.names(call, "metrics.acc = 0") == []

    @pytest.mark.usefixtures("made")
    def test_a_metric_may_be_of_one_dataset(self, call):
        iris, wine = DatasetChoice("iris"), DatasetChoice("wine")
        assert self.names(call, "metrics.acc >= 0.5", datasets=[iris]) == ["a"]
        assert self.names(call, "metrics.acc >= 0.5", datasets=[DatasetChoice("iris", "x")]) == []
        assert self.names(call, datasets=[iris, wine]) == ["a", "b"]
        assert self.names(call, datasets=[DatasetChoice("iris", "z")]) == []

    @pytest.mark.parametrize(
        ("order", "expected"),
        [
            (LoggedModelOrder("metrics.acc"), "bacd"),
            (LoggedModelOrder("metrics.acc", False), "abcd"),
            (LoggedModelOrder("metrics.acc", True, "iris", "x"), "adcb"),
            (LoggedModelOrder("metrics.acc", True, "wine"), "bdca"),
        ],
    )
    @pytest.mark.usefixtures("made")
    def test_the_latest_point_is_what_is_ordered_by(self, call, order, expected):
        found = [model.info.name for model in find(call, "models", order_by=[order])[0]]
        assert found == list(expected)

    def test_datasets_are_named(self, call):
        for fields in (
            {"datasets": [DatasetChoice("")]},
            {"order_by": [LoggedModelOrder("metrics.m", dataset_digest="x")]},
        ):
            request = SearchLoggedModels(["0"], **fields)
            assert "dataset_" in refusal(InvalidParameter, call, SEARCH_LOGGED_MODELS, request)


class TestPrompts:
    """Prompts, which MLflow keeps among the models."""

    IS_PROMPT = "mlflow.prompt.is_prompt"

    @pytest.fixture(autouse=True)
    def made(self, call):
        new_registered(call, "model", versions=2)
        call(
            CREATE_REGISTERED_MODEL,
            CreateRegisteredModel("prompt", [Tag(self.IS_PROMPT, "true"), Tag("k", "v")]),
        )
        version = new_version(call, "prompt", source="prompt-template")
        call(SET_MODEL_VERSION_TAG, SetModelVersionTag("prompt", version, self.IS_PROMPT, "true"))

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("", "model"),
            ("tag.`mlflow.prompt.is_prompt` != 'true'", "model"),
            ("tag.`mlflow.prompt.is_prompt` = 'false'", "model"),
            ("name LIKE '%' AND tag.`mlflow.prompt.is_prompt` != 'true'", "model"),
            ("tags.`mlflow.prompt.is_prompt` = 'true'", "prompt"),
            ("tags.`mlflow.prompt.is_prompt` != 'false'", "prompt"),
        ],
    )
    def test_they_are_found_where_they_are_asked_for(self, call, text, name):
        for field in ("registered_models", "model_versions"):
            assert {found.name for found in find(call, field, filter=text)[0]} == {name}
