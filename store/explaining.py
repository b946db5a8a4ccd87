"""What a reference that names nothing could have named: the errors say what there is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..runtimes.errors import nearest, shorten
from . import registry_operations as registry
from . import tracking_operations as tracking
from .contract import Transport
from .entities import RegisteredModel, Run
from .errors import NoSuchVersion, NotFound, StoreError
from .references import (
    AliasReference,
    RegisteredReference,
    RunReference,
    StageReference,
    VersionReference,
    write_reference,
)
from .registry_requests import RegisteredModelName, SearchRegisteredModels
from .tracking_requests import SearchLoggedModels

_MOST_SHOWN: Final = 10
_MOST_LOOKED_AT: Final = 1000
_NO_STAGE: Final = "None"  # how MLflow's protocol names the stage of a new version


def explain_missing_version(
    reference: RegisteredReference, transport: Transport
) -> NoSuchVersion | None:
    """Return the error of a version that is not there.

    None where the server has said all that there is to say: of a moment in the past.
    """
    text = write_reference(reference)
    try:
        request = RegisteredModelName(reference.name)
        model = transport.call(registry.GET_REGISTERED_MODEL, request).registered_model
    except NotFound:
        problem = f"there is no registered model {shorten(reference.name)}"
        return NoSuchVersion(text, problem, _near_names(reference.name, transport))
    if isinstance(reference, StageReference) and reference.at is not None:
        return None
    return NoSuchVersion(text, _problem(reference), _describe(model))


def explain_missing_model(reference: RunReference, run: Run, transport: Transport) -> NotFound:
    """Return the error of a model that is neither among the artifacts of a run nor logged by it."""
    there = [*_folders(run, transport), *_logged_models(run, transport)]
    return NotFound(
        f"{write_reference(reference)}: the run has no model there; "
        + ("; ".join(there) or "it has no artifacts and logged no model")
    )


def _problem(reference: RegisteredReference) -> str:
    match reference:
        case VersionReference(_, version):
            return f"no version {version}"
        case StageReference(_, stage):
            return f"no version in {shorten(stage)}"
        case AliasReference(_, alias):
            return f"no alias {shorten(alias)}"
        case _:
            return "no version"


def _describe(model: RegisteredModel) -> list[str]:
    versions = sorted(model.latest_versions, key=lambda version: int(version.version))
    stages = [f"{_show(one.current_stage)} has {one.version}" for one in versions]
    aliases = [f"{one.alias} → {one.version}" for one in model.aliases]
    named = [f"aliases: {_listing(aliases)}"] if aliases else []
    return [*stages, *named] or ["it has no versions yet"]


def _show(stage: str) -> str:
    return f"the first stage ({_NO_STAGE})" if stage == _NO_STAGE else stage


def _near_names(name: str, transport: Transport) -> list[str]:
    request = SearchRegisteredModels(max_results=_MOST_LOOKED_AT)
    try:
        found = transport.call(registry.SEARCH_REGISTERED_MODELS, request).registered_models
    except StoreError:  # the name is what matters
        return []
    names = [model.name for model in found]
    if near := nearest(name, names):
        return [f"did you mean {shorten(near)}?"]
    return [f"there is {_listing(names)}" if names else "none is registered yet"]


def _folders(run: Run, transport: Transport) -> list[str]:
    entries = transport.artifacts(run.info.artifact_uri).list_folder()
    folders = [entry.path for entry in entries if entry.is_dir]
    return [f"its folders are {_listing(folders)}"] if folders else []


def _logged_models(run: Run, transport: Transport) -> list[str]:
    """Return the names of the models that a run logged, as far as the server knows such."""
    request = SearchLoggedModels(
        [run.info.experiment_id], filter=f"source_run_id = '{run.info.run_id}'"
    )
    try:
        found = transport.call(tracking.SEARCH_LOGGED_MODELS, request).models
    except StoreError:
        return []
    return [f"it logged {_listing(model.info.name for model in found)}"] if found else []


def _listing(names: Iterable[str]) -> str:
    shown = [shorten(name) for name in names]
    more = [f"and {len(shown) - _MOST_SHOWN} more"] if len(shown) > _MOST_SHOWN else []
    return ", ".join([*shown[:_MOST_SHOWN], *more])
