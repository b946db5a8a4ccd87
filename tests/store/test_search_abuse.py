"""SQL in a search stays text, wherever it stands, and no search costs more than it may."""

from __future__ import annotations

import base64
import json
from contextlib import suppress

import pytest
from mlserve.store.entities import Tag
from mlserve.store.errors import InvalidParameter
from mlserve.store.paging import LONGEST_TOKEN
from mlserve.store.registry_operations import SEARCH_MODEL_VERSIONS, SEARCH_REGISTERED_MODELS
from mlserve.store.registry_requests import SearchModelVersions, SearchRegisteredModels
from mlserve.store.tables import METADATA
from mlserve.store.tracking_operations import (
    SEARCH_EXPERIMENTS,
    SEARCH_LOGGED_MODELS,
    SEARCH_RUNS,
)
from mlserve.store.tracking_requests import (
    DatasetChoice,
    LoggedModelOrder,
    SearchExperiments,
    SearchLoggedModels,
    SearchRuns,
)
from sqlalchemy import func, select

from .registry import new_registered
from .searching import Made, noting_statements, search, write_runs
from .tracking import new_experiment, new_model, refusal

INJECTIONS = [
    "' OR '1'='1",
    "' OR 1=1 --",
    "'; DROP TABLE runs; --",
    "x'); DELETE FROM runs; --",
    "' UNION SELECT name, sql, 1, 1 FROM sqlite_master --",
    "' AND pg_sleep(10) IS NULL --",
    "\\'; DROP TABLE runs; --",
    '" OR ""="',
    "` OR 1=1 --",
    "a' || (SELECT value FROM params LIMIT 1) || '",
    "1; ATTACH DATABASE '/tmp/x' AS x",
    "%(name)s",
    ":name",
    "?",
    "$1",
    "{0}",
    "/* */",
    "\\",
    "%",
    "_",
]
SHAPES = [
    "{0}",
    "params.p = '{0}'",
    'params.p = "{0}"',
    "params.p LIKE '{0}'",
    'params.p ILIKE "{0}"',
    "tags.`{0}` = 'x'",
    'tags."{0}" != \'x\'',
    "metrics.`{0}` > 1",
    "metrics.m > {0}",
    "metrics.m {0} 1",
    "{0}.m > 1",
    "{0} = 'x'",
    "run_name = '{0}'",
    "name = '{0}'",
    "status = '{0}'",
    "run_id IN ('a', '{0}')",
    'run_id NOT IN ("{0}")',
    "name IN ('{0}')",
    "datasets.name = '{0}'",
    "datasets.context LIKE '{0}'",
    "experiment_id = '{0}'",
    "version_number = '{0}'",
    "tags.t = 'x' {0}",
    "tags.t = 'x' AND {0}",
]  # fmt: skip
ORDERS = ["{0}", "metrics.`{0}`", 'params."{0}" DESC', "start_time {0}", "name {0}", "tags.{0} ASC"]


@pytest.fixture(scope="module")
def call(shared_store):
    return lambda operation, request: operation.run(shared_store, request)


@pytest.fixture(scope="module")
def filled(shared_store, call):
    """A store with one of everything, of which no injection speaks."""
    run = Made("run", metrics={"m": 1.0}, params={"p": "secret"}, tags={"t": "x"})
    write_runs(shared_store, [run])
    new_model(call, name="model", tags=[Tag("t", "x")])
    new_registered(call, "registered", versions=1)
    return shared_store


def count_rows(store) -> dict[str, int]:
    with store.database.read() as connection:
        return {
            name: connection.scalar(select(func.count()).select_from(table))
            for name, table in METADATA.tables.items()
        }


def searches(text: str | None, order: str | None):
    """Every search, of a filter and in an order."""
    orders = [] if order is None else [order]
    fields = {"filter": text, "order_by": orders}
    field = [] if order is None else [LoggedModelOrder(order)]
    return [
        (SEARCH_RUNS, SearchRuns(["0"], **fields)),
        (SEARCH_EXPERIMENTS, SearchExperiments(**fields)),
        (SEARCH_REGISTERED_MODELS, SearchRegisteredModels(**fields)),
        (SEARCH_MODEL_VERSIONS, SearchModelVersions(**fields)),
        (SEARCH_LOGGED_MODELS, SearchLoggedModels(["0"], filter=text, order_by=field)),
    ]


def assert_that_it_stays_text(injection, store, call, asked) -> None:
    before = count_rows(store)
    for operation, request in asked:
        with noting_statements() as seen, suppress(InvalidParameter):
            call(operation, request)
        assert {statement.split()[0] for statement in seen} <= {"BEGIN", "SELECT", "WITH"}
        assert len(injection) < 5 or not any(injection in statement for statement in seen)
    assert count_rows(store) == before


@pytest.mark.parametrize("injection", INJECTIONS)
def test_sql_in_a_filter_stays_text(filled, call, injection):
    asked = [each for shape in SHAPES for each in searches(shape.format(injection), None)]
    assert_that_it_stays_text(injection, filled, call, asked)


@pytest.mark.parametrize("injection", INJECTIONS)
def test_sql_in_an_order_stays_text(filled, call, injection):
    asked = [each for shape in ORDERS for each in searches(None, shape.format(injection))]
    assert_that_it_stays_text(injection, filled, call, asked)


@pytest.mark.parametrize("injection", INJECTIONS)
def test_sql_in_any_other_place_stays_text(filled, call, injection):
    asked = [
        (SEARCH_RUNS, SearchRuns([injection])),
        (SEARCH_RUNS, SearchRuns(["0"], page_token=injection)),
        (SEARCH_RUNS, SearchRuns(["0"], run_view_type=injection)),
        (SEARCH_EXPERIMENTS, SearchExperiments(view_type=injection)),
        (SEARCH_EXPERIMENTS, SearchExperiments(page_token=injection)),
        (SEARCH_LOGGED_MODELS, SearchLoggedModels(["0"], datasets=[DatasetChoice(injection)])),
        (
            SEARCH_LOGGED_MODELS,
            SearchLoggedModels(["0"], order_by=[LoggedModelOrder("metrics.m", True, injection)]),
        ),
    ]
    assert_that_it_stays_text(injection, filled, call, asked)


@pytest.mark.parametrize("injection", INJECTIONS)
def test_what_looks_like_sql_is_a_value_like_any_other(shared_store, call, injection):
    quote = "'" if "'" not in injection and injection[-1] != "\\" else '"'
    if quote in injection:
        pytest.skip("a text with both kinds of quotes cannot be written")
    text = f"{quote}{injection}{quote}"
    experiment = new_experiment(call)
    it = Made("it", params={"k": injection}, tags={"k": injection})
    write_runs(shared_store, [it, Made("not it", params={"k": "x"}, tags={"k": "x"})], experiment)
    assert search(call, f"params.k = {text}", experiment_ids=[experiment]) == ["it"]
    assert search(call, f"tags.k != {text}", experiment_ids=[experiment]) == ["not it"]


class TestTokens:
    """Page tokens that this store did not give, or not for this search."""

    @pytest.fixture
    def token(self, shared_store, call) -> str:
        made = [Made(str(i), start_time=i, metrics={"m": float(i)}) for i in range(3)]
        write_runs(shared_store, made)
        return call(SEARCH_RUNS, self.ask(None)).next_page_token

    def ask(self, token):
        return SearchRuns(["0"], order_by=["metrics.m"], max_results=1, page_token=token)

    def write(self, *values) -> str:
        document = json.dumps(values).encode("ascii")
        return base64.urlsafe_b64encode(document).decode()

    @pytest.mark.parametrize(
        "token",
        [
            "x", "!", "é", "\ud800", "\0", "e30=", "W10=", "bnVsbA==", "MQ==", "===", "a" * 1001,
            "A" * (LONGEST_TOKEN + 4),
            base64.urlsafe_b64encode(b"[" * 100_000).decode(),
            base64.b64encode(json.dumps({"offset": 5}).encode()).decode(),
        ],
    )  # fmt: skip
    def test_a_token_from_elsewhere_is_refused(self, call, token):
        said = refusal(InvalidParameter, call, SEARCH_RUNS, self.ask(token))
        assert said.startswith("Invalid page token")
        assert len(said) < 300

    def test_a_token_that_was_tampered_with_is_refused_or_a_place_to_begin(self, call, token):
        digest, *values = json.loads(base64.urlsafe_b64decode(token))
        assert len(values) == 4
        for i, wrong in [
            (0, "x"), (0, None), (0, 0.5), (0, True), (0, 2**64), (1, "x"), (1, []), (1, {}),
            (1, 5), (2, "1"), (2, 2**63), (2, 1e300), (2, True), (3, 5), (3, "\0"), (3, "\ud800"),
            (3, ["a"]),
        ]:  # fmt: skip
            changed = [*values[:i], wrong, *values[i + 1 :]]
            with suppress(InvalidParameter):
                call(SEARCH_RUNS, self.ask(self.write(digest, *changed)))
        for forged in (
            self.write(digest), self.write(digest, *values, 1), self.write(*values),
            self.write("0" * 24, *values), self.write(None), self.write(digest, values),
            token[:-4], token[4:], token + token,
        ):  # fmt: skip
            said = refusal(InvalidParameter, call, SEARCH_RUNS, self.ask(forged))
            assert said.startswith("Invalid page token")

    @pytest.mark.parametrize(
        "values",
        [
            (0, None, 1, "a"),
            (None, 1.0, 1, "a"),
            (1, None, None, None),
            (0, float("inf"), 1, "a"),
            (0, float("nan"), 1, "a"),
        ],
    )
    def test_any_values_of_the_right_types_are_a_place_to_begin(self, call, token, values):
        digest = json.loads(base64.urlsafe_b64decode(token))[0]
        assert len(call(SEARCH_RUNS, self.ask(self.write(digest, *values))).runs) <= 1
