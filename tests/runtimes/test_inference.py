"""A signature inferred from data has MLflow's types and says what may be missing."""

from __future__ import annotations

import datetime as dt
import json
import subprocess

import numpy as np
import pandas as pd
import pytest
from mlserve.runtimes.errors import InvalidCell, SchemaViolation
from mlserve.runtimes.inference import infer_schema, infer_signature
from mlserve.runtimes.schema import (
    AnyType,
    Array,
    Column,
    ColumnSchema,
    DataType,
    Object,
    Property,
    TensorSchema,
    TensorSpec,
)
from mlserve.runtimes.signature import write_schema

# Examples as expressions, which MLflow evaluates too, in its own environment.
EXAMPLES = (
    "pd.DataFrame({'b': [True], 'i': np.array([1], 'int32'), 'l': [1], 'x': [1.5], 's': ['t']})",
    "pd.DataFrame({'f': np.array([1.5], 'float32'), 'u': np.array([1], 'uint16')})",
    "pd.DataFrame({'s': ['a', None], 'x': [1, None]})",
    "pd.DataFrame({'I': pd.Series([1, None], dtype='Int64')})",
    "pd.DataFrame({'c': pd.Series(['a', 'b'], dtype='category'), 'y': [b'a', b'b']})",
    "pd.DataFrame({'t': pd.to_datetime(['2026-01-02']), 'd': [dt.date(2026, 1, 2)]})",
    "pd.DataFrame({'a': [[1, 2], [3]], 'aa': [[['x']], [[]]], 'n': [np.array([1.5]), None]})",
    "pd.DataFrame({'o': [{'x': 1, 'y': 's'}, {'x': 2}], 'p': [{'q': [1.5]}, {'q': []}]})",
    "pd.DataFrame({'none': [None, None]})",
    "pd.Series([1, 2], name='s')",
    "np.zeros((2, 3), 'float32')",
    "np.array(['No', 'Yes'])",
    "np.array(['No', 'Yes'], object)",
    "np.array([b'a'])",
    "{'x': np.zeros((2, 3)), 'y': np.array([1, 2])}",
    "{'x': 1, 'y': ['a', 'b'], 'z': {'k': 1.5}}",
    "[{'x': 1, 'y': 's'}, {'x': None, 'y': 't'}]",
    "['a', 'b']",
    "[1.5, 2.5]",
)

ASK_MLFLOW = """
import datetime as dt, json, sys, warnings
import numpy as np, pandas as pd
from mlflow.models import infer_signature
warnings.simplefilter("ignore")
print(json.dumps([infer_signature(eval(text)).to_dict()["inputs"] for text in sys.argv[1:]]))
"""


@pytest.fixture(scope="module")
def mlflow_schemas(mlflow_python, tmp_path_factory) -> dict[str, str]:
    """The schema that MLflow infers from each example."""
    answer = subprocess.run(
        [mlflow_python, "-c", ASK_MLFLOW, *EXAMPLES],
        cwd=tmp_path_factory.mktemp("mlflow"),
        capture_output=True,
        check=True,
        timeout=120,
    )
    return dict(zip(EXAMPLES, json.loads(answer.stdout), strict=True))


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_schema_is_the_one_that_mlflow_infers(text, mlflow_schemas):
    schema = infer_schema(eval(text, {"dt": dt, "np": np, "pd": pd}))
    assert json.loads(write_schema(schema)) == json.loads(mlflow_schemas[text])


def infer_column(values, dtype=None) -> Column:
    schema = infer_schema(pd.DataFrame({"a": pd.Series(values, dtype=dtype)}))
    assert isinstance(schema, ColumnSchema)
    return schema.columns[0]


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("bool", DataType.BOOLEAN),
        ("int8", DataType.INTEGER),
        ("int32", DataType.INTEGER),
        ("uint16", DataType.INTEGER),
        ("uint32", DataType.LONG),
        ("int64", DataType.LONG),
        ("float32", DataType.FLOAT),
        ("float64", DataType.DOUBLE),
        ("datetime64[ns]", DataType.DATETIME),
        ("datetime64[s]", DataType.DATETIME),
        ("str", DataType.STRING),
        ("string", DataType.STRING),
        ("category", DataType.LONG),
        ("boolean", DataType.BOOLEAN),
        ("Float64", DataType.DOUBLE),
        ("object", DataType.LONG),
    ],
)
def test_a_column_gets_the_type_of_its_dtype(dtype, expected):
    assert infer_column([0, 1], dtype) == Column(expected, "a")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["x", "y"], DataType.STRING),
        ([b"x", bytearray(b"y")], DataType.BINARY),
        ([dt.date(2026, 1, 2)], DataType.DATETIME),
        ([[1, 2], []], Array(DataType.LONG)),
        ([np.array([1.5])], Array(DataType.DOUBLE)),
        ([[["x"]], None], Array(Array(DataType.STRING))),
        ([{"x": 1}], Object({"x": Property(DataType.LONG)})),
        (
            [{"x": 1, "y": None}, {"x": 2, "z": "s"}],
            Object(
                {
                    "x": Property(DataType.LONG),
                    "y": Property(AnyType(), required=False),
                    "z": Property(DataType.STRING, required=False),
                }
            ),
        ),
        ([None], AnyType()),
    ],
)
def test_a_column_of_objects_gets_the_type_that_fits_all_of_them(values, expected):
    assert infer_column(values, object).type == expected


def test_a_text_column_with_a_missing_value_is_optional():
    assert infer_column(["x", None]) == Column(DataType.STRING, "a", required=False)


def test_integers_that_pandas_can_leave_missing_are_optional_integers():
    assert infer_column([1, None], "Int64") == Column(DataType.LONG, "a", required=False)
    assert infer_column([1, None], object) == Column(DataType.LONG, "a", required=False)
    assert infer_column([1, 2], "Int32") == Column(DataType.INTEGER, "a", required=False)


def test_whole_floats_with_a_missing_value_stay_optional_doubles():
    assert infer_column([1, None]) == Column(DataType.DOUBLE, "a", required=False)


def test_a_table_without_names_has_unnamed_required_columns():
    schema = infer_schema(pd.DataFrame([[1, "x"], [2, None]]))
    assert schema == ColumnSchema((Column(DataType.LONG), Column(DataType.STRING)))


def test_an_array_is_a_tensor_of_any_number_of_rows():
    tensor = TensorSpec(np.dtype(np.float32), (-1, 4))
    assert infer_schema(np.zeros((3, 4), np.float32)) == TensorSchema((tensor,))


def test_an_array_of_text_has_no_length_in_its_type():
    tensor = TensorSpec(np.dtype(str), (-1,))
    assert infer_schema(np.array(["No", "Yes"])) == TensorSchema((tensor,))


def test_a_dict_of_arrays_is_named_tensors():
    schema = infer_schema({"x": np.zeros((2, 3)), "y": np.zeros(2, int)})
    named = TensorSpec(np.dtype(float), (-1, 3), "x"), TensorSpec(np.dtype(int), (-1,), "y")
    assert schema == TensorSchema(named)


def test_records_are_columns_and_one_that_is_absent_somewhere_is_optional():
    schema = infer_schema([{"x": 1, "y": "s"}, {"x": 2}])
    optional = Column(DataType.STRING, "y", required=False)
    assert schema == ColumnSchema((Column(DataType.LONG, "x"), optional))


def test_a_signature_holds_both_sides():
    signature = infer_signature(pd.DataFrame({"x": [1.5]}), pd.Series([True], name="left"))
    assert signature.inputs == ColumnSchema((Column(DataType.DOUBLE, "x"),))
    assert signature.outputs == ColumnSchema((Column(DataType.BOOLEAN, "left"),))


def test_a_column_of_several_types_is_refused_by_column_and_row():
    message = 'column "a", row 1: found a value of type string, expected long'
    with pytest.raises(InvalidCell, match=message):
        infer_column([1, "x"], object)


def test_times_in_a_time_zone_are_refused():
    with pytest.raises(InvalidCell, match="convert the column first"):
        infer_column(["2026-01-02"], "datetime64[ns, UTC]")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pd.DataFrame([[1, 2]], columns=["x", "x"]), 'two columns are named "x"'),
        (pd.DataFrame([[1, 2]], columns=[3, 4]), r"found the column name 3 \(int\)"),
        (pd.DataFrame(index=[0]), "the table has no columns"),
        ({1, 2}, "an object of type set"),
    ],
)
def test_what_no_signature_describes_is_refused(data, message):
    with pytest.raises(SchemaViolation, match=message):
        infer_schema(data)
