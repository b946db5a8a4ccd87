"""A typed array is cast only where no value of it changes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from mlserve.runtimes.arrays import cast_array, convert_exactly, is_missing
from mlserve.runtimes.errors import InvalidCell
from mlserve.runtimes.fields import Field
from mlserve.runtimes.schema import DataType

NUMBERS = [np.bool_, np.int8, np.int32, np.int64, np.uint8, np.uint64, np.float32, np.float64]
LARGE = 2**53 + 1


def cast(data_type, array, *, required=True):
    return cast_array(array, Field("c", data_type, required))


def objects(*cells):
    return np.fromiter(cells, object, len(cells))


ACCEPTED = [
    (DataType.BOOLEAN, np.array([True])),
    (DataType.BOOLEAN, np.array([0, 1])),
    (DataType.INTEGER, np.array([1], np.int8)),
    (DataType.INTEGER, np.array([1], np.uint16)),
    (DataType.INTEGER, np.array([-(2**31), 2**31 - 1])),
    (DataType.LONG, np.array([2**63 - 1], np.uint64)),
    (DataType.LONG, np.array([1.0, -(2.0**53)])),
    (DataType.FLOAT, np.array([0.5], np.float16)),
    (DataType.FLOAT, np.array([0.5, np.nan, np.inf])),
    (DataType.FLOAT, np.array([2**24])),
    (DataType.DOUBLE, np.array([0.1], np.float32)),
    (DataType.DOUBLE, np.array([2**53])),
    (DataType.DATETIME, np.array(["2020-01-02T03:04"], "datetime64[s]")),
    (DataType.DATETIME, np.array(["NaT", "2020-01-02"], "datetime64[us]")),
]


@pytest.mark.parametrize(("data_type", "array"), ACCEPTED)
def test_an_array_whose_values_the_type_holds_is_accepted(data_type, array):
    column = cast(data_type, array)
    assert column.dtype == data_type.dtype
    np.testing.assert_array_equal(column.astype(array.dtype), array)


def test_a_column_of_the_type_is_not_copied():
    array = np.array([1.5])
    assert cast(DataType.DOUBLE, array) is array


@pytest.mark.parametrize(
    ("data_type", "array"),
    [
        (DataType.BOOLEAN, np.array([1, 2])),
        (DataType.BOOLEAN, np.array([1, np.nan])),
        (DataType.INTEGER, np.array([0, 2**31])),
        (DataType.INTEGER, np.array([0, 1.5])),
        (DataType.LONG, np.array([0, 2**63], np.uint64)),
        (DataType.LONG, np.array([0, 2.0**63])),
        (DataType.LONG, np.array([0, np.inf])),
        (DataType.LONG, np.array([0, np.nan])),
        (DataType.FLOAT, np.array([0, 0.1])),
        (DataType.FLOAT, np.array([0, 1e300])),
        (DataType.FLOAT, np.array([0, 2**24 + 1])),
        (DataType.DOUBLE, np.array([0, LARGE])),
        (DataType.DATETIME, np.array(["2020-01-01", "3000-01-01"], "datetime64[s]")),
    ],
)
def test_an_array_with_a_value_that_the_type_does_not_hold_is_refused_with_its_row(
    data_type, array
):
    with pytest.raises(InvalidCell, match='column "c", row 1'):
        cast(data_type, array)


@pytest.mark.parametrize(
    ("data_type", "array"),
    [
        (DataType.LONG, np.array(["7"])),
        (DataType.DOUBLE, np.array(["2020-01-01"], "datetime64[s]")),
        (DataType.STRING, np.array([5])),
        (DataType.STRING, np.array([b"a"])),
        (DataType.BINARY, np.array([5])),
        (DataType.DATETIME, np.array([5])),
        (DataType.DOUBLE, np.array([1 + 2j])),
    ],
)
def test_an_array_of_another_kind_is_refused_as_a_whole(data_type, array):
    with pytest.raises(InvalidCell, match=r'column "c": found .* values, expected'):
        cast(data_type, array)


def test_floats_with_gaps_are_optional_integers():
    column = cast(DataType.LONG, np.array([1.0, np.nan], np.float32), required=False)
    assert column.dtype == np.float64
    np.testing.assert_array_equal(column, [1.0, np.nan])
    with pytest.raises(InvalidCell, match="row 1: found a number with a fraction"):
        cast(DataType.LONG, np.array([np.nan, 1.5]), required=False)


def test_texts_and_bytes_become_python_objects():
    assert cast(DataType.STRING, np.array(["a"])).tolist() == ["a"]
    assert cast(DataType.BINARY, np.array([b"a"])).tolist() == [b"a"]
    assert cast(DataType.BINARY, np.array(["a"])).dtype == object


@pytest.mark.parametrize(
    ("data_type", "cells", "expected"),
    [
        (DataType.BOOLEAN, [True, np.False_], [True, False]),
        (DataType.LONG, [1, np.int8(2), Decimal(9007199254740993)], [1, 2, LARGE]),
        (DataType.DOUBLE, [1, np.float32(0.5), Decimal("1.5"), True], [1.0, 0.5, 1.5, 1.0]),
        (DataType.FLOAT, [1, 0.5], [1.0, 0.5]),
        (DataType.STRING, ["a", None, np.nan, 5], ["a", None, None, "5"]),
        (DataType.BINARY, [b"a", bytearray(b"b"), "c"], [b"a", b"b", "c"]),
    ],
)
def test_objects_are_cast_cell_by_cell(data_type, cells, expected):
    column = cast(data_type, objects(*cells))
    assert column.tolist() == expected
    assert column.dtype == data_type.dtype


def test_objects_that_are_dates_become_moments_in_utc():
    moment = datetime(2020, 1, 2, 3, tzinfo=UTC)
    column = cast(DataType.DATETIME, objects(date(2020, 1, 2), moment, "2020-01-02", None))
    np.testing.assert_array_equal(
        column,
        np.array(["2020-01-02", "2020-01-02T03", "2020-01-02", "NaT"], "datetime64[ns]"),
    )


@pytest.mark.parametrize(
    ("data_type", "cell"),
    [
        (DataType.LONG, "7"),
        (DataType.DOUBLE, "1.5"),
        (DataType.FLOAT, 0.1),
        (DataType.LONG, None),
        (DataType.STRING, b"a"),
        (DataType.BINARY, 5),
        (DataType.DATETIME, 5),
    ],
)
def test_an_object_that_does_not_fit_is_refused_with_its_row(data_type, cell):
    with pytest.raises(InvalidCell, match='column "c", row 0'):
        cast(data_type, objects(cell))


@given(
    npst.arrays(st.sampled_from(NUMBERS).map(np.dtype), st.integers(0, 4)),
    st.sampled_from(NUMBERS).map(np.dtype),
)
def test_a_conversion_says_exactly_which_values_it_changed(array, dtype):
    converted, changed = convert_exactly(array, dtype)
    assert converted.dtype == dtype
    for index, (before, after) in enumerate(zip(array.tolist(), converted.tolist(), strict=True)):
        is_same = before == after or (is_missing(before) and is_missing(after))
        # Integers of 64 bits count as changed from where floats skip any, even if these hit one.
        is_cautious = isinstance(before, int) and dtype.kind == "f" and abs(before) > 2**24
        if changed is None or not changed[index]:
            assert is_same
        else:
            assert not is_same or is_cautious


@pytest.mark.parametrize("value", [None, float("nan"), np.datetime64("NaT"), Decimal("sNaN")])
def test_what_is_missing_is_told_from_what_is_not(value):
    assert is_missing(value)
    assert not is_missing(np.array([np.nan, 1.0]))
    assert not is_missing("")


def test_the_missing_values_of_pandas_are_missing():
    pd = pytest.importorskip("pandas")
    assert is_missing(pd.NA)
    assert is_missing(pd.NaT)
