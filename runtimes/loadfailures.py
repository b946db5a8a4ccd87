"""What to tell the operator when a model's own code or data fail to load."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from re import sub

from .environment import REQUIREMENTS_FILE
from .errors import MissingExtra, ModelError, ModelLoadFailed
from .standin import absent_name

_DISTRIBUTIONS: Mapping[str, str] = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
"""Distributions whose name is not that of their module."""


def failed_load(what: str, error: BaseException, folder: Path) -> ModelError:
    """Return the error that tells the operator why ``what`` did not load, and what to install."""
    if isinstance(error, ModelError):
        return error
    if absent := absent_name(error):
        return MissingExtra(f"this model uses {absent}, which", "mlflow")
    if isinstance(error, ModuleNotFoundError) and error.name:
        return ModelLoadFailed(what, error, _missing_module(error.name, folder))
    return ModelLoadFailed(what, error)


def _missing_module(name: str, folder: Path) -> str:
    file = folder / REQUIREMENTS_FILE
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    if line := _requirement_for(name.partition(".")[0], text):
        return f"the model requires {line}; install all that it requires: pip install -r {file}"
    return (
        f"the model's requirements do not name it: install what provides {name}, "
        "or save the model with the code that it imports (code_paths)"
    )


def _requirement_for(module: str, requirements: str) -> str | None:
    wanted = {_canonical(module), _canonical(_DISTRIBUTIONS.get(module, module))}
    for line in map(str.strip, requirements.splitlines()):
        if _canonical(sub(r"[^\w.-].*", "", line)) in wanted:
            return line
    return None


def _canonical(name: str) -> str:
    return sub(r"[-_.]+", "-", name).lower()
