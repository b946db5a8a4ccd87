"""How a column is read depends on its type and on where its values came from."""

from __future__ import annotations

import numpy as np
import pytest
from mlserve.runtimes.casting import compile_cast
from mlserve.runtimes.errors import InvalidCell
from mlserve.runtimes.fields import Field
from mlserve.runtimes.origins import Origin
from mlserve.runtimes.schema import AnyType, Array, DataType, Map, SparkVector


def cast(column_type, values, origin, *, required=True):
    field = Field("c", column_type, required)
    return compile_cast(field, origin)(values, field)


@pytest.mark.parametrize(
    ("data_type", "values", "expected"),
    [
        (DataType.BOOLEAN, ["True", "FALSE", "1", "0"], [True, False, True, False]),
        (DataType.INTEGER, ["7", " 7", "+7", "7.0", "1e3"], [7, 7, 7, 7, 1000]),
        (DataType.LONG, ["9223372036854775807"], [2**63 - 1]),
        (DataType.DOUBLE, ["1.5", "inf", "-1e3"], [1.5, float("inf"), -1000.0]),
        (DataType.STRING, ["5", " x", None], ["5", " x", None]),
        (DataType.BINARY, ["AQI="], ["AQI="]),
    ],
)
def test_the_texts_of_a_csv_are_read_as_what_they_say(data_type, values, expected):
    column = cast(data_type, values, Origin.CSV)
    assert column.tolist() == expected
    assert column.dtype == data_type.dtype


@pytest.mark.parametrize(
    ("data_type", "text"),
    [
        (DataType.BOOLEAN, "yes"),
        (DataType.BOOLEAN, None),
        (DataType.INTEGER, "7.5"),
        (DataType.INTEGER, "2147483648"),
        (DataType.LONG, "9223372036854775808"),
        (DataType.LONG, "1e16"),
        (DataType.LONG, None),
        (DataType.DOUBLE, "a"),
        (DataType.FLOAT, "1e300"),
    ],
)
def test_a_text_of_a_csv_that_says_something_else_is_refused(data_type, text):
    with pytest.raises(InvalidCell, match='column "c", row 1'):
        cast(data_type, ["1", text], Origin.CSV)


def test_missing_cells_of_a_csv_are_nan_in_optional_integers_and_none_in_booleans():
    integers = cast(DataType.INTEGER, ["7", None], Origin.CSV, required=False)
    np.testing.assert_array_equal(integers, [7.0, np.nan])
    booleans = cast(DataType.BOOLEAN, ["true", None], Origin.CSV, required=False)
    assert booleans.tolist() == [True, None]


def test_binary_cells_are_base64_in_tables_and_text_in_fields():
    assert cast(DataType.BINARY, ["AQI="], Origin.FRAME_JSON)[0] == b"\x01\x02"
    assert cast(DataType.BINARY, ["AQI="], Origin.FIELDS_JSON)[0] == b"AQI="


def test_a_list_of_typed_values_is_read_as_an_array_of_objects():
    assert cast(DataType.LONG, [1, 2], Origin.TYPED).tolist() == [1, 2]
    with pytest.raises(InvalidCell, match="found a string"):
        cast(DataType.LONG, ["1"], Origin.TYPED)


def test_a_column_of_any_type_stays_as_it_is():
    values = [{"a": 1}, None, "x"]
    assert cast(AnyType(), values, Origin.FRAME_JSON) is values


def test_lists_stay_lists_in_tables_and_become_arrays_in_fields():
    array = Array(DataType.LONG)
    assert cast(array, [[1, 2]], Origin.FRAME_JSON)[0] == [1, 2]
    (cell,) = cast(array, [[1, 2]], Origin.FIELDS_JSON)
    assert (cell.dtype, cell.tolist()) == (np.int64, [1, 2])


def test_a_spark_vector_is_a_list_of_doubles():
    assert cast(SparkVector(), [[1, 2.5]], Origin.FRAME_JSON)[0] == [1.0, 2.5]
    assert cast(SparkVector(), [[1, 2.5]], Origin.FIELDS_JSON)[0].dtype == np.float64


def test_nested_values_of_equal_length_are_still_one_cell_a_row():
    column = cast(Array(DataType.LONG), [[1, 2], [3, 4]], Origin.FRAME_JSON)
    assert column.shape == (2,)


def test_a_csv_has_no_nested_values():
    with pytest.raises(InvalidCell, match="found a string, expected map of long"):
        cast(Map(DataType.LONG), ["{}"], Origin.CSV)


def test_a_typed_column_is_cast_by_its_type_whatever_the_origin():
    with pytest.raises(InvalidCell, match="found <U1 values"):
        cast(DataType.LONG, np.array(["7"]), Origin.CSV)
