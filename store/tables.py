"""The tables of the store. What changes here needs a migration in ``migrations/versions``.

Times are milliseconds since 1970; texts are compared by their bytes.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    func,
)

INDEXED_LENGTH = 250
"""A search for a longer value of a param or a tag goes without their indexes."""

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _text(length: int | None = None) -> String:
    """Return a type of text that PostgreSQL compares by its bytes, whatever the database's own."""
    kind = Text if length is None else String
    return kind(length).with_variant(kind(length, collation="C"), "postgresql")


def _index_values(name: str, table: Table) -> None:
    """Index what is short enough: an entry of an index of PostgreSQL holds 2,704 bytes."""
    short = func.length(table.c.value) <= INDEXED_LENGTH
    Index(name, table.c.key, table.c.value, sqlite_where=short, postgresql_where=short)


def _key_values(name: str, owner: str) -> Table:
    """Return the table of the values that rows at ``owner``, a column, have by their keys."""
    return Table(
        name,
        METADATA,
        Column(owner.partition(".")[2], ForeignKey(owner), primary_key=True),
        Column("key", _text(250), primary_key=True),
        Column("value", _text(), nullable=False),
        sqlite_with_rowid=False,
    )


# In SQLite, only a column whose type is INTEGER counts up by itself.
_ID = BigInteger().with_variant(Integer, "sqlite")

experiments = Table(
    "experiments",
    METADATA,
    Column("experiment_id", _ID, primary_key=True, autoincrement=True),
    Column("name", _text(500), nullable=False, unique=True),
    Column("artifact_location", _text(), nullable=False),
    Column("lifecycle_stage", _text(20), nullable=False),
    Column("creation_time", BigInteger, nullable=False),
    Column("last_update_time", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

experiment_tags = _key_values("experiment_tags", "experiments.experiment_id")

runs = Table(
    "runs",
    METADATA,
    Column("run_id", _text(32), primary_key=True),
    Column("experiment_id", ForeignKey("experiments.experiment_id"), nullable=False),
    Column("run_name", _text(250), nullable=False),
    Column("user_id", _text(256), nullable=False),
    Column("status", _text(20), nullable=False),
    Column("start_time", BigInteger, nullable=False),
    Column("end_time", BigInteger),
    Column("deleted_time", BigInteger),
    Column("artifact_uri", _text(), nullable=False),
    Column("lifecycle_stage", _text(20), nullable=False),
)
Index(
    "ix_runs_recent",
    runs.c.experiment_id,
    runs.c.lifecycle_stage,
    runs.c.start_time.desc(),
    runs.c.run_id,
)
Index("ix_runs_name", runs.c.run_name)

params = _key_values("params", "runs.run_id")

run_tags = _key_values("run_tags", "runs.run_id")

_index_values("ix_params_value", params)
_index_values("ix_run_tags_value", run_tags)

# The key is the whole point, so that a batch that a client sends again adds nothing.
metrics = Table(
    "metrics",
    METADATA,
    Column("run_id", ForeignKey("runs.run_id"), primary_key=True),
    Column("key", _text(250), primary_key=True),
    Column("timestamp", BigInteger, primary_key=True),
    Column("step", BigInteger, primary_key=True),
    Column("value", Double, primary_key=True),
    Column("is_nan", Boolean, primary_key=True),
    sqlite_with_rowid=False,
)

latest_metrics = Table(
    "latest_metrics",
    METADATA,
    Column("run_id", ForeignKey("runs.run_id"), primary_key=True),
    Column("key", _text(250), primary_key=True),
    Column("timestamp", BigInteger, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("value", Double, nullable=False),
    Column("is_nan", Boolean, nullable=False),
    sqlite_with_rowid=False,
)
Index("ix_latest_metrics_value", latest_metrics.c.key, latest_metrics.c.value)

datasets = Table(
    "datasets",
    METADATA,
    Column("dataset_id", _ID, primary_key=True, autoincrement=True),
    Column("experiment_id", ForeignKey("experiments.experiment_id"), nullable=False),
    Column("name", _text(500), nullable=False),
    Column("digest", _text(64), nullable=False),
    Column("source_type", _text(36), nullable=False),
    Column("source", _text(), nullable=False),
    Column("schema", _text()),
    Column("profile", _text()),
)
Index(
    "uq_datasets_digest", datasets.c.experiment_id, datasets.c.name, datasets.c.digest, unique=True
)

run_datasets = Table(
    "run_datasets",
    METADATA,
    Column("run_id", ForeignKey("runs.run_id"), primary_key=True),
    Column("dataset_id", ForeignKey("datasets.dataset_id"), primary_key=True),
)

run_dataset_tags = Table(
    "run_dataset_tags",
    METADATA,
    Column("run_id", _text(32), primary_key=True),
    Column("dataset_id", BigInteger, primary_key=True),
    Column("key", _text(250), primary_key=True),
    Column("value", _text(), nullable=False),
    ForeignKeyConstraint(
        ["run_id", "dataset_id"], ["run_datasets.run_id", "run_datasets.dataset_id"]
    ),
)

# A logged model among the inputs (direction "in") or the outputs ("out") of a run.
run_models = Table(
    "run_models",
    METADATA,
    Column("run_id", ForeignKey("runs.run_id"), primary_key=True),
    Column("direction", _text(3), primary_key=True),
    Column("model_id", _text(34), primary_key=True),
    Column("step", BigInteger, nullable=False),
)

logged_models = Table(
    "logged_models",
    METADATA,
    Column("model_id", _text(34), primary_key=True),
    Column("experiment_id", ForeignKey("experiments.experiment_id"), nullable=False),
    Column("name", _text(500), nullable=False),
    Column("artifact_uri", _text(), nullable=False),
    Column("creation_time", BigInteger, nullable=False),
    Column("last_update_time", BigInteger, nullable=False),
    Column("status", _text(40), nullable=False),
    Column("status_message", _text()),
    Column("model_type", _text(500), nullable=False),
    Column("source_run_id", _text(32), index=True),
    Column("lifecycle_stage", _text(20), nullable=False),
)
Index(
    "ix_logged_models_recent",
    logged_models.c.experiment_id,
    logged_models.c.creation_time.desc(),
    logged_models.c.model_id,
)

logged_model_params = _key_values("logged_model_params", "logged_models.model_id")

logged_model_tags = _key_values("logged_model_tags", "logged_models.model_id")

# As of metrics, the key is the whole point; what is of no dataset has "" for its name and digest.
logged_model_metrics = Table(
    "logged_model_metrics",
    METADATA,
    Column("model_id", ForeignKey("logged_models.model_id"), primary_key=True),
    Column("key", _text(250), primary_key=True),
    Column("timestamp", BigInteger, primary_key=True),
    Column("step", BigInteger, primary_key=True),
    Column("run_id", ForeignKey("runs.run_id"), primary_key=True),
    Column("value", Double, primary_key=True),
    Column("is_nan", Boolean, primary_key=True),
    Column("dataset_name", _text(500), primary_key=True),
    Column("dataset_digest", _text(64), primary_key=True),
    sqlite_with_rowid=False,
)

registered_models = Table(
    "registered_models",
    METADATA,
    Column("name", _text(256), primary_key=True),
    # Stays the same when the model gets another name, and is never given to another model.
    Column("model_uid", _text(32), nullable=False, unique=True),
    Column("creation_time", BigInteger, nullable=False),
    Column("last_update_time", BigInteger, nullable=False),
    Column("description", _text()),
    # Counts up alone: the number of a version that was deleted is never given again.
    Column("last_version", Integer, nullable=False),
)

registered_model_tags = Table(
    "registered_model_tags",
    METADATA,
    Column(
        "name",
        ForeignKey("registered_models.name", onupdate="CASCADE", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("key", _text(250), primary_key=True),
    Column("value", _text(), nullable=False),
    sqlite_with_rowid=False,
)

model_versions = Table(
    "model_versions",
    METADATA,
    Column(
        "name",
        ForeignKey("registered_models.name", onupdate="CASCADE", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("version", Integer, primary_key=True),
    Column("creation_time", BigInteger, nullable=False),
    Column("last_update_time", BigInteger, nullable=False),
    Column("description", _text(), nullable=False),
    Column("user_id", _text(256)),
    # "None", as MLflow has it, for the first stage of the lifecycle, whatever its name.
    Column("stage", _text(64), nullable=False),
    Column("source", _text(), nullable=False),
    # Where the files are, once "runs:" and "models:" sources are resolved.
    Column("storage_uri", _text(), nullable=False),
    Column("run_id", _text(32), nullable=False),
    Column("model_id", _text(34)),
    Column("run_link", _text(), nullable=False),
    Column("status", _text(40), nullable=False),
    Column("status_message", _text()),
    # The JSON of the manifest, and its SHA-256.
    Column("manifest", _text()),
    Column("digest", _text(64)),
    CheckConstraint("version > 0", name="version_counts_from_one"),
)
Index("ix_model_versions_stage", model_versions.c.name, model_versions.c.stage)
Index("ix_model_versions_run", model_versions.c.run_id)

model_version_tags = Table(
    "model_version_tags",
    METADATA,
    Column("name", _text(256), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("key", _text(250), primary_key=True),
    Column("value", _text(), nullable=False),
    ForeignKeyConstraint(
        ["name", "version"],
        ["model_versions.name", "model_versions.version"],
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
    sqlite_with_rowid=False,
)

aliases = Table(
    "aliases",
    METADATA,
    Column("name", _text(256), primary_key=True),
    Column("alias", _text(255), primary_key=True),
    Column("version", Integer, nullable=False),
    ForeignKeyConstraint(
        ["name", "version"],
        ["model_versions.name", "model_versions.version"],
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
    sqlite_with_rowid=False,
)

# The log of promotions refers to no other table: it outlives what it tells of.
promotions = Table(
    "promotions",
    METADATA,
    Column("promotion_id", _ID, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("model_uid", _text(32), nullable=False),
    # The name that the model had then.
    Column("name", _text(256), nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", _text(10), nullable=False),
    Column("alias", _text(255)),
    Column("origin", _text(64), nullable=False),
    Column("target", _text(64), nullable=False),
    Column("actor", _text(256), nullable=False),
    Column("reason", _text(), nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_promotions_time", promotions.c.name, promotions.c.at, promotions.c.promotion_id)
Index("ix_promotions_model", promotions.c.model_uid, promotions.c.promotion_id)

approvals = Table(
    "approvals",
    METADATA,
    Column("approval_id", _ID, primary_key=True, autoincrement=True),
    Column("name", _text(256), nullable=False),
    Column("version", Integer, nullable=False),
    Column("stage", _text(64), nullable=False),
    Column("state", _text(10), nullable=False),
    Column("requested_by", _text(256), nullable=False),
    Column("requested_at", BigInteger, nullable=False),
    Column("reason", _text(), nullable=False),
    Column("decided_by", _text(256)),
    Column("decided_at", BigInteger),
    Column("decision_reason", _text()),
    ForeignKeyConstraint(
        ["name", "version"],
        ["model_versions.name", "model_versions.version"],
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
)
Index("ix_approvals_version", approvals.c.name, approvals.c.version, approvals.c.stage)

webhooks = Table(
    "webhooks",
    METADATA,
    Column("webhook_id", _text(32), primary_key=True),
    Column("name", _text(256), nullable=False),
    Column("url", _text(), nullable=False),
    Column("events", _text(), nullable=False),
    Column("secret", _text()),
    Column("description", _text()),
    Column("status", _text(20), nullable=False),
    Column("creation_time", BigInteger, nullable=False),
    Column("last_update_time", BigInteger, nullable=False),
)

# What is to be told, written in the transaction of the event itself.
deliveries = Table(
    "deliveries",
    METADATA,
    Column("delivery_id", _ID, primary_key=True, autoincrement=True),
    Column("webhook_id", ForeignKey("webhooks.webhook_id", ondelete="CASCADE"), nullable=False),
    Column("event", _text(60), nullable=False),
    Column("payload", _text(), nullable=False),
    Column("state", _text(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("last_error", _text()),
    sqlite_autoincrement=True,
)
Index("ix_deliveries_due", deliveries.c.state, deliveries.c.due_at)

# Artifacts that belonged to what was deleted for good, and are still to be deleted themselves.
garbage = Table(
    "garbage",
    METADATA,
    Column("garbage_id", _ID, primary_key=True, autoincrement=True),
    Column("uri", _text(), nullable=False),
)
