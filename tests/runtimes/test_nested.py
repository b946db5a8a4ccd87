"""Nested values keep their form, and an error gives the path to the member."""

from __future__ import annotations

import numpy as np
import pytest
from mlserve.runtimes.errors import InvalidCell
from mlserve.runtimes.fields import Field
from mlserve.runtimes.nested import cast_nested, compile_array_check, compile_check
from mlserve.runtimes.schema import AnyType, Array, DataType, Map, Object, Property

PERSON = Object(
    {
        "name": Property(DataType.STRING),
        "age": Property(DataType.LONG, required=False),
        "scores": Property(Array(DataType.DOUBLE), required=False),
    }
)
PEOPLE = Object({"y": Property(Array(PERSON))})


def cast(column_type, *values, required=True):
    field = Field("obj", column_type, required)
    return cast_nested(values, field, compile_check(column_type, required=required)).tolist()


def cast_arrays(column_type, *values):
    field = Field("obj", column_type)
    return cast_nested(values, field, compile_array_check(column_type)).tolist()


@pytest.mark.parametrize(
    ("column_type", "value"),
    [
        (Array(DataType.DOUBLE), [1.5, 2.0]),
        (Array(DataType.INTEGER), [1, 2]),
        (Array(DataType.STRING), ["a", "b"]),
        (Array(DataType.BOOLEAN), [True]),
        (Array(Array(DataType.LONG)), [[1], [2, 3], []]),
        (Array(AnyType()), [1, "a", None]),
        (Array(AnyType()), None),
        (Map(DataType.DOUBLE), {"a": 1.5}),
        (Map(Array(DataType.LONG)), {"a": [1]}),
        (Map(AnyType()), None),
        (PERSON, {"name": "a", "age": 5, "scores": [1.5]}),
        (PERSON, {"name": "a", "age": None, "scores": None}),
        (PERSON, {"name": "a"}),
        (PEOPLE, {"y": [{"name": "a"}]}),
        (AnyType(), {"a": [1, None]}),
    ],
)
def test_a_value_of_the_type_is_accepted_as_it_is(column_type, value):
    assert cast(column_type, value) == [value]


def test_members_of_objects_and_maps_are_numpy_scalars_and_members_of_lists_are_not():
    (person,) = cast(PERSON, {"name": "a", "age": 5, "scores": [1, 2]})
    assert [type(person[name]) for name in ("name", "age")] == [str, np.int64]
    assert [type(score) for score in person["scores"]] == [float, float]
    assert type(cast(Map(DataType.DOUBLE), {"a": 1})[0]["a"]) is np.float64


def test_null_among_the_floats_of_a_list_is_nan():
    np.testing.assert_equal(cast(Array(DataType.DOUBLE), [1.5, None]), [[1.5, np.nan]])


def test_texts_in_a_list_of_bytes_become_bytes_and_a_binary_member_stays_text():
    assert cast(Array(DataType.BINARY), ["é"]) == [["é".encode()]]
    assert cast(Object({"x": Property(DataType.BINARY)}), {"x": "aa"}) == [{"x": "aa"}]


def test_iso_text_is_a_moment():
    (row,) = cast(Map(DataType.DATETIME), {"a": "2020-01-02T00:00:00Z"})
    assert row["a"] == np.datetime64("2020-01-02")


@pytest.mark.parametrize(
    ("column_type", "empty"),
    [(Array(DataType.LONG), []), (Array(PERSON), None), (Map(DataType.LONG), {}), (PERSON, None)],
)
def test_an_optional_value_may_be_null_or_empty(column_type, empty):
    assert cast(column_type, empty, required=False) == [empty]


@pytest.mark.parametrize(
    ("column_type", "value", "message"),
    [
        (Array(DataType.LONG), 5, "row 1: found an integer, expected array of long"),
        (Array(DataType.LONG), None, "row 1: found a missing value, expected array of long"),
        (Array(DataType.LONG), [1, "7"], r'member "\[1\]": found a string, expected long'),
        (Array(DataType.LONG), [1, True], r'member "\[1\]": found a boolean, expected long'),
        (Array(DataType.LONG), [1, 1.5], r'member "\[1\]": found a number with a fraction'),
        (Array(DataType.LONG), [1, None], r'member "\[1\]": found a missing value'),
        (Array(DataType.INTEGER), [2**31], r'member "\[0\]": found an integer out of range'),
        (Array(DataType.STRING), ["a", None], r'member "\[1\]": found a missing value'),
        (Array(DataType.BOOLEAN), [1], r'member "\[0\]": found an integer, expected boolean'),
        (Array(DataType.FLOAT), [1e300], r'member "\[0\]": found a number out of range'),
        (Array(Array(DataType.LONG)), [[1], ["a"]], r'member "\[1\]\[0\]": found a string'),
        (Map(DataType.LONG), [], "row 1: found a list, expected map of long"),
        (Map(DataType.LONG), {"a": "1"}, 'member "a": found a string, expected long'),
        (Map(DataType.LONG), {"a": None}, 'member "a": found a missing value'),
        (Map(DataType.LONG), {1: 1}, "found a key that is no string"),
        (PERSON, "a", "row 1: found a string, expected object with name, age, scores"),
        (PERSON, {}, 'member "name": found nothing, expected string'),
        (PERSON, {"name": 5}, 'member "name": found an integer, expected string'),
        (PERSON, {"name": "a", "q": 1}, 'member "q": found a member that the signature lacks'),
        (
            PEOPLE,
            {"y": [{"name": "a"}, {"name": "b", "scores": [1.5, "x"]}]},
            r'column "obj", row 1, member "y\[1\].scores\[1\]": found a string, expected double',
        ),
    ],
)
def test_an_error_names_the_row_and_the_path_of_the_member(column_type, value, message):
    check, first = compile_check(column_type), object()
    with pytest.raises(InvalidCell, match=message):
        cast_nested(
            [first, value],
            Field("obj", column_type),
            lambda cell: cell if cell is first else check(cell),
        )


def test_the_value_given_is_not_changed():
    given = {"name": "a", "age": 5, "scores": [1]}
    cast(PERSON, given)
    assert type(given["age"]) is int
    assert type(given["scores"][0]) is int


@pytest.mark.parametrize(
    ("column_type", "value", "dtype"),
    [
        (Array(DataType.DOUBLE), [1, 2.5], np.float64),
        (Array(DataType.INTEGER), [1], np.int32),
        (Array(DataType.LONG), [], np.int64),
        (Array(DataType.STRING), ["a", "bc"], np.dtype("<U2")),
        (Array(Array(DataType.LONG)), [[1], [2]], np.int64),
        (Array(PERSON), [{"name": "a"}], object),
        (Array(AnyType()), [1, 2], np.int64),
        (Array(AnyType()), [1, "a"], object),
    ],
)
def test_the_lists_of_fields_become_arrays(column_type, value, dtype):
    (cell,) = cast_arrays(column_type, value)
    assert cell.dtype == dtype
    assert cell.tolist() == value


def test_lists_of_unequal_length_are_no_array():
    with pytest.raises(InvalidCell, match="found lists of unequal length"):
        cast_arrays(Array(Array(DataType.LONG)), [[1], [2, 3]])


def test_an_array_stays_one():
    (cell,) = cast(Array(DataType.LONG), np.array([1, 2], np.int8))
    assert (cell.dtype, cell.tolist()) == (np.int64, [1, 2])
    with pytest.raises(InvalidCell, match=r'member "\[1\]"'):
        cast(Array(DataType.LONG), np.array([1, 1.5]))
