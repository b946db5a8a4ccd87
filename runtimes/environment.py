"""The files that say what a model needs to run: requirements.txt, python_env.yaml, conda.yaml."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

REQUIREMENTS_FILE = "requirements.txt"
PYTHON_ENV_FILE = "python_env.yaml"
CONDA_FILE = "conda.yaml"


def write_environment(folder: Path, packages: Iterable[str]) -> None:
    """Write the environment of a model that needs ``packages``, as they are installed here."""
    requirements = [f"{package}=={version(package)}" for package in sorted(packages)]
    (folder / REQUIREMENTS_FILE).write_text("\n".join(requirements) + "\n")
    _write_yaml(folder / PYTHON_ENV_FILE, _python_env())
    _write_yaml(folder / CONDA_FILE, _conda_env(requirements))


def _python_env() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "build_dependencies": [_installed(tool, "==") for tool in ("pip", "setuptools", "wheel")],
        "dependencies": [f"-r {REQUIREMENTS_FILE}"],
    }


def _conda_env(requirements: list[str]) -> dict[str, Any]:
    # conda's pip lags behind the index, so the newest pip is its upper bound.
    python, pip = f"python={platform.python_version()}", _installed("pip", "<=")
    return {
        "channels": ["conda-forge"],
        "dependencies": [python, pip, {"pip": requirements}],
        "name": "mlflow-env",
    }


def _installed(package: str, relation: str) -> str:
    try:
        return f"{package}{relation}{version(package)}"
    except PackageNotFoundError:
        return package


def _write_yaml(path: Path, value: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(value, sort_keys=False))
