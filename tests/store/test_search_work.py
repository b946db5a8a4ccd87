"""What a page of a search costs, in steps of SQLite's machine: about as much for many more runs."""

from __future__ import annotations

import pytest
from mlserve.store.filters import parse_filter
from mlserve.store.ordering import by_attribute, complete, parse_order
from mlserve.store.paging import Question
from mlserve.store.run_pages import Scope, find_runs
from mlserve.store.run_search import ORDER_WORDS, WORDS
from mlserve.store.store import open_store

from .searching import Made, write_runs

SIZES = 1_000, 20_000
LAST = by_attribute("start_time", is_ascending=False), by_attribute("run_id")
SEARCHES = {
    "the newest": ("", []),
    "the oldest": ("", ["start_time"]),
    "the best": ("", ["metrics.m DESC"]),
    "the best of some": ("metrics.m > 0.5 and params.p = '3'", ["metrics.m DESC"]),
    "the lowest of some": ("metrics.m > 0.1 and tags.t = 'x'", ["metrics.m", "params.p"]),
    "the newest of some": ("metrics.m > 0.5 and params.p = '3'", []),
    "one by a param": ("params.id = '77'", ["metrics.m"]),
    "one by a tag": ("tags.parent = '77'", []),
    "one by its name": ("run_name = 'run 77'", []),
    "none": ("params.id = 'none' and metrics.m > 0.5", ["metrics.m DESC"]),
    "the few best": ("metrics.m > 0.99 and metrics.m < 2", ["params.id"]),
}


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Stores that differ in how many runs they have."""
    made = []
    for size in SIZES:
        folder = tmp_path_factory.mktemp(f"work-{size}")
        made.append(open_store(f"sqlite:///{folder / 'store.db'}", str(folder)))
        write_runs(made[-1], [make_run(i) for i in range(size)])
    yield made
    for store in made:
        store.close()


def make_run(i: int) -> Made:
    return Made(
        f"run {i}",
        start_time=i,
        metrics={"m": i * 7919 % 10_007 / 10_007},
        params={"p": str(i % 5), "id": str(i)},
        tags={"t": "x" if i % 2 else "y", "parent": str(i)},
    )


def count_steps(store, text, order, token=None):
    """Return how many thousand steps a page of 50 takes, and the token of the next."""
    where = parse_filter(text, WORDS).comparisons
    terms = complete(parse_order(order, ORDER_WORDS), LAST)
    steps = []
    with store.database.read() as connection:
        raw = connection.connection.dbapi_connection
        raw.set_progress_handler(lambda: steps.append(1), 1000)
        page = find_runs(connection, Scope([0], ["active"]), where, terms, Question((), 50, token))
        raw.set_progress_handler(None, 0)
    return len(steps), page.next_token


@pytest.mark.parametrize("name", SEARCHES)
def test_a_page_costs_little_more_among_many_more_runs(stores, name):
    small, large = (count_steps(store, *SEARCHES[name])[0] for store in stores)
    assert large <= 4 * small + 100


@pytest.mark.parametrize("name", ["the newest", "the best", "the best of some"])
def test_a_late_page_costs_what_the_first_did(stores, name):
    costs, token = [], None
    for _ in range(12):
        cost, token = count_steps(stores[1], *SEARCHES[name], token)
        costs.append(cost)
        assert token is not None
    assert max(costs[1:]) <= 2 * costs[0] + 50
