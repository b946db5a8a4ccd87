"""The Python code that a model brings along, importable by the model and shadowing nothing of ours.

MLflow puts a model's code folder first on ``sys.path``; here a finder serves its modules alone.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from .errors import InvalidModel

logger = logging.getLogger("mlserve")

RESERVED = frozenset(sys.stdlib_module_names) | {
    __name__.partition(".")[0],
    "anyio",
    "click",
    "h11",
    "httptools",
    "msgspec",
    "numpy",
    "onnxruntime",
    "orjson",
    "prometheus_client",
    "starlette",
    "typing_extensions",
    "uvicorn",
    "uvloop",
    "yaml",
}
"""Top-level names that no model's code may take: Python's, ours and our core dependencies'."""


@dataclass(frozen=True, slots=True, eq=False)
class ModelCode:
    """The top-level modules of one code folder, as a finder of the import system.

    It stays installed while the model is in use, because a model may import at predict time.
    """

    folder: Path
    names: frozenset[str]

    def find_spec(
        self,
        fullname: str,
        path: object = None,
        target: ModuleType | None = None,  # noqa: ARG002 - the import system's signature
    ) -> ModuleSpec | None:
        """Return where a top-level module of the folder is, or None for every other name.

        As on ``sys.path``, a plain folder gives way to a real package of its name elsewhere.
        """
        if path is not None or fullname not in self.names:
            return None
        spec = PathFinder.find_spec(fullname, [str(self.folder)])
        if spec is not None and spec.loader is None and PathFinder.find_spec(fullname) is not None:
            return None
        return spec

    def remove(self) -> None:
        """Stop serving the folder, and forget its modules unless another model uses it too."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        if not any(isinstance(f, ModelCode) and f.folder == self.folder for f in sys.meta_path):
            for name in modules_in(self.folder):
                del sys.modules[name]


def install_code(folder: Path) -> ModelCode:
    """Return the code in ``folder``, importable from now on.

    A module of the folder whose name is already imported from elsewhere is an `InvalidModel`,
    because the model would get the other one; a reserved name is left out with a warning.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise InvalidModel(folder, "no folder", "the folder of the model's code")
    modules = {module.name for module in iter_modules([str(folder)])}
    folders = {entry.name for entry in folder.iterdir() if entry.is_dir()}
    if reserved := sorted(modules & RESERVED):
        logger.warning(
            "%s: not importable, because the names are Python's, mlserve's or of what it needs: %s",
            folder,
            ", ".join(reserved),
        )
    for name, origin in _taken(modules - RESERVED, folder):
        raise InvalidModel(
            folder / name,
            f"a module named {name}, which this process has imported from {origin}",
            "a name of its own; rename it, or serve this model from a process of its own",
        )
    code = ModelCode(folder, frozenset(filter(str.isidentifier, modules | folders)) - RESERVED)
    importlib.invalidate_caches()
    sys.meta_path.insert(0, code)
    return code


def modules_in(folder: Path) -> set[str]:
    """Return the names of the imported modules that were loaded from ``folder``."""
    return {name for name, module in list(sys.modules.items()) if _lies_in(module, folder)}


def _taken(names: set[str], folder: Path) -> Iterator[tuple[str, str]]:
    for name in sorted(names & sys.modules.keys()):
        module = sys.modules[name]
        if not _lies_in(module, folder):
            yield name, _paths(module)[0] if _paths(module) else "elsewhere"


def _lies_in(module: Any, folder: Path) -> bool:
    return any(Path(path).is_relative_to(folder) for path in _paths(module))


def _paths(module: Any) -> list[str]:
    """Where a module was loaded from, read without waking a lazy module's ``__getattr__``."""
    known = getattr(module, "__dict__", {})
    if file := known.get("__file__"):
        return [str(file)]
    return [str(path) for path in known.get("__path__") or ()]
