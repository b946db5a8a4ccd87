"""MLflows of older releases: the tables that MLflow's own migrations make, with runs in them."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

SCRIPT = Path(__file__).parent / "mlflow_schemas.py"

# The releases that brought latest metrics; the registry; aliases; datasets.
REVISIONS = ["89d4b8295536", "27a6a02d2cf1", "3500859a5d39", "acf3f17fdcc7"]


def make_schemas(python: str, folder: Path, *revisions: str) -> Path:
    """Make an empty database ``REVISION.db`` for each revision in ``folder``, and return that."""
    subprocess.run(
        [python, str(SCRIPT), str(folder), *revisions],
        check=True, capture_output=True, timeout=180,
    )  # fmt: skip
    return folder


def fill(schema: Path, folder: Path, runs: int) -> str:
    """Return the URI of an MLflow with as many runs, in the tables of ``schema``."""
    folder.mkdir(exist_ok=True)
    file = folder / "mlflow.db"
    shutil.copy(schema, file)
    with closing(sqlite3.connect(file)) as connection, connection:
        columns = {row[1] for row in connection.execute("PRAGMA table_info(model_versions)")}
        connection.execute(
            "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage) "
            "VALUES (5, 'old', ?, 'active')",
            [str(folder / "mlruns" / "5")],
        )
        for number in range(runs):
            add_run(connection, f"{number:032x}", folder / "mlruns" / "5")
        if columns:
            root = folder / "mlruns" / "5" / f"{0:032x}" / "artifacts"
            connection.execute(
                "INSERT INTO registered_models (name, creation_time, last_updated_time) "
                "VALUES ('churn', 1, 2)"
            )
            connection.execute(
                "INSERT INTO model_versions (name, version, creation_time, last_updated_time, "
                "current_stage, source, run_id, status) VALUES ('churn', 3, 1, 2, 'Production', "
                f"'{root}/model', '{0:032x}', 'READY')"
            )
    return f"sqlite:///{file}"


def add_run(connection: sqlite3.Connection, run_id: str, location: Path) -> None:
    root = location / run_id / "artifacts"
    (root / "model").mkdir(parents=True)
    (root / "model" / "MLmodel").write_text(f"run_id: {run_id}\n")
    (root / "large.bin").write_bytes(run_id.encode() * 4096)
    connection.execute(
        "INSERT INTO runs (run_uuid, name, user_id, status, start_time, end_time, lifecycle_stage, "
        "artifact_uri, experiment_id) VALUES (?, '', 'me', 'FINISHED', 1, 2, 'active', ?, 5)",
        [run_id, root.as_uri()],
    )
    connection.execute(
        "INSERT INTO tags (key, value, run_uuid) VALUES ('mlflow.runName', ?, ?)", ["named", run_id]
    )
    connection.execute("INSERT INTO params (key, value, run_uuid) VALUES ('a', 'b', ?)", [run_id])
    connection.executemany(
        "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) "
        "VALUES ('loss', ?, ?, ?, ?, 0)",
        [[1 / (step + 1), step, run_id, step] for step in range(20)],
    )
