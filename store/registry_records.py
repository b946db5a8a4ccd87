"""Rows of registered models and versions: found, and held for a change."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from .errors import NotFound
from .tables import model_versions, registered_models

_MODEL = select(registered_models).where(registered_models.c.name == bindparam("name"))
_HELD_MODEL = _MODEL.with_for_update()
_VERSION = select(model_versions).where(
    model_versions.c.name == bindparam("name"), model_versions.c.version == bindparam("number")
)


def require_model(connection: Connection, name: str) -> Row[Any]:
    """Return the row of a registered model; raises `NotFound`."""
    row = connection.execute(_MODEL, {"name": name}).one_or_none()
    if row is None:
        raise missing_model(name)
    return row


def hold_model(connection: Connection, name: str) -> Row[Any]:
    """Return the row of a registered model, which nobody else changes until the transaction ends.

    All that changes a model, its versions or its aliases holds it first; raises `NotFound`.
    """
    row = connection.execute(_HELD_MODEL, {"name": name}).one_or_none()
    if row is None:
        raise missing_model(name)
    return row


def require_version(connection: Connection, name: str, number: int) -> Row[Any]:
    """Return the row of a version; raises `NotFound`."""
    row = connection.execute(_VERSION, {"name": name, "number": number}).one_or_none()
    if row is None:
        raise missing_version(name, number)
    return row


def hold_version(connection: Connection, name: str, number: int) -> tuple[Row[Any], Row[Any]]:
    """Return the rows of a model, held, and of a version of it; raises `NotFound`."""
    model = connection.execute(_HELD_MODEL, {"name": name}).one_or_none()
    if model is None:
        raise missing_version(name, number)
    return model, require_version(connection, name, number)


def touch_model(connection: Connection, name: str, now: int) -> None:
    """Write that a registered model was changed."""
    statement = update(registered_models).where(registered_models.c.name == name)
    connection.execute(statement.values(last_update_time=now))


def missing_model(name: str) -> NotFound:
    """Return the error of a registered model that is not there, in MLflow's words."""
    return NotFound(f"Registered Model with name={name} not found")


def missing_version(name: str, number: int) -> NotFound:
    """Return the error of a version that is not there, in MLflow's words."""
    return NotFound(f"Model Version (name={name}, version={number}) not found")
