"""Registered models as scripts use them: MLflow's functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from ..runtimes.errors import shorten
from .client import MlserveClient
from .current_experiment import CURRENT
from .errors import AlreadyExists, InvalidParameter, NotFound
from .fluent_experiments import collect
from .views import LoggedModel, ModelVersion, RegisteredModel

MODELS_A_PAGE = 100
VERSIONS_A_PAGE = 10_000
_MLMODEL = "MLmodel"


def register_model(
    model_uri: str,
    name: str,
    await_registration_for: int | None = None,
    *,
    tags: Mapping[str, Any] | None = None,
) -> ModelVersion:
    """Register the model at ``model_uri`` as the next version of ``name``, which is made if new.

    ``model_uri`` is ``runs:/RUN_ID/PATH``, ``models:/MODEL_ID`` or where a model's folder is.
    ``await_registration_for`` is there for MLflow's scripts: a version is ready when it is made.
    """
    del await_registration_for
    client = CURRENT.client()
    source, run_id, model_id = _find_source(client, model_uri)
    with suppress(AlreadyExists):
        client.create_registered_model(name)
    return client.create_model_version(name, source, run_id, tags, model_id=model_id)


def search_registered_models(
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[RegisteredModel]:
    """Return the registered models that ``filter_string`` matches, all or the first ones."""
    client = CURRENT.client()
    return collect(
        lambda most, token: client.search_registered_models(filter_string, most, order_by, token),
        max_results,
        MODELS_A_PAGE,
    )


def search_model_versions(
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[ModelVersion]:
    """Return the versions that ``filter_string`` matches, all or the first ones."""
    client = CURRENT.client()
    return collect(
        lambda most, token: client.search_model_versions(filter_string, most, order_by, token),
        max_results,
        VERSIONS_A_PAGE,
    )


def set_model_version_tag(
    name: str,
    version: str | int | None = None,
    key: str | None = None,
    value: Any = None,
    stage: str | None = None,
) -> None:
    """Set a tag of a version, or of the latest one in ``stage``."""
    CURRENT.client().set_model_version_tag(name, version, key, value, stage)


def _find_source(client: MlserveClient, uri: str) -> tuple[str, str | None, str | None]:
    """Return the source of a version of the model at ``uri``, its run and its logged model."""
    kind, _, rest = uri.partition(":/")
    first, _, path = rest.lstrip("/").partition("/")
    if kind == "models" and not path and "@" not in first:
        return uri, None, first
    if kind != "runs":
        return uri, None, None
    if not (first and path):
        raise InvalidParameter(
            f"{shorten(uri)}: expected runs:/RUN_ID/PATH, where PATH is the model's"
        )
    if any(file.path == f"{path}/{_MLMODEL}" for file in client.list_artifacts(first, path)):
        artifact_uri = client.get_run(first).info.artifact_uri
        return f"{artifact_uri.rstrip('/')}/{path}", first, None
    model = _find_logged_model(client, first, path)
    return model.model_uri, first, model.model_id


def _find_logged_model(client: MlserveClient, run_id: str, name: str) -> LoggedModel:
    """Return the logged model of this name that the run brought forth, the last one of several."""
    experiment_id = client.get_run(run_id).info.experiment_id
    quoted = name.replace("'", "\\'")
    found = collect(
        lambda most, token: client.search_logged_models(
            [experiment_id], f"name = '{quoted}'", max_results=most, page_token=token
        ),
        None,
        MODELS_A_PAGE,
    )
    ours = [model for model in found if model.source_run_id == run_id]
    if not ours:
        raise NotFound(
            f"Unable to find a logged_model with artifact_path {shorten(name)} under run {run_id}; "
            "list_artifacts shows what the run has"
        )
    return max(ours, key=lambda model: model.creation_timestamp)
