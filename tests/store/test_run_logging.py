"""Metrics, params and tags of runs, one at a time: what is taken, and what stays."""

from __future__ import annotations

import math

import pytest
from mlserve.store.entities import Metric, Tag
from mlserve.store.errors import InvalidParameter, NotFound
from mlserve.store.tracking_operations import (
    DELETE_LOGGED_MODEL,
    DELETE_TAG,
    GET_LOGGED_MODEL,
    LOG_BATCH,
    LOG_METRIC,
    LOG_PARAM,
    SET_TAG,
)
from mlserve.store.tracking_requests import (
    DeleteTag,
    LogBatch,
    LoggedModelId,
    LogMetric,
    LogParam,
    SetTag,
)

from .tracking import (
    LARGEST,
    history,
    latest,
    new_model,
    new_run,
    params_of,
    read_run,
    refusal,
    tags_of,
)

ADVICE = "See the API docs for more information about request parameters."


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
            ({"key": 5}, "Invalid value 5 for parameter 'name' supplied: Names may only"),
            ({"key": ["a"]}, "Invalid value of type list for parameter 'name' supplied"),
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
