"""What names a model: a folder, an address of storage, a run, or a registered model.

One parser and one writer for every form that docs/references.md lists; nothing is looked up here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import unquote

from ..runtimes.errors import shorten
from .artifact_paths import check_folder_path, join_paths
from .errors import InvalidParameter
from .storage_uris import (
    OBJECT_STORES,
    PROXIED,
    check_object_uri,
    hide_credentials,
    read_file_url,
    read_path,
    read_proxied_uri,
    scheme_of,
)

LATEST: Final = "latest"
LARGEST_VERSION: Final = 2**31 - 1

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OF_STORE = re.compile(r"(models|runs):", re.IGNORECASE)
_MODEL_ID = re.compile(r"m-[0-9A-Za-z]+")
_VERSION = re.compile(r"[0-9]+")
_AT = re.compile(r"\?at=([^?/]*)$")
_IN_MODELS: Final = (
    "models:/NAME/VERSION, models:/NAME/STAGE, models:/NAME@ALIAS, models:/NAME/latest or "
    "models:/m-ID"
)
_ANY: Final = (
    "a folder, file:, s3:, gs:, abfs:, runs:/ID/PATH, models:/NAME/VERSION, models:/NAME/STAGE, "
    "models:/NAME@ALIAS, models:/NAME/latest or models:/m-ID"
)


@dataclass(frozen=True, slots=True)
class FolderReference:
    """A folder of this machine."""

    path: Path


@dataclass(frozen=True, slots=True)
class StorageReference:
    """A folder in an object store, or among what a store keeps itself (``mlflow-artifacts:``)."""

    uri: str


@dataclass(frozen=True, slots=True)
class RunReference:
    """A folder among the artifacts of a run, or a model that it logged, by its name."""

    run_id: str
    path: str


@dataclass(frozen=True, slots=True)
class LoggedModelReference:
    """A logged model, whether or not it is registered."""

    model_id: str


@dataclass(frozen=True, slots=True)
class VersionReference:
    """One version of a registered model; ``path`` is a folder in it, as in those that follow."""

    name: str
    version: int
    path: str = ""


@dataclass(frozen=True, slots=True)
class StageReference:
    """The version in a stage: now, or ``at`` a moment in milliseconds since 1970."""

    name: str
    stage: str
    at: int | None = None
    path: str = ""


@dataclass(frozen=True, slots=True)
class AliasReference:
    """The version with an alias."""

    name: str
    alias: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class LatestReference:
    """The version with the highest number."""

    name: str
    path: str = ""


RegisteredReference: TypeAlias = (
    VersionReference | StageReference | AliasReference | LatestReference
)
StoreReference: TypeAlias = RunReference | LoggedModelReference | RegisteredReference
Reference: TypeAlias = FolderReference | StorageReference | StoreReference


def read_reference(text: str) -> Reference:
    """Return what ``text`` refers to; raises `InvalidParameter` for what is no reference."""
    if found := _OF_STORE.match(text):
        is_run = found[1].lower() == "runs"
        return _read_run(text) if is_run else _read_model(text)
    scheme = scheme_of(text)
    if scheme == "":
        return FolderReference(read_path(text))
    if scheme == "file":
        return FolderReference(read_file_url(text))
    if scheme == PROXIED:
        read_proxied_uri(text)
        return StorageReference(text.rstrip("/"))
    if scheme in OBJECT_STORES:
        return StorageReference(check_object_uri(text))
    raise _refusal(text, f"an address that begins with {scheme}:", _ANY)


def write_reference(reference: Reference) -> str:
    """Return the text of a reference, such that it is read as it was."""
    match reference:
        case FolderReference(path):
            text = str(path)
            return f"./{text}" if _OF_STORE.match(text) or scheme_of(text) else text
        case StorageReference(uri):
            return uri
        case RunReference(run_id, path):
            return f"runs:/{run_id}/{path}"
        case LoggedModelReference(model_id):
            return f"models:/{model_id}"
        case VersionReference(name, version, path):
            return f"models:/{join_paths(name, str(version), path)}"
        case AliasReference(name, alias, path):
            return f"models:/{join_paths(f'{name}@{alias}', path)}"
        case LatestReference(name, path):
            return f"models:/{join_paths(name, LATEST, path)}"
        case StageReference(name, stage, at, path):
            moment = "" if at is None else f"?at={write_moment(at)}"
            return f"models:/{join_paths(name, stage, path)}{moment}"


def read_moment(text: str) -> int:
    """Return a moment as milliseconds since 1970.

    It is a date, or a date and a time, as ISO 8601 has them; without a zone it is in UTC. Raises
    ValueError for what is none, or is before 1970.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1)
    if milliseconds < 0 or moment.year > 9998:  # whatever the zone, there is a year to write it
        raise ValueError(text)
    return milliseconds


def write_moment(milliseconds: int) -> str:
    """Return a moment in UTC, as `read_moment` reads it."""
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    precision = "milliseconds" if milliseconds % 1000 else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def _read_run(text: str) -> RunReference:
    expected = "runs:/ID/PATH, where PATH is the folder or the name of the model"
    run_id, _, path = _path_of(text, expected).partition("/")
    if not run_id or not path:
        raise _refusal(text, "no run or no path", expected)
    return RunReference(run_id, check_folder_path(path))


def _read_model(text: str) -> LoggedModelReference | RegisteredReference:
    at = _AT.search(text)
    whole = _path_of(text[: at.start()] if at else text, _IN_MODELS)
    first, _, rest = whole.partition("/")
    name, sign, alias = first.rpartition("@")
    if sign:
        reference: LoggedModelReference | RegisteredReference = AliasReference(
            _check(text, name, "name"), _check(text, alias, "alias"), check_folder_path(rest)
        )
    elif not rest:
        reference = _read_single(text, first)
    else:
        suffix, _, path = rest.partition("/")
        reference = _read_suffix(text, _check(text, first, "name"), suffix, path)
    return _at_moment(text, reference, at[1]) if at else reference


def _read_single(text: str, first: str) -> LoggedModelReference:
    if not _MODEL_ID.fullmatch(first):
        found = f"no version, stage or alias of {shorten(first)}" if first else "no name"
        raise _refusal(text, found, _IN_MODELS)
    return LoggedModelReference(first)


def _read_suffix(text: str, name: str, suffix: str, path: str) -> RegisteredReference:
    check_folder_path(path)
    if _VERSION.fullmatch(suffix):
        version = int(suffix) if len(suffix) < 20 else 0
        if not 0 < version <= LARGEST_VERSION:
            raise _refusal(text, f"version {shorten(suffix)}", f"one from 1 to {LARGEST_VERSION}")
        return VersionReference(name, version, path)
    if suffix.lower() == LATEST:
        return LatestReference(name, path)
    return StageReference(name, _check(text, suffix, "stage"), None, path)


def _at_moment(text: str, reference: object, moment: str) -> StageReference:
    if not isinstance(reference, StageReference):
        raise _refusal(text, "a moment for what is no stage", "models:/NAME/STAGE?at=MOMENT")
    try:
        at = read_moment(unquote(moment))
    except (ValueError, OverflowError):
        raise _refusal(
            text,
            f"the moment {shorten(moment)!a}",
            "a date or a time from 1970 on, such as 2026-01-01 or 2026-01-01T12:00Z",
        ) from None
    return StageReference(reference.name, reference.stage, at, reference.path)


def _path_of(text: str, expected: str) -> str:
    """Return what comes after the scheme and one slash."""
    rest = text.partition(":")[2]
    if not rest.startswith("/") or rest.startswith("//"):
        raise _refusal(text, "no single slash after the colon", expected)
    return rest[1:].rstrip("/")


def _check(text: str, part: str, what: str) -> str:
    if not part.strip() or (":" in part and what == "name"):
        raise _refusal(text, f"the {what} {shorten(part)!a}", _IN_MODELS)
    if what != "name" and "?" in part:
        raise _refusal(
            text, f"the {what} {shorten(part)!a}", "nothing but ?at=MOMENT after a stage"
        )
    return part


def _refusal(text: str, found: str, expected: str) -> InvalidParameter:
    return InvalidParameter(f"{hide_credentials(text)}: found {found}, expected {expected}")
