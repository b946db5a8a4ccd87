# ruff: noqa: ARG002 - MLflow says which arguments a model's predict has.
"""The models of the comparison, saved by the real MLflow; imported by MLflow's interpreter alone.

Most of them are mirrors: they answer with what they were given, and of which type it was.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from math import isnan
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import onnx
import pandas as pd
import pydantic
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.protos import databricks_pb2
from mlflow.pyfunc import PythonModel
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec
from mlflow.types.schema import AnyType, Array, Map, Object, Property
from model_answers import ANSWERS, CODES, Message  # type: ignore[import-not-found]
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

NUMERIC = Schema([ColSpec("double", name) for name in "abc"])
SCALARS = ["boolean", "integer", "long", "float", "double", "string", "binary", "datetime"]


def describe(value: Any) -> Any:
    """Return ``value`` and the types in it, as far as a model could tell."""
    if isinstance(value, pd.DataFrame):
        cells = {str(name): [describe(cell) for cell in value[name]] for name in value}
        return {"frame": cells, "types": {str(n): kind_of(value[n].dtype) for n in value}}
    if isinstance(value, np.ndarray):
        items = [describe(item) for item in value] if value.ndim else value.item()
        return {"array": items, "shape": list(value.shape), "type": kind_of(value.dtype)}
    if isinstance(value, dict):
        return {"dict": {name: describe(member) for name, member in value.items()}}
    if isinstance(value, list):
        return [describe(item) for item in value]
    if value is None or value is pd.NaT or (isinstance(value, float) and isnan(value)):
        return None
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, np.datetime64):
        return {"moment": pd.Timestamp(value).isoformat()}
    if isinstance(value, dt.date):
        return {"moment": pd.Timestamp(value).isoformat()}
    if isinstance(value, pydantic.BaseModel):
        return {"model": value.model_dump()}
    return value.item() if isinstance(value, np.generic) else value


def kind_of(dtype: Any) -> str:
    """Return a type's name; texts and mixed objects are told apart by their values."""
    name = str(dtype)
    return "object" if name in {"str", "string"} or name.startswith(("<U", "|S")) else name


class Mirror(PythonModel):
    def predict(self, context, model_input, params=None):
        return describe(model_input)


class MirrorOfParams(PythonModel):
    def predict(self, context, model_input, params=None):
        return {name: describe(value) for name, value in params.items()}


class ContextFree(PythonModel):
    def predict(self, model_input):
        return (model_input["a"] * 2).tolist()


class Words(PythonModel):
    def predict(self, model_input: list[str], params=None):
        return [word.upper() for word in model_input]


class Messages(PythonModel):
    def predict(self, model_input: list[Message], params=None):
        return [describe(message) for message in model_input]


def double(model_input):
    return (model_input["a"] * 2).tolist()


def fail(error: Exception) -> Callable[[], Any]:
    """Return a function that raises ``error``."""

    def raise_error() -> Any:
        raise error

    return raise_error


FAILURES = {
    "value_error": fail(ValueError("no")),
    "assertion": fail(AssertionError()),
    "exception_of_mlflow": fail(MlflowException("no")),
} | {code: fail(MlflowException("no", getattr(databricks_pb2, code))) for code in CODES}


class Answers(PythonModel):
    def predict(self, model_input):
        return {**ANSWERS, **FAILURES}[model_input["kind"].iloc[0]]()


CODE = """
import mlflow
from mlflow.pyfunc import PythonModel

class M(PythonModel):
    def predict(self, context, model_input, params=None):
        return [float(n) for n in model_input["a"]]

mlflow.models.set_model(M())
"""


def numbers() -> pd.DataFrame:
    """Return thirty rows of three features."""
    return pd.DataFrame(np.random.default_rng(7).normal(size=(30, 3)), columns=list("abc"))


def classifier(data: Any) -> Any:
    target = np.asarray(data)[:, 0] > 0
    return LogisticRegression().fit(data, target.astype(int) + 5)


def customers() -> pd.DataFrame:
    """Return rows with a column of each scalar type, in the order of `SCALARS`."""
    rng, count = np.random.default_rng(11), 40
    return pd.DataFrame(
        {
            "boolean": rng.random(count) > 0.5,
            "integer": rng.integers(0, 9, count, np.int32),
            "long": rng.integers(0, 2**40, count),
            "float": rng.random(count, np.float32),
            "double": rng.random(count),
            "string": rng.choice(["x", "y", "z"], count),
            "binary": [b"ab"] * count,
            "datetime": pd.to_datetime(["2020-01-02"] * count),
        }
    )


def mixed_classifier() -> Any:
    split = make_column_transformer(
        (StandardScaler(), SCALARS[:5]), (OneHotEncoder(handle_unknown="ignore"), ["string"])
    )
    frame = customers()
    return make_pipeline(split, LogisticRegression()).fit(frame, frame["double"] > 0.5)


def scalar_schema(*, required: bool) -> Schema:
    return Schema([ColSpec(kind, kind, required) for kind in SCALARS])


def csv_schema(*, required: bool) -> Schema:
    """Return the columns of `scalar_schema` that MLflow can read from a CSV."""
    return Schema([ColSpec(kind, kind, required) for kind in SCALARS if kind != "datetime"])


def nested_schema() -> Schema:
    members = [Property("x", DataType.string), Property("y", DataType.double, required=False)]
    return Schema(
        [
            ColSpec(Array(DataType.long), "longs"),
            ColSpec(Array(Array(DataType.double)), "matrix", required=False),
            ColSpec(Object(members), "object"),
            ColSpec(Map(DataType.integer), "map", required=False),
            ColSpec(Array(Object(members)), "objects", required=False),
            ColSpec(AnyType(), "any", required=False),
            ColSpec("string", "text", required=False),
        ]
    )


def params_schema() -> ParamSchema:
    return ParamSchema(
        [
            ParamSpec("flag", "boolean", default=False),
            ParamSpec("count", "integer", default=3),
            ParamSpec("long", "long", default=2),
            ParamSpec("float", "float", default=0.5),
            ParamSpec("double", "double", default=1.5),
            ParamSpec("word", "string", default="a"),
            ParamSpec("moment", "datetime", np.datetime64("2020-01-02T03:04:05")),
            ParamSpec("counts", "long", [1, 2], (-1,)),
            ParamSpec("words", "string", ["u"], (-1,)),
        ]
    )


def several_outputs() -> Any:
    """Return a graph of two inputs and three outputs: a row's sum, its double, and the two."""
    value = helper.make_tensor_value_info
    nodes = [
        helper.make_node("Add", ["a", "b"], ["sum"]),
        helper.make_node("Add", ["sum", "sum"], ["double"]),
        helper.make_node("Concat", ["sum", "double"], ["both"], axis=1),
    ]
    inputs = [value(name, TensorProto.FLOAT, ("rows", 1)) for name in "ab"]
    outputs = [value(name, TensorProto.FLOAT, ("rows", 1)) for name in ("sum", "double")]
    outputs.append(value("both", TensorProto.FLOAT, ("rows", 2)))
    graph = helper.make_graph(nodes, "several", inputs, outputs)
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])


def two_inputs() -> Any:
    """Return a graph of two inputs and two outputs of one entry a row each."""
    model = several_outputs()
    del model.graph.node[2], model.graph.output[2]
    onnx.checker.check_model(model)
    return model


def regression_graph() -> Any:
    frame = numbers()
    model = LinearRegression().fit(frame.to_numpy(np.float32), frame.sum(axis=1))
    return to_onnx(model, frame.to_numpy(np.float32)[:1])


def classification_graph() -> Any:
    data = numbers().to_numpy(np.float32)
    return to_onnx(classifier(data), data[:1], options={"zipmap": False})


def mirrors() -> Iterator[tuple[str, ModelSignature | None]]:
    """Yield the names and signatures of the models that answer with what they are given."""
    matrix = [TensorSpec(np.dtype(np.float32), (-1, 2))]
    named = [TensorSpec(np.dtype(np.int64), (-1, 3), "m"), TensorSpec(np.dtype(float), (-1,), "v")]
    schemas = {
        "scalars": scalar_schema(required=True),
        "optional": scalar_schema(required=False),
        "csv_required": csv_schema(required=True),
        "csv_optional": csv_schema(required=False),
        "unnamed": Schema([ColSpec("double"), ColSpec("long"), ColSpec("string")]),
        "unnamed_column": Schema([ColSpec("double")]),
        "one_column": Schema([ColSpec("string", "text")]),
        "one_number": Schema([ColSpec("long", "n")]),
        "nested": nested_schema(),
        "matrix": Schema(matrix),
        "tensors": Schema(named),
    }
    yield "anything", None
    yield from ((name, ModelSignature(schema)) for name, schema in schemas.items())


def save_python_models(folder: Path) -> None:
    def save(name: str, model: Any, signature: Any = None) -> None:
        mlflow.pyfunc.save_model(
            folder / name, python_model=model, signature=signature, pip_requirements=["pandas"]
        )

    for name, signature in mirrors():
        save(name, Mirror(), signature)
    save("params", MirrorOfParams(), ModelSignature(NUMERIC, params=params_schema()))
    save("context_free", ContextFree(), ModelSignature(NUMERIC))
    save("function", double, ModelSignature(NUMERIC))
    save("words", Words())
    save("messages", Messages())
    save("answers", Answers(), ModelSignature(Schema([ColSpec("string", "kind")])))
    file = folder / "stated.py"
    file.write_text(CODE)
    save("code", str(file), ModelSignature(NUMERIC))


def save_sklearn_models(folder: Path) -> None:
    frame, tensor = numbers(), Schema([TensorSpec(np.dtype(float), (-1, 3))])

    def save(name: str, model: Any, schema: Schema | None, **options: Any) -> None:
        options = {"serialization_format": "cloudpickle", **options}
        mlflow.sklearn.save_model(
            model,
            folder / name,
            signature=schema and ModelSignature(schema),
            pip_requirements=["scikit-learn"],
            **options,
        )

    save("sklearn_pickle", classifier(frame), NUMERIC, serialization_format="pickle")
    save(
        "sklearn_skops",
        LinearRegression().fit(frame, frame.sum(axis=1)),
        NUMERIC,
        serialization_format="skops",
    )
    save("sklearn_proba", classifier(frame), NUMERIC, pyfunc_predict_fn="predict_proba")
    save("sklearn_mixed", mixed_classifier(), scalar_schema(required=True))
    save("sklearn_unnamed", classifier(frame.to_numpy()), Schema([ColSpec("double")] * 3))
    save("sklearn_tensor", classifier(frame.to_numpy()), tensor)
    save("sklearn_anything", classifier(frame.to_numpy()), None)


def save_onnx_models(folder: Path) -> None:
    single = Schema([ColSpec("float", name) for name in "abc"])
    pair = Schema([ColSpec("float", name) for name in "ab"])
    tensor = Schema([TensorSpec(np.dtype(np.float32), (-1, 3))])
    tensors = Schema([TensorSpec(np.dtype(np.float32), (-1, 1), name) for name in "ab"])
    models = {
        "onnx_regression": (regression_graph(), single),
        "onnx_classification": (classification_graph(), single),
        "onnx_tensor": (classification_graph(), tensor),
        "onnx_anything": (regression_graph(), None),
        "onnx_inputs": (two_inputs(), pair),
        "onnx_input_tensors": (two_inputs(), tensors),
        "onnx_outputs": (several_outputs(), pair),
    }
    for name, (model, schema) in models.items():
        mlflow.onnx.save_model(
            model,
            folder / name,
            signature=schema and ModelSignature(schema),
            pip_requirements=["onnxruntime"],
        )


def save_all(folder: Path) -> None:
    """Save every model, each in a folder of its name below ``folder``."""
    save_python_models(folder)
    save_sklearn_models(folder)
    save_onnx_models(folder)
