"""The source of an import by its URI: an MLflow's database, or a tracking server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from ..runtimes.errors import InvalidSetting
from .database import parse_url
from .importing_database import DatabaseSource
from .importing_places import Places
from .importing_records import Source
from .importing_server import ServerSource
from .importing_tables import MLflowTables
from .storage_uris import PROXIED
from .tracking_uri import find_target, open_target

FOLDER: Final = "mlartifacts"
"""Where an MLflow server keeps artifacts, unless it is told otherwise."""


class Opened(NamedTuple):
    """A source, and where its artifacts are."""

    source: Source
    places: Places


@contextmanager
def opened_source(
    uri: str, moved: Mapping[str, str], environment: Mapping[str, str]
) -> Iterator[Opened]:
    """Give the source at ``uri``; ``moved`` says where artifacts are now, by what names them.

    Raises `InvalidSetting` where there is no source.
    """
    if uri.lower().startswith(("http:", "https:")):
        transport = open_target(find_target(uri, environment))
        try:
            yield Opened(ServerSource(transport), Places(moved))
        finally:
            transport.close()
        return
    url = _check(uri)
    beside = _folder_beside(url)
    tables = MLflowTables(url)
    try:
        places = Places({f"{PROXIED}:/": str(beside / FOLDER)} | dict(moved), beside)
        yield Opened(DatabaseSource(tables), places)
    finally:
        tables.close()


def _check(uri: str) -> str:
    """Return ``uri``, or that of the SQLite file at a path."""
    if "://" in uri:
        return uri
    path = Path(uri.removeprefix("file:")).absolute()
    if path.is_dir():
        raise InvalidSetting(
            f"{path} is a folder: an MLflow that keeps its records in files is not read; copy it "
            f"to a database first: mlflow migrate-filestore --source {path} "
            "--target sqlite:///mlflow.db"
        )
    return f"sqlite:///{path}"


def _folder_beside(uri: str) -> Path:
    url = parse_url(uri)
    is_file = url.get_backend_name() == "sqlite"
    return Path(url.database or "").expanduser().absolute().parent if is_file else Path.cwd()
