"""The stand-in for mlflow, each time in a process of its own, for imports are global."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def run(code: str, *paths: Path) -> str:
    """Run ``code`` after the stand-in is offered, and return what it prints."""
    start = f"import sys; sys.path[:0] = {[str(path) for path in paths]}\n"
    offer = "from mlserve.runtimes.standin import *\noffered = install_standin()\n"
    done = subprocess.run(
        [sys.executable, "-c", start + offer + code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_offers_nothing():
    code = "import sys, mlserve.runtimes.standin as s; print('Standin' in repr(sys.meta_path))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_it_is_offered_where_mlflow_is_absent():
    assert run("import mlflow; print(offered, mlflow.pyfunc.PythonModel.__name__)") == (
        "True PythonModel"
    )


def test_a_real_mlflow_is_found_first_and_never_completed(tmp_path: Path):
    (tmp_path / "mlflow").mkdir()
    (tmp_path / "mlflow" / "__init__.py").write_text("real = True\n")
    code = """
import mlflow
try:
    import mlflow.pyfunc
except ModuleNotFoundError as error:
    print(offered, mlflow.real, error)
"""
    assert run(code, tmp_path) == "False True No module named 'mlflow.pyfunc'"


def test_it_is_offered_once_however_often():
    code = "install_standin(); print(sum('Standin' in repr(f) for f in sys.meta_path))"
    assert run(code) == "1"


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("import mlflow; mlflow.sklearn", "mlflow.sklearn"),
        ("import mlflow.sklearn", "mlflow.sklearn"),
        ("from mlflow.pyfunc import ChatModel", "mlflow.pyfunc.ChatModel"),
        ("from mlflow.pyfunc.model import ResponsesAgent", "mlflow.pyfunc.model.ResponsesAgent"),
    ],
)
def test_what_it_does_not_have_is_named(statement: str, name: str):
    code = f"""
try:
    {statement}
except (ImportError, AttributeError) as error:
    print(absent_name(error))
"""
    assert run(code) == name


def test_an_error_of_another_kind_is_not_put_on_mlflow():
    code = """
import mlflow
hasattr(mlflow, "sklearn")
print(absent_name(AttributeError("no sklearn here")), absent_name(ValueError("mlflow.sklearn")))
"""
    assert run(code) == "None None"


def test_a_probe_with_hasattr_is_answered_with_no():
    assert run("import mlflow; print(hasattr(mlflow, 'sklearn'))") == "False"


def test_what_only_training_uses_can_be_imported_and_fails_when_called():
    code = """
from mlflow.models import infer_signature
try:
    infer_signature([1])
except ModuleNotFoundError as error:
    print(error)
"""
    assert run(code) == (
        "this model calls mlflow.models.infer_signature, which needs mlflow installed: "
        "pip install mlflow"
    )


def test_tracing_changes_nothing():
    code = """
import mlflow
from mlflow.entities import SpanType

@mlflow.trace
def plain(x):
    return x

@mlflow.trace(name="n", span_type=SpanType.AGENT)
def named(x):
    with mlflow.start_span(name="s") as span:
        span.set_inputs(x)
        span.set_attributes({"a": 1})
    return x

print(plain(1), named(2), mlflow.get_current_active_span())
"""
    assert run(code) == "1 2 None"


def test_an_exception_has_mlflows_code_and_status():
    code = """
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST
error = MlflowException("gone", error_code=RESOURCE_DOES_NOT_EXIST)
print(error, error.error_code, error.get_http_status_code())
print(MlflowException("x").get_http_status_code())
print(MlflowException.invalid_parameter_value("x").get_http_status_code())
"""
    assert run(code).split() == ["gone", "RESOURCE_DOES_NOT_EXIST", "404", "500", "400"]


def test_a_model_config_of_development_is_read_outside_a_load(tmp_path: Path):
    (tmp_path / "config.yaml").write_text("k: 1\n")
    code = f"""
from mlflow.models import ModelConfig
print(ModelConfig(development_config={{"k": 2}}).get("k"))
print(ModelConfig(development_config={str(tmp_path / "config.yaml")!r}).to_dict())
"""
    assert run(code) == "2\n{'k': 1}"


def test_schemas_answer_for_their_columns():
    code = """
from mlflow.types import ColSpec, Schema, TensorSpec
import numpy as np
schema = Schema([ColSpec("double", "a"), ColSpec("string", "b", required=False)])
print(schema.input_names(), schema.required_input_names(), schema.is_tensor_spec(), len(schema))
print(Schema([TensorSpec(np.dtype("f8"), (-1, 2))]).is_tensor_spec())
"""
    assert run(code) == "['a', 'b'] ['a'] False 2\nTrue"
