"""The history of a metric: its order, its pages, and what is taken for a picture."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlserve.store.entities import Metric
from mlserve.store.errors import InvalidParameter
from mlserve.store.tracking_operations import (
    DELETE_RUN,
    GET_METRIC_HISTORY,
    GET_METRIC_HISTORY_INTERVAL,
    LOG_BATCH,
)
from mlserve.store.tracking_requests import (
    GetMetricHistory,
    GetMetricHistoryInterval,
    LogBatch,
    RunId,
)

from .tracking import NOWHERE, history, new_run, refusal


def log(call, run_id, points):
    metrics = [Metric("m", value, timestamp, step) for timestamp, step, value in points]
    call(LOG_BATCH, LogBatch(run_id=run_id, metrics=metrics))


def pages(call, run_id, most):
    token, found = None, []
    while True:
        request = GetMetricHistory(
            run_id=run_id, metric_key="m", max_results=most, page_token=token
        )
        answer = call(GET_METRIC_HISTORY, request)
        found.append([(point.timestamp, point.step, point.value) for point in answer.metrics])
        token = answer.next_page_token
        if token is None:
            return found


def sampled(call, run_ids, **fields):
    request = GetMetricHistoryInterval(run_ids, "m", **fields)
    return call(GET_METRIC_HISTORY_INTERVAL, request).metrics


class TestHistory:
    def test_the_points_are_in_the_order_of_time_then_step_then_value(self, call):
        run_id = new_run(call)
        points = [(1, 5, 1.0), (2, 0, -1.0), (2, 0, 3.0), (2, 1, 0.0), (3, -7, 9.0)]
        log(call, run_id, [points[3], points[0], points[4], points[2], points[1]])
        assert history(call, run_id) == points

    def test_nothing_is_known_of_a_metric_or_run_that_is_not_there(self, call):
        assert history(call, new_run(call)) == []
        assert history(call, NOWHERE) == []

    def test_the_history_of_a_deleted_run_can_be_read(self, call):
        run_id = new_run(call)
        log(call, run_id, [(1, 0, 1.0)])
        call(DELETE_RUN, RunId(run_id=run_id))
        assert history(call, run_id) == [(1, 0, 1.0)]

    @pytest.mark.parametrize("most", [1, 2, 3, 6, 7, 100])
    def test_the_pages_hold_all_of_it_once(self, call, most):
        run_id = new_run(call)
        points = [(n // 3, n % 2, value) for n in range(3) for value in (0.0, 1.5)]
        log(call, run_id, [*points, (1, 1, "NaN")])
        found = pages(call, run_id, most)
        assert [point for page in found for point in page] == history(call, run_id)
        assert all(len(page) == most for page in found[:-1])
        assert 0 < len(found[-1]) <= most

    def test_what_is_logged_meanwhile_shifts_no_page(self, call):
        run_id = new_run(call)
        log(call, run_id, [(time, 0, 1.0) for time in (10, 20, 30)])
        first = call(
            GET_METRIC_HISTORY, GetMetricHistory(run_id=run_id, metric_key="m", max_results=2)
        )
        log(call, run_id, [(5, 0, 1.0)])
        second = call(
            GET_METRIC_HISTORY,
            GetMetricHistory(
                run_id=run_id, metric_key="m", max_results=2, page_token=first.next_page_token
            ),
        )
        assert [point.timestamp for point in second.metrics] == [30]

    def test_a_token_that_was_changed_or_is_of_another_metric_is_refused(self, call):
        run_id, other = new_run(call), new_run(call)
        for name in (run_id, other):
            log(call, name, [(1, 0, 1.0), (2, 0, 1.0)])
        request = GetMetricHistory(run_id=run_id, metric_key="m", max_results=1)
        token = call(GET_METRIC_HISTORY, request).next_page_token
        changed = [
            token[:n] + ("A" if token[n] != "A" else "B") + token[n + 1 :]
            for n in range(len(token))
        ]
        bad = [*changed, token[:-1], token + "=", token + "AAAA", " " + token, "x", "é", "\0"]
        requests = [
            *(GetMetricHistory(run_id=run_id, metric_key="m", page_token=text) for text in bad),
            GetMetricHistory(run_id=other, metric_key="m", page_token=token),
            GetMetricHistory(run_id=run_id, metric_key="n", page_token=token),
        ]
        for request in requests:
            message = refusal(InvalidParameter, call, GET_METRIC_HISTORY, request)
            assert message.startswith("Invalid page token")

    @pytest.mark.parametrize("most", [0, -1, 2**63])
    def test_a_page_without_a_size_is_refused(self, call, most):
        request = GetMetricHistory(run_id=NOWHERE, metric_key="m", max_results=most)
        refusal(InvalidParameter, call, GET_METRIC_HISTORY, request)

    def test_the_largest_page_holds_all(self, call):
        run_id = new_run(call)
        log(call, run_id, [(1, 0, 1.0)])
        assert pages(call, run_id, 2**63 - 1) == [[(1, 0, 1.0)]]

    def test_no_metric_is_refused_in_mlflows_words(self, call):
        request = GetMetricHistory(run_id=NOWHERE, metric_key="")
        message = refusal(InvalidParameter, call, GET_METRIC_HISTORY, request)
        assert message.startswith("Missing value for required parameter 'metric_key'.")


class TestInterval:
    def test_few_points_are_all_there_by_step(self, call):
        run_id = new_run(call)
        log(call, run_id, [(3, 1, 1.0), (1, 2, "NaN"), (2, 0, 3.0)])
        assert sampled(call, [run_id], max_results=3) == [
            Metric("m", 3.0, 2, 0, run_id=run_id),
            Metric("m", 1.0, 3, 1, run_id=run_id),
            Metric("m", "NaN", 1, 2, run_id=run_id),
        ]

    def test_of_many_the_first_the_last_and_evenly_those_between_are_there(self, call):
        run_id = new_run(call)
        log(call, run_id, [(n, n, float(n)) for n in range(901)])
        found = [point.step for point in sampled(call, [run_id], max_results=10)]
        assert found == list(range(0, 901, 100))

    def test_one_alone_is_the_last(self, call):
        run_id = new_run(call)
        log(call, run_id, [(n, n, 1.0) for n in range(5)])
        assert [point.step for point in sampled(call, [run_id], max_results=1)] == [4]

    def test_many_points_of_one_step_are_no_more_than_asked_for(self, call):
        run_id = new_run(call)
        log(call, run_id, [(n, 0, 1.0) for n in range(500)])
        found = [point.timestamp for point in sampled(call, [run_id], max_results=5)]
        assert len(found) == 5
        assert (found[0], found[-1]) == (0, 499)

    def test_the_steps_can_be_limited_on_both_sides(self, call):
        run_id = new_run(call)
        log(call, run_id, [(n, n, 1.0) for n in range(10)])
        found = sampled(call, [run_id], start_step=3, end_step=5)
        assert [point.step for point in found] == [3, 4, 5]

    def test_each_run_has_its_own_share_in_the_order_asked_for(self, call):
        short, long = new_run(call), new_run(call)
        log(call, short, [(1, 0, 1.0)])
        log(call, long, [(n, n, 1.0) for n in range(100)])
        found = sampled(call, [long, NOWHERE, short, long], max_results=2)
        assert [(point.run_id, point.step) for point in found] == [
            (long, 0),
            (long, 99),
            (short, 0),
        ]

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"max_results": 0}, "max_results must be between 1 and 2500."),
            ({"max_results": 2501}, "max_results must be between 1 and 2500."),
            ({"start_step": 1}, "both must be specified"),
            ({"end_step": 1}, "both must be specified"),
            ({"start_step": 2, "end_step": 1}, "end_step must be greater than start_step"),
            ({"start_step": 2**63, "end_step": 2**63}, "'start_step' supplied"),
        ],
    )
    def test_what_mlflow_does_not_take_is_refused(self, call, fields, words):
        request = GetMetricHistoryInterval([NOWHERE], "m", **fields)
        assert words in refusal(InvalidParameter, call, GET_METRIC_HISTORY_INTERVAL, request)

    @pytest.mark.parametrize(
        ("run_ids", "words"),
        [([], "required parameter 'run_ids'"), ([""], "required parameter 'run_ids'"),
         ([str(n) for n in range(101)], "at most 100 run_ids. Received 101 run_ids.")],
    )  # fmt: skip
    def test_no_runs_and_too_many_are_refused(self, call, run_ids, words):
        request = GetMetricHistoryInterval(run_ids, "m")
        assert words in refusal(InvalidParameter, call, GET_METRIC_HISTORY_INTERVAL, request)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(count=st.integers(1, 60), most=st.integers(2, 60))
def test_a_sample_has_as_many_points_as_asked_for_and_both_ends(store, count, most):
    def call(operation, request):
        return operation.run(store, request)

    run_id = new_run(call)
    log(call, run_id, [(n, n, 1.0) for n in range(count)])
    steps = [point.step for point in sampled(call, [run_id], max_results=most)]
    gaps = {after - before for before, after in pairwise(steps)}
    assert len(steps) == min(count, most)
    assert (steps[0], steps[-1]) == (0, count - 1)
    assert max(gaps, default=0) - min(gaps, default=0) <= 1
