"""Models that are Python objects: read from a pickle or from their own code, and made callable."""

from __future__ import annotations

import bz2
import gzip
import inspect
import lzma
import sys
from collections.abc import Callable, Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from re import split
from typing import Any
from uuid import uuid4

from .columns import ModelInput
from .errors import InvalidModel, MissingExtra
from .modelfolder import MLMODEL, model_file
from .standin.configuration import running_code
from .standin.python_models import FunctionPythonModel, PythonModelContext
from .typehints import input_reader, read_hint

Call = Callable[[Any, Mapping[str, Any]], Any]
Read = Callable[[ModelInput], Any]

_OPENERS: Mapping[str, Callable[..., Any]] = {
    "bzip2": bz2.open,
    "gzip": gzip.open,
    "lzma": lzma.open,
}


def read_pickled_model(folder: Path, flavor: Mapping[str, Any]) -> Any:
    """Return the object that the model was pickled from."""
    if not isinstance(name := flavor.get("python_model"), str):
        raise InvalidModel(folder / MLMODEL, "no python_model", "the path of a pickle")
    try:
        import cloudpickle
    except ModuleNotFoundError as error:
        raise MissingExtra("a pickled Python model", "cloudpickle", "sklearn") from error
    opener = _OPENERS.get(flavor.get("python_model_compression") or "", open)
    with opener(model_file(folder, name), "rb") as file:
        return cloudpickle.load(file)


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


def read_context(folder: Path, flavor: Mapping[str, Any]) -> PythonModelContext:
    """Return the artifacts, by name, and the configuration that the model was saved with."""
    artifacts = {
        str(name): str(model_file(folder, artifact["path"]))
        for name, artifact in (flavor.get("artifacts") or {}).items()
    }
    return PythonModelContext(artifacts, flavor.get("config") or None)


def bind_call(model: Any, method: str, *first: Any) -> Call:
    """Return a method of the model as a function of input and params.

    ``first`` goes before the input. Params are passed only where the method has the argument.
    """
    function = getattr(model, method, None)
    if not callable(function):
        expected = f"a model with the method {method}"
        raise InvalidModel(MLMODEL, f"a model of the type {type(model).__name__}", expected)
    argument = inspect.signature(function).parameters.get("params")
    if argument is None or argument.kind is inspect.Parameter.VAR_KEYWORD:
        return lambda value, params: function(*first, value)
    return lambda value, params: function(*first, value, params=dict(params))


def bind_python_model(model: Any, context: Any, method: str) -> Call:
    """Return a `PythonModel`'s method as a function of input and params.

    The context is passed where the method takes it: where an argument has that name, or there are
    two beside params.
    """
    names = inspect.signature(getattr(model, method)).parameters if hasattr(model, method) else {}
    takes_context = "context" in names or len(names.keys() - {"params"}) == 2
    return bind_call(model, method, *([context] if takes_context else []))


def bind_input(model: Any, method: str, from_example: bool) -> Read | None:
    """Return what turns a request's data into what the model's type hint says, if it has one."""
    function = getattr(model, "func", None) or getattr(model, method)
    names = [name for name in inspect.signature(function).parameters if name != "params"]
    remembered = getattr(model, "_predict_type_hints", None)
    hint = remembered.input if remembered else read_hint(function, int(len(names) == 2))
    return input_reader(hint, getattr(function, "_is_pyfunc", False), from_example)
