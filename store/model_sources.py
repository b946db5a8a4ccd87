"""Where the files of a new version come from: the sources that are taken, and what they mean.

A source that names artifacts of this store must come with the id of the run or the logged model
whose artifacts they are: what a version says of its origin is then true.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from sqlalchemy import Connection, Row, select

from ..runtimes.errors import shorten
from .artifact_paths import check_folder_path
from .errors import InvalidParameter, NotFound
from .registry_names import read_version
from .registry_records import require_version
from .registry_requests import CreateModelVersion
from .storage_uris import (
    OBJECT_STORES,
    PROXIED,
    check_object_uri,
    hide_credentials,
    join_uri,
    read_file_url,
    read_path,
    read_proxied_uri,
    scheme_of,
)
from .tables import logged_models, runs

if TYPE_CHECKING:
    from .store import Store

RUN_ID: Final = "run_id"
MODEL_ID: Final = "model_id"

_PENDING = "LOGGED_MODEL_PENDING"
_MOST_CHARACTERS = 4000
_MOST_ENCODINGS = 5
_REFUSED = re.compile(r"[\\#?\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_RUN_SOURCE = re.compile(r"runs:/([^/]+)/(.+)")
_MODEL_SOURCE = re.compile(r"models:/([^/@]+)")
_VERSION_SOURCE = re.compile(r"models:/([^/@]+)/(\d+)")
_ID = re.compile(r"[A-Za-z0-9][\w-]{0,31}", re.ASCII)


@dataclass(frozen=True, slots=True)
class VersionSource:
    """The source of a version, and what it means.

    ``storage_uri`` is where the files are. ``is_read`` says whether the store looks at them now;
    of a version that is copied the manifest and its digest are known already.
    """

    uri: str
    storage_uri: str
    run_id: str = ""
    model_id: str | None = None
    is_read: bool = True
    manifest: str | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A source with the run and the logged model that are said to hold it, None if unsaid."""

    store: Store
    connection: Connection
    uri: str
    run: Row[Any] | None
    run_id: str | None
    model: Row[Any] | None

    @property
    def model_id(self) -> str | None:
        return None if self.model is None else self.model.model_id

    @property
    def root(self) -> str | None:
        """The folder that must hold what is not named by its own id."""
        if self.model is not None:
            return str(self.model.artifact_uri)
        return None if self.run is None else str(self.run.artifact_uri)

    def refusal(self, parameter: str | None = None) -> InvalidParameter:
        """Return the error for a source that is not where ``parameter`` says."""
        parameter = parameter or (RUN_ID if self.model is None else MODEL_ID)
        return InvalidParameter(
            f"Invalid model version source: '{hide_credentials(self.uri)}'. The {parameter} request"
            " parameter must identify the resource that contains the source."
        )


def resolve_source(
    store: Store, connection: Connection, request: CreateModelVersion
) -> VersionSource:
    """Return what the source of a new version means.

    Raises `InvalidParameter` for a source that is not taken, or not with this run and this logged
    model, and `NotFound` for one of something that is not there.
    """
    _check_text(request.source)
    scheme = scheme_of(request.source)
    if scheme not in _RESOLVERS:
        raise InvalidParameter(
            f"Invalid model version source: '{hide_credentials(request.source)}'. Found an address "
            f"that begins with {shorten(scheme)}:, expected one that begins with runs:, models:, "
            f"{PROXIED}:, s3:, gs:, abfs: or abfss:"
        )
    asked = _read(store, connection, request)
    source = _RESOLVERS[scheme](asked)
    if not store.reads(source.storage_uri):
        source = replace(source, is_read=False)
    if asked.model is None or source.run_id:
        return source
    return replace(source, run_id=asked.model.source_run_id or "")


def lies_within(uri: str, root: str) -> bool:
    """Whether the storage at ``uri`` is ``root`` itself or something in it."""
    return uri == root or uri.startswith(root.rstrip("/") + "/")


def _read(store: Store, connection: Connection, request: CreateModelVersion) -> _Asked:
    run_id, model_id = request.run_id or None, request.model_id or None
    if run_id is not None and _ID.fullmatch(run_id) is None:
        raise InvalidParameter(f"Invalid run ID: '{shorten(run_id)}'")
    run = None if run_id is None else _find_run(connection, run_id)
    model = None
    if model_id is not None and (model := _find_model(connection, model_id)) is None:
        raise _missing_model(model_id)
    return _Asked(store, connection, request.source, run, run_id, model)


def _check_text(source: str) -> None:
    """Refuse a source that leads elsewhere than it says, as it stands or once it is decoded."""
    form, next_form = source, unquote(source)
    for _ in range(_MOST_ENCODINGS):
        _check_form(source, form)
        if next_form == form:
            return
        form, next_form = next_form, unquote(next_form)
    raise _text_refusal(source, "percent signs encoded many times")


def _check_form(source: str, form: str) -> None:
    if not source or len(source) > _MOST_CHARACTERS:
        raise _text_refusal(source, f"{len(source)} characters")
    if match := _REFUSED.search(form):
        raise _text_refusal(source, f"the character U+{ord(match[0]):04X}")
    if ".." in form.split("/"):
        raise _text_refusal(source, 'the part ".."')
    if form.count("/") != source.count("/"):
        raise _text_refusal(source, 'an encoded "/"')


def _text_refusal(source: str, found: str) -> InvalidParameter:
    shown = hide_credentials(source).encode("unicode_escape").decode()
    return InvalidParameter(
        f"Invalid model version source: '{shown}'. Found {found}, expected an absolute address of "
        f'at most {_MOST_CHARACTERS} characters, without "..", backslashes, "#", "?" and control '
        "characters, as they are or encoded"
    )


def _from_run(asked: _Asked) -> VersionSource:
    """Resolve ``runs:/ID/path``: the logged model of that name, or else the folder in the run."""
    match = _RUN_SOURCE.fullmatch(asked.uri)
    if match is None or (asked.run_id or match[1]) != match[1]:
        raise asked.refusal(RUN_ID)
    run_id, path = match[1], check_folder_path(match[2].rstrip("/"))
    run = asked.run or _find_run(asked.connection, run_id)
    if run is None:
        raise NotFound(f"Run with id={shorten(run_id)} not found")
    model = _find_model_of_run(asked.connection, run_id, path)
    if asked.model is not None and (model is None or model.model_id != asked.model.model_id):
        raise asked.refusal(MODEL_ID)
    if model is not None:
        return replace(_of_model(asked.uri, model), run_id=run_id)
    return VersionSource(asked.uri, join_uri(run.artifact_uri, path), run_id)


def _from_models(asked: _Asked) -> VersionSource:
    if match := _VERSION_SOURCE.fullmatch(asked.uri):
        return _from_version(asked, match[1], read_version(match[2]))
    match = _MODEL_SOURCE.fullmatch(asked.uri)
    if match is None:
        raise InvalidParameter(
            f"Invalid model version source: '{shorten(asked.uri)}'. Expected models:/ID of a "
            "logged model, or models:/NAME/VERSION"
        )
    if asked.model is None or asked.model_id != match[1]:
        raise asked.refusal(MODEL_ID)
    return replace(_of_model(asked.uri, asked.model), run_id=asked.run_id or "")


def _from_version(asked: _Asked, name: str, number: int) -> VersionSource:
    """Resolve ``models:/NAME/VERSION``: a copy has the files and the origin of that version."""
    version = require_version(asked.connection, name, number)
    if (asked.run_id or version.run_id) != version.run_id or (
        asked.model_id or version.model_id
    ) != version.model_id:
        raise InvalidParameter(
            f"Invalid model version source: '{shorten(asked.uri)}'. The run_id and model_id request"
            " parameters must match the referenced model version."
        )
    return VersionSource(
        asked.uri,
        version.storage_uri,
        version.run_id,
        version.model_id,
        is_read=False,
        manifest=version.manifest,
        digest=version.digest,
    )


def _from_proxied(asked: _Asked) -> VersionSource:
    storage = f"{PROXIED}:/{read_proxied_uri(asked.uri)}"
    names_a_host = asked.uri.startswith(f"{PROXIED}://")
    if names_a_host or asked.root is None or not lies_within(storage, asked.root):
        raise asked.refusal()
    return _at(asked, storage)


def _from_object_store(asked: _Asked) -> VersionSource:
    """Resolve the URI of a folder in an object store."""
    storage = check_object_uri(asked.uri)
    if scheme_of(storage) == "memory":
        _require_here(asked)
    return _at(asked, storage)


def _from_folder(asked: _Asked) -> VersionSource:
    """Resolve a folder of this machine, which only a caller on it may name."""
    _require_here(asked)
    folder = _real(asked.uri)
    storage = _storage_of(folder, asked.store.destination)
    if asked.root is not None:
        root = asked.root if scheme_of(asked.root) == PROXIED else _real(asked.root).as_uri()
        if not lies_within(storage, root):
            raise asked.refusal()
    elif asked.run_id is not None:
        raise asked.refusal()
    return _at(asked, storage)


def _storage_of(folder: Path, destination: str) -> str:
    """Return the URI of ``folder``, as one of the store's own where it lies in that."""
    if scheme_of(destination) in {"", "file"}:
        root = _real(destination)
        if folder.is_relative_to(root):
            return f"{PROXIED}:/{folder.relative_to(root).as_posix()}"
    return folder.as_uri()


def _real(address: str) -> Path:
    read = read_file_url if scheme_of(address) == "file" else read_path
    try:
        return read(address).resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
        raise InvalidParameter(f"{hide_credentials(address)}: {error}") from error


def _require_here(asked: _Asked) -> None:
    if not asked.store.allows_local_paths:
        raise InvalidParameter(
            f"Invalid model version source: '{hide_credentials(asked.uri)}'. Found a folder of the "
            "server's machine, expected one that the server may be asked for: log the model to a "
            "run, or name an object store"
        )


def _at(asked: _Asked, storage: str) -> VersionSource:
    return VersionSource(asked.uri, storage, asked.run_id or "", asked.model_id)


def _of_model(uri: str, model: Row[Any]) -> VersionSource:
    # Of a model that is being uploaded, the files that are there now are not all.
    is_read = model.status != _PENDING
    return VersionSource(uri, model.artifact_uri, model_id=model.model_id, is_read=is_read)


def _find_run(connection: Connection, run_id: str) -> Row[Any] | None:
    statement: Any = select(runs.c.run_id, runs.c.artifact_uri).where(runs.c.run_id == run_id)
    return connection.execute(statement).one_or_none()


def _find_model(connection: Connection, model_id: str) -> Row[Any] | None:
    return connection.execute(
        _select_models().where(logged_models.c.model_id == model_id)
    ).one_or_none()


def _find_model_of_run(connection: Connection, run_id: str, name: str) -> Row[Any] | None:
    statement = _select_models().where(
        logged_models.c.source_run_id == run_id, logged_models.c.name == name
    )
    newest_first = (logged_models.c.creation_time.desc(), logged_models.c.model_id)
    return connection.execute(statement.order_by(*newest_first).limit(1)).one_or_none()


def _select_models() -> Any:
    columns = logged_models.c
    return select(
        columns.model_id, columns.artifact_uri, columns.source_run_id, columns.status
    ).where(columns.lifecycle_stage == "active")


def _missing_model(model_id: str) -> NotFound:
    return NotFound(f"Logged model with ID '{shorten(model_id)}' not found.")


_RESOLVERS: Final[Mapping[str, Callable[[_Asked], VersionSource]]] = MappingProxyType(
    {
        "runs": _from_run,
        "models": _from_models,
        PROXIED: _from_proxied,
        "": _from_folder,
        "file": _from_folder,
        **dict.fromkeys(OBJECT_STORES, _from_object_store),
    }
)
