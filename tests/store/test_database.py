"""The database: its schema, its transactions, several that start at once."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from mlserve.runtimes.errors import InvalidSetting
from mlserve.store.database import HEAD, Database, parse_url
from mlserve.store.errors import InvalidParameter, InvalidState
from mlserve.store.tables import METADATA, experiments
from sqlalchemy import func, insert, select, text


def test_the_migrations_make_the_tables_that_the_code_names(store):
    with store.database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_the_newest_migration_is_the_one_that_the_code_names(store):
    with store.database.read() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == HEAD


def test_a_new_store_has_the_default_experiment(store):
    with store.database.read() as connection:
        row = connection.execute(select(experiments)).one()
    assert (row.experiment_id, row.name, row.lifecycle_stage) == (0, "Default", "active")


def test_databases_that_are_opened_at_once_are_made_once(database_uri):
    with ThreadPoolExecutor(8) as pool:
        for database in pool.map(lambda _: Database(database_uri), range(8)):
            with database.read() as connection:
                assert connection.scalar(select(func.count()).select_from(experiments)) == 1
            database.close()


def test_processes_that_start_at_once_make_a_database_once(database_uri):
    code = f"from mlserve.store.database import Database; Database({database_uri!r}).close()"
    started = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    assert [process.wait(120) for process in started] == [0] * 4


def test_a_database_of_a_newer_release_is_refused(database_uri):
    database = Database(database_uri)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    database.close()
    with pytest.raises(InvalidState, match="newer"):
        Database(database_uri)


def test_a_transaction_that_fails_leaves_nothing(store):
    row = {"name": "e", "artifact_location": "", "lifecycle_stage": "active",
           "creation_time": 0, "last_update_time": 0}  # fmt: skip

    def write_and_fail():
        with store.database.write() as connection:
            connection.execute(insert(experiments).values(row))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with store.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(experiments)) == 1


def test_writers_at_once_lose_nothing(store):
    def add(i):
        with store.database.write() as connection:
            connection.execute(
                insert(experiments).values(
                    name=f"e{i}", artifact_location="", lifecycle_stage="active",
                    creation_time=0, last_update_time=0,
                )
            )  # fmt: skip

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(add, range(200)))
    with store.database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(experiments)) == 201


@pytest.mark.parametrize("uri", ["", "nonsense", "mysql://h/d", "sqlite://", "sqlite:///:memory:"])
def test_what_names_no_database_is_refused_with_what_does(uri):
    with pytest.raises(InvalidSetting, match="sqlite:///FILE"):
        parse_url(uri)


@pytest.mark.parametrize("value", ["\ud800", "2" * 30], ids=["a lone surrogate", "a huge number"])
def test_what_no_database_can_keep_is_the_callers_fault(store, value):
    is_number = value.isdecimal()
    column = experiments.c.creation_time if is_number else experiments.c.name
    statement = select(experiments).where(column == (int(value) if is_number else value))
    with pytest.raises(InvalidParameter, match="smaller number"), store.database.read() as reader:
        reader.execute(statement)
