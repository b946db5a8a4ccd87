"""Type hints: which data fit them, what is converted, and how a misfit is told."""

from __future__ import annotations

import datetime as dt
import typing
from contextlib import suppress
from typing import Any, Optional

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlserve.runtimes.columns import Columns, ModelInput, Payload
from mlserve.runtimes.errors import SchemaViolation
from mlserve.runtimes.standin.python_models import TypeFromExample
from mlserve.runtimes.typehints import check_value, input_reader, read_hint, read_list

TABLE = Columns({"a": np.array([1.5, np.nan]), "b": np.array(["x", "y"], dtype=object)}, 2)


def read(hint: Any, data: ModelInput, *, is_checked: bool = True) -> Any:
    reader = input_reader(hint, is_checked, from_example=False)
    assert reader is not None
    return reader(data)


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (list[int], [1, 2]),
        (list[float], [1.5]),
        (list[str], []),
        (list[bool], [True]),
        (list[Any], [1, "x", None]),
        (list[list[int]], [[1], []]),
        (list[dict[str, list[str]]], [{"a": ["x"]}]),
        (list[Optional[int]], [1, None]),  # noqa: UP045 - as models write it
        (list[int | None], [None]),
        (list[int | str], [1, "x", 2.5]),
    ],
)
def test_what_fits_arrives_as_it_is(hint: Any, value: Any):
    assert read(hint, Payload(value)) == value


@pytest.mark.parametrize(
    ("hint", "value", "message"),
    [
        (list[int], {"a": 1}, "inputs: found an object, expected a list"),
        (list[int], [1, "secret"], "inputs[1]: found a string, expected an integer"),
        (list[float], [1], "inputs[0]: found an integer, expected a number with a decimal point"),
        (list[str], [None], "inputs[0]: found null, expected a string"),
        (list[list[int]], [[1], [2, "x"]], "inputs[1][1]: found a string, expected an integer"),
        (list[dict[str, int]], [{"a": "x"}], "inputs[0].a: found a string, expected an integer"),
        (list[int | None], ["x"], "inputs[0]: found a string, expected an integer"),
        (list[bytes], ["!!!"], "inputs[0]: found a string of another form, expected base64 text"),
    ],
)
def test_a_misfit_is_told_by_place_and_type(hint: Any, value: Any, message: str):
    with pytest.raises(SchemaViolation) as caught:
        read(hint, Payload(value))
    assert str(caught.value) == message


def test_base64_and_iso_text_become_bytes_and_datetimes():
    assert read(list[bytes], Payload(["AQI=\n"])) == [b"\x01\x02"]
    found = read(list[dt.datetime], Payload(["2024-01-02T03:04:05"]))
    assert found == [dt.datetime(2024, 1, 2, 3, 4, 5)]


def test_a_table_becomes_a_list_of_its_rows_or_of_its_first_column():
    records = [{"a": 1.5, "b": "x"}, {"a": None, "b": "y"}]
    assert read(list[dict[str, Any]], TABLE) == records
    assert read(list[float | None], TABLE) == [1.5, None]
    assert read(list[dict[str, Any]], Columns({0: [{"k": 1}]}, 1)) == [{"k": 1}]


def test_before_hints_were_checked_lists_of_text_were_converted_all_the_same():
    assert read(list[str], TABLE, is_checked=False) == ["x", "y"]
    old = typing.List[typing.Dict[str, str]]  # noqa: UP006 - as models write it
    assert read(old, Columns({"q": ["x"], "r": ["y"]}, 1), is_checked=False) == [
        {"q": "x", "r": "y"}
    ]
    with pytest.raises(SchemaViolation, match="no column of strings"):
        read(list[str], Columns({"a": np.array([1])}, 1), is_checked=False)


@pytest.mark.parametrize("hint", [None, np.ndarray, list, list[int], dict[str, int], int])
def test_a_hint_that_is_not_checked_asks_nothing(hint: Any):
    assert input_reader(hint, is_checked=False, from_example=False) is None


@pytest.mark.parametrize("hint", [list, list[set[int]], dict[str, int], list[np.ndarray]])
def test_a_hint_that_mlflow_cannot_check_asks_nothing(hint: Any):
    assert input_reader(hint, is_checked=True, from_example=False) is None


def test_a_model_saved_with_a_list_as_its_example_gets_lists():
    assert input_reader(TypeFromExample, is_checked=True, from_example=False) is None
    assert input_reader(TypeFromExample, is_checked=True, from_example=True) is read_list
    assert read_list(Columns({"a": np.array([1, 2])}, 2)) == [1, 2]
    assert read_list(TABLE)[0] == {"a": 1.5, "b": "x"}


def test_datetimes_in_a_table_are_pythons():
    column = np.array(["2024-01-02"], dtype="datetime64[ns]")
    assert read_list(Columns({"t": column}, 1)) == [dt.datetime(2024, 1, 2)]


def test_a_hint_is_read_by_position():
    def predict(_context: object, model_input: list[int]) -> list[int]:
        return model_input

    assert read_hint(predict, 1) == list[int]
    assert read_hint(predict, 5) is None
    predict.__annotations__ = {"model_input": "NobodyKnows"}
    assert read_hint(predict, 1) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(value=JSON, hint=st.sampled_from([list[int], list[dict[str, str]], list[list[bytes]]]))
def test_any_json_fits_or_is_refused(value: Any, hint: Any):
    with suppress(SchemaViolation):
        assert isinstance(check_value(value, hint, "inputs"), list)
