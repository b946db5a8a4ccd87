"""The places that may be named for the artifacts of an experiment."""

from __future__ import annotations

import os
from typing import Final

from .artifact_paths import check_folder_path
from .errors import InvalidParameter
from .limits import LONGEST_ARTIFACT_LOCATION, check_text
from .storage_uris import (
    PROXIED,
    check_object_uri,
    hide_credentials,
    read_file_url,
    read_path,
    scheme_of,
)

_ADVICE: Final = "leave artifact_location out to keep the artifacts where the store keeps its own"


def check_location(location: str, *, allows_local_paths: bool) -> str:
    """Return the URI of ``location``; the path of a folder becomes one that begins at the root.

    Raises `InvalidParameter` for what is no place for artifacts, and for a folder of this machine
    where these are not allowed.
    """
    check_text("artifact_location", location, LONGEST_ARTIFACT_LOCATION)
    scheme = scheme_of(location)
    if scheme == PROXIED:
        return _check_proxied(location)
    if scheme not in {"", "file"}:
        return check_object_uri(location)
    if not allows_local_paths:
        raise InvalidParameter(
            f"Invalid artifact location '{hide_credentials(location)}': found a folder, expected "
            f"an object store: the folders of a server are not named by its clients; {_ADVICE}"
        )
    path = read_file_url(location) if scheme else read_path(location).expanduser()
    return f"file://{os.path.abspath(path)}"  # noqa: PTH100 - Path.absolute keeps ".."


def _check_proxied(location: str) -> str:
    path = location.removeprefix(f"{PROXIED}:").strip("/")
    if not path or location.removeprefix(f"{PROXIED}:").startswith("//"):
        raise InvalidParameter(
            f"Invalid artifact location '{hide_credentials(location)}': expected {PROXIED}:/FOLDER,"
            f" a folder of this store's own; {_ADVICE}"
        )
    return f"{PROXIED}:/{check_folder_path(path)}"
