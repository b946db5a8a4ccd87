"""An example is stored as MLflow stores it: as data, and as a request that is ready to be sent."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from mlserve.runtimes.errors import SchemaViolation
from mlserve.runtimes.recording import read_example_data, write_example


def stored(folder, rows):
    info = write_example(folder, rows)
    return (
        info["type"],
        json.loads((folder / info["artifact_path"]).read_text()),
        json.loads((folder / info["serving_input_path"]).read_text()),
    )


def test_a_table_is_stored_by_columns_and_rows(tmp_path):
    rows = pd.DataFrame({"n": [1, 2], "x": [0.1, None], "s": ["a", None]}, index=[7, 9])
    document = {"columns": ["n", "x", "s"], "data": [[1, 0.1, "a"], [2, None, None]]}
    assert stored(tmp_path, rows) == ("dataframe", document, {"dataframe_split": document})


def test_a_table_without_names_is_stored_by_rows_alone(tmp_path):
    document = {"data": [[1, 2.5]]}
    rows = pd.DataFrame([[1, 2.5]])
    assert stored(tmp_path, rows) == ("dataframe", document, {"dataframe_split": document})


def test_an_array_is_stored_as_nested_lists_with_null_for_nan(tmp_path):
    rows = np.array([[1.5, np.nan]], np.float32)
    assert stored(tmp_path, rows) == ("ndarray", [[1.5, None]], {"inputs": [[1.5, None]]})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (pd.Timestamp("2026-01-02 03:04:05"), "2026-01-02T03:04:05"),
        (b"\x01\x02", "AQI=\n"),
        (np.array([1, 2]), [1, 2]),
        ({"k": np.int64(3)}, {"k": 3}),
        (True, True),
        (2**60, 2**60),
    ],
)
def test_a_value_is_stored_in_the_form_that_json_has_for_it(tmp_path, value, expected):
    rows = pd.DataFrame({"a": pd.Series([value])})
    assert stored(tmp_path, rows)[1]["data"] == [[expected]]


@pytest.mark.parametrize(
    ("value", "message"), [(np.inf, "an infinity"), ({1}, "a value of type set")]
)
def test_a_value_that_json_has_no_form_for_is_refused(tmp_path, value, message):
    with pytest.raises(SchemaViolation, match=message):
        write_example(tmp_path, pd.DataFrame({"a": [value]}))


def test_a_dict_of_columns_and_a_list_of_records_are_one_table():
    columns, records = {"a": [1, 2], "b": ["x", "y"]}, [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    assert read_example_data(columns).equals(read_example_data(records))
