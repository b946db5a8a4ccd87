"""Arrays, tables and nested lists become the tensors of a schema or are refused."""

from __future__ import annotations

import numpy as np
import pytest
from mlserve.runtimes.columns import Columns, Payload, Tensors
from mlserve.runtimes.errors import MissingColumns, SchemaViolation
from mlserve.runtimes.origins import Origin
from mlserve.runtimes.schema import TensorSchema, TensorSpec
from mlserve.runtimes.tensors import TensorEnforcer


def unnamed(dtype, *shape):
    return TensorEnforcer(TensorSchema((TensorSpec(np.dtype(dtype), shape),)))


PAIR = TensorEnforcer(
    TensorSchema(
        (
            TensorSpec(np.dtype("float32"), (-1, 2), "x"),
            TensorSpec(np.dtype("int64"), (-1,), "y"),
        )
    )
)


def fields(enforcer, nested):
    return enforcer.enforce(np.array(nested), Origin.FIELDS_JSON)


@pytest.mark.parametrize(
    ("dtype", "nested", "expected"),
    [
        ("float32", [1, 2], [1.0, 2.0]),
        ("float64", ["1.5", "2"], [1.5, 2.0]),
        ("float64", [True, False], [1.0, 0.0]),
        ("int32", [1.0, 2.0], [1, 2]),
        ("int64", ["1", "2"], [1, 2]),
        ("uint8", [0, 255], [0, 255]),
        ("bool", [0, 1], [False, True]),
        ("bool", ["true", "False"], [True, False]),
        ("str", [5, 6], ["5", "6"]),
        ("bytes", ["é"], ["é".encode()]),
        ("datetime64[ns]", ["2020-01-02"], [1577923200000000000]),
    ],
)
def test_the_values_of_json_become_the_declared_type(dtype, nested, expected):
    tensor = fields(unnamed(dtype, -1), nested)
    assert tensor.dtype.kind == np.dtype(dtype).kind
    assert tensor.tolist() == expected


def test_null_among_floats_is_nan():
    tensor = fields(unnamed("float32", -1), [1.5, None])
    np.testing.assert_array_equal(tensor, np.array([1.5, np.nan], np.float32))


@pytest.mark.parametrize(
    ("dtype", "nested", "message"),
    [
        (
            "int64",
            [[1.0, 1.5]],
            r"element \[0, 1\]: found a number with a fraction, expected int64",
        ),
        ("uint8", [[0, 300]], r"element \[0, 1\]: found an integer out of range"),
        ("uint8", [[0, -1]], r"element \[0, 1\]: found an integer out of range"),
        ("int64", [[0, 2**63]], r"element \[0, 1\]: found .* out of range"),
        ("int64", [[0, None]], r"element \[0, 1\]: found a missing value"),
        ("float32", [[0, 1e300]], r"element \[0, 1\]: found a number out of range"),
        ("float64", [["1", "a"]], r"element \[0, 1\]: found a string, expected float64"),
        ("bool", [[0, 5]], r"element \[0, 1\]: found an integer, expected bool"),
        ("str", [["a", None]], r"element \[0, 1\]: found a missing value"),
    ],
)
def test_what_would_be_changed_is_refused_with_its_place(dtype, nested, message):
    with pytest.raises(SchemaViolation, match=message):
        fields(unnamed(dtype, -1, 2), nested)


@pytest.mark.parametrize("nested", [[[1, 2, 3]], [1, 2], [[[1, 2]]], 5])
def test_another_shape_is_refused_with_both(nested):
    with pytest.raises(SchemaViolation, match=r"found the shape \(.*\), expected \(-1, 2\)"):
        fields(unnamed("float64", -1, 2), nested)


def test_a_fixed_length_must_match():
    assert fields(unnamed("int64", 2), [1, 2]).shape == (2,)
    with pytest.raises(SchemaViolation, match="found the shape"):
        fields(unnamed("int64", 2), [1, 2, 3])


def test_a_list_of_objects_passes_as_it_is():
    ragged = np.fromiter([1, "a", [2, 3]], object, 3)
    assert unnamed("O", -1).enforce(ragged, Origin.FIELDS_JSON) is ragged


def test_a_ragged_typed_array_passes_where_inner_lengths_vary():
    ragged = np.fromiter([np.zeros(2), np.zeros(3)], object, 2)
    assert unnamed("float64", -1, -1).enforce(ragged, Origin.TYPED) is ragged


def test_a_ragged_payload_is_refused():
    with pytest.raises(SchemaViolation, match="differ in length or depth"):
        unnamed("float64", -1, -1).enforce(Payload([[1], [2, 3]]), Origin.FIELDS_JSON)


@pytest.mark.parametrize(
    ("found", "expected"),
    [("float32", "float64"), ("int32", "float64"), ("int8", "int64"), ("<U3", "str")],
)
def test_a_typed_array_of_a_narrower_type_is_widened(found, expected):
    tensor = unnamed(expected, -1).enforce(np.zeros(2, found), Origin.TYPED)
    assert tensor.dtype.kind == np.dtype(expected).kind


@pytest.mark.parametrize(
    ("found", "expected"), [("float64", "float32"), ("int64", "int32"), ("float32", "int64")]
)
def test_a_typed_array_of_another_type_is_refused(found, expected):
    with pytest.raises(SchemaViolation, match=f"found the type {found}, expected {expected}"):
        unnamed(expected, -1).enforce(np.zeros(2, found), Origin.TYPED)


def test_an_integer_that_a_float_would_round_is_refused():
    with pytest.raises(SchemaViolation, match=r"element \[1\]: found an int64 beyond"):
        unnamed("float64", -1).enforce(np.array([0, 2**53 + 1]), Origin.TYPED)


def test_named_tensors_come_in_the_order_of_the_schema_and_others_are_dropped():
    given = {"z": np.zeros(1), "y": np.array([1]), "x": np.array([[1, 2]])}
    tensors = PAIR.enforce(Tensors(given), Origin.FIELDS_JSON).values
    assert [(name, t.dtype.name, t.tolist()) for name, t in tensors.items()] == [
        ("x", "float32", [[1.0, 2.0]]),
        ("y", "int64", [1]),
    ]


def test_a_missing_tensor_is_named():
    with pytest.raises(MissingColumns, match='"y"'):
        PAIR.enforce(Tensors({"x": np.zeros((1, 2))}), Origin.FIELDS_JSON)


def test_an_array_is_taken_for_the_only_named_tensor():
    only = TensorEnforcer(TensorSchema((TensorSpec(np.dtype("float32"), (-1, 2), "x"),)))
    assert list(fields(only, [[1, 2]]).values) == ["x"]


def test_one_array_for_several_named_tensors_is_refused():
    with pytest.raises(SchemaViolation, match='expected the tensors "x", "y"'):
        fields(PAIR, [[1, 2]])


def test_named_tensors_for_an_unnamed_one_are_refused():
    with pytest.raises(SchemaViolation, match="found named tensors, expected one array"):
        unnamed("float64", -1).enforce(Tensors({"x": np.zeros(1)}), Origin.FIELDS_JSON)


def test_the_columns_of_a_table_stand_side_by_side_in_their_order():
    table = Columns({"b": [1, 2], "a": [3, 4.5]}, 2)
    tensor = unnamed("float32", -1, 2).enforce(table, Origin.FRAME_JSON)
    assert tensor.dtype == np.float32
    assert tensor.tolist() == [[1.0, 3.0], [2.0, 4.5]]


def test_as_many_columns_as_the_shape_says_must_be_there():
    with pytest.raises(SchemaViolation, match=r"found the shape \(1, 3\), expected \(-1, 2\)"):
        unnamed("float32", -1, 2).enforce(Columns({0: [1], 1: [2], 2: [3]}, 1), Origin.FRAME_JSON)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_one_column_of_single_values_is_a_tensor_of_one_value_a_row(shape):
    tensor = unnamed("float64", *shape).enforce(Columns({"a": ["1.5", None]}, 2), Origin.CSV)
    np.testing.assert_array_equal(tensor.reshape(-1), [1.5, np.nan])
    assert tensor.shape == (2, *shape[1:])


def test_one_column_of_lists_is_reshaped():
    table = Columns({"a": [[1, 2, 3, 4]]}, 1)
    tensor = unnamed("float32", -1, 2, 2).enforce(table, Origin.FRAME_JSON)
    assert tensor.tolist() == [[[1.0, 2.0], [3.0, 4.0]]]


def test_a_column_of_arrays_is_stacked():
    column = np.fromiter([np.zeros(2), np.ones(2)], object, 2)
    tensors = PAIR.enforce(Columns({"x": column, "y": np.array([1, 2])}, 2), Origin.TYPED)
    assert tensors.values["x"].tolist() == [[0.0, 0.0], [1.0, 1.0]]


def test_a_column_whose_lists_are_of_another_length_is_refused():
    with pytest.raises(SchemaViolation, match='tensor "x": found the shape'):
        PAIR.enforce(Columns({"x": [[1, 2, 3]], "y": [1]}, 1), Origin.FRAME_JSON)


def test_a_table_cannot_fill_a_shape_of_two_unknown_lengths():
    with pytest.raises(SchemaViolation, match="send it as inputs or instances"):
        unnamed("float64", -1, -1).enforce(Columns({"a": [[1, 2]]}, 1), Origin.FRAME_JSON)


def test_lists_in_one_of_several_columns_are_refused():
    table = Columns({"a": [[1, 2]], "b": [1]}, 1)
    with pytest.raises(SchemaViolation, match="found lists in one of several columns"):
        unnamed("float64", -1, 2).enforce(table, Origin.FRAME_JSON)
