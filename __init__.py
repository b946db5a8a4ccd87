"""Packaged models put to work: served over REST, scored in batches, built into images."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .runtimes.flavors import load_model
    from .runtimes.inference import infer_signature
    from .runtimes.packaging import save_model

__all__ = ["infer_signature", "load_model", "save_model"]

# Where each public name lives, and the extra that it needs: importing mlserve imports neither.
_HOMES = {
    "infer_signature": (".runtimes.inference", "sklearn"),
    "load_model": (".runtimes.flavors", None),
    "save_model": (".runtimes.packaging", "sklearn"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, extra = _HOMES[name]
    try:
        return getattr(import_module(module, __name__), name)
    except ModuleNotFoundError as error:
        if extra is None or error.name is None or error.name.startswith(f"{__name__}."):
            raise
        from .runtimes.errors import MissingExtra  # noqa: PLC0415 - only where it is needed

        raise MissingExtra(f"mlserve.{name}", error.name.partition(".")[0], extra) from error
