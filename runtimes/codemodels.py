"""Models that are Python files, which state their model with ``mlflow.models.set_model``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from re import split
from typing import Any
from uuid import uuid4

from .errors import InvalidModel
from .modelfolder import model_file
from .standin.configuration import running_code
from .standin.python_models import FunctionPythonModel


def read_code_model(folder: Path, flavor: Mapping[str, Any]) -> Any:
    """Return the object that the model's code file passes to ``mlflow.models.set_model``.

    MLmodel has the path that the file had where the model was saved; its name is what counts.
    """
    file = model_file(folder, split(r"[\\/]", str(flavor.get("model_code_path")))[-1])
    name = f"code_model_{uuid4().hex}"
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise InvalidModel(file, f"a file of the type {file.suffix}", "a Python file")
    module = sys.modules[name] = module_from_spec(spec)
    with running_code(flavor.get("config")) as run:
        spec.loader.exec_module(module)
    if run.model is None:
        raise InvalidModel(file, "no model", "a call of mlflow.models.set_model(model)")
    return run.model if hasattr(run.model, "predict") else FunctionPythonModel(run.model)
