"""A trained model logged into a run: packaged, uploaded as a logged model, registered if asked."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..runtimes.modelspec import read_model_spec, write_model_spec
from ..runtimes.packaging import save_model
from ..runtimes.schema import Signature
from .client import MlserveClient
from .fluent import opened_run
from .fluent_registry import register_model
from .views import LoggedModelOutput, RunInfo

READY, FAILED = "READY", "FAILED"


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that was logged, under MLflow's names.

    ``registered_model_version`` is None where it was not registered.
    """

    model_id: str
    model_uri: str
    name: str
    run_id: str
    artifact_path: str
    signature: Signature | None
    registered_model_version: int | None


def log_model(
    model: Any,
    name: str,
    *,
    example: Any = None,
    signature: Signature | None = None,
    predict_fn: str = "predict",
    registered_model_name: str | None = None,
) -> ModelInfo:
    """Package ``model`` as `save_model` does, and log it into the active run, started if need be.

    With ``registered_model_name`` it becomes the next version of that registered model, which is
    made if it is new. A logged model that cannot be written whole says so in its status.
    """
    opened = opened_run()
    with tempfile.TemporaryDirectory(prefix="mlserve-") as scratch:
        folder = Path(scratch) / "model"
        save_model(model, folder, example=example, signature=signature, predict_fn=predict_fn)
        return _log_folder(opened.client, opened.run.info, name, folder, registered_model_name)


def _log_folder(
    client: MlserveClient, run: RunInfo, name: str, folder: Path, registered_model_name: str | None
) -> ModelInfo:
    logged = client.create_logged_model(run.experiment_id, name, run.run_id)
    spec = replace(read_model_spec(folder), run_id=run.run_id, model_id=logged.model_id)
    write_model_spec(folder, spec)
    _upload(client, logged.model_id, folder)
    client.log_outputs(run.run_id, [LoggedModelOutput(logged.model_id, step=0)])
    version = None
    if registered_model_name is not None:
        version = int(register_model(logged.model_uri, registered_model_name).version)
    return ModelInfo(
        logged.model_id,
        logged.model_uri,
        name,
        run.run_id,
        logged.artifact_location,
        spec.signature,
        version,
    )


def _upload(client: MlserveClient, model_id: str, folder: Path) -> None:
    status = FAILED
    try:
        client.log_model_artifacts(model_id, folder)
        status = READY
    finally:
        client.finalize_logged_model(model_id, status)
