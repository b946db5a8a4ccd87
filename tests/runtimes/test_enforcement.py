"""Whatever an input looks like, a schema makes its own columns of it or says what is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from mlserve.runtimes.columns import Columns, Payload, Tensors
from mlserve.runtimes.enforcement import compile_schema
from mlserve.runtimes.errors import InvalidCell, MissingColumns, SchemaViolation
from mlserve.runtimes.origins import Origin
from mlserve.runtimes.schema import Array, Column, ColumnSchema, DataType

NAMED = compile_schema(
    ColumnSchema(
        (
            Column(DataType.DOUBLE, "age"),
            Column(DataType.LONG, "visits"),
            Column(DataType.STRING, "plan", required=False),
        )
    )
)
UNNAMED = compile_schema(ColumnSchema((Column(DataType.DOUBLE), Column(DataType.LONG))))


def enforce(enforcer, values, origin=Origin.FRAME_JSON):
    rows = len(next(iter(values.values())))
    return enforcer.enforce(Columns(values, rows), origin).values


def plain(values):
    return {name: list(column) for name, column in values.items()}


def test_without_a_schema_data_pass_as_they_are():
    data = Columns({"a": [object()]}, 1)
    assert compile_schema(None).enforce(data, Origin.FRAME_JSON) is data


def test_columns_come_out_in_the_order_of_the_schema_whatever_their_order_was():
    given = {"plan": ["gold"], "visits": [3], "age": [41.5]}
    assert list(enforce(NAMED, given)) == ["age", "visits", "plan"]


def test_columns_that_the_schema_lacks_are_dropped():
    assert "x" not in enforce(NAMED, {"age": [1.5], "x": [{}], "visits": [3]})


def test_an_optional_column_may_be_absent():
    assert list(enforce(NAMED, {"age": [1.5], "visits": [3]})) == ["age", "visits"]


def test_a_missing_column_is_named_with_the_nearest_one_there():
    with pytest.raises(MissingColumns, match=r'column "visits" \(there is "Visit"\)'):
        enforce(NAMED, {"age": [1.5], "Visit": [3]})


def test_columns_by_position_are_missing_where_the_schema_has_names():
    with pytest.raises(MissingColumns, match='column "age", column "visits"'):
        enforce(NAMED, {0: [1.5], 1: [3]})


def test_columns_of_unequal_length_are_refused():
    with pytest.raises(SchemaViolation, match='"visits" has 1 values, and the request has 2 rows'):
        enforce(NAMED, {"age": [1.5, 2.5], "visits": [3]})


def test_an_error_names_column_row_found_and_expected_type_and_not_the_value():
    with pytest.raises(InvalidCell) as caught:
        enforce(NAMED, {"age": [1.5, "secret"], "visits": [3, 4]})
    assert str(caught.value) == 'column "age", row 1: found a string, expected double'


def test_unnamed_columns_go_by_position_and_trailing_ones_are_cut():
    assert plain(enforce(UNNAMED, {0: [1], 1: [2], 2: ["x"]})) == {0: [1.0], 1: [2]}


def test_unnamed_columns_keep_the_names_that_they_came_with():
    assert plain(enforce(UNNAMED, {"b": [1], "a": [2]})) == {"b": [1.0], "a": [2]}


def test_an_error_in_an_unnamed_column_has_the_name_that_it_came_with():
    with pytest.raises(InvalidCell, match='column "a", row 0'):
        enforce(UNNAMED, {"b": [1], "a": [2.5]})


def test_too_few_unnamed_columns_are_refused():
    with pytest.raises(SchemaViolation, match="found 1 columns, expected 2"):
        enforce(UNNAMED, {0: [1]})


def test_an_array_of_two_dimensions_is_a_table():
    table = UNNAMED.enforce(np.array([[1.5, 2.0], [3.5, 4.0]]), Origin.TYPED)
    assert plain(table.values) == {0: [1.5, 3.5], 1: [2, 4]}
    assert table.values[1].dtype == np.int64


@pytest.mark.parametrize(("array", "rows"), [(np.array(5), 1), (np.array([5, 6]), 2)])
def test_an_array_of_fewer_dimensions_is_one_column(array, rows):
    enforcer = compile_schema(ColumnSchema((Column(DataType.DOUBLE),)))
    assert enforcer.enforce(array, Origin.FIELDS_JSON).rows == rows


def test_an_array_of_three_dimensions_is_no_table():
    with pytest.raises(SchemaViolation, match="an array of 3 dimensions"):
        UNNAMED.enforce(np.zeros((1, 2, 3)), Origin.TYPED)


def test_an_array_that_came_as_json_is_read_by_the_rules_of_json():
    enforcer = compile_schema(ColumnSchema((Column(DataType.BOOLEAN),)))
    assert list(enforcer.enforce(np.array(["true"]), Origin.FIELDS_JSON).values[0]) == [True]


def test_named_tensors_are_columns():
    tensors = Tensors({"visits": np.array([3, 4]), "age": np.array([1.5, 2.5])})
    assert plain(NAMED.enforce(tensors, Origin.TYPED).values) == {
        "age": [1.5, 2.5],
        "visits": [3, 4],
    }


def test_the_rows_of_a_tensor_of_two_dimensions_are_lists():
    enforcer = compile_schema(ColumnSchema((Column(Array(DataType.DOUBLE), "v"),)))
    table = enforcer.enforce(Tensors({"v": np.array([[1.5, 2.5]])}), Origin.TYPED)
    assert list(table.values["v"]) == [[1.5, 2.5]]


def test_a_payload_that_is_a_mapping_is_one_row():
    assert NAMED.enforce(Payload({"age": 1, "visits": 2}), Origin.FIELDS_JSON).rows == 1


def test_enforcing_does_not_change_what_it_is_given():
    given = {"age": ["1.5"], "visits": ["7"]}
    enforce(NAMED, given)
    assert given == {"age": ["1.5"], "visits": ["7"]}


def test_enforcing_twice_changes_nothing():
    once = NAMED.enforce(Columns({"age": [None], "visits": [7], "plan": [None]}, 1), Origin.CSV)
    twice = NAMED.enforce(once, Origin.TYPED)
    assert [c.dtype for c in once.values.values()] == [c.dtype for c in twice.values.values()]
    np.testing.assert_equal(twice.values, once.values)


def test_a_schema_with_a_column_that_no_decoder_checks_is_not_packable():
    enforcer = compile_schema(ColumnSchema((Column(DataType.BINARY, "b"),)))
    assert not enforcer.is_packable
    with pytest.raises(TypeError):
        enforcer.pack([(b"",)])
