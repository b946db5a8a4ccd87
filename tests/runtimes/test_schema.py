"""Types, columns and tensors know their names and their numpy types."""

from __future__ import annotations

import numpy as np
import pytest
from mlserve.runtimes.schema import (
    AnyType,
    Array,
    Column,
    ColumnSchema,
    DataType,
    Map,
    Object,
    Property,
    SparkVector,
    TensorSchema,
    TensorSpec,
)


@pytest.mark.parametrize(
    ("data_type", "dtype"),
    [
        (DataType.BOOLEAN, "bool"),
        (DataType.INTEGER, "int32"),
        (DataType.LONG, "int64"),
        (DataType.FLOAT, "float32"),
        (DataType.DOUBLE, "float64"),
        (DataType.STRING, "object"),
        (DataType.BINARY, "object"),
        (DataType.DATETIME, "datetime64[ns]"),
    ],
)
def test_a_scalar_type_has_the_numpy_type_of_its_columns(data_type, dtype):
    assert data_type.dtype == np.dtype(dtype)


def test_every_scalar_type_has_a_numpy_type():
    assert all(isinstance(data_type.dtype, np.dtype) for data_type in DataType)


@pytest.mark.parametrize(
    ("column_type", "words"),
    [
        (DataType.DOUBLE, "double"),
        (Array(Array(DataType.LONG)), "array of array of long"),
        (Map(SparkVector()), "map of sparkml_vector"),
        (Object({"x": Property(AnyType()), "y": Property(DataType.STRING)}), "object with x, y"),
        (AnyType(), "any"),
    ],
)
def test_a_column_type_reads_as_words_in_an_error(column_type, words):
    assert str(column_type) == words


def test_named_columns_have_their_names():
    schema = ColumnSchema((Column(DataType.LONG, "a"), Column(DataType.STRING, "b")))
    assert schema.is_named
    assert schema.names == ("a", "b")


def test_unnamed_columns_have_their_positions():
    schema = ColumnSchema((Column(DataType.LONG), Column(DataType.STRING)))
    assert not schema.is_named
    assert schema.names == (0, 1)


def test_an_integer_is_a_name():
    schema = ColumnSchema((Column(DataType.LONG, 3), Column(DataType.STRING, 0)))
    assert schema.is_named
    assert schema.names == (3, 0)


def test_tensors_are_named_or_there_is_one():
    assert not TensorSchema((TensorSpec(np.dtype("f4"), (-1, 2)),)).is_named
    assert TensorSchema((TensorSpec(np.dtype("f4"), (-1, 2), "x"),)).is_named


def test_types_are_equal_by_what_they_hold():
    assert Object({"a": Property(DataType.LONG), "b": Property(DataType.LONG, required=False)}) == (
        Object({"b": Property(DataType.LONG, required=False), "a": Property(DataType.LONG)})
    )
    assert Array(DataType.LONG) != Array(DataType.INTEGER)
