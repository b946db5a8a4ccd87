"""Artifacts in a folder or in object storage, through fsspec."""

from __future__ import annotations

from .contract import Artifacts


def open_artifacts(uri: str, destination: str) -> Artifacts:
    """Return the artifacts under ``uri``; ``mlflow-artifacts:/`` is under ``destination``."""
    raise NotImplementedError
