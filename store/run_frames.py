"""Runs as a pandas DataFrame, with the columns that MLflow gives them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from .views import Run


def make_frame(runs: list[Run]) -> pd.DataFrame:
    """Return one row a run; a metric that a run does not have is NaN, a param or a tag None."""
    columns: dict[str, Any] = {
        "run_id": [run.info.run_id for run in runs],
        "experiment_id": [run.info.experiment_id for run in runs],
        "status": [run.info.status for run in runs],
        "artifact_uri": [run.info.artifact_uri for run in runs],
        "start_time": _times([run.info.start_time for run in runs]),
        "end_time": _times([run.info.end_time for run in runs]),
    }
    columns |= _columns("metrics", runs, lambda run: run.data.metrics, math.nan)
    columns |= _columns("params", runs, lambda run: run.data.params, None)
    columns |= _columns("tags", runs, lambda run: run.data.tags, None)
    return pd.DataFrame(columns)


def _times(times: list[int | None]) -> list[Any]:
    return [pd.NaT if time is None else pd.to_datetime(time, unit="ms", utc=True) for time in times]


def _columns(
    kind: str, runs: list[Run], read: Callable[[Run], Mapping[str, Any]], absent: Any
) -> dict[str, list[Any]]:
    """Return a column for each key that any run has, in the order in which they are met."""
    entries = [read(run) for run in runs]
    keys = dict.fromkeys(key for entry in entries for key in entry)
    return {f"{kind}.{key}": [entry.get(key, absent) for entry in entries] for key in keys}
