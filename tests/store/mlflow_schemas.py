"""MLflow's tables as older releases made them, by its own migrations: for its interpreter.

    mlflow_schemas.py FOLDER REVISION...

It makes an empty SQLite file ``REVISION.db`` in the folder for each revision.
"""

from __future__ import annotations

import sys
from pathlib import Path

from alembic import command
from mlflow.store.db.utils import _get_alembic_config
from mlflow.store.tracking.dbmodels.initial_models import Base
from sqlalchemy import create_engine


def make(file: Path, revision: str) -> None:
    uri = f"sqlite:///{file}"
    engine = create_engine(uri)
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        config = _get_alembic_config(uri)
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


for name in sys.argv[2:]:
    make(Path(sys.argv[1]) / f"{name}.db", name)
