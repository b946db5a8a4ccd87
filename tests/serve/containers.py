"""Containers without an engine: the files of an image, its entry point, a platform's variables."""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import yaml
from mlserve.runtimes.schema import Column, ColumnSchema, DataType, Signature
from mlserve.runtimes.signature import write_signature
from skl2onnx.common.data_types import FloatTensorType

from ..runtimes.trained import IRIS, compile_onnx, iris_classifier, write_onnx
from .processes import Program, running

ROOT = Path(__file__).parents[2]
NAMES = list(IRIS.data.columns)
ROWS = IRIS.data.iloc[[0, 60, 120]].to_numpy().tolist()


def write_app(folder: Path) -> Path:
    """Write the mlserve that an image holds, the rooms runtimes and serve."""
    package = folder / "mlserve"
    ignored = shutil.ignore_patterns("__pycache__")
    for room in ("runtimes", "serve"):
        shutil.copytree(ROOT / room, package / room, ignore=ignored)
    shutil.copy(ROOT / "__init__.py", package)
    return folder


def write_iris(folder: Path) -> Path:
    """Write an ONNX model of two outputs, with a signature of columns and an example."""
    graph = compile_onnx(iris_classifier(), [("x", FloatTensorType([None, len(NAMES)]))])
    write_onnx(folder, graph)
    columns = ColumnSchema(tuple(Column(DataType.DOUBLE, name) for name in NAMES))
    example = {"dataframe_split": {"columns": NAMES, "data": ROWS}}
    (folder / "serving_input_example.json").write_text(json.dumps(example))
    return _declare(folder, Signature(columns))


def write_held_model(folder: Path) -> Path:
    """Write a model that predicts only once its folder holds the file "go"."""
    folder.mkdir()
    (folder / "model.py").write_text(
        "import time\nfrom pathlib import Path\nfrom mlflow.models import set_model\n"
        f"folder = Path({str(folder)!r})\n"
        "def predict(model_input):\n"
        "    (folder / 'asked').touch()\n"
        "    while not (folder / 'go').exists():\n"
        "        time.sleep(0.005)\n"
        "    return [1] * len(model_input)\n"
        "set_model(predict)\n"
    )
    flavor = {"loader_module": "mlflow.pyfunc.loaders.code_model", "model_code_path": "model.py"}
    (folder / "MLmodel").write_text(yaml.safe_dump({"flavors": {"python_function": flavor}}))
    return folder


def contained(app: Path, *arguments: str, **environment: str) -> AbstractContextManager[Program]:
    """Run the entry point of an image with the files in ``app``, as a platform would."""
    fixed = {"PYTHONPATH": str(app), "PYTHONSAFEPATH": "1", "MLSERVE_LOG_FORMAT": "json"}
    command = (sys.executable, "-m", "mlserve.serve.container", *arguments)
    return running(*command, **fixed | environment)


def _declare(folder: Path, signature: Signature) -> Path:
    document = yaml.safe_load((folder / "MLmodel").read_text())
    document["signature"] = write_signature(signature)
    (folder / "MLmodel").write_text(yaml.safe_dump(document))
    return folder
