"""The stand-in's ``mlflow.pyfunc``: the classes that Python models are made of.

Functions with type hints are marked here; ``typehints.py`` checks their input before a call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, wraps
from types import FunctionType
from typing import Any, NamedTuple, TypeVar

TypeFromExample = TypeVar("TypeFromExample")


def pyfunc(func: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, marked as one whose input is checked against its type hint."""
    if not isinstance(func, FunctionType):
        func = wraps(func)(partial(func))
    vars(func)["_is_pyfunc"] = True
    return func


class FuncInfo(NamedTuple):
    """What a pickled wrapper holds of the function it wraps."""

    input_type_hint: Any
    input_param_name: str


class TypeHints:
    """The type hints of a predict function, as a pickled model remembers them."""

    input: Any = None
    output: Any = None


def keep_model_input(args: Any, kwargs: Any, *_: Any) -> tuple[Any, Any]:
    """Return the arguments as they are: they have been checked before the call."""
    return args, kwargs


@dataclass(frozen=True, slots=True)
class PythonModelContext:
    """What a model may use besides its own state: files by name, and its configuration."""

    artifacts: Mapping[str, str]
    model_config: Mapping[str, Any] | None


class PythonModel:
    """The base class of models written in Python."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        predict = cls.__dict__.get("predict")
        if callable(predict):
            pyfunc(predict)

    def load_context(self, context: PythonModelContext) -> None:
        """Load what the model needs; called once, before the first prediction."""

    def predict(
        self, context: PythonModelContext, model_input: Any, params: dict[str, Any] | None = None
    ) -> Any:
        """Return the prediction for ``model_input``."""
        raise NotImplementedError

    def predict_stream(
        self, context: PythonModelContext, model_input: Any, params: dict[str, Any] | None = None
    ) -> Any:
        """Return the prediction piece by piece."""
        raise NotImplementedError


class FunctionPythonModel(PythonModel):
    """A plain function as a model."""

    def __init__(self, func: Callable[..., Any], signature: Any = None) -> None:
        self.func = pyfunc(func)
        self.signature = signature

    def predict(  # type: ignore[override]
        self,
        model_input: Any,
        params: dict[str, Any] | None = None,  # noqa: ARG002 - as MLflow calls it
    ) -> Any:
        """Return what the function returns; it takes no params."""
        return self.func(model_input)
