"""Models that are not in a folder here: looked up in the store, downloaded, and kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

from ..runtimes.errors import InvalidSetting
from ..serve.kinds import whole_number
from ..serve.locating import Located
from ..store.contract import Transport
from ..store.errors import InvalidParameter
from ..store.fetching import LocatedModel, fetch_model
from ..store.model_cache import ModelCache
from ..store.tracking_uri import DEFAULT_URI, URI_VARIABLES, find_tracking_uri, open_transport

CACHE_FOLDER_VARIABLE: Final = "MLSERVE_CACHE_DIR"
CACHE_SIZE_VARIABLE: Final = "MLSERVE_CACHE_MB"
DEFAULT_CACHE_MB: Final = 10_240

_SQLITE_FILE: Final = re.compile(r"sqlite(?:\+\w+)?:///([^?]+)")


def locate_in_store(text: str, environment: Mapping[str, str]) -> Located:
    """Return the model that a reference means, in a folder that stays while this process runs.

    Raises `InvalidSetting` for what is no reference, and a `StoreError` for what is not there.
    """
    model = fetch(text, environment)
    return Located(model.folder, model.name, model.version)


def fetch(text: str, environment: Mapping[str, str]) -> LocatedModel:
    """Return the model that a reference means, from the store and the cache of the environment."""
    try:
        return fetch_model(text, partial(open_existing, environment), open_cache(environment))
    except InvalidParameter as error:  # of a command, what it is given are its settings
        raise InvalidSetting(str(error)) from error


def open_existing(environment: Mapping[str, str]) -> Transport:
    """Return the way to the store that the environment names, unless it would have to be made."""
    uri = find_tracking_uri(environment)
    found = _SQLITE_FILE.match(uri)
    if found and not Path(found[1]).exists():
        named = uri if uri != DEFAULT_URI else f"{uri}, the default"
        raise InvalidSetting(
            f"there is no store at {named}: {Path(found[1]).absolute()} is not there; name the "
            f"store in {' or '.join(URI_VARIABLES)}"
        )
    return open_transport(uri, environment)


def open_cache(environment: Mapping[str, str]) -> ModelCache:
    """Return the cache of downloaded models that the environment names, else the user's own."""
    folder = environment.get(CACHE_FOLDER_VARIABLE)
    if not folder:
        base = environment.get("XDG_CACHE_HOME")
        folder = str((Path(base) if base else Path.home() / ".cache") / "mlserve" / "models")
    return ModelCache(Path(folder).expanduser(), _cache_mb(environment) << 20)


def _cache_mb(environment: Mapping[str, str]) -> int:
    text = environment.get(CACHE_SIZE_VARIABLE) or str(DEFAULT_CACHE_MB)
    kind = whole_number(0, 1 << 30)
    try:
        return int(kind.read(text))
    except ValueError:
        raise InvalidSetting(
            f'{CACHE_SIZE_VARIABLE}: found "{text}", expected {kind.expected}'
        ) from None
