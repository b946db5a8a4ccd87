"""The lists of artifacts of a run and of a logged model, as MLflow's API gives them."""

from __future__ import annotations

from sqlalchemy import select

from .artifact_paths import check_folder_path
from .entities import FileInfo
from .errors import NotFound
from .limits import find_run_id
from .logged_models import get_logged_model
from .run_states import no_run
from .store import Store
from .tables import runs
from .tracking_requests import (
    ArtifactsAnswer,
    ListArtifacts,
    ListLoggedModelArtifacts,
    LoggedModelId,
)


def list_artifacts(store: Store, request: ListArtifacts) -> ArtifactsAnswer:
    """Return the entries of a folder of a run, by their paths from the run's root."""
    run_id = find_run_id(request)
    with store.database.read() as connection:
        uri = connection.scalar(select(runs.c.artifact_uri).where(runs.c.run_id == run_id))
    if uri is None:
        raise no_run(run_id)
    return ArtifactsAnswer(uri, _list_folder(store, uri, request.path))


def list_logged_model_artifacts(store: Store, request: ListLoggedModelArtifacts) -> ArtifactsAnswer:
    """Return the entries of a folder of a logged model, by their paths from the model's root."""
    model = get_logged_model(store, LoggedModelId(request.model_id)).model
    uri = model.info.artifact_uri
    return ArtifactsAnswer(uri, _list_folder(store, uri, request.artifact_directory_path))


def _list_folder(store: Store, uri: str, path: str | None) -> list[FileInfo]:
    """Return the entries of a folder; none of a file, or where nothing was written yet."""
    folder = check_folder_path((path or "").removesuffix("/"))
    try:
        return store.artifacts(uri).list_folder(folder)
    except NotFound:
        return []
