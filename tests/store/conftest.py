"""Stores for the tests: on SQLite, and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from mlserve.store.store import Store, open_store

from .postgres import MISSING, create_database, find_binaries, running_server

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
    return create_database(request.getfixturevalue("postgres_uri"), f"test{next(_numbers)}")


@pytest.fixture
def store(database_uri, tmp_path) -> Iterator[Store]:
    """A new store, on each kind of database in turn."""
    made = open_store(database_uri, str(tmp_path / "artifacts"), caller="tester")
    yield made
    made.close()


@pytest.fixture
def call(store) -> Callable[..., Any]:
    """Does an operation in this process; a class of tests may be run on another way to a store."""
    return lambda operation, request: operation.run(store, request)
