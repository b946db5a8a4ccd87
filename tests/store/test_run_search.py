"""The search for runs: what is found, in which order, in which pages, by which statements."""

from __future__ import annotations

import pytest
from mlserve.store.entities import Metric
from mlserve.store.errors import InvalidParameter
from mlserve.store.run_pages import FEW
from mlserve.store.tracking_operations import (
    DELETE_RUN,
    LOG_BATCH,
    SEARCH_RUNS,
    UPDATE_RUN,
)
from mlserve.store.tracking_requests import (
    LogBatch,
    RunId,
    SearchRuns,
    UpdateRun,
)

from .searching import Made, noting_statements, search, write_runs
from .tracking import new_experiment, new_run, read_run, refusal

NAN = float("nan")


def names(made):
    return [run.run_name for run in made]


def pages(call, **fields):
    """Return the names on each page of a search."""
    found, token = [], None
    while token is not None or not found:
        fields.setdefault("experiment_ids", ["0"])
        answer = call(SEARCH_RUNS, SearchRuns(page_token=token, **fields))
        found.append([run.info.run_name for run in answer.runs])
        token = answer.next_page_token
    return found


def test_a_run_is_found_whole(call):
    run_id = new_run(call)
    call(LOG_BATCH, LogBatch(run_id=run_id, metrics=[Metric("m", 1.5, 1, 1)]))
    assert call(SEARCH_RUNS, SearchRuns(["0"])).runs == [read_run(call, run_id)]


def test_what_was_logged_last_counts(call):
    run_id = new_run(call)
    for step, value in enumerate((0.1, 0.9)):
        call(LOG_BATCH, LogBatch(run_id=run_id, metrics=[Metric("m", value, 1, step)]))
    find = "metrics.m > 0.5"
    assert [run.info.run_id for run in call(SEARCH_RUNS, SearchRuns(["0"], find)).runs] == [run_id]
    assert call(SEARCH_RUNS, SearchRuns(["0"], "metrics.m < 0.5")).runs == []


def test_a_renamed_or_ended_run_is_found_as_it_is_now(call):
    run_id = new_run(call)
    call(UPDATE_RUN, UpdateRun(run_id=run_id, run_name="new", status="FAILED", end_time=7))
    find = "run_name = 'new' AND status = 'FAILED' AND end_time = 7 AND tags.mlflow.runName = 'new'"
    assert search(call, find) == ["new"]


@pytest.mark.parametrize(
    ("view", "found"),
    [
        (None, ["here"]),
        ("ACTIVE_ONLY", ["here"]),
        ("DELETED_ONLY", ["gone"]),
        ("ALL", ["here", "gone"]),
        ("3", ["here", "gone"]),
    ],
)
def test_a_view_has_active_or_deleted_runs_or_both(store, call, view, found):
    gone = Made("gone", lifecycle_stage="deleted")
    write_runs(store, [Made("here", start_time=1), gone])
    assert search(call, run_view_type=view) == found


def test_a_view_that_there_is_not_is_refused(call):
    said = refusal(InvalidParameter, call, SEARCH_RUNS, SearchRuns(["0"], run_view_type="SOME"))
    assert "ACTIVE_ONLY, DELETED_ONLY, ALL" in said


def test_only_the_experiments_that_are_named_are_searched(store, call):
    first, second = new_experiment(call), new_experiment(call)
    write_runs(store, [Made("a", start_time=1)], first)
    write_runs(store, [Made("b", start_time=2)], second)
    assert search(call, experiment_ids=[first]) == ["a"]
    assert search(call, experiment_ids=[first, second, first]) == ["b", "a"]
    assert search(call, experiment_ids=[]) == []
    assert search(call, experiment_ids=["77", "9" * 40, "-1"]) == []


@pytest.mark.parametrize("number", ["x", "", "1.5", "0 OR 1=1", "٣"])
def test_the_id_of_an_experiment_is_a_number(call, number):
    said = refusal(InvalidParameter, call, SEARCH_RUNS, SearchRuns([number]))
    assert "nvalid experiment ID" in said or "Missing value" in said


def test_as_many_experiments_as_there_may_be_are_searched(call):
    run_id = new_run(call)
    found = call(SEARCH_RUNS, SearchRuns([str(i) for i in range(10_000)])).runs
    assert [run.info.run_id for run in found] == [run_id]
    refusal(InvalidParameter, call, SEARCH_RUNS, SearchRuns(["0"] * 10_001))


def test_a_list_of_many_runs_is_searched(call):
    run_id = new_run(call)
    listed = ", ".join(f"'{i:032x}'" for i in range(4_999))
    request = SearchRuns(["0"], f"run_id IN ({listed}, '{run_id}')")
    assert [run.info.run_id for run in call(SEARCH_RUNS, request).runs] == [run_id]
    assert call(SEARCH_RUNS, SearchRuns(["0"], f"run_id NOT IN ({listed}, '{run_id}')")).runs == []


def test_as_much_as_may_be_asked_at_once_is_answered(store, call):
    write_runs(store, [Made(str(i), params={f"p{i}": "x"}) for i in range(3)])
    find = " AND ".join(f"params.p{i} IS NULL" for i in range(1, 101))
    order = [f"metrics.m{i} DESC" for i in range(20)]
    assert pages(call, filter=find, order_by=order, max_results=1) == [["0"]]
    assert pages(call, order_by=order, max_results=2) == [["0", "1"], ["2"]]


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "It must be a positive integer"),
        (-1, "It must be a positive integer"),
        (50_001, "Invalid value 50001 for parameter 'max_results' supplied. It must be at most"),
        (2**70, "max_results"),
    ],
)
def test_the_number_of_results_has_bounds(call, size, said):
    assert said in refusal(InvalidParameter, call, SEARCH_RUNS, SearchRuns(["0"], max_results=size))


def test_case_counts_for_like_and_not_for_ilike(store, call):
    write_runs(
        store, [Made("a", params={"p": "Äpfel und Birnen"}), Made("b", params={"p": "APFEL"})]
    )
    assert search(call, "params.p LIKE 'apfel'") == []
    assert search(call, "params.p ILIKE 'apfel'") == ["b"]
    assert search(call, "params.p LIKE '%Birnen'") == ["a"]
    assert search(call, "params.p LIKE '%birnen'") == []
    assert search(call, "params.p ILIKE '_PFEL%'") == ["a", "b"]


def test_nan_is_unlike_every_number_and_comes_after_them(store, call):
    values = {"nan": NAN, "one": 1.0, "zero": 0.0}
    write_runs(store, [Made(name, metrics={"m": value}) for name, value in values.items()])
    write_runs(store, [Made("none")])
    assert search(call, "metrics.m != 0", "run_name") == ["nan", "one"]
    assert search(call, "metrics.m <= 0") == search(call, "metrics.m = 0") == ["zero"]
    assert search(call, "", "metrics.m") == ["zero", "one", "nan", "none"]
    assert search(call, "", "metrics.m DESC") == ["one", "zero", "nan", "none"]


def test_numbers_beyond_those_of_the_database_compare_as_numbers_do(store, call):
    write_runs(store, [Made("run", start_time=5, metrics={"m": 1e308})])
    for more in ("9" * 19, "9" * 100, "1e300", "1e999"):
        assert search(call, f"start_time < {more} and start_time != {more}") == ["run"]
        assert search(call, f"start_time > -{more} and start_time >= -{more}") == ["run"]
        assert search(call, f"start_time > {more}") == search(call, f"start_time = -{more}") == []
    assert search(call, "metrics.m < 1e400 and metrics.m > -1e400") == ["run"]
    assert search(call, "start_time > 4.5 and start_time <= 5.5 and start_time = 5.0") == ["run"]
    assert search(call, "start_time = 5.5") == search(call, "start_time >= 5.5") == []


def test_values_longer_than_the_index_holds_are_found(store, call):
    long = "é" * 6_000
    write_runs(store, [Made("long", params={"p": long}, tags={"t": long + "!"}), Made("short")])
    assert search(call, f"params.p = '{long}' and tags.t = '{long}!'") == ["long"]
    assert search(call, f"params.p = '{long[1:]}'") == []


class TestManyRuns:
    """Where there are more runs than are simply gone through."""

    @pytest.fixture
    def made(self, store):
        """Runs of which each has a metric, every second a param, and one a tag, in experiment 0."""
        made = [
            Made(
                f"run {i}",
                start_time=i % 50,
                metrics={"m": i % 97 / 97} if i % 10 else {"m": NAN} if i % 20 else {},
                params={"p": "x" if i % 2 else "y"},
                tags={"t": "rare"} if i == 7 else {},
            )
            for i in range(FEW + 500)
        ]
        write_runs(store, made)
        return made

    def best(self, made, where=bool, *, is_ascending=False):
        """Return the runs with the metric, by that and then the newest first."""
        way = 1 if is_ascending else -1
        found = [run for run in made if run.metrics.get("m", NAN) >= 0 and where(run)]
        return sorted(found, key=lambda run: (way * run.metrics["m"], -run.start_time, run.run_id))

    def test_the_best_are_found(self, call, made):
        expected = names(self.best(made))
        assert search(call, "", "metrics.m DESC", max_results=40) == expected[:40]
        expected = names(self.best(made, is_ascending=True))
        assert search(call, "", "metrics.m", max_results=40) == expected[:40]

    def test_the_best_of_some_are_found(self, call, made):
        some = self.best(made, lambda run: run.params["p"] == "x" and 0.2 < run.metrics["m"] < 0.9)
        find = "metrics.m > 0.2 and metrics.m < 0.9 and params.p = 'x'"
        assert search(call, find, "metrics.m DESC", max_results=40) == names(some)[:40]

    def test_what_is_rare_is_found(self, call, made):
        assert search(call, "tags.t = 'rare'", "metrics.m DESC") == ["run 7"]
        assert search(call, "run_name = 'run 11'", "params.p") == ["run 11"]
        assert search(call, "params.p = 'z' and metrics.m > 0.1") == []
        assert search(call, f"run_id = '{made[3].run_id}' and params.p = 'x'") == ["run 3"]

    @pytest.mark.parametrize("order", [["metrics.m DESC"], ["metrics.m"], [], ["params.p"]])
    def test_the_pages_together_are_all_runs_once_and_in_order(self, call, made, order):
        found = pages(call, order_by=order, max_results=700)
        assert [len(page) for page in found] == [700, 700, 700, 400]
        together = [name for page in found for name in page]
        assert together == search(call, "", *order, max_results=50_000)
        assert sorted(together) == sorted(names(made))

    def test_the_pages_of_a_filter_are_all_that_it_holds_for(self, call, made):
        find = {"filter": "metrics.m >= 0.5 and params.p = 'y'", "order_by": ["metrics.m DESC"]}
        expected = self.best(made, lambda run: run.params["p"] == "y" and run.metrics["m"] >= 0.5)
        found = pages(call, max_results=100, **find)
        assert [name for page in found for name in page] == names(expected)


class TestPages:
    """What a page token is good for."""

    @pytest.fixture
    def made(self, store):
        made = [
            Made(f"run {i}", start_time=i // 2, end_time=i % 3 or None,
                 metrics={"m": i % 3 if i % 4 else NAN} if i % 5 else {},
                 params={"p": str(i % 2)} if i % 3 else {})
            for i in range(30)
        ]  # fmt: skip
        write_runs(store, made)
        return made

    @pytest.mark.parametrize(
        "order",
        [[], ["metrics.m DESC"], ["metrics.m", "params.p"], ["params.p DESC"], ["end_time"]],
    )
    @pytest.mark.usefixtures("made")
    def test_a_page_begins_after_the_last_run_whatever_came_or_went(self, store, call, order):
        whole = search(call, "", *order)
        request = SearchRuns(["0"], order_by=order, max_results=10)
        first = call(SEARCH_RUNS, request)
        newest = Made("newest", start_time=99, end_time=1, metrics={"m": 99}, params={"p": "9"})
        write_runs(store, [newest])
        call(DELETE_RUN, RunId(run_id=first.runs[-1].info.run_id))
        token = first.next_page_token
        second = call(SEARCH_RUNS, SearchRuns(["0"], order_by=order, page_token=token))
        found = [run.info.run_name for run in second.runs if run.info.run_name != "newest"]
        assert found == whole[10:]

    @pytest.mark.usefixtures("made")
    def test_a_page_may_be_of_another_size(self, call):
        whole = search(call)
        first = call(SEARCH_RUNS, SearchRuns(["0"], max_results=7))
        rest = call(SEARCH_RUNS, SearchRuns(["0"], page_token=first.next_page_token))
        assert [run.info.run_name for run in rest.runs] == whole[7:]
        assert rest.next_page_token is None

    @pytest.mark.usefixtures("made")
    def test_the_last_page_has_no_token_even_if_it_is_full(self, call):
        assert [len(page) for page in pages(call, max_results=15)] == [15, 15]

    @pytest.mark.parametrize(
        "other",
        [
            {"filter": "params.p = '1'"},
            {"order_by": ["metrics.m"]},
            {"experiment_ids": ["0", "1"]},
            {"run_view_type": "ALL"},
        ],
    )
    @pytest.mark.usefixtures("made")
    def test_the_token_of_another_search_is_refused(self, call, other):
        token = call(SEARCH_RUNS, SearchRuns(["0"], max_results=3)).next_page_token
        fields = {"experiment_ids": ["0"], "page_token": token, **other}
        said = refusal(InvalidParameter, call, SEARCH_RUNS, SearchRuns(**fields))
        assert said.startswith("Invalid page token, it is of another search")


def test_a_search_takes_as_many_statements_for_one_run_as_for_many(store, call):
    find = {"filter": "params.p = 'x' and metrics.m > 0", "order_by": ["metrics.m DESC"]}
    counts = []
    for _ in range(2):
        write_runs(store, [Made(params={"p": "x"}, metrics={"m": 1.0}) for _ in range(150)])
        with noting_statements() as seen:
            assert call(SEARCH_RUNS, SearchRuns(["0"], max_results=1000, **find)).runs
        counts.append(len(seen))
    assert len(set(counts)) == 1
    assert counts[0] <= 10
