"""Models that are Python objects, as functions of a request's data and params."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .columns import ModelInput
from .errors import InvalidModel
from .modelfolder import MLMODEL, model_file
from .standin.python_models import PythonModelContext
from .typehints import input_reader, read_hint

Call = Callable[[Any, Mapping[str, Any]], Any]
Read = Callable[[ModelInput], Any]


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
        return lambda value, _: function(*first, value)
    return lambda value, params: function(*first, value, params=dict(params))


def bind_python_model(model: Any, context: Any, method: str) -> Call:
    """Return a `PythonModel`'s method as a function of input and params.

    The context is passed where the method takes it.
    """
    function = getattr(model, method, None)
    takes_context = callable(function) and _takes_context(function)
    return bind_call(model, method, *([context] if takes_context else []))


def bind_input(model: Any, method: str, from_example: bool) -> Read | None:
    """Return what turns a request's data into what the model's type hint says, if it has one."""
    is_function = type(model).__name__.endswith("FunctionPythonModel")
    function = model.func if is_function else getattr(model, method)
    remembered = getattr(model, "_predict_type_hints", None)
    hint = remembered.input if remembered else read_hint(function, int(_takes_context(function)))
    return input_reader(hint, getattr(function, "_is_pyfunc", False), from_example)


def _takes_context(function: Callable[..., Any]) -> bool:
    """Whether an argument has that name, or there are two beside params."""
    names = inspect.signature(function).parameters
    return "context" in names or len(names.keys() - {"params"}) == 2
