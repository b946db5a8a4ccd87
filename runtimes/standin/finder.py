"""The finder that answers ``import mlflow`` where the real one is absent, and for nothing else."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from .contents import MODULES, deferred

_ROOT = "mlflow"
_asked_in_vain: set[str] = set()


class StandinModule(ModuleType):
    """A module of the stand-in; it remembers what it was asked for and does not have.

    As with MLflow's own, its submodules need no import statement of their own.
    """

    def __getattr__(self, name: str) -> Any:
        absent = f"{self.__name__}.{name}"
        if absent in MODULES:
            return import_module(absent)
        if not name.startswith("__"):
            _asked_in_vain.add(absent)
        raise AttributeError(_explanation(absent))


class _StandinLoader:
    """Makes the modules of the stand-in from the table of their contents."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return StandinModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        contents, later = MODULES[module.__name__]
        vars(module).update(contents)
        vars(module).update({name: deferred(f"{module.__name__}.{name}") for name in later})


class _StandinFinder:
    """Answers for ``mlflow`` alone; last in line, so that a real one is always found first."""

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        if fullname.partition(".")[0] != _ROOT:
            return None
        if fullname != _ROOT and not _is_answering():
            return None
        if fullname not in MODULES:
            _asked_in_vain.add(fullname)
            raise ModuleNotFoundError(_explanation(fullname), name=fullname)
        return ModuleSpec(fullname, _StandinLoader(), is_package=True)  # type: ignore[arg-type]


_FINDER = _StandinFinder()


def install_standin() -> bool:
    """Offer the stand-in from now on, and return whether it is what ``import mlflow`` gives."""
    if _FINDER not in sys.meta_path:
        sys.meta_path.append(_FINDER)
    spec = find_spec(_ROOT)
    return spec is not None and isinstance(spec.loader, _StandinLoader)


def absent_name(error: BaseException) -> str | None:
    """Return which name of MLflow's, absent from the stand-in, an import or a lookup failed for.

    None for every other error. ``from mlflow import x`` and pickles replace the module's own
    message by a general one, so the name is looked for in the text.
    """
    if not isinstance(error, ImportError | AttributeError):
        return None
    text = str(error)
    names = (name for name in _asked_in_vain if name.rpartition(".")[2] in text and _ROOT in text)
    return max(names, key=len, default=None)


def _is_answering() -> bool:
    return isinstance(sys.modules.get(_ROOT), StandinModule)


def _explanation(name: str) -> str:
    return f"this model uses {name}, which needs mlflow installed: pip install mlflow"
