"""Inputs are counted, compared and joined by their rows."""

from __future__ import annotations

import numpy as np
import pytest
from mlserve.runtimes.columns import (
    Columns,
    Payload,
    Tensors,
    concatenate,
    count_rows,
    layout,
)


def table(*values, name="x"):
    return Columns({name: np.array(values)}, len(values))


def uneven_tensors():
    return Tensors({"a": np.zeros(2), "b": np.zeros(3)})


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (table(1, 2), 2),
        (np.zeros((3, 4)), 3),
        (np.array(5.0), 1),
        (Tensors({"a": np.zeros((3, 2)), "b": np.zeros(2)}), 3),
        (Tensors({}), 0),
        (Payload([1, 2, 3]), 1),
    ],
)
def test_rows_are_counted_by_the_first_dimension(data, rows):
    assert count_rows(data) == rows


def test_tables_are_joined_column_by_column():
    joined = concatenate([table(1, 2), table(3)])

    assert joined.rows == 3
    assert joined.values["x"].tolist() == [1, 2, 3]


def test_columns_of_python_values_stay_lists():
    parts = [Columns({"x": ["a"]}, 1), Columns({"x": [None]}, 1)]

    assert concatenate(parts).values["x"] == ["a", None]


def test_tensors_are_joined_by_name():
    parts = [Tensors({"a": np.zeros((1, 2))}), Tensors({"a": np.ones((2, 2))})]

    assert concatenate(parts).values["a"].tolist() == [[0, 0], [1, 1], [1, 1]]


def test_one_part_is_itself():
    payload = Payload("a prompt")

    assert concatenate([payload]) is payload


def test_payloads_cannot_be_joined():
    with pytest.raises(TypeError):
        concatenate([Payload(1), Payload(2)])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (table(1), table(2, 3)),
        (np.zeros((1, 4)), np.zeros((9, 4))),
        (Tensors({"a": np.zeros((1, 2))}), Tensors({"a": np.zeros((5, 2))})),
    ],
)
def test_inputs_that_can_be_joined_have_one_layout(one, other):
    assert layout(one) == layout(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (table(1), table(1.5)),
        (table(1), table(1, name="y")),
        (Columns({"x": ["a"]}, 1), Columns({"x": ["a"]}, 1)),
        (np.zeros((1, 4)), np.zeros((1, 5))),
        (np.zeros((1, 4)), np.zeros((1, 4), np.float32)),
        (np.array(1.0), np.array(1.0)),
        (
            Tensors({"a": np.zeros(2), "b": np.zeros(3)}),
            Tensors({"a": np.zeros(2), "b": np.zeros(3)}),
        ),
        (Tensors({"a": np.array(1.0)}), Tensors({"a": np.array(1.0)})),
        (Payload(1), Payload(1)),
    ],
)
def test_inputs_that_cannot_be_joined_differ_in_layout(one, other):
    assert layout(one) != layout(other)
