"""Batches of metrics, params and tags: whole or absent, and the same when they are sent again."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlserve.store.entities import Metric, Param, Tag
from mlserve.store.errors import InvalidParameter
from mlserve.store.tracking_operations import LOG_BATCH, LOG_PARAM
from mlserve.store.tracking_requests import LogBatch, LogParam

from .tracking import LARGEST, history, latest, new_run, params_of, read_run, refusal, tags_of

ADVICE = "See the API docs for more information about request parameters."


class TestBatches:
    def test_all_of_one_is_there_afterwards(self, call):
        run_id = new_run(call)
        metrics = [Metric(f"m{n % 7}", n / 3, n, n // 7) for n in range(800)]
        params = [Param(f"p{n}", str(n)) for n in range(100)]
        tags = [Tag(f"t{n}", str(n)) for n in range(100)]
        call(LOG_BATCH, LogBatch(run_id=run_id, metrics=metrics, params=params, tags=tags))
        assert params_of(call, run_id) == {param.key: param.value for param in params}
        assert tags_of(call, run_id).items() >= {(tag.key, tag.value) for tag in tags}
        assert sum(len(history(call, run_id, f"m{n}")) for n in range(7)) == 800
        assert latest(call, run_id)["m1"] == (114, 799, 799 / 3)

    @pytest.mark.parametrize(
        "bad",
        [
            {"metrics": [Metric("good", 1.0, 1), Metric("bad$", 1.0, 1)]},
            {"metrics": [Metric("good", 1.0, None)]},
            {"params": [Param("good", "1"), Param("there", "2")]},
            {"params": [Param("good", "1"), Param("good", "1")]},
            {"params": [Param("", "1")]},
            {"tags": [Tag("good", "1"), Tag("../bad", "1")]},
            {"tags": [Tag("mlflow.runName", "n" * 251)]},
        ],
    )
    def test_one_bad_entry_leaves_nothing_of_the_rest(self, call, bad):
        run_id = new_run(call)
        call(LOG_PARAM, LogParam(run_id=run_id, key="there", value="1"))
        before = read_run(call, run_id)
        rest = {"metrics": [Metric("m", 1.0, 1)], "params": [Param("p", "1")],
                "tags": [Tag("t", "1")]}  # fmt: skip
        request = LogBatch(
            run_id=run_id, **{kind: [*rest[kind], *bad.get(kind, [])] for kind in rest}
        )
        refusal(InvalidParameter, call, LOG_BATCH, request)
        assert read_run(call, run_id) == before
        assert history(call, run_id) == []

    def test_a_changed_param_is_refused_in_mlflows_words(self, call):
        run_id = new_run(call)
        call(LOG_BATCH, LogBatch(run_id=run_id, params=[Param("a", "1"), Param("b", "1")]))
        again = LogBatch(run_id=run_id, params=[Param("b", "1"), Param("a", "2"), Param("c", "")])
        assert refusal(InvalidParameter, call, LOG_BATCH, again) == (
            "Changing param values is not allowed. Params were already logged="
            "'[{'key': 'a', 'old_value': '1', 'new_value': '2'}]' "
            f"for run ID='{run_id}'."
        )

    def test_a_param_that_is_there_twice_is_refused_in_mlflows_words(self, call):
        request = LogBatch(run_id=new_run(call), params=[Param("a", "1"), Param("a", "1")])
        assert refusal(InvalidParameter, call, LOG_BATCH, request) == (
            "Duplicate parameter keys have been submitted: ['a']. Please ensure the request "
            "contains only one param value per param key."
        )

    def test_the_last_of_two_tags_with_one_key_counts(self, call):
        run_id = new_run(call)
        call(LOG_BATCH, LogBatch(run_id=run_id, tags=[Tag("k", "1"), Tag("k", "2")]))
        assert tags_of(call, run_id)["k"] == "2"

    @pytest.mark.parametrize(
        ("counts", "words"),
        [
            ((1001, 0, 0), "at most 1000 metrics. Got 1001 metrics. Please split up metrics"),
            ((0, 101, 0), "at most 100 params. Got 101 params."),
            ((0, 0, 101), "at most 100 tags. Got 101 tags."),
            ((901, 50, 50), "at most 1000 metrics, params, and tags. Got 1001 metrics, params"),
        ],
    )
    def test_one_that_is_too_large_is_refused_in_mlflows_words(self, call, counts, words):
        metrics, params, tags = counts
        request = LogBatch(
            run_id=new_run(call),
            metrics=[Metric("m", 1.0, n) for n in range(metrics)],
            params=[Param(f"p{n}", "") for n in range(params)],
            tags=[Tag(f"t{n}", "") for n in range(tags)],
        )
        assert words in refusal(InvalidParameter, call, LOG_BATCH, request)

    def test_the_place_of_what_is_wrong_is_named(self, call):
        metrics = [Metric("m", 1.0, 1), Metric("m", 1.0)]
        request = LogBatch(run_id=new_run(call), metrics=metrics)
        message = refusal(InvalidParameter, call, LOG_BATCH, request)
        assert message == f"Missing value for required parameter 'metrics[1].timestamp'. {ADVICE}"

    def test_an_empty_one_does_nothing(self, call):
        run_id = new_run(call)
        before = read_run(call, run_id)
        call(LOG_BATCH, LogBatch(run_id=run_id))
        assert read_run(call, run_id) == before


small = st.integers(0, 2)
points = st.builds(
    Metric,
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from([-1.0, 0.0, 1.0, "NaN", math.inf]),
    small,
    small,
)


def model_of(logged):
    """What the latest points have to be, by the words of the rule: NaN counts as zero."""
    numbers = {"NaN": 0.0, math.inf: LARGEST}
    found = {}
    for point in logged:
        number = numbers.get(point.value, point.value)
        rank = (point.step, point.timestamp, number)
        if point.key not in found or rank > found[point.key][0]:
            value = "NaN" if point.value == "NaN" else number
            found[point.key] = (rank, (point.step, point.timestamp, value))
    return {key: entry for key, (_, entry) in found.items()}


each_on_a_new_run = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@each_on_a_new_run
@given(batches=st.lists(st.lists(points, max_size=8), max_size=5))
def test_the_latest_points_are_those_of_the_rule_however_they_came(store, batches):
    def call(operation, request):
        return operation.run(store, request)

    run_id = new_run(call)
    for batch in batches:
        call(LOG_BATCH, LogBatch(run_id=run_id, metrics=batch))
    assert latest(call, run_id) == model_of(point for batch in batches for point in batch)


@each_on_a_new_run
@given(
    metrics=st.lists(points, max_size=8),
    params=st.dictionaries(st.sampled_from("xyz"), st.text("01", max_size=2)),
    tags=st.dictionaries(st.sampled_from("xyz"), st.text("01", max_size=2)),
)
def test_a_batch_that_is_sent_again_adds_nothing(store, metrics, params, tags):
    def call(operation, request):
        return operation.run(store, request)

    run_id = new_run(call)
    batch = LogBatch(
        run_id=run_id,
        metrics=metrics,
        params=[Param(*pair) for pair in params.items()],
        tags=[Tag(*pair) for pair in tags.items()],
    )
    seen = []
    for _ in range(2):
        call(LOG_BATCH, batch)
        histories = [history(call, run_id, key) for key in "abc"]
        seen.append((read_run(call, run_id).data, histories))
    assert seen[0] == seen[1]
    assert sum(map(len, seen[0][1])) == len(set(metrics))
