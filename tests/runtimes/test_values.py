"""Python values become columns of their type where nothing is lost."""

from __future__ import annotations

import math

import numpy as np
import pytest
from mlserve.runtimes.errors import InvalidCell
from mlserve.runtimes.fields import Field
from mlserve.runtimes.schema import DataType
from mlserve.runtimes.values import CASTS, cast_texts_to_bytes

LARGE = 2**53 + 1


def cast(data_type, *values, required=True):
    return CASTS[data_type](list(values), Field("c", data_type, required))


ACCEPTED = [
    (DataType.BOOLEAN, [True, False], [True, False]),
    (DataType.BOOLEAN, [1, 0, 1.0, 0.0], [True, False, True, False]),
    (DataType.BOOLEAN, ["true", "False", "TRUE"], [True, False, True]),
    (DataType.INTEGER, [7, "7", True, 1.0, -(2**31)], [7, 7, 1, 1, -(2**31)]),
    (DataType.LONG, [2**63 - 1, -(2**63)], [2**63 - 1, -(2**63)]),
    (DataType.LONG, [" +7 ", False], [7, 0]),
    (DataType.FLOAT, [0.5, 1, "1.5", True], [0.5, 1.0, 1.5, 1.0]),
    (DataType.DOUBLE, [0.1, 1, "1.5", True, "1e400"], [0.1, 1.0, 1.5, 1.0, math.inf]),
    (DataType.STRING, ["a", None], ["a", None]),
    (DataType.STRING, [5, 2.0, True, "a"], ["5", "2.0", "True", "a"]),
    (DataType.BINARY, ["AQI=", "AQ\nI=\n", ""], [b"\x01\x02", b"\x01\x02", b""]),
]


@pytest.mark.parametrize(("data_type", "values", "expected"), ACCEPTED)
def test_what_is_said_in_another_way_is_accepted(data_type, values, expected):
    column = cast(data_type, *values)
    assert column.tolist() == expected
    assert column.dtype == data_type.dtype


REFUSED = [
    (DataType.BOOLEAN, 2, "an integer"),
    (DataType.BOOLEAN, 0.5, "a number"),
    (DataType.BOOLEAN, "yes", "a string"),
    (DataType.BOOLEAN, None, "a missing value"),
    (DataType.BOOLEAN, [], "a list"),
    (DataType.INTEGER, 2**31, "an integer out of range"),
    (DataType.INTEGER, 1.5, "a number with a fraction"),
    (DataType.INTEGER, "7.5", "a string"),
    (DataType.INTEGER, None, "a missing value"),
    (DataType.LONG, 2**63, "an integer out of range"),
    (DataType.LONG, 1e19, "a number out of range"),
    (DataType.LONG, math.nan, "a number that is not finite"),
    (DataType.LONG, "7.0", "a string"),
    (DataType.LONG, "9" * 5000, "a string"),
    (DataType.LONG, {}, "an object"),
    (DataType.FLOAT, 1e300, "a number out of range"),
    (DataType.FLOAT, "a", "a string"),
    (DataType.DOUBLE, 10**400, "an integer out of range"),
    (DataType.DOUBLE, "", "a string"),
    (DataType.DOUBLE, [1.5], "a list"),
    (DataType.STRING, ["a"], "a list"),
    (DataType.STRING, {"a": 1}, "an object"),
    (DataType.BINARY, "!!!", "a string"),
    (DataType.BINARY, "AQI", "a string"),
    (DataType.BINARY, "é", "a string"),
    (DataType.BINARY, 5, "an integer"),
    (DataType.BINARY, None, "a missing value"),
]


@pytest.mark.parametrize(("data_type", "value", "found"), REFUSED)
def test_what_would_be_changed_is_refused_with_its_row(data_type, value, found):
    (good, *_), *_ = [values for kind, values, _ in ACCEPTED if kind is data_type]
    with pytest.raises(
        InvalidCell, match=f'column "c", row 1: found {found}, expected {data_type}'
    ):
        cast(data_type, good, value)


def test_null_among_floats_is_nan():
    assert np.isnan(cast(DataType.DOUBLE, 1.5, None)).tolist() == [False, True]
    assert np.isnan(cast(DataType.FLOAT, 1.5, None)).tolist() == [False, True]


def test_an_infinity_stays_one_in_float32():
    assert cast(DataType.FLOAT, math.inf, None)[0] == math.inf


def test_null_in_an_optional_boolean_column_is_none():
    column = cast(DataType.BOOLEAN, True, None, required=False)
    assert column.dtype == object
    assert column.tolist() == [True, None]


@pytest.mark.parametrize("data_type", [DataType.INTEGER, DataType.LONG])
def test_null_in_an_optional_integer_column_makes_it_floats(data_type):
    column = cast(data_type, 7, None, required=False)
    assert column.dtype == np.float64
    np.testing.assert_array_equal(column, [7.0, np.nan])


def test_an_optional_integer_column_without_null_holds_integers():
    assert cast(DataType.INTEGER, 7, required=False).dtype == np.int32


def test_an_integer_that_a_float_would_round_is_refused_beside_a_null():
    with pytest.raises(InvalidCell, match="row 1: found an integer beyond 2\\*\\*53"):
        cast(DataType.LONG, None, LARGE, required=False)
    assert cast(DataType.LONG, LARGE, required=False)[0] == LARGE


def test_an_integer_out_of_range_is_refused_beside_a_null():
    with pytest.raises(InvalidCell, match="row 0: found an integer out of range"):
        cast(DataType.INTEGER, 2**31, None, required=False)


def test_null_in_an_optional_binary_column_is_none():
    assert cast(DataType.BINARY, "AQI=", None, required=False).tolist() == [b"\x01\x02", None]


def test_texts_of_fields_become_their_utf8_bytes():
    field = Field("c", DataType.BINARY)
    assert cast_texts_to_bytes(["é", "AQI="], field).tolist() == ["é".encode(), b"AQI="]


@pytest.mark.parametrize("data_type", CASTS)
def test_no_rows_make_an_empty_column_of_the_type(data_type):
    column = cast(data_type)
    assert column.shape == (0,)
    assert column.dtype == data_type.dtype
