"""What a script logs in its active run, or in the run whose id it gives: MLflow's functions.

Where no run is active, one is started. Points of metrics are sent in the background; what goes
wrong with them is raised by the next call on their run, and at the latest when it ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from .client import MlserveClient
from .connections import shared
from .current_experiment import CURRENT
from .fluent import opened_run
from .run_operations import RunOperations
from .views import Dataset, DatasetInput, Metric, Param, RunTag


def log_metric(  # noqa: PLR0913, PLR0917 - MLflow's arguments
    key: str,
    value: float,
    step: int | None = None,
    synchronous: bool | None = None,
    timestamp: int | None = None,
    run_id: str | None = None,
    model_id: str | None = None,
    dataset: Dataset | None = None,
) -> RunOperations | None:
    """Log a point of a metric: a number, at a step and a time in milliseconds since 1970."""
    return log_metrics({key: value}, step, synchronous, run_id, timestamp, model_id, dataset)


def log_metrics(  # noqa: PLR0913, PLR0917 - MLflow's arguments
    metrics: Mapping[str, float],
    step: int | None = None,
    synchronous: bool | None = None,
    run_id: str | None = None,
    timestamp: int | None = None,
    model_id: str | None = None,
    dataset: Dataset | None = None,
) -> RunOperations | None:
    """Log a point of each metric; with ``synchronous`` they are in the store on return."""
    client, number = _find(run_id)
    name, digest = (dataset.name, dataset.digest) if dataset else (None, None)
    if dataset is not None:
        client.log_inputs(number, [DatasetInput(dataset)])
    points = [
        Metric(key, value, timestamp, step, model_id, name, digest)
        for key, value in metrics.items()
    ]
    if synchronous:
        return client.log_batch(number, points)
    logged = client.log_batch(number, points, synchronous=False)
    return logged if synchronous is False else None


def log_param(key: str, value: Any, synchronous: bool | None = None) -> Any:
    """Log a param, whose value becomes a text and is never changed; return it as it was given."""
    client, number = _find(None)
    return client.log_param(number, key, value, synchronous)


def log_params(
    params: Mapping[str, Any], synchronous: bool | None = None, run_id: str | None = None
) -> RunOperations | None:
    """Log params, whose values become texts."""
    client, number = _find(run_id)
    made = [Param(key, str(value)) for key, value in params.items()]
    return client.log_batch(number, params=made, synchronous=synchronous)


def set_tag(key: str, value: Any, synchronous: bool | None = None) -> RunOperations | None:
    """Set a tag, whose value becomes a text."""
    client, number = _find(None)
    return client.set_tag(number, key, value, synchronous)


def set_tags(tags: Mapping[str, Any], synchronous: bool | None = None) -> RunOperations | None:
    """Set tags, whose values become texts."""
    client, number = _find(None)
    made = [RunTag(key, str(value)) for key, value in tags.items()]
    return client.log_batch(number, tags=made, synchronous=synchronous)


def delete_tag(key: str) -> None:
    """Delete a tag."""
    client, number = _find(None)
    client.delete_tag(number, key)


def log_artifact(
    local_path: str | Path, artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Write a file, or a folder with its name, to the run's folder ``artifact_path``."""
    client, number = _find(run_id)
    client.log_artifact(number, local_path, artifact_path)


def log_artifacts(
    local_dir: str | Path, artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Write all that is in a folder to the run's folder ``artifact_path``."""
    client, number = _find(run_id)
    client.log_artifacts(number, local_dir, artifact_path)


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Write a text to a file of the run."""
    client, number = _find(run_id)
    client.log_text(number, text, artifact_file)


def log_dict(dictionary: Mapping[str, Any], artifact_file: str, run_id: str | None = None) -> None:
    """Write a dict to a file of the run: YAML where its name ends so, else JSON."""
    client, number = _find(run_id)
    client.log_dict(number, dictionary, artifact_file)


def log_stream(stream: BinaryIO, artifact_file: str, run_id: str | None = None) -> None:
    """Write what can be read from ``stream`` to a file of the run."""
    client, number = _find(run_id)
    client.log_stream(number, stream, artifact_file)


def log_figure(
    figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None
) -> None:
    """Write a figure of Matplotlib or Plotly to a file of the run, in the format of its name."""
    client, number = _find(None)
    client.log_figure(number, figure, artifact_file, save_kwargs=save_kwargs)


def flush_async_logging() -> None:
    """Return when all points that were logged in the background are in their stores."""
    shared().flush()


def _find(run_id: str | None) -> tuple[MlserveClient, str]:
    """Return the run that is logged to, and a client of its store."""
    if run_id is not None:
        return CURRENT.client(), run_id
    opened = opened_run()
    return opened.client, opened.run_id
