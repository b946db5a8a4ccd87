"""The description of a service is valid OpenAPI and true to the signature."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
import orjson
import pytest
from mlserve.runtimes.columns import count_rows
from mlserve.runtimes.modelspec import ModelSpec
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
from mlserve.serve.examples import choose_example, make_example
from mlserve.serve.openapi import describe
from mlserve.serve.statuses import STATUSES
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from .services import model_of, serve, try_examples

FLOAT64 = np.dtype(np.float64)
EVERY_TYPE = ColumnSchema(tuple(Column(kind, kind.value) for kind in DataType))
COMPLEX = ColumnSchema(
    (
        Column(Array(DataType.LONG), "array", required=False),
        Column(
            Object({"x": Property(DataType.STRING), "y": Property(DataType.LONG, required=False)}),
            "object",
        ),
        Column(Map(Array(DataType.DOUBLE)), "map"),
        Column(AnyType(), "any"),
        Column(SparkVector(), "vector"),
        Column(DataType.LONG, "optional", required=False),
    )
)
SIGNATURES = {
    "no inputs": Signature(),
    "every type": Signature(EVERY_TYPE, outputs=EVERY_TYPE),
    "nested types": Signature(COMPLEX, outputs=COMPLEX),
    "one named column": Signature(ColumnSchema((Column(DataType.STRING, "text"),))),
    "one unnamed column": Signature(
        ColumnSchema((Column(DataType.STRING),)), ColumnSchema((Column(DataType.STRING),))
    ),
    "unnamed columns": Signature(
        ColumnSchema((Column(DataType.LONG), Column(DataType.DOUBLE))),
        ColumnSchema((Column(DataType.LONG), Column(DataType.DOUBLE))),
    ),
    "tensor": Signature(
        TensorSchema((TensorSpec(FLOAT64, (-1, 4)),)),
        TensorSchema((TensorSpec(np.dtype(np.int64), (-1,)),)),
    ),
    "named tensors": Signature(
        TensorSchema(
            (
                TensorSpec(np.dtype(bool), (-1,), "flag"),
                TensorSpec(np.dtype(object), (-1, 2), "text"),
                TensorSpec(np.dtype(np.uint8), (-1, 2, 2), "pixels"),
            )
        )
    ),
    "params": Signature(
        ColumnSchema((Column(DataType.LONG, "a"),)),
        params=(
            ParamSpec("temperature", DataType.DOUBLE, 0.5),
            ParamSpec("stops", DataType.STRING, ["a"], (-1,)),
            ParamSpec("since", DataType.DATETIME, np.datetime64("2020-01-01", "s")),
            ParamSpec("format", Object({"x": Property(DataType.STRING)}), {"x": "y"}),
            ParamSpec("limit", DataType.LONG, None),
        ),
    ),
    "hostile names": Signature(
        ColumnSchema((Column(DataType.LONG, "a/b~{}"), Column(DataType.LONG, '"<script>')))
    ),
}


def spec_of(signature: Signature | None, flavor: str = "sklearn", *, hinted: bool = False) -> Any:
    return ModelSpec({flavor: {}}, signature, is_signature_from_type_hint=hinted)


def describe_model(signature: Signature | None, example: bytes | None = None, **kind: Any) -> Any:
    document = describe(spec_of(signature, **kind), example, "churn", "3")
    return json.loads(orjson.dumps(document))


def is_valid(document: Any, component: str, value: Any) -> bool:
    schema = {**document, "$ref": f"#/components/schemas/{component}"}
    return OAS31Validator(schema).is_valid(value)


@pytest.mark.parametrize("signature", SIGNATURES.values(), ids=SIGNATURES.keys())
@pytest.mark.parametrize("flavor", ["sklearn", "python_function"])
def test_the_description_is_valid_openapi(signature: Signature, flavor: str) -> None:
    OpenAPIV31SpecValidator(describe_model(signature, flavor=flavor)).validate()


def test_a_model_without_signature_is_described() -> None:
    document = describe_model(None)
    OpenAPIV31SpecValidator(document).validate()
    assert is_valid(document, "Request", {"inputs": [[1, 2]]})


@pytest.mark.parametrize("signature", SIGNATURES.values(), ids=SIGNATURES.keys())
def test_the_example_fits_the_description(signature: Signature) -> None:
    document = describe_model(signature)
    content = document["paths"]["/invocations"]["post"]["requestBody"]["content"]
    if signature.inputs is None:
        assert "example" not in content["application/json"]
    else:
        assert is_valid(document, "Request", content["application/json"]["example"])


class OneEach:
    """A runtime that takes any input and answers 1 for each row."""

    is_row_wise, concurrency, own_params = True, 1, frozenset[str]()

    def predict(self, data: Any, _: Any) -> list[int]:
        return [1] * count_rows(data)

    def close(self) -> None:
        pass


@pytest.mark.parametrize("signature", SIGNATURES.values(), ids=SIGNATURES.keys())
def test_the_examples_made_of_a_signature_are_requests_that_work(signature: Signature) -> None:
    examples = serve(model_of(OneEach(), signature), try_examples)
    assert {answer.text for _, answer in examples} <= {'{"predictions":[1]}'}
    assert len(examples) > 0 or signature.inputs is None


def test_the_recorded_example_stands_before_one_made_up() -> None:
    document = describe_model(SIGNATURES["tensor"], b'{"inputs": [[1, 2, 3, NaN]]}')
    content = document["paths"]["/invocations"]["post"]["requestBody"]["content"]
    assert content["application/json"]["example"] == {"inputs": [[1, 2, 3, None]]}


def test_a_recorded_example_too_large_to_read_is_not_shown() -> None:
    recorded = orjson.dumps({"inputs": [[0.5] * 4] * 20_000})
    assert choose_example(SIGNATURES["tensor"], recorded) == {"inputs": [[0.0] * 4]}


def test_the_csv_example_is_a_header_and_a_row() -> None:
    content = describe_model(Signature(EVERY_TYPE))["paths"]["/invocations"]["post"]["requestBody"]
    header, row = csv.reader(io.StringIO(content["content"]["text/csv"]["example"]))
    assert header == list(EVERY_TYPE.names)
    assert len(row) == len(header)


def test_columns_that_csv_cannot_hold_have_no_csv_example() -> None:
    content = describe_model(Signature(COMPLEX))["paths"]["/invocations"]["post"]["requestBody"]
    assert "example" not in content["content"]["text/csv"]


def test_every_status_of_an_error_is_described() -> None:
    responses = describe_model(None)["paths"]["/invocations"]["post"]["responses"]
    assert set(responses) == {"200", *(str(status.http) for status in STATUSES.values())}


ROWS = Signature(
    ColumnSchema(
        (
            Column(DataType.LONG, "n"),
            Column(DataType.DOUBLE, "x"),
            Column(DataType.BOOLEAN, "maybe", required=False),
        )
    ),
    TensorSchema((TensorSpec(FLOAT64, (-1, 2)),)),
)
GOOD = [
    {"dataframe_split": {"columns": ["x", "n"], "data": [[0.5, 1]]}},
    {"dataframe_split": {"columns": ["n", "x"], "index": [7], "data": [[1, None]]}, "params": 5},
    {"dataframe_records": [{"n": 1, "x": 0.5}, {"n": 1, "x": None, "maybe": None, "more": 1}]},
    {"instances": [{"n": 1, "x": 0.5}]},
    {"instances": {"n": [1], "x": [0.5]}},
    {"inputs": {"n": [1], "x": [0.5]}, "unknown": 1},
    {"inputs": {"n": 1, "x": 0.5}},
]
BAD = [
    {},
    [],
    {"dataframe_split": {"columns": ["x"], "data": [[0.5]]}},
    {"dataframe_split": {"data": [[1, 0.5]]}},
    {"dataframe_records": [{"x": 0.5}]},
    {"dataframe_records": [{"n": None, "x": 0.5}]},
    {"instances": [{"n": "one", "x": 0.5}]},
    {"inputs": {"n": [1]}},
    {"inputs": {"n": [1], "x": [1]}, "instances": [{"n": 1, "x": 1}]},
    {"messages": []},
]


@pytest.mark.parametrize("body", GOOD, ids=json.dumps)
def test_a_body_that_the_service_takes_fits_the_description(body: Any) -> None:
    assert is_valid(describe_model(ROWS), "Request", body)


@pytest.mark.parametrize("body", BAD, ids=json.dumps)
def test_a_body_that_the_service_refuses_does_not_fit(body: Any) -> None:
    assert not is_valid(describe_model(ROWS), "Request", body)


def test_a_python_function_takes_chat_requests_too() -> None:
    document = describe_model(None, flavor="python_function")
    assert is_valid(document, "Request", {"messages": [{"role": "user", "content": "hello"}]})


def test_a_model_with_type_hints_takes_inputs_alone() -> None:
    document = describe_model(SIGNATURES["one unnamed column"], hinted=True)
    assert is_valid(document, "Request", {"inputs": ["a"]})
    assert not is_valid(document, "Request", {"instances": ["a"]})


def test_the_answer_follows_the_outputs() -> None:
    document = describe_model(ROWS)
    assert is_valid(document, "Answer", {"predictions": [[0.5, None]]})
    assert not is_valid(document, "Answer", {"predictions": [[0.5]]})
    assert not is_valid(document, "Answer", {})


def test_a_param_has_its_default_and_may_be_null() -> None:
    document = describe_model(SIGNATURES["params"])
    properties = document["components"]["schemas"]["Params"]["properties"]
    assert properties["temperature"]["default"] == 0.5
    assert properties["since"]["default"] == "2020-01-01T00:00:00"
    assert is_valid(document, "Params", {"temperature": None, "stops": ["a", "b"], "other": 1})
    assert not is_valid(document, "Params", {"temperature": "hot"})


def test_an_error_has_mlflows_shape() -> None:
    document = describe_model(None)
    assert is_valid(document, "Error", {"error_code": "BAD_REQUEST", "message": "no"})
    assert not is_valid(document, "Error", {"detail": "no"})


def test_no_example_is_made_up_for_a_tensor_nobody_could_read() -> None:
    image = TensorSpec(np.dtype(np.float32), (-1, 3, 224, 224))
    assert make_example(Signature(TensorSchema((image,)))) is None


def test_a_made_up_tensor_has_the_declared_shape() -> None:
    example = make_example(SIGNATURES["named tensors"])
    assert example == {
        "inputs": {"flag": [False], "text": [["text", "text"]], "pixels": [[[0, 0], [0, 0]]]}
    }


@pytest.mark.parametrize(
    "dtype", ["int8", "uint64", "float16", "bool", "str", "bytes", "datetime64[ns]", "object"]
)
def test_a_tensor_of_any_type_can_be_made_up(dtype: str) -> None:
    example = make_example(Signature(TensorSchema((TensorSpec(np.dtype(dtype), (-1,)),))))
    assert example is not None
    assert orjson.loads(orjson.dumps(example)) == example
