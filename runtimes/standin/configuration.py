"""The stand-in's ``ModelConfig`` and ``set_model``, with which a model's own code states itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .exceptions import MlflowException


@dataclass(slots=True)
class CodeRun:
    """One run of a model's code: the config that it may read, the model that it sets."""

    config: dict[str, Any] | None
    model: Any = None


_run: ContextVar[CodeRun | None] = ContextVar("run of a model's code", default=None)


@contextmanager
def running_code(config: dict[str, Any] | None) -> Iterator[CodeRun]:
    """Yield the run that ``set_model`` and ``ModelConfig`` refer to within the block."""
    token = _run.set(run := CodeRun(config))
    try:
        yield run
    finally:
        _run.reset(token)


def set_model(model: Any) -> None:
    """State the model that the running code defines: a `PythonModel` or a function."""
    if not callable(model) and not hasattr(model, "predict"):
        raise MlflowException(
            f"set_model takes a PythonModel or a function, found {type(model).__name__}; "
            "other kinds of model need mlflow installed: pip install mlflow"
        )
    if run := _run.get():
        run.model = model


class ModelConfig:
    """The configuration that a model was saved with, or outside its loading that given here."""

    def __init__(self, *, development_config: str | dict[str, Any] | None = None) -> None:
        run = _run.get()
        self.config: Any = run.config if run else development_config
        if not self.config:
            raise FileNotFoundError(
                "this model reads a ModelConfig and was saved without one; "
                "save it with model_config=..."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the whole configuration."""
        if isinstance(self.config, dict):
            return self.config
        return dict(yaml.safe_load(Path(self.config).read_text(encoding="utf-8")) or {})

    def get(self, key: str) -> Any:
        """Return the value of one key."""
        config = self.to_dict()
        if key not in config:
            raise KeyError(f'the model configuration has no "{key}", only {sorted(config)}')
        return config[key]
