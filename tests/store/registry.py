"""What the tests of the registry make and look at: registered models and their versions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any

from mlserve.store.entities import ModelVersion, Promotion, RegisteredModel
from mlserve.store.registry_operations import (
    CREATE_MODEL_VERSION,
    CREATE_REGISTERED_MODEL,
    GET_MODEL_VERSION,
    GET_REGISTERED_MODEL,
    SEARCH_PROMOTIONS,
    TRANSITION_STAGE,
)
from mlserve.store.registry_requests import (
    CreateModelVersion,
    CreateRegisteredModel,
    RegisteredModelName,
    SearchPromotions,
    TransitionStage,
    VersionName,
)
from mlserve.store.store import Store

from .tracking import new_run, read_run

NAME = "churn"


def calling(store: Store, **changes: Any) -> Callable[..., Any]:
    """Do operations in ``store`` as if it were another, such as one with another caller."""
    changed = replace(store, **changes)
    return lambda operation, request: operation.run(changed, request)


def new_registered(call, name: str = NAME, versions: int = 0) -> str:
    """Make a registered model with so many versions, and return its name."""
    call(CREATE_REGISTERED_MODEL, CreateRegisteredModel(name))
    for _ in range(versions):
        new_version(call, name)
    return name


def new_version(call, name: str = NAME, **fields) -> str:
    """Make a version from a run, without files if nothing else is asked for; return its number."""
    if "source" not in fields:
        fields["run_id"] = fields.get("run_id") or new_run(call)
        fields["source"] = f"runs:/{fields['run_id']}/model"
    request = CreateModelVersion(name, **fields)
    return call(CREATE_MODEL_VERSION, request).model_version.version


def move(call, version: str, stage: str, name: str = NAME, **fields) -> ModelVersion:
    return call(TRANSITION_STAGE, TransitionStage(name, version, stage, **fields)).model_version


def read_model(call, name: str = NAME) -> RegisteredModel:
    return call(GET_REGISTERED_MODEL, RegisteredModelName(name)).registered_model


def read_version(call, version: str, name: str = NAME) -> ModelVersion:
    return call(GET_MODEL_VERSION, VersionName(name, version)).model_version


def stages_of(call, name: str = NAME, versions: str = "123") -> list[str]:
    return [read_version(call, version, name).current_stage for version in versions]


def read_log(call, name: str = NAME) -> list[Promotion]:
    """Return the whole log of a model, the oldest entry first."""
    return call(SEARCH_PROMOTIONS, SearchPromotions(name)).promotions[::-1]


def write_files(store, uri: str, **files: bytes) -> None:
    """Write files under ``uri``; a name that ends with "_json" is one with ".json"."""
    for name, content in files.items():
        store.artifacts(uri).write(name.replace("_json", ".json"), BytesIO(content))


def run_with_model(store, call) -> tuple[str, str]:
    """Make a run that has a model folder; return its id and the URI of the folder."""
    run_id = new_run(call)
    uri = f"{read_run(call, run_id).info.artifact_uri}/model"
    write_files(store, uri, MLmodel=b"flavors: {}\n", weights=b"0123")
    return run_id, uri
