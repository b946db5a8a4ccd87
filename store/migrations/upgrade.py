"""Alembic, run in a transaction of ours, with the migrations that are shipped."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from ..errors import InvalidState


def upgrade(connection: Connection, current: str | None) -> None:
    """Bring the schema from the revision ``current``, None for an empty database, to the newest.

    Raises `InvalidState` for a database that a newer mlserve wrote, or MLflow.
    """
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    revisions = ScriptDirectory.from_config(config).walk_revisions()
    if current is not None and current not in {script.revision for script in revisions}:
        raise InvalidState(
            f"the database is at revision {current}, which this mlserve does not know; where a "
            "newer one wrote it, update mlserve; MLflow's own is copied by mlserve import-mlflow"
        )
    command.upgrade(config, "head")
