"""A signature is read as MLflow wrote it and written as MLflow writes it."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlserve.runtimes.errors import InvalidModel
from mlserve.runtimes.modelspec import read_model_spec
from mlserve.runtimes.schema import (
    AnyType,
    Array,
    Column,
    ColumnSchema,
    DataType,
    Map,
    Object,
    ParamSpec,
    Property,
    Signature,
    SparkVector,
    TensorSchema,
    TensorSpec,
)
from mlserve.runtimes.signature import read_schema, read_signature, write_schema, write_signature
from mlserve.runtimes.yamltext import parse_yaml

MODELS = Path(__file__).parents[1] / "data" / "mlmodels"
REWRITTEN = json.loads((MODELS / "rewritten.json").read_text())
CURRENT = sorted(folder.name for folder in MODELS.glob("[23].[12]?-*"))

names = st.text(max_size=8)
column_types = st.recursive(
    st.sampled_from([*DataType, AnyType(), SparkVector()]),
    lambda nested: (
        st.builds(Array, nested)
        | st.builds(Map, nested)
        | st.dictionaries(
            names, st.builds(Property, nested, st.booleans()), min_size=1, max_size=3
        ).map(Object)
    ),
    max_leaves=4,
)
shapes = st.lists(st.integers(-1, 9), max_size=3).map(tuple)
dtypes = st.sampled_from(
    ["bool", "int8", "uint64", "float16", "float64", "str", "bytes", "object", "datetime64[ns]"]
).map(np.dtype)


def _distinct(entries):
    return st.lists(entries, min_size=1, max_size=4, unique_by=lambda entry: entry.name)


column_schemas = (
    _distinct(st.builds(Column, column_types, names | st.integers(0, 99), st.booleans()))
    | st.lists(st.builds(Column, column_types), min_size=1, max_size=4)
).map(lambda columns: ColumnSchema(tuple(columns)))
tensor_schemas = (
    _distinct(st.builds(TensorSpec, dtypes, shapes, names))
    | st.builds(TensorSpec, dtypes, shapes).map(lambda tensor: [tensor])
).map(lambda tensors: TensorSchema(tuple(tensors)))
defaults = {
    DataType.BOOLEAN: st.booleans(),
    DataType.INTEGER: st.integers(-(2**31), 2**31 - 1),
    DataType.LONG: st.integers(-(2**63), 2**63 - 1),
    DataType.FLOAT: st.floats(allow_nan=False, width=32),
    DataType.DOUBLE: st.floats(allow_nan=False),
    DataType.STRING: st.text(max_size=8),
    DataType.DATETIME: st.datetimes() | st.dates(),
}


@st.composite
def param_specs(draw):
    name = draw(names)
    data_type = draw(st.sampled_from([*defaults]))
    values = defaults[data_type] | st.none()
    if draw(st.booleans()):
        return ParamSpec(name, data_type, draw(st.lists(values, max_size=3)), (-1,))
    return ParamSpec(name, data_type, draw(values))


schemas = column_schemas | tensor_schemas
signatures = st.builds(
    Signature,
    st.none() | schemas,
    st.none() | schemas,
    st.none() | _distinct(param_specs()).map(tuple),
)


@settings(max_examples=150, deadline=None)
@given(signatures)
def test_a_written_signature_reads_back_as_itself(signature):
    assert read_signature(write_signature(signature)) == signature


@pytest.mark.parametrize("folder", CURRENT)
def test_mlflows_own_text_is_written_again_character_by_character(folder):
    parts = parse_yaml((MODELS / folder / "MLmodel").read_bytes(), folder).get("signature")
    if parts is None:
        assert read_model_spec(MODELS / folder).signature is None
    else:
        assert write_signature(read_signature(parts)) == parts


@pytest.mark.parametrize("case", REWRITTEN, ids=lambda case: case["given"][:60])
def test_other_spellings_are_written_as_mlflow_writes_them(case):
    part = "params" if case["part"] == "params" else "inputs"
    assert write_signature(read_signature({part: case["given"]}))[part] == case["rewritten"]


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_part_that_says_nothing_is_none(nothing):
    assert read_signature({"inputs": nothing, "outputs": nothing}) == Signature()


def test_an_empty_list_of_params_is_no_params_schema():
    assert read_signature({"params": "[]"}).params is None


def _columns(*columns):
    return read_schema(json.dumps(columns)).columns


def test_a_scalar_column_is_required_where_nothing_is_said():
    assert _columns({"type": "long", "name": "a"})[0].required


@pytest.mark.parametrize(
    "nested",
    [
        {"type": "array", "items": {"type": "long"}},
        {"type": "object", "properties": {"x": {"type": "long"}}},
        {"type": "map", "values": {"type": "long"}},
        {"type": "any"},
        {"type": "sparkml_vector"},
    ],
    ids=lambda nested: nested["type"],
)
def test_a_nested_column_is_optional_where_nothing_is_said(nested):
    assert not _columns({**nested, "name": "a"})[0].required
    assert not _columns({**nested, "name": "a", "required": None})[0].required
    assert _columns({**nested, "name": "a", "required": True})[0].required


def test_an_unnamed_nested_column_is_required_where_nothing_is_said():
    assert _columns({"type": "array", "items": {"type": "long"}})[0].required


def test_a_property_is_required_where_nothing_is_said():
    (column,) = _columns({"type": "object", "properties": {"x": {"type": "any"}}})
    assert column.type == Object({"x": Property(AnyType(), required=True)})


@pytest.mark.parametrize("optional", [True, False])
def test_the_old_key_optional_is_read(optional):
    (column,) = _columns({"type": "string", "name": "a", "optional": optional})
    assert column.required is not optional


def test_integer_column_names_stay_integers():
    assert [
        c.name for c in _columns({"type": "long", "name": 0}, {"type": "long", "name": "0"})
    ] == [
        0,
        "0",
    ]


def test_the_byte_order_of_a_tensor_is_the_machines_own():
    text = '[{"type": "tensor", "tensor-spec": {"dtype": ">f4", "shape": [-1]}}]'
    assert read_schema(text).tensors[0].dtype == np.dtype("=f4")


def test_the_width_of_a_text_tensor_is_not_written():
    assert '"dtype": "str"' in write_schema(TensorSchema((TensorSpec(np.dtype("<U5"), (-1,)),)))


def _param(**keys):
    return read_signature({"params": json.dumps([{"name": "p", "shape": None, **keys}])}).params[0]


def test_a_whole_number_is_a_default_of_a_double_param():
    default = _param(type="double", default=1).default
    assert isinstance(default, float)
    assert default == 1.0


def test_datetime_params_are_dates_or_datetimes_without_a_zone():
    assert _param(type="datetime", default="2024-02-03").default == dt.date(2024, 2, 3)
    at_five = dt.datetime(2024, 2, 3, 5)
    assert _param(type="datetime", default="2024-02-03T05:00:00").default == at_five
    assert _param(type="datetime", default="2024-02-03T06:00:00+01:00").default == at_five


def test_the_old_key_dtype_of_a_param_is_read():
    assert _param(dtype="string", default="x").type is DataType.STRING


def test_an_object_param_has_its_properties():
    param = _param(type="object", properties={"x": {"type": "long"}}, default={"x": 1})
    assert param.type == Object({"x": Property(DataType.LONG)})
    assert param.default == {"x": 1}


def test_a_param_without_a_shape_is_a_scalar():
    params = read_signature({"params": '[{"name": "p", "type": "long", "default": 1}]'}).params
    assert params == (ParamSpec("p", DataType.LONG, 1),)


TENSOR = {"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}
REFUSED_SCHEMAS = {
    "not JSON": ("[{", "not JSON"),
    "not a list": ("{}", "found an empty mapping, expected a list"),
    "no columns": ("[]", "found none, expected at least one column or tensor"),
    "a column that is no mapping": ("[3]", "[0]: found 3, expected a mapping"),
    "no type": ('[{"name": "a"}]', 'found no such key, expected the key "type"'),
    "an unknown type": (
        '[{"type": "long", "name": "a"}, {"type": "strng", "name": "plan"}]',
        '[1] ("plan").type: found "strng", expected one of boolean, integer',
    ),
    "an unknown type within": (
        '[{"type": "array", "items": {"type": "lnog"}, "name": "a"}]',
        '[0] ("a").items.type: found "lnog"',
    ),
    "items in short": ('[{"type": "array", "items": "long"}]', '.items: found "long"'),
    "no items": ('[{"type": "array"}]', 'expected the key "items"'),
    "no properties": ('[{"type": "object", "properties": {}}]', "at least one property"),
    "no values": ('[{"type": "map"}]', 'expected the key "values"'),
    "a type that is no text": ('[{"type": ["long"]}]', "found a list, expected a string"),
    "a name that is no name": ('[{"type": "long", "name": [1]}]', ".name: found a list"),
    "a name that is true": ('[{"type": "long", "name": true}]', ".name: found true"),
    "required as text": ('[{"type": "long", "name": "a", "required": "no"}]', 'found "no"'),
    "some names": (
        '[{"type": "long", "name": "a"}, {"type": "long"}]',
        "found 1 of 2 unnamed, expected a name for all or for none",
    ),
    "columns and tensors": (json.dumps([TENSOR, {"type": "long"}]), "both columns and tensors"),
    "several unnamed tensors": (json.dumps([TENSOR, TENSOR]), "found 2 unnamed tensors"),
    "an unnamed optional column": ('[{"type": "long", "required": false}]', "optional"),
    "two inputs of a name": (
        '[{"type": "long", "name": "a"}, {"type": "string", "name": "a"}]',
        'signature.inputs[0] ("a"): found 2 of this name',
    ),
    "half of a surrogate pair": (
        r'[{"type": "long", "name": "\ud800"}]',
        "signature.inputs: found a string that is not JSON",
    ),
    "a tensor without a spec": ('[{"type": "tensor"}]', 'expected the key "tensor-spec"'),
    "types nested very deep": (
        "[" + '{"type": "array", "items": ' * 800 + '{"type": "any"}' + "}" * 800 + "]",
        "",
    ),
    "brackets without an end": ("[" * 100_000, "not JSON"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED_SCHEMAS.values(), ids=REFUSED_SCHEMAS.keys())
def test_a_broken_schema_is_refused_with_its_place(text, message):
    with pytest.raises(InvalidModel) as refusal:
        read_signature({"inputs": text}, "m/MLmodel")
    assert str(refusal.value).startswith("m/MLmodel, signature.inputs")
    assert message in str(refusal.value)


@pytest.mark.parametrize("dtype", ["flot32", "i4,f4", "U5", "V8", 3, None, ""])
def test_a_tensor_of_no_plain_numpy_dtype_is_refused(dtype):
    tensor = {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": [-1]}}
    with pytest.raises(InvalidModel, match="dtype: found"):
        read_schema(json.dumps([tensor]))


@pytest.mark.parametrize("shape", [None, 3, [None], [-2], [1.5], [True], "3"])
def test_a_tensor_of_no_shape_is_refused(shape):
    tensor = {"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": shape}}
    with pytest.raises(InvalidModel, match=r"shape.*: found"):
        read_schema(json.dumps([tensor]))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"default": 1}, 'expected the key "type"'),
        ({"type": "long"}, 'expected the key "default"'),
        ({"type": "binary", "default": None}, 'type: found "binary", expected one of boolean'),
        ({"type": "any", "default": None}, 'type: found "any"'),
        ({"type": "long", "default": True}, "default: found true, expected a value of type long"),
        ({"type": "long", "default": 1.5}, "default: found 1.5"),
        ({"type": "double", "default": "1"}, 'default: found "1"'),
        ({"type": "double", "default": 10**400}, "default: found 1000"),
        (
            {"type": "datetime", "default": "noon"},
            'found "noon", expected a value of type datetime',
        ),
        ({"type": "long", "default": 1, "shape": [2]}, "shape: found a list, expected null"),
        ({"type": "long", "default": 1, "shape": [-1]}, "default: found 1, expected a list"),
        ({"type": "long", "default": [1, "2"], "shape": [-1]}, 'default[1]: found "2"'),
        ({"type": "object", "default": {}}, 'expected the key "properties"'),
        (
            {"type": "object", "properties": {"x": {"type": "long"}}, "default": 3},
            "default: found 3, expected a mapping",
        ),
        (
            {"type": "object", "properties": {"x": {"type": "any"}}, "default": [], "shape": [-1]},
            "expected a scalar type",
        ),
    ],
    ids=str,
)
def test_a_broken_param_is_refused_with_its_place(keys, message):
    with pytest.raises(InvalidModel) as refusal:
        _param(**keys)
    assert str(refusal.value).startswith('MLmodel, signature.params[0] ("p")')
    assert message in str(refusal.value)


def test_two_params_of_a_name_are_refused():
    param = {"name": "p", "type": "long", "default": 1}
    with pytest.raises(InvalidModel, match="one param of each name"):
        read_signature({"params": json.dumps([param, param])})


@pytest.mark.parametrize(
    "schema",
    [
        ColumnSchema(()),
        TensorSchema(()),
        ColumnSchema((Column(DataType.LONG, "a"), Column(DataType.LONG))),
        ColumnSchema((Column(DataType.LONG, required=False),)),
        TensorSchema((TensorSpec(np.dtype("f4"), (-1,)), TensorSpec(np.dtype("f4"), (-1,)))),
    ],
    ids=["no columns", "no tensors", "some names", "unnamed optional", "unnamed tensors"],
)
def test_a_schema_that_mlflow_could_not_read_is_not_written(schema):
    with pytest.raises(InvalidModel):
        write_schema(schema)


def test_a_default_without_a_json_form_is_not_written():
    with pytest.raises(InvalidModel, match='param "p": found a value of type object'):
        write_signature(Signature(params=(ParamSpec("p", DataType.STRING, object()),)))
