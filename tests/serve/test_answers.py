"""A prediction's JSON is MLflow's for valid values, strict always, and cut right out of a batch."""

from __future__ import annotations

import enum
import json
import uuid
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlserve.runtimes.columns import Columns
from mlserve.runtimes.errors import RowlessPrediction, UnencodablePrediction, WrongRowCount
from mlserve.serve.answers import encode_answer, encode_bare, encode_rows, split_rows


def refuse_constant(name: str) -> Any:
    raise AssertionError(f"{name} is not JSON")


def read_strictly(body: bytes) -> Any:
    return json.loads(body, parse_constant=refuse_constant)


def predictions(prediction: Any) -> Any:
    answer = read_strictly(encode_answer(prediction))
    assert list(answer) == ["predictions"]
    return answer["predictions"]


class Reply(pydantic.BaseModel):
    text: str
    score: float = float("nan")


@dataclass
class Point:
    x: int
    y: Any


Pair = namedtuple("Pair", "left right")  # noqa: PYI024  a bare one, as models return them
Colour = enum.Enum("Colour", "RED")

ARRAYS = {
    "float64": (np.array([1.5, 0.1]), [1.5, 0.1]),
    "float32 as its exact value": (np.array([0.1], np.float32), [0.10000000149011612]),
    "float16": (np.array([0.1], np.float16), [0.0999755859375]),
    "longdouble": (np.array([0.5], np.longdouble), [0.5]),
    "non-finite": (np.array([np.nan, np.inf, -np.inf, 1]), [None, None, None, 1.0]),
    "large non-finite": (np.array([np.nan, np.inf] * 50), [None, None] * 50),
    "large float32": (np.full(50, 0.1, np.float32), [0.10000000149011612] * 50),
    "int64": (np.arange(3), [0, 1, 2]),
    "large int8": (np.arange(50, dtype=np.int8), list(range(50))),
    "large uint64": (np.full(20, 2**64 - 1, np.uint64), [2**64 - 1] * 20),
    "large big-endian": (np.arange(50, dtype=">i4"), list(range(50))),
    "large transposed": (np.arange(40).reshape(4, 10).T, np.arange(40).reshape(4, 10).T.tolist()),
    "large strided": (np.arange(80)[::2], list(range(0, 80, 2))),
    "bool": (np.array([True, False]), [True, False]),
    "large bool": (np.array([True, False] * 20), [True, False] * 20),
    "two dimensions": (np.eye(2), [[1.0, 0.0], [0.0, 1.0]]),
    "strings": (np.array(["a", "é"]), ["a", "é"]),
    "bytes": (np.array([b"abc"]), ["YWJj\n"]),
    "objects": (
        np.array([1, None, "x", np.float32(0.5), b"abc"], object),
        [1, None, "x", 0.5, "YWJj\n"],
    ),
    "no dimension": (np.array(5), 5),
    "no dimension, object": (np.array(None, object), None),
    "empty": (np.array([]), []),
    "nanoseconds": (np.array(["2020-01-01", "NaT"], "M8[ns]"), [1577836800000000000, None]),
    "seconds": (np.array(["2020-01-01", "NaT"], "M8[s]"), ["2020-01-01T00:00:00", None]),
    "days": (np.array(["2020-01-01"], "M8[D]"), ["2020-01-01"]),
    "records": (np.array([(1, 2.5)], [("a", "i4"), ("b", "f8")]), [[1, 2.5]]),
    "masked": (np.ma.array([1.0, 2.0], mask=[False, True]), [1.0, None]),
}


@pytest.mark.parametrize(("array", "expected"), ARRAYS.values(), ids=ARRAYS.keys())
def test_an_array_becomes_nested_lists(array: Any, expected: Any) -> None:
    assert predictions(array) == expected


SCALARS = {
    "none": (None, None),
    "float": (1.5, 1.5),
    "nan": (float("nan"), None),
    "numpy float": (np.float32(0.1), 0.10000000149011612),
    "numpy nan": (np.float64("nan"), None),
    "numpy longdouble": (np.longdouble(0.5), 0.5),
    "numpy int": (np.int8(-3), -3),
    "numpy bool": (np.bool_(True), True),
    "numpy string": (np.str_("é"), "é"),
    "numpy instant": (np.datetime64("2020-01-01", "s"), "2020-01-01T00:00:00"),
    "bytes": (b"abc", "YWJj\n"),
    "long bytes": (b"a" * 60, "YWFh" * 19 + "\n" + "YWFh\n"),
    "bytearray": (bytearray(b"abc"), "YWJj\n"),
    "over 64 bits": (2**70, 2**70),
    "lone surrogate": ("\ud800", "\ud800"),
    "datetime": (
        datetime.fromisoformat("2020-01-02T03:04:05.000006"),
        "2020-01-02T03:04:05.000006",
    ),
    "aware datetime": (datetime(2020, 1, 2, tzinfo=UTC), "2020-01-02T00:00:00+00:00"),
    "date": (date(2020, 1, 2), "2020-01-02"),
    "time": (time(1, 2), "01:02:00"),
    "timestamp": (pd.Timestamp("2020-01-01T00:00:00.000000001"), "2020-01-01T00:00:00.000000001"),
    "NaT": (pd.NaT, None),
    "NA": (pd.NA, None),
    "uuid": (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    "enum": (Colour.RED, 1),
    "pydantic": (Reply(text="a"), {"text": "a", "score": None}),
    "dataclass": (Point(1, np.float32(0.5)), {"x": 1, "y": 0.5}),
    "namedtuple": (Pair(1, np.int64(2)), [1, 2]),
    "subclass of dict": (OrderedDict(a=np.int64(1)), {"a": 1}),
    "keys": (
        {1: 2, None: 3, 2.5: 4, np.int64(7): 5},
        {"1": 2, "null": 3, "2.5": 4, "7": 5},
    ),
    "nested": ({"a": [np.array([np.nan]), {"b": (b"abc",)}]}, {"a": [[None], {"b": ["YWJj\n"]}]}),
    "surrogate beside others": (
        ["\udfff", np.nan, Colour.RED, {"a": pd.NA}],
        ["\udfff", None, 1, {"a": None}],
    ),
}


@pytest.mark.parametrize(("value", "expected"), SCALARS.values(), ids=SCALARS.keys())
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value]], ids=["bare", "list"])
def test_a_value_becomes_its_json_form(value: Any, expected: Any, wrap: Any) -> None:
    assert predictions(wrap(value)) == wrap(expected)


TABLES = {
    "columns": (
        Columns({"a": np.array([1, 2]), "b": np.array([0.5, np.nan]), 0: ["x", None]}, 2),
        [{"a": 1, "b": 0.5, "0": "x"}, {"a": 2, "b": None, "0": None}],
    ),
    "columns without rows": (Columns({"a": []}, 0), []),
    "frame": (
        pd.DataFrame(
            {
                "i": [1, 2],
                "f": [0.5, np.nan],
                "s": ["x", None],
                "t": pd.to_datetime(["2020-01-01", None]),
                "n": pd.array([1, None], "Int64"),
                "c": pd.Categorical(["u", "v"]),
            },
            index=["p", "q"],
        ),
        [
            {"i": 1, "f": 0.5, "s": "x", "t": "2020-01-01T00:00:00", "n": 1, "c": "u"},
            {"i": 2, "f": None, "s": None, "t": None, "n": None, "c": "v"},
        ],
    ),
    "frame with int names": (pd.DataFrame(np.eye(2)), [{"0": 1.0, "1": 0.0}, {"0": 0.0, "1": 1.0}]),
    "frame with equal names": (pd.DataFrame([[1, 2]], columns=["a", "a"]), [{"a": 2}]),
    "frame without rows": (pd.DataFrame({"a": []}), []),
    "frame without columns": (pd.DataFrame(index=[0, 1]), [{}, {}]),
    "series": (pd.Series([1, 2], name="s"), [{"s": 1}, {"s": 2}]),
    "unnamed series": (pd.Series([1.5]), [{"0": 1.5}]),
    "list of frames": ([pd.DataFrame({"a": [1]})], [[{"a": 1}]]),
}


@pytest.mark.parametrize(("table", "expected"), TABLES.values(), ids=TABLES.keys())
def test_a_table_becomes_records(table: Any, expected: Any) -> None:
    assert predictions(table) == expected


CYCLE: list[Any] = []
CYCLE.append(CYCLE)

UNENCODABLE = {
    "set": {1},
    "Decimal": Decimal("1.5"),
    "complex": 1j,
    "complex64": np.complex64(1j),
    "complex array": np.array([1j]),
    "generator": (i for i in "a"),
    "class": Point,
    "timedelta": np.array([1], "m8[s]"),
    "tuple key": {(1, 2): 3},
    "tuple names": pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])),
    "cycle": CYCLE,
    "long integer": 10**5000,
    "set in a list": [{"a": {1}}],
}


@pytest.mark.parametrize("value", UNENCODABLE.values(), ids=UNENCODABLE.keys())
def test_what_has_no_json_form_is_an_invalid_prediction(value: Any) -> None:
    with pytest.raises(UnencodablePrediction):
        encode_answer(value)


def test_the_error_names_the_type_that_has_no_json_form() -> None:
    with pytest.raises(UnencodablePrediction, match="a value of type Decimal, which has no JSON"):
        encode_answer({"price": [Decimal(1)]})


def test_a_bare_answer_has_no_wrapper() -> None:
    assert read_strictly(encode_bare({"choices": [np.float64("nan")]})) == {"choices": [None]}


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)


@given(JSON_LIKE)
def test_any_plain_value_comes_back_as_it_was_but_for_non_finite_numbers(value: Any) -> None:
    assert predictions(value) == _finite(value)


def _finite(value: Any) -> Any:
    match value:
        case float() if not np.isfinite(value):
            return None
        case list():
            return [_finite(item) for item in value]
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case _:
            return value


CELLS = st.sampled_from(
    [1, 0.1, float("nan"), None, "x", "\ud800", 2**70, b"abc", np.float32(0.1), {1: 2}, [1, (2,)]]
)


def _as_frame(values: list[Any]) -> pd.DataFrame:
    return pd.DataFrame({"a": pd.Series(values, dtype=object), 1: np.arange(len(values)) / 3})


SHAPES = {
    "list": list,
    "tuple": tuple,
    "object array": lambda values: np.array([*values, None], object)[:-1],
    "float array": lambda values: np.arange(len(values)) / 7,
    "float32 array": lambda values: np.arange(len(values), dtype=np.float32) / np.float32(7),
    "matrix": lambda values: np.arange(2 * len(values)).reshape(-1, 2),
    "transposed": lambda values: np.arange(2 * len(values)).reshape(2, -1).T,
    "columns": lambda values: Columns({"a": values, 0: np.arange(len(values))}, len(values)),
    "frame": _as_frame,
    "series": lambda values: pd.Series(values, dtype=object, name="s"),
    "dict": lambda values: {"a": values, "b": np.arange(len(values)), "c": {"d": tuple(values)}},
    "dict of tables": lambda values: {"a": _as_frame(values)},
}


@pytest.mark.parametrize("make", SHAPES.values(), ids=SHAPES.keys())
@given(counts=st.lists(st.integers(0, 4), min_size=1, max_size=6), data=st.data())
def test_the_answers_of_a_batch_are_those_of_its_parts(make, counts, data) -> None:
    total = sum(counts)
    prediction = make(data.draw(st.lists(CELLS, min_size=total, max_size=total)))
    parts = [encode_answer(part) for part in split_rows(prediction, counts)]
    assert [read_strictly(body) for body in encode_rows(prediction, counts)] == [
        read_strictly(body) for body in parts
    ]


@pytest.mark.parametrize("make", SHAPES.values(), ids=SHAPES.keys())
def test_the_parts_of_a_batch_are_all_of_it(make) -> None:
    prediction = make(["p", "q", "r", "s"])
    parts = [predictions(part) for part in split_rows(prediction, [1, 0, 3])]
    if isinstance(prediction, dict):
        parts, whole = [part["a"] for part in parts], predictions(prediction)["a"]
    else:
        whole = predictions(prediction)
    assert [len(part) for part in parts] == [1, 0, 3]
    assert parts[0] + parts[1] + parts[2] == whole


def test_a_part_is_of_the_kind_of_the_whole() -> None:
    frame = pd.DataFrame({"a": [1, 2]})
    assert [type(part) for part in split_rows(frame, [1, 1])] == [pd.DataFrame, pd.DataFrame]


@pytest.mark.parametrize("cut", [split_rows, encode_rows])
@pytest.mark.parametrize("make", SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize("counts", [[2], [4], [1, 1], [2, 2]], ids=str)
def test_a_wrong_number_of_rows_is_refused(cut, make, counts) -> None:
    with pytest.raises(WrongRowCount, match=f"3 rows for {sum(counts)} rows"):
        cut(make([1, 2, 3]), counts)


def test_one_member_with_a_wrong_number_of_rows_is_enough() -> None:
    with pytest.raises(WrongRowCount, match="1 rows for 2 rows"):
        encode_rows({"a": [1, 2], "b": np.array([1])}, [1, 1])


@pytest.mark.parametrize("cut", [split_rows, encode_rows])
@pytest.mark.parametrize(
    "prediction", ["ab", 5, None, np.array(5), {}, {"a": 1}, {1, 2}, b"ab"], ids=repr
)
def test_what_has_no_rows_is_refused(cut, prediction: Any) -> None:
    with pytest.raises(RowlessPrediction, match=f"type {type(prediction).__name__}|type int"):
        cut(prediction, [1, 1])
