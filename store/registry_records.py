"""Rows of registered models and versions: found, and held for a change."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select, update

from .errors import NotFound
from .tables import model_versions, registered_models


def require_model(connection: Connection, name: str) -> Row[Any]:
    """Return the row of a registered model; raises `NotFound`."""
    row = _select_model(connection, name, is_held=False)
    if row is None:
        raise NotFound(f"Registered Model with name={name} not found")
    return row


def hold_model(connection: Connection, name: str) -> Row[Any]:
    """Return the row of a registered model, which nobody else changes until the transaction ends.

    All that changes a model, its versions or its aliases holds it first; raises `NotFound`.
    """
    row = _select_model(connection, name, is_held=True)
    if row is None:
        raise NotFound(f"Registered Model with name={name} not found")
    return row


def require_version(connection: Connection, name: str, number: int) -> Row[Any]:
    """Return the row of a version; raises `NotFound`."""
    statement = select(model_versions).where(
        model_versions.c.name == name, model_versions.c.version == number
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise NotFound(f"Model Version (name={name}, version={number}) not found")
    return row


def hold_version(connection: Connection, name: str, number: int) -> tuple[Row[Any], Row[Any]]:
    """Return the rows of a model, held, and of a version of it; raises `NotFound`."""
    model = _select_model(connection, name, is_held=True)
    version = require_version(connection, name, number)
    if model is None:
        raise NotFound(f"Model Version (name={name}, version={number}) not found")
    return model, version


def touch_model(connection: Connection, name: str, now: int) -> None:
    """Write that a registered model was changed."""
    statement = update(registered_models).where(registered_models.c.name == name)
    connection.execute(statement.values(last_update_time=now))


def _select_model(connection: Connection, name: str, *, is_held: bool) -> Row[Any] | None:
    statement = select(registered_models).where(registered_models.c.name == name)
    if is_held:
        statement = statement.with_for_update()
    return connection.execute(statement).one_or_none()
