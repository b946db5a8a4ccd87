"""What every runtime promises, as tests: a subclass says which runtime and on what data."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlserve.runtimes.columns import Columns, ModelInput, count_rows
from mlserve.runtimes.contract import Runtime


def take_row(data: ModelInput, row: int) -> ModelInput:
    if isinstance(data, Columns):
        taken = {name: column[row : row + 1] for name, column in data.values.items()}
        return Columns(taken, 1)
    return data[row : row + 1]


def entries(prediction: Any) -> list[Any]:
    """Return a prediction as a list of one entry a row."""
    match prediction:
        case Columns(values=values):
            return [dict(zip(values, row, strict=True)) for row in _rows(values)]
        case dict():
            return [dict(zip(prediction, row, strict=True)) for row in _rows(prediction)]
        case pd.DataFrame():
            return prediction.to_dict(orient="records")
        case np.ndarray():
            return prediction.tolist()
    return list(prediction)


def assert_close(found: Any, expected: Any) -> None:
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert_close(found[name], value)
    elif isinstance(expected, str):
        assert found == expected
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-5)


class RuntimeContract:
    """A subclass has the fixtures ``runtime`` and ``data``, the latter of several rows."""

    def test_the_prediction_of_a_row_wise_runtime_has_one_entry_a_row(
        self, runtime: Runtime, data: ModelInput
    ):
        if not runtime.is_row_wise:
            pytest.skip("this runtime promises nothing about rows")
        assert len(entries(runtime.predict(data, {}))) == count_rows(data)

    def test_a_row_of_a_row_wise_runtime_is_predicted_alone_as_among_others(
        self, runtime: Runtime, data: ModelInput
    ):
        if not runtime.is_row_wise:
            pytest.skip("this runtime promises nothing about rows")
        together = entries(runtime.predict(data, {}))
        for row, expected in enumerate(together):
            assert_close(entries(runtime.predict(take_row(data, row), {}))[0], expected)

    def test_the_input_is_left_as_it_was(self, runtime: Runtime, data: ModelInput):
        before = deepcopy(data)
        runtime.predict(data, {})
        np.testing.assert_equal(_plain(data), _plain(before))

    def test_the_same_input_gets_the_same_prediction(self, runtime: Runtime, data: ModelInput):
        first, second = (entries(runtime.predict(data, {})) for _ in range(2))
        assert first == second

    def test_predictions_in_other_threads_are_the_same(self, runtime: Runtime, data: ModelInput):
        expected = entries(runtime.predict(data, {}))
        with ThreadPoolExecutor(runtime.concurrency) as pool:
            found = list(pool.map(lambda _: runtime.predict(data, {}), range(4)))
        assert [entries(prediction) for prediction in found] == [expected] * 4

    def test_at_least_one_call_may_run_at_a_time(self, runtime: Runtime):
        assert runtime.concurrency >= 1

    def test_a_refused_input_leaves_the_runtime_working(self, runtime: Runtime, data: ModelInput):
        expected = entries(runtime.predict(data, {}))
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it raises is its refusal
            runtime.predict(Columns({"nobody's": ["x"]}, 1), {})
        assert entries(runtime.predict(data, {})) == expected


def _rows(values: Any) -> Any:
    columns = (v.tolist() if isinstance(v, np.ndarray) else v for v in values.values())
    return zip(*columns, strict=True)


def _plain(data: ModelInput) -> Any:
    return dict(data.values) if isinstance(data, Columns) else data
