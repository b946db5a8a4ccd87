import asyncio
from contextlib import closing
from itertools import count

import numpy as np
import orjson
import pytest
from mlserve.runtimes.columns import Columns
from mlserve.runtimes.errors import InvalidCell, ModelRefused, PredictionFailed, WrongRowCount
from mlserve.runtimes.standin.exceptions import ERROR_CODES, MlflowException
from mlserve.serve.batching import Job
from mlserve.serve.predicting import predict_batch


class Doubling:
    """A row-wise runtime: doubles column 0, refuses what it does not like, counts rows."""

    own_params = frozenset()
    concurrency = 1

    def __init__(self, *, is_row_wise=True, extra_rows=0):
        self.is_row_wise, self.extra_rows = is_row_wise, extra_rows
        self.calls = []

    def predict(self, data, params):
        values = data.values[0]
        self.calls.append(len(values))
        if (values < 0).any():
            raise ValueError("a secret value")
        if (values > 1000).any():
            raise MlflowException("there are 1000 places", ERROR_CODES["RESOURCE_EXHAUSTED"])
        if np.isnan(values).any():
            raise InvalidCell("x", 0, "a missing value", "a number")
        doubled = values * params.get("factor", 2)
        return np.concatenate([doubled, np.zeros(self.extra_rows)])

    def close(self):
        self.calls.clear()


@pytest.fixture(name="loop", scope="module")
def _loop():
    with closing(asyncio.new_event_loop()) as loop:
        yield loop


def _pack(rows):
    return Columns({0: np.array([row[0] for row in rows], dtype=float)}, len(rows))


def _job(loop, *values, params=None, is_bare=False):
    rows = [(value,) for value in values]
    return Job(rows, len(rows), params or {}, "rows", is_bare, 0.0, loop.create_future())


def _answers(runtime, *jobs):
    result = predict_batch(runtime, _pack, jobs, count().__next__)
    return [
        orjson.loads(answer)["predictions"] if isinstance(answer, bytes) else answer
        for answer in result.answers
    ]


def test_a_batch_is_one_call_and_each_job_gets_its_rows(loop):
    runtime = Doubling()

    assert _answers(runtime, _job(loop, 1, 2), _job(loop, 3)) == [[2, 4], [6]]
    assert runtime.calls == [3]


def test_columns_are_joined_like_rows(loop):
    first, second = _job(loop, 1), _job(loop, 2)
    first.data, second.data = (_pack(job.data) for job in (first, second))

    assert _answers(Doubling(), first, second) == [[2], [4]]


def test_params_reach_the_model(loop):
    assert _answers(Doubling(), _job(loop, 1, params={"factor": 10})) == [[10]]


def test_a_bad_job_fails_alone(loop):
    first, bad, last = _answers(Doubling(), _job(loop, 1), _job(loop, -1), _job(loop, 3))

    assert (first, last) == ([2], [6])
    assert isinstance(bad, PredictionFailed)


def test_the_models_error_is_named_by_its_type_alone(loop):
    (error,) = _answers(Doubling(), _job(loop, -1))

    assert "ValueError" in str(error)
    assert "secret" not in str(error)
    assert isinstance(error.__cause__, ValueError)


def test_a_runtimes_refusal_of_the_input_is_passed_on(loop):
    (error,) = _answers(Doubling(), _job(loop, float("nan")))

    assert isinstance(error, InvalidCell)


def test_a_wrong_number_of_rows_is_an_error_for_each_job(loop):
    errors = _answers(Doubling(extra_rows=1), _job(loop, 1), _job(loop, 2, 3))

    assert [str(error) for error in errors] == [
        str(WrongRowCount(2, 1)),
        str(WrongRowCount(3, 2)),
    ]


def test_a_python_function_may_return_what_it_wants(loop):
    assert _answers(Doubling(is_row_wise=False, extra_rows=1), _job(loop, 1)) == [[2, 0]]


def test_a_bare_answer_has_no_wrapper(loop):
    result = predict_batch(Doubling(), _pack, [_job(loop, 1, is_bare=True)], count().__next__)

    assert result.answers == [b"[2.0]"]


def test_the_times_are_those_of_predicting_and_encoding(loop):
    result = predict_batch(Doubling(), _pack, [_job(loop, 1)], iter([0.0, 3.0, 10.0]).__next__)

    assert (result.predict_seconds, result.encode_seconds) == (3.0, 7.0)


def test_a_models_exception_of_mlflow_keeps_its_code_and_its_message(loop):
    good, bad = _answers(Doubling(), _job(loop, 1.0), _job(loop, 1001.0))
    assert good == [2.0]
    assert isinstance(bad, ModelRefused)
    assert bad.code == "RESOURCE_EXHAUSTED"
    assert str(bad) == "the model refused the input: there are 1000 places"


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
def test_a_model_that_asks_to_end_the_process_only_fails(loop, error):
    class Leaving(Doubling):
        def predict(self, _data, _params):
            raise error

    (answer,) = _answers(Leaving(), _job(loop, 1))

    assert isinstance(answer, PredictionFailed)
