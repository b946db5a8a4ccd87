"""Each param is the request's, checked, or the model's default."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from mlserve.runtimes.errors import InvalidParams
from mlserve.runtimes.params import enforce_params
from mlserve.runtimes.schema import DataType, Object, ParamSpec, Property

OBJECT = Object({"k": Property(DataType.LONG)})
SPECS = (
    ParamSpec("top", DataType.INTEGER, 3),
    ParamSpec("stops", DataType.STRING, ["a"], (-1,)),
    ParamSpec("options", OBJECT, {"k": 1}),
)
DEFAULTS = {"top": 3, "stops": ["a"], "options": {"k": 1}}


def cast(data_type, value, shape=None):
    return enforce_params((ParamSpec("p", data_type, None, shape),), {"p": value})["p"]


@pytest.mark.parametrize("given", [None, {}, {"a": 1}, 5, []])
def test_without_a_schema_all_params_are_left_out(given):
    assert enforce_params(None, given) == {}


@pytest.mark.parametrize("given", [None, {}, {"unknown": 5}])
def test_what_is_not_given_is_the_default(given):
    assert enforce_params(SPECS, given) == DEFAULTS


def test_given_values_replace_the_defaults():
    assert enforce_params(SPECS, {"top": 5, "stops": []}) == DEFAULTS | {"top": 5, "stops": []}


def test_a_model_that_changes_a_default_changes_its_own_copy():
    enforce_params(SPECS, None)["options"]["k"] = 2
    enforce_params(SPECS, None)["stops"].append("b")
    assert enforce_params(SPECS, None) == DEFAULTS


@pytest.mark.parametrize(
    ("data_type", "value", "expected"),
    [
        (DataType.BOOLEAN, True, True),
        (DataType.LONG, 2**40, 2**40),
        (DataType.FLOAT, 1, 1.0),
        (DataType.DOUBLE, 1.5, 1.5),
        (DataType.DOUBLE, np.float32(0.5), 0.5),
        (DataType.STRING, "5", "5"),
        (DataType.DATETIME, "2020-01-02", dt.date(2020, 1, 2)),
        (DataType.DATETIME, "2020-01", dt.date(2020, 1, 1)),
        (DataType.DATETIME, "9999-12-31T00:00:00", dt.datetime(9999, 12, 31)),
        (DataType.DATETIME, "2020-01-02T03:00:00+01:00", dt.datetime(2020, 1, 2, 2)),
        (DataType.DATETIME, dt.date(2020, 1, 2), dt.date(2020, 1, 2)),
    ],
)
def test_a_value_is_cast_where_nothing_is_lost(data_type, value, expected):
    found = cast(data_type, value)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize("data_type", [t for t in DataType if t is not DataType.BINARY])
def test_null_is_a_value_of_every_type(data_type):
    assert cast(data_type, None) is None
    assert cast(data_type, [None], (-1,)) == [None]


@pytest.mark.parametrize(
    ("data_type", "value", "message"),
    [
        (DataType.INTEGER, True, "found a boolean, expected integer"),
        (DataType.INTEGER, "5", "found a string, expected integer"),
        (DataType.INTEGER, 2.5, "found a number with a fraction, expected integer"),
        (DataType.INTEGER, 2**31, "found an integer out of range, expected integer"),
        (DataType.LONG, 2**63, "found an integer out of range, expected long"),
        (DataType.DOUBLE, True, "found a boolean, expected double"),
        (DataType.DOUBLE, "1.5", "found a string, expected double"),
        (DataType.DOUBLE, 10**400, "found an integer out of range, expected double"),
        (DataType.STRING, 5, "found an integer, expected string"),
        (DataType.BOOLEAN, 1, "found an integer, expected boolean"),
        (DataType.DATETIME, 5, "expected datetime"),
        (DataType.DATETIME, "soon", "found a string, expected datetime"),
        (DataType.DATETIME, "2020-01-02T03:04:05.123456789", "expected datetime"),
        (DataType.STRING, ["a"], "found a list, expected string"),
    ],
)
def test_a_value_of_another_type_is_refused_by_name(data_type, value, message):
    with pytest.raises(InvalidParams, match=f'param "p": .*{message}'):
        cast(data_type, value)


def test_a_list_is_checked_element_by_element():
    assert cast(DataType.DOUBLE, [1, 2.5], (-1,)) == [1.0, 2.5]
    assert cast(DataType.LONG, np.array([1, 2]), (-1,)) == [1, 2]
    with pytest.raises(InvalidParams, match='param "p", element 1: found a string'):
        cast(DataType.DOUBLE, [1, "2"], (-1,))


@pytest.mark.parametrize("value", [5, None, {}])
def test_a_list_must_be_one(value):
    with pytest.raises(InvalidParams, match="expected a list of long"):
        cast(DataType.LONG, value, (-1,))


def test_an_object_is_checked_and_passed_as_it_came():
    value = {"k": 5}
    assert cast(OBJECT, value) is value
    assert type(value["k"]) is int
    with pytest.raises(InvalidParams, match='param "p", member "k": found a string, expected long'):
        cast(OBJECT, {"k": "5"})


def test_params_must_be_an_object():
    with pytest.raises(InvalidParams, match="params: found a list"):
        enforce_params(SPECS, [])
