"""JSON bodies: MLflow's four formats and unwrapped ones become input, or are refused in words."""

from __future__ import annotations

import json
from contextlib import suppress
from math import inf, isnan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlserve.runtimes.columns import Columns, Payload, Tensors
from mlserve.runtimes.errors import InvalidInput, MalformedRequest
from mlserve.runtimes.modelspec import ModelSpec
from mlserve.runtimes.origins import Origin
from mlserve.runtimes.schema import (
    Array,
    Column,
    ColumnSchema,
    DataType,
    Object,
    ParamSpec,
    Property,
    Schema,
    Signature,
    TensorSchema,
    TensorSpec,
)
from mlserve.serve.json_body import FORMATS, parse_json, read_json_body

SECRET = "s3cr3t-p4yl04d"
NO_SCHEMA = ModelSpec({})
PARAMS = (ParamSpec("temperature", DataType.DOUBLE, 0.5),)


def of_schema(schema: Schema | None, params: Any = None, *, hinted: bool = False) -> ModelSpec:
    return ModelSpec({}, Signature(schema, None, params), is_signature_from_type_hint=hinted)


def of_columns(**types: Any) -> ModelSpec:
    return of_schema(ColumnSchema(tuple(Column(kind, name) for name, kind in types.items())))


def of_unnamed(*types: Any) -> ModelSpec:
    return of_schema(ColumnSchema(tuple(map(Column, types))))


AGE_AND_PLAN = of_columns(age=DataType.DOUBLE, plan=DataType.STRING)
ONE_COLUMN = of_columns(age=DataType.DOUBLE)
UNNAMED = of_unnamed(DataType.DOUBLE, DataType.DOUBLE)
ONE_TENSOR = of_schema(TensorSchema((TensorSpec(np.dtype(np.float32), (-1, 2)),)))
NAMED_TENSORS = of_schema(
    TensorSchema(
        tuple(TensorSpec(np.dtype(np.float32), (-1, 2), name) for name in ("left", "right"))
    )
)
ALL_SPECS = [NO_SCHEMA, AGE_AND_PLAN, ONE_COLUMN, UNNAMED, ONE_TENSOR, NAMED_TENSORS]


def read(document: Any, spec: ModelSpec = NO_SCHEMA) -> Any:
    return read_json_body(json.dumps(document).encode(), spec)


def values(document: Any, spec: ModelSpec = NO_SCHEMA) -> Any:
    data = read(document, spec).data
    assert isinstance(data, Columns)
    assert all(len(column) == data.rows for column in data.values.values())
    return dict(data.values)


def refusal(document: Any, spec: ModelSpec = NO_SCHEMA) -> str:
    with pytest.raises(InvalidInput) as caught:
        read(document, spec)
    return str(caught.value)


def complaint(document: Any, spec: ModelSpec) -> str:
    """Return what is said against ``document``, or nothing if it is read."""
    try:
        read(document, spec)
    except InvalidInput as error:
        return str(error)
    return ""


def split(data: Any, **more: Any) -> dict[str, Any]:
    return {"dataframe_split": {"data": data, **more}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b' {"a": 1}\n', {"a": 1}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        ("\ufeff{}".encode(), {}),
        ('{"é": "€"}'.encode("utf-16"), {"é": "€"}),
        ('{"é": "€"}'.encode("utf-16-be"), {"é": "€"}),
        ('{"é": "€"}'.encode("utf-32"), {"é": "€"}),
        (b"[Infinity, -Infinity, 1e400]", [inf, -inf, inf]),
        (b"[18446744073709551616, -9223372036854775809]", [2**64, -(2**63) - 1]),
        (b'["\\ud800"]', ["\ud800"]),
    ],
)
def test_a_document_is_read_as_python_reads_it(body, expected):
    assert parse_json(body) == expected


def test_nan_as_python_writes_it_is_read():
    assert isnan(parse_json(b"[NaN]")[0])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "the body is empty"),
        (b" \r\n", "the body is empty"),
        (b"age,plan\n1,gold\n", "not valid JSON: Expecting value: line 1 column 1"),
        (b'{"inputs":\n [1,]}', "line 2 column 5"),
        (b'{"inputs": ["s3cr3t-p4yl04d', "Unterminated string"),
        (b'{"inputs": "\xff"}', "byte 12 is no utf-8"),
        (b"[" * 100_000, "nested too deep"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deep"),
        (b'{"a":' * 100_000, "nested too deep"),
        (b"9" * 5000, "too many digits"),
        (b"{} {}", "Extra data"),
        (b"'a'", "Expecting value"),
    ],
    ids=range(12),
)
def test_what_is_no_json_is_refused_by_its_place(body, expected):
    with pytest.raises(MalformedRequest) as caught:
        parse_json(body)
    assert expected in str(caught.value)
    assert SECRET not in str(caught.value)


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(body):
    with suppress(InvalidInput):
        read_json_body(body, AGE_AND_PLAN)


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ([1], "a list"),
        ("x", "a string"),
        (3, "a number"),
        (3.5, "a number"),
        (True, "a boolean"),
        (None, "null"),
    ],
)
def test_a_body_that_is_no_object_is_refused(document, found):
    assert refusal(document).startswith(f"the body is {found}, expected a JSON object")


@pytest.mark.parametrize("document", [{}, {"data": [[1]]}, {SECRET: 1}])
def test_a_body_without_a_format_is_refused(document):
    message = refusal(document)
    assert message.startswith("the body has none of dataframe_split, dataframe_records")
    assert SECRET not in message


def test_a_body_of_two_formats_is_refused():
    message = refusal({"inputs": [1], "dataframe_split": {}})
    assert message.startswith("the body has the keys dataframe_split and inputs of")


@pytest.mark.parametrize("params", [{"a": 1}, None, 5, [1], "x"])
def test_params_are_given_out_as_they_stand(params):
    assert read({"inputs": [1], "params": params}).params == params


def test_unknown_keys_beside_the_format_are_left_alone():
    document = {"inputs": [1], "signature_name": "serving_default", "id": 7}
    assert read(document).data.tolist() == [1]


def test_split_becomes_columns():
    document = split([[1, "a"], [2, "b"]], columns=["age", "plan"], index=[7, 8])
    request = read(document, AGE_AND_PLAN)
    assert request.data == Columns({"age": [1, 2], "plan": ["a", "b"]}, 2)
    assert request.origin is Origin.FRAME_JSON
    assert not request.is_bare


def test_split_without_columns_numbers_them():
    assert values(split([[1, "a"]])) == {0: [1], 1: ["a"]}


def test_split_of_single_values_is_one_column():
    assert values(split([1, 2], columns=["age"])) == {"age": [1, 2]}


def test_split_without_rows_has_its_columns():
    assert values(split([], columns=["age", "plan"])) == {"age": [], "plan": []}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ([[1]], "dataframe_split: found a list, expected an object"),
        ("x", "dataframe_split: found a string, expected an object"),
        ({"columns": ["a"]}, 'dataframe_split: found no key "data"'),
        (
            {"data": [[1]], SECRET: 1},
            "dataframe_split: found another key, expected none but columns, data",
        ),
        ({"data": {"a": 1}}, "dataframe_split.data: found an object, expected a list of rows"),
        ({"data": None}, "dataframe_split.data: found null, expected a list of rows"),
        ({"data": [[1, 2], [3]]}, "row 1: found 1 values, expected 2 values"),
        ({"data": [[1], 2]}, "row 1: found a number, expected 1 values"),
        ({"data": [1, [2]], "columns": ["a", "b"]}, "row 0: found 1 values, expected 2 values"),
        ({"data": [{"a": 1}], "columns": ["a"]}, "row 0: found an object, expected 1 values"),
        ({"data": [[1]], "columns": ["a", "b"]}, "row 0: found 1 values, expected 2 values"),
        ({"data": [[1]], "columns": "a"}, "columns: found a string, expected a list of names"),
        ({"data": [[1]], "columns": [True]}, "columns: found a boolean, expected a name"),
        ({"data": [[1]], "columns": [["a", "b"]]}, "columns: found a list, expected a name"),
        ({"data": [[1, 2]], "columns": ["a", "a"]}, 'columns: "a" is there twice'),
        ({"data": [[1]], "index": "x"}, "index: found a string, expected a list of 1 labels"),
        ({"data": [[1]], "index": [1, 2]}, "index: found 2 labels, expected a list of 1 labels"),
    ],
)
def test_a_broken_split_is_refused(document, expected):
    message = refusal({"dataframe_split": document})
    assert expected in message
    assert SECRET not in message


def test_a_column_twice_among_a_million_is_found_at_once():
    names = [f"c{i}" for i in range(300_000)]
    assert "is there twice" in refusal(split([], columns=[*names, "c299999"]))


def test_records_become_columns():
    document = {"dataframe_records": [{"age": 1, "plan": "a"}, {"plan": "b", "age": 2}]}
    request = read(document, AGE_AND_PLAN)
    assert request.data == Columns({"age": [1, 2], "plan": ["a", "b"]}, 2)
    assert request.origin is Origin.FRAME_JSON


def test_what_a_record_lacks_is_missing():
    document = {"dataframe_records": [{"age": 1}, {"plan": "b"}]}
    assert values(document) == {"age": [1, None], "plan": [None, "b"]}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"age": [1]}, "dataframe_records: found an object, expected a list of objects"),
        (None, "dataframe_records: found null, expected a list of objects"),
        ([{"age": 1}, [2]], "dataframe_records, row 1: found a list, expected an object"),
        ([3], "dataframe_records, row 0: found a number, expected an object"),
    ],
)
def test_broken_records_are_refused(document, expected):
    assert expected in refusal({"dataframe_records": document})


def test_records_that_have_no_column_in_common_cannot_take_the_memory_of_their_square():
    records = [{f"c{i}": 1} for i in range(20_000)]
    assert "20000 columns together" in refusal({"dataframe_records": records})


@pytest.mark.parametrize("key", ["instances", "inputs"])
class TestFields:
    def test_an_object_of_lists_is_columns(self, key):
        request = read({key: {"age": [1, 2], "plan": ["a", "b"]}}, AGE_AND_PLAN)
        assert request.data == Columns({"age": [1, 2], "plan": ["a", "b"]}, 2)
        assert request.origin is Origin.FIELDS_JSON

    def test_an_object_of_single_values_is_one_row(self, key):
        assert values({key: {"age": 1, "plan": "a"}}, AGE_AND_PLAN) == {"age": [1], "plan": ["a"]}

    def test_a_single_value_beside_lists_holds_for_all_rows(self, key):
        assert values({key: {"age": [1, 2], "plan": "a"}}, AGE_AND_PLAN) == {
            "age": [1, 2],
            "plan": ["a", "a"],
        }

    def test_columns_of_unequal_length_are_refused(self, key):
        message = refusal({key: {"age": [1, 2], "plan": ["a"]}}, AGE_AND_PLAN)
        assert (
            message == 'the columns differ in length: "age" has 2, "plan" has 1; give all the same'
        )

    def test_an_object_for_nested_columns_is_one_row(self, key):
        spec = of_columns(tags=Array(DataType.STRING), age=DataType.DOUBLE)
        assert values({key: {"tags": ["a", "b"], "age": 1}}, spec) == {
            "tags": [["a", "b"]],
            "age": [1],
        }

    def test_a_list_of_objects_is_rows(self, key):
        document = {key: [{"age": 1, "plan": "a"}, {"plan": "b", "age": 2}]}
        assert values(document, AGE_AND_PLAN) == {"age": [1, 2], "plan": ["a", "b"]}

    def test_rows_may_lack_optional_columns(self, key):
        columns = (Column(DataType.DOUBLE, "age"), Column(DataType.STRING, "plan", required=False))
        document = {key: [{"age": 1}, {"age": 2, "plan": "b"}]}
        assert values(document, of_schema(ColumnSchema(columns))) == {
            "age": [1, 2],
            "plan": [None, "b"],
        }

    def test_objects_among_other_rows_are_refused(self, key):
        assert "row 1: found a number" in refusal({key: [{"age": 1}, 5]}, AGE_AND_PLAN)

    def test_a_plain_list_is_the_only_column_by_name(self, key):
        assert values({key: [1, 2]}, ONE_COLUMN) == {"age": [1, 2]}

    def test_a_single_value_is_one_row_of_the_only_column(self, key):
        assert values({key: 1}, ONE_COLUMN) == {"age": [1]}

    def test_rows_without_names_are_numbered(self, key):
        assert values({key: [[1, 2], [3, 4]]}, UNNAMED) == {0: [1, 3], 1: [2, 4]}

    def test_a_plain_list_is_the_first_unnamed_column(self, key):
        assert values({key: [1, 2]}, of_unnamed(DataType.LONG)) == {0: [1, 2]}

    def test_ragged_rows_are_refused(self, key):
        message = refusal({key: [[1, 2], [3]]}, UNNAMED)
        assert message == f"{key}, row 1: found 1 values, expected 2 values"

    def test_an_object_for_unnamed_columns_is_refused(self, key):
        assert "the model's columns have no names" in refusal({key: {"a": [1]}}, UNNAMED)

    @pytest.mark.parametrize("spec", [NO_SCHEMA, ONE_TENSOR], ids=["no schema", "one tensor"])
    def test_nested_lists_are_an_array(self, key, spec):
        data = read({key: [[1, 2], [3, 4]]}, spec).data
        assert data.dtype == np.int64
        assert data.tolist() == [[1, 2], [3, 4]]

    @pytest.mark.parametrize(
        ("value", "kind"), [([1.5], "f"), ([True], "b"), (["a", "bc"], "U"), ([None, 1], "O")]
    )
    def test_an_array_has_the_type_of_its_values(self, key, value, kind):
        data = read({key: value}).data
        assert data.dtype.kind == kind
        assert data.tolist() == value

    @pytest.mark.parametrize("spec", [NO_SCHEMA, NAMED_TENSORS], ids=["no schema", "tensors"])
    def test_an_object_of_lists_is_named_arrays(self, key, spec):
        data = read({key: {"left": [[1, 2]], "right": [[3, 4]]}}, spec).data
        assert isinstance(data, Tensors)
        assert {name: array.tolist() for name, array in data.values.items()} == {
            "left": [[1, 2]],
            "right": [[3, 4]],
        }

    def test_a_list_of_objects_of_tensors_is_stacked(self, key):
        rows = [{"left": [1, 2], "right": [3, 4]}, {"left": [5, 6], "right": [7, 8]}]
        data = read({key: rows}, NAMED_TENSORS).data
        assert data.values["right"].tolist() == [[3, 4], [7, 8]]

    @pytest.mark.parametrize("value", [[[1, 2], [3]], [1, [2]], [["a"], ["b", "c"]], [[], 1]])
    def test_uneven_lists_are_no_array(self, key, value):
        assert f"{key}: the nested lists differ in length or depth" in refusal({key: value})

    def test_lists_nested_deeper_than_an_array_can_be_are_refused(self, key):
        body = b'{"%s": %s1%s}' % (key.encode(), b"[" * 200, b"]" * 200)
        with pytest.raises(MalformedRequest, match="length or depth"):
            read_json_body(body, NO_SCHEMA)

    def test_one_long_text_cannot_take_its_length_in_each_cell_of_an_array(self, key):
        value = ["x" * 100_000, *["y"] * 100_000]
        assert "far longer than the others" in refusal({key: value})

    def test_an_array_of_texts_may_be_as_long_as_the_texts_together(self, key):
        assert len(read({key: ["x" * 50] * 50_000}).data) == 50_000


def test_single_values_beside_a_long_column_cannot_take_the_memory_of_their_product():
    fields = {f"c{i}": 1 for i in range(5000)} | {"age": [1] * 5000}
    assert "too many to repeat them" in refusal({"inputs": fields}, AGE_AND_PLAN)


def test_instances_that_lack_a_required_column_are_refused():
    message = refusal({"instances": [{"age": 1, "plan": "a"}, {"plan": "b"}]}, AGE_AND_PLAN)
    assert message == 'instances, row 1: found no "age", as others have'


def test_inputs_that_lack_a_column_have_a_gap_there():
    document = {"inputs": [{"age": 1, "plan": "a"}, {"plan": "b"}]}
    assert values(document, AGE_AND_PLAN) == {"age": [1, None], "plan": ["a", "b"]}


@pytest.mark.parametrize("key", ["instances", "inputs"])
def test_rows_may_lack_a_column_that_the_model_does_not_know(key):
    rows = [{"age": 1, "plan": "a", "more": 1}, {"age": 2, "plan": "b"}]
    assert values({key: rows}, AGE_AND_PLAN)["age"] == [1, 2]


def test_instances_by_column_without_a_schema_must_be_of_one_length():
    message = refusal({"instances": {"a": [1, 2], "b": [3]}})
    assert message == 'the columns differ in length: "a" has 2, "b" has 1; give all the same'


def test_instances_without_a_schema_are_an_array_a_column():
    data = read({"instances": [{"a": [1, 2]}, {"a": [3, 4]}]}).data
    assert data.values["a"].tolist() == [[1, 2], [3, 4]]


def test_instances_without_a_schema_must_have_the_same_keys():
    assert refusal({"instances": [{"a": 1}, {"a": 2, "b": 3}]}) == (
        'instances, row 0: found no "b", as others have'
    )


def test_inputs_of_objects_without_a_schema_arrive_as_they_are():
    rows = [{"a": 1}, {"b": [2, "x"]}]
    assert read({"inputs": rows}).data == Payload(rows)


NUMBERED = of_schema(ColumnSchema((Column(DataType.DOUBLE, 0), Column(DataType.DOUBLE, 1))))


@pytest.mark.parametrize(
    "document",
    [
        split([[1, 2]]),
        split([[1, 2]], columns=[0, 1]),
        split([[1, 2]], columns=["0", "1"]),
        {"dataframe_records": [{"0": 1, "1": 2}]},
        {"instances": [{"0": 1, "1": 2}]},
        {"inputs": {"0": [1], "1": [2]}},
        {"inputs": [[1, 2]]},
    ],
)
def test_columns_that_are_numbered_are_found_by_number_and_by_its_text(document):
    assert values(document, NUMBERED) == {0: [1], 1: [2]}


def test_columns_that_are_named_by_digits_are_found_by_number():
    spec = of_schema(ColumnSchema((Column(DataType.DOUBLE, "0"),)))
    assert values(split([[1]], columns=[0]), spec) == {"0": [1]}


def test_a_number_and_its_text_are_one_column():
    assert "there twice" in refusal(split([[1, 2]], columns=[0, "0"]), NUMBERED)


@pytest.mark.parametrize("key", ["messages", "prompt", "input"])
def test_an_unwrapped_payload_is_the_whole_object(key):
    document = {key: [{"role": "user"}], "model": "m", "dataframe_split": 1, "params": {"a": 1}}
    request = read(document)
    assert request.data == Payload(document)
    assert request.params == {}
    assert request.is_bare


def test_params_stand_beside_an_unwrapped_payload():
    request = read({"prompt": "x", "temperature": 1.5}, of_schema(None, PARAMS))
    assert request.data == Payload({"prompt": "x"})
    assert request.params == {"temperature": 1.5}


def test_an_unwrapped_payload_becomes_the_columns_of_a_schema():
    spec = of_schema(ColumnSchema((Column(DataType.STRING, "prompt"),)), PARAMS)
    assert values({"prompt": "x", "temperature": 1}, spec) == {"prompt": ["x"]}


def test_an_unwrapped_payload_of_a_nested_column_is_one_row():
    spec = of_columns(messages=Array(Object({"role": Property(DataType.STRING)})))
    document = {"messages": [{"role": "user"}, {"role": "system"}]}
    assert values(document, spec) == {"messages": [document["messages"]]}


@pytest.mark.parametrize("value", [[{"x": 1}], "text", None, 5, [[1], [2, 3]]])
def test_a_model_with_type_hints_gets_its_inputs_as_they_are(value):
    spec = of_schema(ColumnSchema((Column(DataType.STRING),)), hinted=True)
    request = read({"inputs": value, "params": {"a": 1}}, spec)
    assert request.data == Payload(value)
    assert request.params == {"a": 1}


def test_a_model_with_type_hints_takes_inputs_alone():
    spec = of_schema(ColumnSchema((Column(DataType.STRING),)), hinted=True)
    assert 'the body has the key "instances", expected "inputs"' in refusal(
        {"instances": [1]}, spec
    )


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "a", "age", SECRET, "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["age", "plan", "data", "columns", "index", "left", "0"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from(list(FORMATS)), JSON, st.sampled_from(ALL_SPECS))
def test_any_value_under_a_format_is_read_or_refused_without_its_texts(key, value, spec):
    assert SECRET not in complaint({key: value}, spec)


@pytest.mark.parametrize("key", FORMATS)
@pytest.mark.parametrize("spec", ALL_SPECS, ids=range(len(ALL_SPECS)))
def test_names_without_end_are_cut_in_messages(key, spec):
    name = "n" * 100_000
    for value in ({name: [1, 2], "age": [[1], 2, 3]}, [{name: 1}, {"age": 2}]):
        assert len(complaint({key: value}, spec)) < 400
