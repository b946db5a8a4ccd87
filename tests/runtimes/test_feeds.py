"""Columns and tensors as the feeds of a graph."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlserve.runtimes.columns import Block, Columns
from mlserve.runtimes.errors import InvalidCell, InvalidInput, MissingColumns
from mlserve.runtimes.feeds import GraphInput, GraphInputs

STRINGS = np.dtype(object)
FITTING = st.integers(0, 2**16 - 1)


def graph_input(dtype: Any = "float32", *shape: int | None, name: str = "x") -> GraphInput:
    return GraphInput(name, np.dtype(dtype), shape or (None, 1))


def feed(values: Any, dtype: Any = "float32", *shape: int | None) -> np.ndarray:
    columns = Columns({"x": values}, len(values))
    return GraphInputs((graph_input(dtype, *shape),)).feed_columns(columns)["x"]


def strings(*values: Any) -> np.ndarray:
    return np.array(values, dtype=object)


class TestShapes:
    def test_a_graph_of_one_input_takes_all_columns_in_their_order(self):
        columns = Columns({"b": np.array([1.0, 2.0]), "a": np.array([3, 4])}, 2)
        found = GraphInputs((graph_input("float32", None, 2),)).feed_columns(columns)["x"]
        np.testing.assert_array_equal(found, np.array([[1, 3], [2, 4]], dtype="float32"))
        assert found.dtype == np.float32

    def test_a_graph_of_several_takes_each_column_by_name(self):
        inputs = (graph_input(name="a"), graph_input(STRINGS, None, name="b"))
        columns = Columns({"b": strings("u", "v"), "a": np.array([1.0, 2.0]), "more": [1, 2]}, 2)
        feeds = GraphInputs(inputs).feed_columns(columns)
        assert feeds["a"].tolist() == [[1.0], [2.0]]
        assert feeds["b"].tolist() == ["u", "v"]
        assert list(feeds) == ["a", "b"]

    def test_a_missing_column_is_named_with_the_nearest(self):
        inputs = (graph_input(name="plan"), graph_input(name="age"))
        with pytest.raises(MissingColumns, match=r'column "plan" \(there is "Plan"\)'):
            GraphInputs(inputs).feed_columns(Columns({"Plan": [1.0], "age": [1.0]}, 1))

    @pytest.mark.parametrize("names", [["a"], ["a", "b", "c"]])
    def test_a_wrong_number_of_columns_is_refused(self, names):
        columns = Columns({name: np.zeros(3) for name in names}, 3)
        with pytest.raises(
            InvalidInput, match=r"shape \(3, [13]\), expected \(any, 2\)|shape \(3,\), expected"
        ):
            GraphInputs((graph_input("float32", None, 2),)).feed_columns(columns)

    def test_lists_in_cells_are_a_further_dimension(self):
        assert feed([[1.0, 2.0], [3.0, 4.0]], "float32", None, 2).shape == (2, 2)

    def test_a_graph_that_declares_no_shape_gets_the_column_as_it_is(self):
        inputs = (GraphInput("x", np.dtype("float32"), ()),)
        assert GraphInputs(inputs).feed_columns(Columns({"x": [1.0]}, 1))["x"].shape == (1,)


class TestNumbers:
    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
    @pytest.mark.parametrize(
        "source", ["bool", "int8", "uint8", "int32", "int64", "uint64", "float32", "float64"]
    )
    def test_a_float_takes_any_number(self, dtype, source):
        assert feed(np.array([0, 1], dtype=source), dtype).dtype == dtype

    @pytest.mark.parametrize(
        ("source", "dtype"), [("int32", "int64"), ("uint8", "int16"), ("bool", "int8")]
    )
    def test_a_wider_integer_takes_a_narrower(self, source, dtype):
        assert feed(np.array([0, 1], dtype=source), dtype).tolist() == [[0], [1]]

    @given(
        st.lists(
            st.integers(0, 2**16 - 1) | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=5
        )
    )
    def test_a_narrower_integer_takes_what_fits_and_never_wraps(self, values):
        outside = [row for row, value in enumerate(values) if not 0 <= value < 2**16]
        if outside:
            with pytest.raises(InvalidCell) as caught:
                feed(np.array(values, dtype="int64"), "uint16")
            assert caught.value.row == outside[0]
        else:
            assert feed(np.array(values, dtype="int64"), "uint16").ravel().tolist() == values

    @pytest.mark.parametrize(
        ("source", "dtype"), [("float64", "int64"), ("int64", "bool"), ("float32", "bool")]
    )
    def test_what_would_lose_values_is_refused(self, source, dtype):
        with pytest.raises(InvalidCell, match=f"found {source} values, expected {dtype} values"):
            feed(np.array([1, 0], dtype=source), dtype)

    def test_a_number_beyond_the_range_of_the_float_names_its_row(self):
        with pytest.raises(InvalidCell, match=r'column "x", row 1: found a number outside'):
            feed(np.array([1.0, 1e300]))

    def test_it_does_so_in_a_graph_of_several_inputs(self):
        inputs = (graph_input(name="a"), graph_input(name="b"))
        columns = Columns({"a": np.array([1.0, 2.0]), "b": np.array([-1e300, 0.0])}, 2)
        with pytest.raises(InvalidCell, match=r'column "b", row 0'):
            GraphInputs(inputs).feed_columns(columns)

    def test_infinities_and_nan_pass(self):
        values = np.array([np.nan, np.inf, -np.inf])
        np.testing.assert_array_equal(feed(values).ravel(), values)

    @pytest.mark.parametrize("values", [[1, 2.5, None], strings(1, 2.5, None)])
    def test_values_of_no_known_type_are_numbers_with_nan_for_what_is_missing(self, values):
        np.testing.assert_array_equal(feed(values), np.array([[1], [2.5], [np.nan]], "float32"))

    @pytest.mark.parametrize(
        ("values", "dtype", "row", "found"),
        [
            ([1, "a"], "float32", 1, "a string"),
            ([b"a"], "float32", 0, "bytes"),
            ([{"a": 1}], "float32", 0, "an object"),
            ([1, None], "int64", 1, "a missing value"),
            ([2**70], "int64", 0, "an integer of more than 64 bits"),
            ([[1, 2], [3]], "float32", None, "lists of unequal lengths"),
            ([[1, "a"]], "float32", 0, "a list with a string"),
        ],
    )
    def test_what_is_no_number_names_its_row(self, values, dtype, row, found):
        with pytest.raises(InvalidCell, match=found) as caught:
            feed(values, dtype)
        assert (caught.value.column, caught.value.row) == ("x", row)

    def test_dates_are_no_numbers(self):
        with pytest.raises(InvalidCell, match="datetime64"):
            feed(np.array(["2024-01-01"], dtype="M8[ns]"))

    @pytest.mark.parametrize("dtype", ["float32", "int64", "bool", STRINGS])
    def test_no_rows_are_an_empty_feed(self, dtype):
        assert feed([], dtype).shape == (0, 1)


class TestStrings:
    @pytest.mark.parametrize("values", [["a", "é"], strings("a", "é"), np.array(["a", "é"])])
    def test_strings_are_objects(self, values):
        found = feed(values, STRINGS)
        assert (found.dtype, found.ravel().tolist()) == (STRINGS, ["a", "é"])

    @pytest.mark.parametrize(
        ("value", "found"),
        [
            (None, "a missing value"),
            (float("nan"), "a missing value"),
            (b"b", "bytes"),
            (5, "an integer"),
            (True, "a boolean"),
            (2.5, "a number"),
        ],
    )
    def test_what_is_no_string_names_its_row_and_is_never_made_one(self, value, found):
        with pytest.raises(InvalidCell, match=f"row 1: found {found}, expected a string"):
            feed(["a", value], STRINGS)

    def test_numbers_are_no_strings(self):
        with pytest.raises(InvalidCell, match="int64 values, expected strings"):
            feed(np.array([1, 2]), STRINGS)

    def test_the_row_is_that_of_a_cell_in_several_columns(self):
        columns = Columns({"a": strings("u", "v"), "b": strings("w", None)}, 2)
        with pytest.raises(InvalidCell, match=r'column "b", row 1'):
            GraphInputs((graph_input(STRINGS, None, 2),)).feed_columns(columns)


class TestTensors:
    INPUTS = (graph_input("float32", None, 2, name="a"), graph_input("int64", None, 1, name="b"))

    def test_each_is_cast_to_its_inputs_type(self):
        feeds = GraphInputs(self.INPUTS).feed_tensors(
            {"b": np.ones((3, 1), "int32"), "a": np.ones((3, 2))}
        )
        assert {name: str(feed.dtype) for name, feed in feeds.items()} == {
            "a": "float32",
            "b": "int64",
        }

    @pytest.mark.parametrize("names", [["a"], ["a", "b", "c"], []])
    def test_all_of_them_must_be_there_and_no_other(self, names):
        with pytest.raises(InvalidInput, match="expected a, b; send each"):
            GraphInputs(self.INPUTS).feed_tensors({name: np.ones((3, 2)) for name in names})

    @pytest.mark.parametrize("shape", [(3, 3), (3,), (3, 2, 1), ()])
    def test_a_shape_that_is_not_the_graphs_is_refused(self, shape):
        with pytest.raises(InvalidInput, match=r'input "a".*expected \(any, 2\)'):
            GraphInputs(self.INPUTS).feed_tensors(
                {"a": np.ones(shape), "b": np.ones((3, 1), "int64")}
            )

    def test_a_number_outside_the_range_names_its_row(self):
        with pytest.raises(InvalidCell, match=r'column "x", row 1'):
            GraphInputs((graph_input("float32", None, 2),)).feed_tensors(
                {"x": np.array([[1, 2], [3, 1e300]])}
            )


def test_an_array_of_strings_from_elsewhere_is_known_by_its_kind():
    copied = pickle.loads(pickle.dumps(strings("a", "b")))
    assert feed(copied, STRINGS).ravel().tolist() == ["a", "b"]


def test_a_cube_does_not_pass_for_a_column():
    with pytest.raises(InvalidInput, match=r"shape \(2, 1, 3\)"):
        feed([[[1.0, 2.0, 3.0]], [[1.0, 2.0, 3.0]]])


KINDS = [np.dtype(kind) for kind in ("float32", "float64", "int64", "bool")] + [STRINGS]
CELLS = {
    "f": st.floats(width=16) | st.just(1e300),
    "i": st.integers(-9, 9) | st.just(2**40),
    "b": st.booleans(),
    "O": st.sampled_from(["", "a", "é"]) | st.none(),
}


@st.composite
def blocks(draw: Any) -> Columns:
    """Draw columns, some of which stand in blocks."""
    values: dict[Any, Any] = {}
    found = []
    rows = draw(st.integers(1, 3))
    for kind in draw(st.lists(st.sampled_from(KINDS[1:]), min_size=1, max_size=3)):
        width = draw(st.integers(1, 3))
        names = tuple(f"c{len(values) + i}" for i in range(width))
        count = width * rows
        cells = draw(st.lists(CELLS[kind.kind], min_size=count, max_size=count))
        array = np.array(cells, dtype=kind).reshape(width, rows)
        values.update(zip(names, array, strict=True))
        if draw(st.booleans()):
            found.append(Block(names, array, array.tolist()))
    return Columns(values, rows, found)


@given(columns=blocks(), data=st.data())
def test_columns_in_blocks_are_fed_like_the_same_columns_alone(columns, data):
    width = st.sampled_from([(None, 1), (None, 1), (None, 1), (None,), (None, 2)])
    chosen = data.draw(st.lists(st.sampled_from([*columns.values, "other"]), unique=True))
    inputs = GraphInputs(
        graph_input(data.draw(st.sampled_from(KINDS)), *data.draw(width), name=name)
        for name in chosen
    )
    in_blocks, alone = outcome(inputs, columns), outcome(inputs, replace(columns, blocks=()))
    np.testing.assert_equal(in_blocks, alone)


def outcome(inputs: GraphInputs, columns: Columns) -> Any:
    """Return the feeds, or the error's text."""
    try:
        feeds = inputs.feed_columns(columns)
    except InvalidInput as error:
        return str(error)
    assert all(array.flags.c_contiguous for array in feeds.values())
    return {name: (array.dtype, array.shape, array.tolist()) for name, array in feeds.items()}
