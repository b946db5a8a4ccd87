"""Stores for the tests: on SQLite, and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from mlserve.store.store import Store, open_store

from .postgres import MISSING, create_database, empty_database, find_binaries, running_server
from .servers import running_mlflow, running_mlserve

_numbers = count()


@pytest.fixture(scope="session")
def postgres_uri() -> Iterator[str]:
    if find_binaries() is None:
        pytest.skip(MISSING)
    with running_server() as uri:
        yield uri


@pytest.fixture(params=["sqlite", "postgresql"])
def database_uri(request, tmp_path) -> str:
    """The URI of a new, empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store.db'}"
    return empty_database(request.getfixturevalue("postgres_uri"), "test")


@pytest.fixture
def store(database_uri, tmp_path) -> Iterator[Store]:
    """A new store, on each kind of database in turn."""
    made = open_store(database_uri, str(tmp_path / "artifacts"), caller="tester")
    yield made
    made.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_store(request, tmp_path_factory) -> Iterator[Store]:
    """A store that the tests of a module share, on each kind of database in turn."""
    folder = tmp_path_factory.mktemp("shared-store")
    uri = f"sqlite:///{folder / 'store.db'}"
    if request.param == "postgresql":
        name = f"test{next(_numbers)}"
        uri = create_database(request.getfixturevalue("postgres_uri"), name)
    made = open_store(uri, str(folder / "artifacts"), caller="tester")
    yield made
    made.close()


@pytest.fixture
def call(store) -> Callable[..., Any]:
    """Does an operation in this process; a class of tests may be run on another way to a store."""
    return lambda operation, request: operation.run(store, request)


@pytest.fixture(scope="session")
def mlserve_server(tmp_path_factory) -> Iterator[str]:
    """The URI of our server, which is a process of its own; tests share it."""
    with running_mlserve(tmp_path_factory.mktemp("mlserve-server")) as uri:
        yield uri


@pytest.fixture(scope="session")
def mlflow_server(mlflow_python, tmp_path_factory) -> Iterator[str]:
    """The URI of a real MLflow server; tests share it."""
    with running_mlflow(mlflow_python, tmp_path_factory.mktemp("mlflow-server")) as uri:
        yield uri


@pytest.fixture
def new_postgres_uri(postgres_uri) -> str:
    """The URI of a new, empty PostgreSQL database."""
    return create_database(postgres_uri, f"client{next(_numbers)}")
