"""From a body of any format to checked data, and which requests may share a call of the model."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mlserve.runtimes.columns import Columns, Payload, Tensors
from mlserve.runtimes.errors import (
    InvalidCell,
    InvalidInput,
    InvalidParams,
    MalformedRequest,
    MissingColumns,
    UnsupportedContentType,
)
from mlserve.runtimes.flavors import Model
from mlserve.runtimes.modelspec import ModelSpec
from mlserve.runtimes.schema import (
    Column,
    ColumnSchema,
    DataType,
    ParamSpec,
    Schema,
    Signature,
    TensorSchema,
    TensorSpec,
)
from mlserve.runtimes.signature import read_signature
from mlserve.serve.decoding import Decoded, Decoder

JSON = b"application/json"
CSV = b"text/csv"
PARAMS = (ParamSpec("factor", DataType.DOUBLE, 2.0), ParamSpec("tags", DataType.STRING, [], (-1,)))


class Echo:
    """A runtime that answers its input."""

    concurrency = 1

    def __init__(self, *, is_row_wise: bool = True, own_params: frozenset[str] = frozenset()):
        self.is_row_wise, self.own_params = is_row_wise, own_params

    def predict(self, data: Any, params: Any) -> Any:  # noqa: ARG002 - as the contract has it
        return data

    def close(self) -> None:
        pass


def decoder_of(
    schema: Schema | None, params: Any = None, *, hinted: bool = False, **runtime: Any
) -> Decoder:
    signature = Signature(schema, None, params)
    spec = ModelSpec({}, signature, is_signature_from_type_hint=hinted)
    return Decoder(Model(Path(), spec, "echo", Echo(**runtime)))


def columns_of(*columns: Column) -> ColumnSchema:
    return ColumnSchema(columns)


AGE_AND_PLAN = columns_of(Column(DataType.DOUBLE, "age"), Column(DataType.STRING, "plan"))
NUMBERED = columns_of(Column(DataType.DOUBLE, 0), Column(DataType.STRING, 1))
MATRIX = TensorSchema((TensorSpec(np.dtype(np.float32), (-1, 2)),))


def decode(decoder: Decoder, document: Any, content_type: bytes = JSON) -> Decoded:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return decoder.decode(body, content_type)


def columns(decoder: Decoder, document: Any, content_type: bytes = JSON) -> dict[Any, Any]:
    """Return the columns that the model gets of one body."""
    decoded = decode(decoder, document, content_type)
    data = decoder.pack(decoded.data) if isinstance(decoded.data, list) else decoded.data
    assert isinstance(data, Columns)
    assert data.rows == decoded.rows
    return {name: np.asarray(column).tolist() for name, column in data.values.items()}


def split(rows: Any, names: Any, **more: Any) -> dict[str, Any]:
    return {"dataframe_split": {"columns": names, "data": rows}, **more}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"dataframe_split": {"columns": ["age", "plan"], "data": [[41, "gold"]]}}', JSON),
        (b'{"dataframe_split": {"columns": ["plan", "age"], "data": [["gold", 41]]}}', JSON),
        (b'{"dataframe_records": [{"plan": "gold", "age": 41}]}', JSON),
        (b'{"instances": [{"plan": "gold", "age": 41}]}', JSON),
        (b'{"inputs": [{"plan": "gold", "age": 41}]}', JSON),
        (b'{"inputs": {"plan": ["gold"], "age": [41]}}', JSON),
        (b'{"inputs": {"plan": "gold", "age": 41}, "params": {"a": 1}}', JSON),
        (b'{"inputs": {"plan": "gold", "age": 41}}', b"Application/JSON; Charset=UTF-8"),
        ('{"inputs": {"plan": "gold", "age": 41}}'.encode("utf-16"), JSON),
        ('{"inputs": {"plan": "gold", "age": 41}}'.encode("utf-16"), JSON + b";charset=utf-16"),
        (b"age,plan\n41,gold\n", CSV),
        (b"\xef\xbb\xbfplan,age\r\ngold,41", CSV + b"; charset=utf-8"),
    ],
)
def test_every_format_gives_the_same_columns(body, content_type):
    decoder = decoder_of(AGE_AND_PLAN)
    assert columns(decoder, body, content_type) == {"age": [41.0], "plan": ["gold"]}


@pytest.mark.parametrize(
    ("document", "content_type"),
    [
        (split([[1.5, "a"]], [0, 1]), JSON),
        (split([[1.5, "a"]], ["0", "1"]), JSON),
        (split([["a", 1.5]], ["1", "0"]), JSON),
        ({"dataframe_records": [{"0": 1.5, "1": "a"}]}, JSON),
        ({"instances": [{"1": "a", "0": 1.5}]}, JSON),
        ({"inputs": {"0": [1.5], "1": ["a"]}}, JSON),
        ({"inputs": [[1.5, "a"]]}, JSON),
        (b"0,1\n1.5,a\n", CSV),
        (b"1,x,0\na,7,1.5\n", CSV),
    ],
)
def test_numbered_columns_are_found_in_every_format(document, content_type):
    assert columns(decoder_of(NUMBERED), document, content_type) == {0: [1.5], 1: ["a"]}


def test_a_numbered_column_of_text_stays_text_in_a_csv():
    schema = columns_of(Column(DataType.STRING, 0), Column(DataType.LONG, 1))
    assert columns(decoder_of(schema), b"0,1\n007,08\n", CSV) == {0: ["007"], 1: [8]}


def test_the_integer_names_that_mlflow_writes_are_read_enforced_and_found():
    written = '[{"type": "double", "name": 0, "required": true}]'
    signature = read_signature({"inputs": written, "outputs": None, "params": None})
    decoder = decoder_of(signature.inputs)
    assert columns(decoder, {"dataframe_records": [{"0": 1}]}) == {0: [1.0]}


def test_unnamed_columns_go_by_position():
    decoder = decoder_of(columns_of(Column(DataType.LONG), Column(DataType.STRING)))
    assert columns(decoder, split([[1, "a"]], ["x", "y"])) == {"x": [1], "y": ["a"]}


def test_a_plain_list_is_the_only_column():
    assert columns(decoder_of(columns_of(Column(DataType.LONG, "n"))), {"inputs": [1, 2]}) == {
        "n": [1, 2]
    }


def test_a_tensor_has_the_type_of_its_schema():
    data = decode(decoder_of(MATRIX), {"inputs": [[1, 2], [3, 4]]}).data
    assert data.dtype == np.float32
    assert data.tolist() == [[1, 2], [3, 4]]


def test_a_model_with_type_hints_gets_the_very_value():
    decoder = decoder_of(columns_of(Column(DataType.STRING)), hinted=True)
    value = [{"any": ["thing"]}, 5]
    assert decode(decoder, {"inputs": value}).data == Payload(value)


def test_an_integer_beyond_64_bits_keeps_its_digits_in_a_text():
    decoder = decoder_of(AGE_AND_PLAN)
    document = split([[1, 10**25 + 1]], ["age", "plan"])
    assert columns(decoder, document)["plan"] == [str(10**25 + 1)]


def test_an_integer_beyond_64_bits_is_refused_where_there_is_no_room():
    decoder = decoder_of(columns_of(Column(DataType.LONG, "n")))
    with pytest.raises(InvalidCell, match="an integer out of range"):
        decode(decoder, split([[2**63]], ["n"]))


def test_nan_and_infinity_as_python_writes_them_are_numbers():
    decoder = decoder_of(columns_of(Column(DataType.DOUBLE, "x")))
    found = columns(decoder, b'{"inputs": {"x": [NaN, Infinity, -Infinity]}}')["x"]
    np.testing.assert_equal(found, [np.nan, np.inf, -np.inf])


def test_a_text_of_half_a_surrogate_is_a_text():
    body = b'{"inputs": {"age": 1, "plan": "\\ud800"}}'
    assert columns(decoder_of(AGE_AND_PLAN), body)["plan"] == ["\ud800"]


@pytest.mark.parametrize(
    "document",
    [
        split([], ["age", "plan"]),
        {"dataframe_split": {"columns": ["age", "plan"], "index": [], "data": []}},
        {"inputs": {"age": [], "plan": []}},
    ],
)
def test_a_request_without_rows_is_refused(document):
    with pytest.raises(MalformedRequest, match="no rows; send at least one"):
        decode(decoder_of(AGE_AND_PLAN), document)


@pytest.mark.parametrize("document", [{"inputs": []}, {"inputs": {}}, {"instances": {"a": []}}])
def test_a_request_without_rows_is_refused_where_nothing_is_declared(document):
    with pytest.raises(MalformedRequest, match="no rows"):
        decode(decoder_of(None), document)


def test_a_csv_of_a_header_alone_has_no_rows():
    with pytest.raises(MalformedRequest, match="no rows"):
        decode(decoder_of(AGE_AND_PLAN), b"age,plan\n", CSV)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (split([["41 years", "a"]], ["age", "plan"]), 'column "age", row 0: found a string'),
        (split([[1]], ["age"]), 'the request lacks column "plan"'),
        ({"inputs": [[1, "a"]]}, 'the request lacks column "age", column "plan"'),
        ({"dataframe_records": [{"Age": 1, "plan": "a"}]}, 'column "age" (there is "Age")'),
    ],
)
def test_data_that_break_the_schema_are_refused_by_name(document, message):
    with pytest.raises(InvalidInput) as caught:
        decode(decoder_of(AGE_AND_PLAN), document)
    assert message in str(caught.value)


UNNAMED = columns_of(Column(DataType.LONG), Column(DataType.LONG))
VECTORS = TensorSchema((TensorSpec(np.dtype(np.float32), (-1,), "salary"),))


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (columns_of(Column(DataType.STRING, "salary")), 'the request lacks column "salary"; '),
        (VECTORS, 'the request lacks column "salary"; '),
        (UNNAMED, 'column "1", row 0: found a string, '),
    ],
    ids=["columns", "tensors", "unnamed columns"],
)
def test_a_row_that_stands_where_the_header_of_a_csv_belongs_is_not_quoted(schema, message):
    with pytest.raises(InvalidInput) as caught:
        decode(decoder_of(schema), b"41,salary5000\n42,salary6000\n", CSV)
    assert str(caught.value).startswith(message)
    assert "5000" not in str(caught.value)


def test_a_long_list_of_missing_columns_is_cut():
    schema = columns_of(*(Column(DataType.DOUBLE, f"column {i}") for i in range(1000)))
    present = {f"col {i}": [1] for i in range(5000)}
    with pytest.raises(MissingColumns, match="and 990 more") as caught:
        decode(decoder_of(schema), {"inputs": present})
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize(
    "content_type",
    [
        b"",
        b"text/plain",
        b"application/x-ndjson",
        b"application/json;",
        b"application/json; format=pandas-split",
        b"application/json; charset=ebcdic",
        b"text/csv; header=present",
        b"\xff\xfe",
        b"x" * 10_000,
    ],
)
def test_another_content_type_is_refused(content_type):
    with pytest.raises(UnsupportedContentType) as caught:
        decode(decoder_of(AGE_AND_PLAN), {"inputs": [1]}, content_type)
    assert len(str(caught.value)) < 300


class TestParams:
    def test_are_defaults_where_none_are_given(self):
        decoder = decoder_of(AGE_AND_PLAN, PARAMS)
        document = split([[1, "a"]], ["age", "plan"])
        assert decode(decoder, document).params == {"factor": 2.0, "tags": []}
        assert decode(decoder, {**document, "params": {}}).params == {"factor": 2.0, "tags": []}
        assert decode(decoder, b"age,plan\n1,a\n", CSV).params == {"factor": 2.0, "tags": []}

    def test_are_cast_by_their_schema(self):
        decoder = decoder_of(AGE_AND_PLAN, PARAMS)
        document = split([[1, "a"]], ["age", "plan"], params={"factor": 3, "tags": ["x"], "y": 1})
        assert decode(decoder, document).params == {"factor": 3.0, "tags": ["x"]}

    @pytest.mark.parametrize("given", [[1], 5, "x", {"factor": "x"}, {"tags": "x"}])
    def test_of_another_kind_are_refused(self, given):
        decoder = decoder_of(AGE_AND_PLAN, PARAMS)
        with pytest.raises(InvalidParams):
            decode(decoder, split([[1, "a"]], ["age", "plan"], params=given))

    @pytest.mark.parametrize("given", [[1], 5, "x", None, {"factor": "x"}])
    def test_of_any_kind_are_left_alone_where_no_schema_asks_for_them(self, given):
        decoder = decoder_of(AGE_AND_PLAN)
        assert decode(decoder, split([[1, "a"]], ["age", "plan"], params=given)).params == {}

    def test_that_the_runtime_reads_itself_are_passed_on(self):
        decoder = decoder_of(AGE_AND_PLAN, own_params=frozenset({"predict_fn"}))
        document = split([[1, "a"]], ["age", "plan"], params={"predict_fn": "x", "other": 1})
        assert decode(decoder, document).params == {"predict_fn": "x"}

    def test_stand_beside_an_unwrapped_payload(self):
        decoded = decode(decoder_of(None, PARAMS), {"prompt": "x", "factor": 1})
        assert decoded.data == Payload({"prompt": "x"})
        assert decoded.params == {"factor": 1.0, "tags": []}
        assert decoded.is_bare


class TestSharing:
    """Requests of equal key may be joined into one call of the model."""

    def keys(self, decoder: Decoder, *documents: Any) -> set[object]:
        return {decode(decoder, document).key for document in documents}

    def test_requests_of_the_same_form_share(self):
        documents = [split([[i, "a"]], ["age", "plan"]) for i in range(3)]
        assert len(self.keys(decoder_of(AGE_AND_PLAN), *documents)) == 1

    def test_requests_of_a_model_that_looks_at_all_rows_never_share(self):
        documents = [split([[i, "a"]], ["age", "plan"]) for i in range(3)]
        assert len(self.keys(decoder_of(AGE_AND_PLAN, is_row_wise=False), *documents)) == 3

    def test_requests_of_equal_params_share(self):
        document = split([[1, "a"]], ["age", "plan"], params={"factor": 3})
        assert len(self.keys(decoder_of(AGE_AND_PLAN, PARAMS), document, document)) == 1

    def test_requests_of_different_params_never_share(self):
        body = b'{"inputs": {"age": 1, "plan": "a"}, "params": {"method": %s}}'
        given = [b"1", b"1.0", b"true", b'"1"', b"null", b"NaN", b"Infinity", b"[]", b"{}"]
        decoder = decoder_of(AGE_AND_PLAN, own_params=frozenset({"method"}))
        assert len(self.keys(decoder, *(body % value for value in given))) == len(given)

    @pytest.mark.parametrize("depth", [200, 900, 950, 980, 990, 995, 1000])
    def test_params_may_be_nested_as_deep_as_json_may_be(self, depth):
        method = b"[" * depth + b"]" * depth
        body = b'{"inputs": {"age": 1, "plan": "a"}, "params": {"method": %s}}' % method
        with suppress(MalformedRequest):
            decode(decoder_of(AGE_AND_PLAN, own_params=frozenset({"method"})), body)

    def test_integers_beyond_64_bits_may_be_params(self):
        body = b'{"inputs": {"age": 1, "plan": "a"}, "params": {"method": %d}}'
        decoder = decoder_of(AGE_AND_PLAN, own_params=frozenset({"method"}))
        assert len(self.keys(decoder, body % 2**70, body % (2**70 + 1))) == 2

    def test_unwrapped_payloads_never_share(self):
        document = {"prompt": "x"}
        decoder = decoder_of(columns_of(Column(DataType.STRING, "prompt")))
        assert len(self.keys(decoder, document, document)) == 2

    def test_arrays_share_by_type_and_shape(self):
        documents = [{"inputs": [[1, 2]]}, {"inputs": [[3, 4], [5, 6]]}]
        assert len(self.keys(decoder_of(None), *documents)) == 1
        documents = [{"inputs": [[1, 2]]}, {"inputs": [[1.5, 2]]}, {"inputs": [[1, 2, 3]]}]
        assert len(self.keys(decoder_of(None), *documents)) == 3

    def test_tensors_of_unequal_length_share_with_nothing(self):
        # Joined, the rows of one would stand beside those of the other.
        documents = [{"inputs": {"a": [1, 2], "b": [1]}}, {"inputs": {"a": [1], "b": [1, 2]}}]
        assert len(self.keys(decoder_of(None), *documents)) == 2

    def test_single_values_share_with_nothing(self):
        documents = [{"inputs": {"a": 1}}, {"inputs": {"a": [1]}}, {"inputs": {"a": 1}}]
        assert len(self.keys(decoder_of(None), *documents)) == 3


def test_one_models_changes_to_its_params_do_not_reach_the_next_request():
    decoder = decoder_of(AGE_AND_PLAN, PARAMS)
    document = split([[1, "a"]], ["age", "plan"], params={})
    decode(decoder, document).params["tags"].append("x")
    assert decode(decoder, document).params["tags"] == []


PACKABLE = [
    DataType.BOOLEAN,
    DataType.INTEGER,
    DataType.LONG,
    DataType.FLOAT,
    DataType.DOUBLE,
    DataType.STRING,
]
CELLS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**66), 2**66)
    | st.integers(-5, 5)
    | st.floats(width=32)
    | st.floats()
    | st.sampled_from(["", "a", "1", "1.5", "true", "\ud800", "NaN"])
)
OF_TYPE = {
    DataType.BOOLEAN: st.booleans(),
    DataType.INTEGER: st.integers(-(2**31), 2**31 - 1),
    DataType.LONG: st.integers(-(2**63), 2**63 - 1),
    DataType.FLOAT: st.floats(width=32, allow_nan=False) | st.integers(-9, 9) | st.none(),
    DataType.DOUBLE: st.floats(allow_nan=False) | st.integers(-(2**60), 2**60) | st.none(),
    DataType.STRING: st.text(max_size=3) | st.none(),
}


@st.composite
def schemas_and_rows(draw: Any) -> tuple[ColumnSchema, list[list[Any]]]:
    names = draw(st.lists(st.sampled_from(["a", "b b", "é", 0, "1"]), min_size=1, unique=True))
    schema = columns_of(
        *(Column(draw(st.sampled_from(PACKABLE)), name, draw(st.booleans())) for name in names)
    )
    likely = st.tuples(
        *(OF_TYPE[c.type] | (st.none() if not c.required else st.nothing()) for c in schema.columns)
    )
    rows = draw(st.lists(likely.map(list), min_size=1, max_size=20))
    if draw(st.integers(0, 4)) == 0:
        rows[draw(st.integers(0, len(rows) - 1))][draw(st.integers(0, len(names) - 1))] = draw(
            CELLS
        )
    return schema, rows


def outcome(decoder: Decoder, decoded: Any) -> Any:
    """Return the columns that the model gets, or the error's text."""
    try:
        found = decoded()
        data = decoder.pack(found.data) if isinstance(found.data, list) else found.data
    except InvalidInput as error:
        return str(error)
    assert data.rows == found.rows
    return {name: (column.dtype, column.tolist()) for name, column in data.values.items()}


@pytest.mark.parametrize("form", ["dataframe_split", "dataframe_records", "instances"])
@given(drawn=schemas_and_rows(), reverse=st.booleans())
@example(drawn=(columns_of(Column(DataType.FLOAT, "a")), [[3.4028235677973366e38]]), reverse=False)
@example(drawn=(columns_of(Column(DataType.DOUBLE, "a")), [[10**400]]), reverse=False)
@example(
    drawn=(columns_of(Column(DataType.LONG, "a", required=False)), [[2**53 + 1], [None]]),
    reverse=False,
)
def test_the_typed_path_gives_what_the_full_check_gives(form, drawn, reverse):
    schema, rows = drawn
    names = [str(name) for name in schema.names]
    order = list(reversed(range(len(names)))) if reverse else list(range(len(names)))
    cells = [[row[i] for i in order] for row in rows]
    names = [names[i] for i in order]
    value: Any = [dict(zip(names, row, strict=True)) for row in cells]
    if form == "dataframe_split":
        value = {"columns": names, "data": cells}
    body = json.dumps({form: value}).encode()
    decoder = decoder_of(schema)
    in_full = outcome(decoder, lambda: decoder._decode_json(body))
    for _ in range(3):  # an order of columns that came twice is read in another way
        np.testing.assert_equal(outcome(decoder, lambda: decoder.decode(body, JSON)), in_full)


def test_the_typed_path_is_taken_for_plain_rows():
    decoded = decode(decoder_of(AGE_AND_PLAN), split([[1, "a"]], ["age", "plan"]))
    assert decoded.data == [(1.0, "a")]


@pytest.mark.parametrize(
    "name", ['5"', "a\\b", "a\nb", "\0", "naïve", "日本", "💥", "", "__class__"]
)
def test_a_column_may_have_any_name(name):
    decoder = decoder_of(columns_of(Column(DataType.DOUBLE, name), Column(DataType.LONG, "other")))
    for document in (
        split([[2, 1.5]], ["other", name]),
        {"dataframe_records": [{name: 1.5, "other": 2}]},
        {"inputs": {"other": [2], name: [1.5]}},
    ):
        decoded = decode(decoder, document)
        packed = decoder.pack(decoded.data) if isinstance(decoded.data, list) else decoded.data
        assert {key: list(column) for key, column in packed.values.items()} == {
            name: [1.5],
            "other": [2],
        }


def test_named_tensors_are_read_by_name():
    schema = TensorSchema((TensorSpec(np.dtype(np.int64), (-1,), "ids"),))
    data = decode(decoder_of(schema), {"inputs": {"ids": [1, 2]}}).data
    assert isinstance(data, Tensors)
    assert data.values["ids"].tolist() == [1, 2]
