"""From a reference to where the files of the model are, by asking the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from . import registry_operations as registry
from . import tracking_operations as tracking
from .artifact_paths import join_paths
from .contract import Transport
from .entities import LoggedModelInfo, Run
from .errors import CorruptArtifact, InvalidParameter, InvalidState, NotFound, ServerRefused
from .explaining import explain_missing_model, explain_missing_version
from .manifest import Manifest, manifest_of
from .references import (
    AliasReference,
    LoggedModelReference,
    RegisteredReference,
    RunReference,
    StageReference,
    StorageReference,
    StoreReference,
    VersionReference,
    write_reference,
)
from .registry_requests import AliasName, FindVersion, GetLatestVersions, VersionName
from .storage_uris import join_uri
from .tracking_requests import LoggedModelId, RunId, SearchLoggedModels

_MLMODEL: Final = "MLmodel"
_UPLOAD_FAILED: Final = "LOGGED_MODEL_UPLOAD_FAILED"
_NO_ENDPOINT: Final = 404


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where the files of a model are, and what is known of them.

    ``version`` is 0 for what is no version of a registered model; ``manifest`` is None where none
    was recorded.
    """

    uri: str
    name: str = ""
    version: int = 0
    manifest: Manifest | None = None


def resolve(reference: StoreReference | StorageReference, transport: Transport) -> Resolved:
    """Return where the model is that a reference means now.

    Raises `NotFound` with what there is instead, and `InvalidState` for what cannot be served, or
    not by this server.
    """
    match reference:
        case StorageReference(uri):
            return Resolved(uri, uri.rpartition("/")[2])
        case RunReference():
            return _resolve_run(reference, transport)
        case LoggedModelReference(model_id):
            answer = transport.call(tracking.GET_LOGGED_MODEL, LoggedModelId(model_id))
            return _of_logged_model(answer.model.info, "")
        case _:
            return _resolve_version(reference, transport)


def _resolve_version(reference: RegisteredReference, transport: Transport) -> Resolved:
    try:
        name, version = _find_version(reference, transport)
        uri, manifest = _find_files(name, version, transport)
    except NotFound as error:
        raise explain_missing_version(reference, transport) or error from error
    if manifest and reference.path:
        manifest = manifest.below(reference.path)
    return Resolved(join_uri(uri, reference.path), name, version, manifest)


def _find_version(reference: RegisteredReference, transport: Transport) -> tuple[str, int]:
    """Return the name and the number of the version that is meant; it may not be there."""
    match reference:
        case VersionReference(name, version):
            return name, version
        case AliasReference(name):
            return name, _find_alias(reference, transport)
        case StageReference(at=int()):
            return _find_past_version(reference, transport)
        case StageReference(name, stage):
            request = GetLatestVersions(name, [stage])
        case _:
            name, request = reference.name, GetLatestVersions(reference.name)
    found = transport.call(registry.GET_LATEST_VERSIONS, request).model_versions
    if not found:
        raise NotFound(f"{write_reference(reference)}: no version")
    return name, max(int(version.version) for version in found)


def _find_alias(reference: AliasReference, transport: Transport) -> int:
    request = AliasName(reference.name, reference.alias)
    try:
        answer = transport.call(registry.GET_VERSION_BY_ALIAS, request)
    except InvalidParameter as error:  # what MLflow calls an alias that is not there
        raise NotFound(str(error)) from error
    return int(answer.model_version.version)


def _find_past_version(reference: StageReference, transport: Transport) -> tuple[str, int]:
    request = FindVersion(reference.name, reference.stage, reference.at or 0)
    try:
        found = transport.call(registry.FIND_VERSION, request).model_version
    except ServerRefused as error:
        if error.status != _NO_ENDPOINT:
            raise
        raise InvalidState(
            f"{write_reference(reference)}: this tracking server keeps no log of promotions, which "
            "tells what was in a stage at a moment; name the version, or ask a server of mlserve's"
        ) from error
    return found.name, int(found.version)  # the model may have another name by now


def _find_files(name: str, version: int, transport: Transport) -> tuple[str, Manifest | None]:
    """Return where the files of a version are, and their manifest if the server has one."""
    request = VersionName(name, str(version))
    try:
        answer = transport.call(registry.GET_MANIFEST, request)
    except ServerRefused as error:
        if error.status != _NO_ENDPOINT:
            raise
        return transport.call(registry.GET_DOWNLOAD_URI, request).artifact_uri, None
    if answer.digest is None:
        return answer.artifact_uri, None
    manifest = manifest_of(answer.files)
    if manifest.digest != answer.digest:
        raise CorruptArtifact(
            f"the manifest of {name} version {version}", manifest.digest, answer.digest
        )
    return answer.artifact_uri, manifest


def _resolve_run(reference: RunReference, transport: Transport) -> Resolved:
    run = transport.call(tracking.GET_RUN, RunId(run_id=reference.run_id)).run
    if _is_model(run.info.artifact_uri, reference.path, transport):
        uri = join_uri(run.info.artifact_uri, reference.path)
        return Resolved(uri, reference.path.rpartition("/")[2])
    name, _, path = reference.path.partition("/")
    for model in _find_logged_models(run, name, transport):
        return _of_logged_model(model, path)
    raise explain_missing_model(reference, run, transport)


def _is_model(root: str, path: str, transport: Transport) -> bool:
    try:
        entries = transport.artifacts(root).list_folder(path)
    except NotFound:
        return False
    return any(entry.path == join_paths(path, _MLMODEL) for entry in entries)


def _find_logged_models(run: Run, name: str, transport: Transport) -> Iterator[LoggedModelInfo]:
    """Yield the models of a name that a run logged, the newest first."""
    if "'" in name:  # which no logged model has in its name
        return
    request = SearchLoggedModels([run.info.experiment_id], filter=f"name = '{name}'")
    while True:
        try:
            answer = transport.call(tracking.SEARCH_LOGGED_MODELS, request)
        except ServerRefused as error:  # a server of MLflow 2 knows no logged models
            if error.status != _NO_ENDPOINT:
                raise
            return
        infos = (model.info for model in answer.models)
        yield from (info for info in infos if info.source_run_id == run.info.run_id)
        if not answer.next_page_token:
            return
        request = msgspec.structs.replace(request, page_token=answer.next_page_token)


def _of_logged_model(info: LoggedModelInfo, path: str) -> Resolved:
    if info.status == _UPLOAD_FAILED:
        raise InvalidState(
            f"the logged model {info.model_id} was not uploaded whole ({info.status}); log it again"
        )
    return Resolved(join_uri(info.artifact_uri, path), info.name)
