"""A trained model logged into a run: packaged, uploaded as a logged model, registered if asked."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..runtimes.modelspec import read_model_spec, write_model_spec
from ..runtimes.schema import Signature
from .contract import Artifacts, Transport
from .entities import LoggedModel, ModelOutput
from .errors import AlreadyExists
from .registry_operations import CREATE_MODEL_VERSION, CREATE_REGISTERED_MODEL
from .registry_requests import CreateModelVersion, CreateRegisteredModel
from .tracking_operations import CREATE_LOGGED_MODEL, FINALIZE_LOGGED_MODEL, GET_RUN, LOG_OUTPUTS
from .tracking_requests import CreateLoggedModel, FinalizeLoggedModel, LogOutputs, RunId

READY, FAILED = "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that was logged; ``registered_model_version`` is None where it was not registered."""

    model_id: str
    run_id: str
    name: str
    model_uri: str
    artifact_path: str
    signature: Signature | None
    registered_model_version: int | None


def upload_model(
    transport: Transport, run_id: str, name: str, folder: Path, registered_model_name: str | None
) -> ModelInfo:
    """Upload the packaged model in ``folder`` as a logged model of the run, and register it.

    The MLmodel in ``folder`` gets the ids of the run and of the logged model. A logged model whose
    upload fails says so in its status.
    """
    experiment_id = transport.call(GET_RUN, RunId(run_id=run_id)).run.info.experiment_id
    request = CreateLoggedModel(experiment_id, name, source_run_id=run_id)
    model = transport.call(CREATE_LOGGED_MODEL, request).model
    model_id = model.info.model_id
    spec = replace(read_model_spec(folder), run_id=run_id, model_id=model_id)
    write_model_spec(folder, spec)
    _upload(transport, model, folder)
    transport.call(LOG_OUTPUTS, LogOutputs(run_id=run_id, models=[ModelOutput(model_id)]))
    version = None
    if registered_model_name is not None:
        version = _register(transport, registered_model_name, model)
    return ModelInfo(
        model_id,
        run_id,
        name,
        f"models:/{model_id}",
        model.info.artifact_uri,
        spec.signature,
        version,
    )


def package_and_upload(
    transport: Transport,
    run_id: str,
    model: Any,
    name: str,
    *,
    registered_model_name: str | None,
    **packaging: Any,
) -> ModelInfo:
    """Package ``model`` as `save_model` does with ``packaging``, and upload it."""
    from ..runtimes.packaging import save_model  # noqa: PLC0415 - it needs the extra sklearn

    with tempfile.TemporaryDirectory(prefix="mlserve-") as scratch:
        folder = save_model(model, Path(scratch) / "model", **packaging)
        return upload_model(transport, run_id, name, folder, registered_model_name)


def _upload(transport: Transport, model: LoggedModel, folder: Path) -> None:
    status = FAILED
    try:
        _write_files(transport.artifacts(model.info.artifact_uri), folder, _files(folder))
        status = READY
    finally:
        transport.call(FINALIZE_LOGGED_MODEL, FinalizeLoggedModel(model.info.model_id, status))


def _files(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _write_files(artifacts: Artifacts, folder: Path, files: Iterable[Path]) -> None:
    for file in files:
        with file.open("rb") as source:
            artifacts.write(file.relative_to(folder).as_posix(), source)


def _register(transport: Transport, name: str, model: LoggedModel) -> int:
    with suppress(AlreadyExists):
        transport.call(CREATE_REGISTERED_MODEL, CreateRegisteredModel(name))
    info = model.info
    request = CreateModelVersion(
        name, f"models:/{info.model_id}", run_id=info.source_run_id, model_id=info.model_id
    )
    return int(transport.call(CREATE_MODEL_VERSION, request).model_version.version)
