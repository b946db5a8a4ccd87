"""Metrics, params and tags of runs: what is taken, what stays, what a batch leaves behind."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlserve.store.entities import Metric, Param, RunData, Tag
from mlserve.store.errors import InvalidParameter, NotFound
from mlserve.store.tracking_operations import (
    DELETE_LOGGED_MODEL,
    DELETE_TAG,
    GET_LOGGED_MODEL,
    GET_METRIC_HISTORY,
    LOG_BATCH,
    LOG_METRIC,
    LOG_PARAM,
    SET_TAG,
)
from mlserve.store.tracking_requests import (
    DeleteTag,
    GetMetricHistory,
    LogBatch,
    LoggedModelId,
    LogMetric,
    LogParam,
    SetTag,
)

from .tracking import new_model, new_run, params_of, read_run, refusal, tags_of

LARGEST = 1.7976931348623157e308
ADVICE = "See the API docs for more information about request parameters."


def history(call, run_id, key="m"):
    answer = call(GET_METRIC_HISTORY, GetMetricHistory(run_id=run_id, metric_key=key))
    return [(point.timestamp, point.step, point.value) for point in answer.metrics]


def latest(call, run_id):
    return {
        point.key: (point.step, point.timestamp, point.value)
        for point in read_run(call, run_id).data.metrics
    }


class TestMetrics:
    def test_one_is_logged_as_it_was_said(self, call):
        run_id = new_run(call)
        call(LOG_METRIC, LogMetric(run_uuid=run_id, key="a/b c", value=0.1, timestamp=3, step=-4))
        assert read_run(call, run_id).data.metrics == [Metric("a/b c", 0.1, 3, -4)]
        assert history(call, run_id, "a/b c") == [(3, -4, 0.1)]

    @pytest.mark.parametrize(
        ("value", "kept"),
        [("NaN", "NaN"), (math.nan, "NaN"), (math.inf, LARGEST), (-math.inf, -LARGEST),
         ("Infinity", LARGEST), ("-Infinity", -LARGEST), (LARGEST, LARGEST), (5e-324, 5e-324),
         (7, 7.0), (0.1 + 0.2, 0.1 + 0.2)],
    )  # fmt: skip
    def test_a_value_is_kept_as_mlflow_keeps_it(self, call, value, kept):
        run_id = new_run(call)
        call(LOG_METRIC, LogMetric(run_id=run_id, key="m", value=value, timestamp=1))
        assert history(call, run_id) == [(1, 0, kept)]
        assert latest(call, run_id) == {"m": (0, 1, kept)}

    def test_one_that_is_sent_again_is_there_once(self, call):
        run_id = new_run(call)
        for value in (1.0, 1.0, "NaN", "NaN", 0.0):
            call(LOG_METRIC, LogMetric(run_id=run_id, key="m", value=value, timestamp=1))
        assert sorted(history(call, run_id), key=str) == [
            (1, 0, "NaN"),
            (1, 0, 0.0),
            (1, 0, 1.0),
        ]

    @pytest.mark.parametrize(
        ("earlier", "later"),
        [
            (LogMetric(key="m", value=9.0, timestamp=9, step=1), (1.0, 1, 2)),
            (LogMetric(key="m", value=9.0, timestamp=1, step=1), (1.0, 2, 1)),
            (LogMetric(key="m", value=1.0, timestamp=1, step=1), (9.0, 1, 1)),
            (LogMetric(key="m", value="NaN", timestamp=1, step=1), (9.0, 1, 1)),
            (LogMetric(key="m", value=-9.0, timestamp=1, step=1), ("NaN", 1, 1)),
            (LogMetric(key="m", value=9.0, timestamp=1, step=-2), (1.0, 1, -1)),
        ],
    )
    @pytest.mark.parametrize("is_in_order", [True, False])
    def test_the_latest_has_the_highest_step_then_time_then_value(
        self, call, earlier, later, is_in_order
    ):
        run_id = new_run(call)
        value, timestamp, step = later
        requests = [
            LogMetric(run_id=run_id, key="m", value=earlier.value, timestamp=earlier.timestamp,
                      step=earlier.step),
            LogMetric(run_id=run_id, key="m", value=value, timestamp=timestamp, step=step),
        ]  # fmt: skip
        for request in requests if is_in_order else reversed(requests):
            call(LOG_METRIC, request)
        assert latest(call, run_id) == {"m": (step, timestamp, value)}

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"key": ""}, f"Missing value for required parameter 'key'. {ADVICE}"),
            ({"key": "a$"}, "Invalid value \"a$\" for parameter 'name' supplied: Names may only"),
            ({"key": "../x"}, "would resolve to '../x'"),
            ({"key": "k" * 251}, "'Metric name' exceeds the maximum length of 250 characters"),
            ({"timestamp": -1}, "for parameter 'timestamp' supplied"),
            ({"timestamp": 2**63}, "for parameter 'timestamp' supplied"),
            ({"timestamp": 1.5}, "for parameter 'timestamp' supplied"),
            ({"timestamp": None}, f"Missing value for required parameter 'timestamp'. {ADVICE}"),
            ({"step": 2**63}, "for parameter 'step' supplied"),
            ({"step": -(2**63) - 1}, "for parameter 'step' supplied"),
            ({"step": True}, "for parameter 'step' supplied"),
            ({"value": "x"}, "Please specify value as a valid double"),
            ({"value": True}, "Please specify value as a valid double"),
            ({"value": 10**400}, "Please specify value as a valid double"),
            ({"value": [1.0]}, "Please specify value as a valid double"),
            ({"value": None}, f"Missing value for required parameter 'value'. {ADVICE}"),
        ],
    )
    def test_one_that_mlflow_does_not_take_is_refused(self, call, fields, words):
        run_id = new_run(call)
        good = {"key": "m", "value": 1.0, "timestamp": 1}
        request = LogMetric(run_id=run_id, **(good | fields))
        message = refusal(InvalidParameter, call, LOG_METRIC, request)
        assert words in message
        assert len(message) < 500
        assert history(call, run_id) == []

    def test_the_smallest_and_largest_steps_and_times_are_kept(self, call):
        run_id = new_run(call)
        points = [(0, -(2**63), 1.0), (2**63 - 1, 2**63 - 1, 2.0)]
        for timestamp, step, value in points:
            request = LogMetric(run_id=run_id, key="m", value=value, timestamp=timestamp, step=step)
            call(LOG_METRIC, request)
        assert history(call, run_id) == points

    def test_one_of_a_logged_model_is_of_the_run_too(self, call):
        run_id, model_id = new_run(call), new_model(call)
        request = LogMetric(
            run_id=run_id, key="m", value="NaN", timestamp=1, step=2, model_id=model_id,
            dataset_name="d", dataset_digest="x",
        )  # fmt: skip
        call(LOG_METRIC, request)
        call(LOG_METRIC, request)
        model = call(GET_LOGGED_MODEL, LoggedModelId(model_id)).model
        assert model.data.metrics == [Metric("m", "NaN", 1, 2, model_id, "d", "x", run_id)]
        assert read_run(call, run_id).data.metrics == [Metric("m", "NaN", 1, 2)]

    def test_one_of_a_logged_model_is_kept_for_each_dataset_and_value(self, call):
        run_id, model_id = new_run(call), new_model(call)
        metrics = [
            Metric("m", value, 1, 0, model_id, name)
            for value in (1.0, 2.0)
            for name in (None, "train", "test")
        ]
        call(LOG_BATCH, LogBatch(run_id=run_id, metrics=metrics))
        model = call(GET_LOGGED_MODEL, LoggedModelId(model_id)).model
        found = {(point.value, point.dataset_name) for point in model.data.metrics}
        assert found == {(v, n) for v in (1.0, 2.0) for n in (None, "train", "test")}
        assert len(history(call, run_id)) == 2

    def test_one_of_no_logged_model_that_there_is_is_refused_and_not_kept(self, call):
        run_id = new_run(call)
        request = LogMetric(run_id=run_id, key="m", value=1.0, timestamp=1, model_id="m-x")
        message = refusal(NotFound, call, LOG_METRIC, request)
        assert message == "Logged model with ID 'm-x' not found."
        assert history(call, run_id) == []

    def test_a_run_goes_on_logging_when_its_model_is_deleted(self, call):
        run_id, model_id = new_run(call), new_model(call)
        call(DELETE_LOGGED_MODEL, LoggedModelId(model_id))
        request = LogMetric(run_id=run_id, key="m", value=1.0, timestamp=1, model_id=model_id)
        call(LOG_METRIC, request)
        assert history(call, run_id) == [(1, 0, 1.0)]


class TestParams:
    def test_one_is_written_once(self, call):
        run_id = new_run(call)
        call(LOG_PARAM, LogParam(run_id=run_id, key="a", value="1"))
        call(LOG_PARAM, LogParam(run_id=run_id, key="a", value="1"))
        message = refusal(
            InvalidParameter, call, LOG_PARAM, LogParam(run_id=run_id, key="a", value="2")
        )
        assert message == (
            "Changing param values is not allowed. Param with key='a' was already logged with "
            f"value='1' for run ID='{run_id}'. Attempted logging new value '2'."
        )
        assert params_of(call, run_id) == {"a": "1"}

    def test_one_may_be_empty(self, call):
        run_id = new_run(call)
        call(LOG_PARAM, LogParam(run_id=run_id, key="a"))
        assert params_of(call, run_id) == {"a": ""}

    def test_what_is_too_long_is_cut_as_mlflow_does_and_is_the_same_again(self, call):
        run_id = new_run(call)
        for _ in range(2):
            call(LOG_PARAM, LogParam(run_id=run_id, key="a", value="é" * 7000))
        assert params_of(call, run_id) == {"a": "é" * 6000}

    @pytest.mark.parametrize(
        ("key", "value"),
        [("", "1"), ("a$", "1"), ("../x", "1"), ("/a", "1"), (".", "1"), ("a//b", "1"),
         ("a\n", "1"), ("k" * 251, "1"), ("a", "\0"), ("a", "\ud800"), ("a", 5), ("a", None)],
    )  # fmt: skip
    def test_one_that_mlflow_does_not_take_is_refused(self, call, key, value):
        run_id = new_run(call)
        request = LogParam(run_id=run_id, key=key, value=value)
        assert len(refusal(InvalidParameter, call, LOG_PARAM, request)) < 500
        assert params_of(call, run_id) == {}


class TestTags:
    def test_one_is_set_over_what_it_was_and_deleted(self, call):
        run_id = new_run(call)
        call(SET_TAG, SetTag(run_id=run_id, key="k", value="1"))
        call(SET_TAG, SetTag(run_id=run_id, key="k", value="2"))
        assert tags_of(call, run_id)["k"] == "2"
        call(DELETE_TAG, DeleteTag(run_id=run_id, key="k"))
        assert "k" not in tags_of(call, run_id)

    def test_one_that_is_not_there_cannot_be_deleted(self, call):
        run_id = new_run(call)
        message = refusal(NotFound, call, DELETE_TAG, DeleteTag(run_id=run_id, key="k"))
        assert message == f"No tag with name: k in run with id {run_id}"

    def test_what_is_too_long_is_cut_as_mlflow_does(self, call):
        run_id = new_run(call)
        call(SET_TAG, SetTag(run_id=run_id, key="k", value="v" * 9000))
        assert tags_of(call, run_id)["k"] == "v" * 8000

    def test_the_tag_that_is_the_name_renames_the_run(self, call):
        run_id = new_run(call)
        call(SET_TAG, SetTag(run_id=run_id, key="mlflow.runName", value="a"))
        assert read_run(call, run_id).info.run_name == "a"
        call(LOG_BATCH, LogBatch(run_id=run_id, tags=[Tag("mlflow.runName", "b")]))
        assert read_run(call, run_id).info.run_name == "b"
        assert tags_of(call, run_id) == {"mlflow.runName": "b"}

    def test_the_name_cannot_be_taken_away(self, call):
        run_id = new_run(call)
        before = read_run(call, run_id)
        call(SET_TAG, SetTag(run_id=run_id, key="mlflow.runName", value=""))
        assert read_run(call, run_id) == before

    @pytest.mark.parametrize("key", ["", "a$", "../x", "k" * 251, "\0"])
    def test_one_that_mlflow_does_not_take_is_refused(self, call, key):
        request = SetTag(run_id=new_run(call), key=key, value="1")
        refusal(InvalidParameter, call, SET_TAG, request)


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
    assert isinstance(seen[0][0], RunData)
    assert sum(map(len, seen[0][1])) == len(set(metrics))
