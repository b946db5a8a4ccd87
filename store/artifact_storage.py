"""Where the artifacts under a URI are: in a folder of this machine, or in an object store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Final

from ..runtimes.errors import MissingExtra
from .artifact_paths import join_paths
from .contract import Artifacts
from .errors import InvalidParameter
from .local_artifacts import LocalArtifacts
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

_OBJECT_ARTIFACTS: Final = f"{__package__}.object_artifacts:open_object_artifacts"


def open_artifacts(uri: str, destination: str | None = None) -> Artifacts:
    """Return the artifacts under ``uri``; ``mlflow-artifacts:/`` is under ``destination``.

    Raises `InvalidParameter` for an address of another kind, or one with credentials in it, and
    `MissingExtra` where the package for an object store is not installed.
    """
    if scheme_of(uri) != PROXIED:
        return _open(uri, "")
    if destination is None or scheme_of(destination) == PROXIED:
        raise InvalidParameter(
            f"{hide_credentials(uri)} is kept by a tracking server, which has to be asked for it; "
            "name it in MLSERVE_TRACKING_URI"
        )
    return _open(destination, read_proxied_uri(uri))


def is_kept(uri: str, destination: str) -> bool:
    """Whether the artifacts under ``uri`` are among those that are kept under ``destination``."""
    scheme, kept = scheme_of(uri), scheme_of(destination)
    if scheme == PROXIED:
        return True
    if {scheme, kept} <= {"", "file"}:
        return _folder_of(uri).resolve().is_relative_to(_folder_of(destination).resolve())
    if scheme not in OBJECT_STORES or kept not in OBJECT_STORES:
        return False
    return f"{check_object_uri(uri)}/".startswith(f"{check_object_uri(destination)}/")


def _open(top: str, path: str) -> Artifacts:
    scheme = scheme_of(top)
    if scheme in {"", "file"}:
        return LocalArtifacts(_folder_of(top), path)
    place = join_paths(check_object_uri(top), path)
    return _find_opener(scheme)(place)


def _find_opener(scheme: str) -> Callable[[str], Artifacts]:
    try:
        opener: Callable[[str], Artifacts] = resolve_name(_OBJECT_ARTIFACTS)
    except ModuleNotFoundError as error:
        if error.name != "fsspec":
            raise
        extra = OBJECT_STORES[scheme] or "store"
        raise MissingExtra(f"{scheme}: storage", "fsspec", extra) from error
    return opener


def _folder_of(address: str) -> Path:
    folder = read_file_url(address) if scheme_of(address) == "file" else read_path(address)
    return folder.absolute()
