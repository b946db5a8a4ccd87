"""The flavor ``python_function``: whatever has a predict method, found by its loader module."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from .columns import Columns, ModelInput, unwrap
from .compatibility import check_python
from .contract import LoadOptions, Runtime
from .errors import InvalidModel, MissingExtra
from .loadfailures import failed_load
from .modelcode import ModelCode, install_code, modules_in
from .modelfolder import MLMODEL, model_file
from .modelspec import ModelSpec
from .pythonmodels import Call, Read, bind_call, bind_input, bind_python_model, read_context
from .schema import ColumnSchema
from .standin import install_standin
from .trust import vouch

FLAVOR = "python_function"

_PICKLED = "mlflow.pyfunc.model"
_FROM_CODE = "mlflow.pyfunc.loaders.code_model"
_READERS = {
    _PICKLED: ".pickledmodels:read_pickled_model",
    _FROM_CODE: ".codemodels:read_code_model",
}
"""The loader modules of MLflow's own that need no MLflow here, and what reads their models."""

_FRAMES = ".frames:to_frame"
_PACKAGES = {"cloudpickle": "a pickled Python model", "pandas": "a Python function of a table"}
"""The optional packages that modules imported here need, and for what."""


@dataclass(frozen=True, slots=True)
class PythonFunction:
    """A model that is called with pandas objects, arrays or plain values, in any thread."""

    call: Call
    read: Read
    release: Callable[[], None]
    is_row_wise: bool
    concurrency: int
    own_params: frozenset[str] = frozenset()

    def predict(self, data: ModelInput, params: Mapping[str, Any]) -> Any:
        """Return what the model returns, as it is."""
        try:
            return self.call(self.read(data), params)
        except Exception:
            raise
        except BaseException as error:  # what ends a thread or a program must end neither here
            name = type(error).__name__
            raise RuntimeError(f"the model raised {name} while it predicted") from error

    def close(self) -> None:
        """Forget the modules that came with the model."""
        self.release()


def load(folder: Path, spec: ModelSpec, options: LoadOptions) -> Runtime:
    """Return the runtime of the Python function in ``folder``; this runs the model's own code."""
    vouch("a Python function", options)
    folder = folder.resolve()
    flavor = spec.flavors[FLAVOR]
    module = flavor.get("loader_module")
    if not isinstance(module, str):
        raise InvalidModel(folder / MLMODEL, "no loader_module", "the name of a Python module")
    if module == _PICKLED:
        check_python(spec, options)
    present = frozenset(sys.modules)
    code = install_code(model_file(folder, flavor["code"])) if flavor.get("code") else None
    release = partial(_release, folder, code, present)
    try:
        method = options.predict_fn or flavor.get("predict_fn") or "predict"
        call, read = _load_function(folder, spec, module, method)
    except (Exception, SystemExit) as error:
        release()
        raise failed_load(f"the model's {_source(module, flavor)}", error, folder) from error
    is_row_wise = _is_row_wise(spec)
    return PythonFunction(
        call,
        read,
        release,
        is_row_wise,
        concurrency=options.threads if is_row_wise else min(32, (os.cpu_count() or 1) + 4),
    )


def read_input(data: ModelInput) -> Any:
    """Return what a model without type hints gets: a table as a pandas DataFrame of its own."""
    return _import(_FRAMES)(data).copy() if isinstance(data, Columns) else unwrap(data)


def _load_function(folder: Path, spec: ModelSpec, module: str, method: str) -> tuple[Call, Read]:
    flavor = spec.flavors[FLAVOR]
    context: Any = read_context(folder, flavor)
    if install_standin() and module in _READERS:
        model = _import(_READERS[module])(folder, flavor)
        if hasattr(model, "load_context"):
            model.load_context(context)
    else:
        loaded = _call_loader(folder, flavor, module)
        if module not in _READERS or not hasattr(loaded, "python_model"):
            return bind_call(loaded, method), _read_table(spec)
        model, context = loaded.python_model, loaded.context
    call = bind_python_model(model, context, method)
    return call, bind_input(model, method, _is_list_example(folder, spec)) or _read_table(spec)


def _call_loader(folder: Path, flavor: Mapping[str, Any], module: str) -> Any:
    path = model_file(folder, flavor["data"]) if flavor.get("data") else folder
    try:
        loader = import_module(module)
    except ModuleNotFoundError as error:
        if module.startswith("mlflow.") and f"{module}.".startswith(f"{error.name}."):
            purpose = f"a model whose loader module is {module}"
            raise MissingExtra(purpose, "mlflow") from error
        raise
    load_model = getattr(loader, "_load_pyfunc", None)
    if load_model is None:
        found = f"the loader module {module} without the function _load_pyfunc"
        raise InvalidModel(folder / MLMODEL, found, "a loader module that has it")
    config = flavor.get("config")
    return load_model(str(path), *([config] if config else []))


def _read_table(spec: ModelSpec) -> Read:
    """Return the reader of a model without hints; missing pandas shows now, not with a request."""
    if spec.signature is not None and isinstance(spec.signature.inputs, ColumnSchema):
        _import(_FRAMES)
    return read_input


def _import(reference: str) -> Any:
    module, _, attribute = reference.partition(":")
    try:
        return getattr(import_module(module, __package__), attribute)
    except ModuleNotFoundError as error:
        if error.name in _PACKAGES:
            raise MissingExtra(_PACKAGES[error.name], error.name, "sklearn") from error
        raise


def _release(folder: Path, code: ModelCode | None, present: frozenset[str]) -> None:
    """Forget the modules that came with the model, but what was ``present`` before it was."""
    if code is not None:
        code.remove()
    for name in modules_in(folder) - present:
        if code is None or name.partition(".")[0] not in code.names:
            del sys.modules[name]


def _source(module: str, flavor: Mapping[str, Any]) -> str:
    files = {_PICKLED: flavor.get("python_model"), _FROM_CODE: flavor.get("model_code_path")}
    return f"code ({files.get(module) or module})"


def _is_row_wise(spec: ModelSpec) -> bool:
    """Whether the model's author says so: a Python function may look at the whole frame."""
    ours = spec.metadata.get("mlserve")
    return isinstance(ours, Mapping) and ours.get("row_wise") is True


def _is_list_example(folder: Path, spec: ModelSpec) -> bool:
    """Whether the model takes what its input example is, and that is a list."""
    info = spec.example or {}
    if not spec.extra.get("type_hint_from_example") or info.get("type") != "json_object":
        return False
    example = model_file(folder, str(info.get("artifact_path")))
    return isinstance(json.loads(example.read_bytes()), list)
