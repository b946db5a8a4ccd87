"""Columns as pandas DataFrames."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from mlserve.runtimes.columns import Columns
from mlserve.runtimes.frames import to_frame


@pytest.mark.parametrize(
    "values",
    [[1, 2], [1, None], [1.5, None], ["a", "b"], ["a", None], [True, None], ["a", 1], [[1], [2]]],
    ids=str,
)
def test_a_list_gets_the_type_that_pandas_infers(values):
    pd.testing.assert_frame_equal(to_frame(Columns({"x": values}, 2)), pd.DataFrame({"x": values}))


@pytest.mark.parametrize("dtype", ["bool", "int32", "int64", "float32", "float64", "M8[ns]"])
def test_an_array_keeps_its_type(dtype):
    values = np.array([0, 1], dtype="int64").astype(dtype)
    frame = to_frame(Columns({"x": values, "y": values}, 2))
    expected = pd.DataFrame({"x": values, "y": values})
    pd.testing.assert_frame_equal(frame, expected)


def test_strings_are_what_they_were_in_training():
    trained_on = pd.DataFrame({"plan": ["basic", None]})
    columns = Columns({"plan": np.array(["basic", None], dtype=object)}, 2)
    pd.testing.assert_frame_equal(to_frame(columns), trained_on)


def test_columns_keep_their_order():
    frame = to_frame(Columns({"b": [1], "a": [2]}, 1))
    assert list(frame.columns) == ["b", "a"]


def test_columns_known_by_position_have_a_range_of_numbers():
    frame = to_frame(Columns({0: [1], 1: [2]}, 1))
    assert isinstance(frame.columns, pd.RangeIndex)


def test_rows_without_columns_are_counted():
    assert to_frame(Columns({}, 3)).shape == (3, 0)


def test_numbers_of_one_type_are_one_array_for_the_model():
    frame = to_frame(Columns({"x": np.array([1.0, 2.0]), "y": np.array([3.0, 4.0])}, 2))
    assert np.shares_memory(frame.to_numpy(), frame["x"].to_numpy())


def test_columns_of_several_types_stay_in_their_memory():
    numbers = np.array([1.0, 2.0])
    frame = to_frame(Columns({"x": numbers, "y": ["a", "b"]}, 2))
    assert np.shares_memory(frame["x"].to_numpy(), numbers)


def test_the_names_of_one_frame_are_not_those_of_the_next():
    columns = Columns({"x": [1], "y": [2]}, 1)
    to_frame(columns).columns.name = "changed"
    assert to_frame(columns).columns.name is None


def test_a_table_without_rows_keeps_its_columns():
    frame = to_frame(Columns({"x": np.zeros(0), "y": np.zeros(0)}, 0))
    assert (list(frame.columns), len(frame)) == (["x", "y"], 0)
