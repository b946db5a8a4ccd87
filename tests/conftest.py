"""What the tests of all rooms share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def mlflow_python() -> str:
    """The interpreter of the environment that holds the real MLflow; `make test` makes it."""
    named = os.environ.get("MLFLOW_PYTHON")
    python = Path(named) if named else ROOT / ".venv-mlflow" / "bin" / "python"
    if not named and not python.exists():
        pytest.skip("no environment with MLflow: run `make test`, or set MLFLOW_PYTHON")
    return str(python)
