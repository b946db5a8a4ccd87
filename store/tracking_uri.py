"""Where the records are: the URI of a database or of a server, and the way there."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from pkgutil import resolve_name
from urllib.parse import urlsplit

from ..runtimes.errors import InvalidSetting, MissingExtra, shorten
from .contract import Transport
from .credentials import Credentials, find_credentials

DEFAULT_URI = "sqlite:///mlserve.db"
URI_VARIABLES = ("MLSERVE_TRACKING_URI", "MLFLOW_TRACKING_URI")
DESTINATION_VARIABLE = "MLSERVE_ARTIFACTS_DESTINATION"
LIFECYCLE_VARIABLE = "MLSERVE_LIFECYCLE"

_OPENERS = {
    "sqlite": "embedded:open_embedded",
    "postgresql": "embedded:open_embedded",
    "postgres": "embedded:open_embedded",
    "http": "http_transport:open_http",
    "https": "http_transport:open_http",
}


@dataclass(frozen=True, slots=True)
class Target:
    """Where the records are, and as whom to go there; its URI may hold a password.

    ``destination`` is where a database's artifacts are, None beside it; ``lifecycle`` is the file
    of its stages and their rules; ``credentials`` are for a server.
    """

    uri: str = field(repr=False)
    destination: str | None = None
    lifecycle: Path | None = None
    credentials: Credentials | None = None


def open_transport(
    uri: str | None = None, environment: Mapping[str, str] = os.environ
) -> Transport:
    """Return the way to the store at ``uri``, or at the one that the environment names.

    Raises `InvalidSetting` for what is no URI of a store, and what opening it raises.
    """
    return open_target(find_target(uri, environment))


def find_tracking_uri(environment: Mapping[str, str] = os.environ) -> str:
    """Return the URI that the environment names, else that of a SQLite file in this folder."""
    named = (environment.get(variable) for variable in URI_VARIABLES)
    return next(filter(None, named), DEFAULT_URI)


def find_target(uri: str | None, environment: Mapping[str, str]) -> Target:
    """Return the target that ``uri`` and the environment name."""
    uri = uri or find_tracking_uri(environment)
    if _scheme(uri) in {"http", "https"}:
        return Target(uri, credentials=find_credentials(environment))
    lifecycle = environment.get(LIFECYCLE_VARIABLE)
    destination = environment.get(DESTINATION_VARIABLE) or None
    return Target(uri, destination, Path(lifecycle) if lifecycle else None)


def open_target(target: Target) -> Transport:
    """Return the way to the store at ``target``."""
    scheme = _scheme(target.uri)
    if scheme not in _OPENERS:
        raise InvalidSetting(
            f"the tracking URI: found {_describe(scheme)}, expected sqlite:///FILE, "
            "postgresql://USER:PASSWORD@HOST/NAME, or http(s)://HOST:PORT of a tracking server"
        )
    return _find_opener(_OPENERS[scheme])(target)


def find_user() -> str:
    """Return the name of the user of the operating system, "unknown" where there is none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _find_opener(name: str) -> Callable[[Target], Transport]:
    try:
        opener: Callable[[Target], Transport] = resolve_name(f"{__package__}.{name}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith(f"{__package__}."):
            raise
        raise MissingExtra("a store", error.name.partition(".")[0], "store") from error
    return opener


def _scheme(uri: str) -> str:
    """Return the kind of place that ``uri`` names; that of a database may name a driver too."""
    try:
        return urlsplit(uri).scheme.partition("+")[0].lower()
    except ValueError:
        return ""


def _describe(scheme: str) -> str:
    return f"one that begins with {shorten(scheme)}:" if scheme else "one without a scheme"
