"""The first tables."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(length: int | None = None) -> sa.String:
    kind = sa.Text if length is None else sa.String
    return kind(length).with_variant(kind(length, collation="C"), "postgresql")


def upgrade() -> None:
    experiments = op.create_table(
        "experiments",
        sa.Column(
            "experiment_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("name", _text(500), nullable=False),
        sa.Column("artifact_location", _text(), nullable=False),
        sa.Column("lifecycle_stage", _text(20), nullable=False),
        sa.Column("creation_time", sa.BigInteger(), nullable=False),
        sa.Column("last_update_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("experiment_id", name=op.f("pk_experiments")),
        sa.UniqueConstraint("name", name=op.f("uq_experiments_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "garbage",
        sa.Column(
            "garbage_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("uri", _text(), nullable=False),
        sa.PrimaryKeyConstraint("garbage_id", name=op.f("pk_garbage")),
    )
    op.create_table(
        "promotions",
        sa.Column(
            "promotion_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("model_uid", _text(32), nullable=False),
        sa.Column("name", _text(256), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", _text(10), nullable=False),
        sa.Column("alias", _text(255), nullable=True),
        sa.Column("origin", _text(64), nullable=False),
        sa.Column("target", _text(64), nullable=False),
        sa.Column("actor", _text(256), nullable=False),
        sa.Column("reason", _text(), nullable=False),
        sa.PrimaryKeyConstraint("promotion_id", name=op.f("pk_promotions")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_promotions_model", "promotions", ["model_uid", "promotion_id"], unique=False
    )
    op.create_index(
        "ix_promotions_time", "promotions", ["name", "at", "promotion_id"], unique=False
    )
    op.create_table(
        "registered_models",
        sa.Column("name", _text(256), nullable=False),
        sa.Column("model_uid", _text(32), nullable=False),
        sa.Column("creation_time", sa.BigInteger(), nullable=False),
        sa.Column("last_update_time", sa.BigInteger(), nullable=False),
        sa.Column("description", _text(), nullable=True),
        sa.Column("last_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_registered_models")),
        sa.UniqueConstraint("model_uid", name=op.f("uq_registered_models_model_uid")),
    )
    op.create_table(
        "webhooks",
        sa.Column("webhook_id", _text(32), nullable=False),
        sa.Column("name", _text(256), nullable=False),
        sa.Column("url", _text(), nullable=False),
        sa.Column("events", _text(), nullable=False),
        sa.Column("secret", _text(), nullable=True),
        sa.Column("description", _text(), nullable=True),
        sa.Column("status", _text(20), nullable=False),
        sa.Column("creation_time", sa.BigInteger(), nullable=False),
        sa.Column("last_update_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("webhook_id", name=op.f("pk_webhooks")),
    )
    op.create_table(
        "datasets",
        sa.Column(
            "dataset_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column(
            "experiment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("name", _text(500), nullable=False),
        sa.Column("digest", _text(64), nullable=False),
        sa.Column("source_type", _text(36), nullable=False),
        sa.Column("source", _text(), nullable=False),
        sa.Column("schema", _text(), nullable=True),
        sa.Column("profile", _text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.experiment_id"], name=op.f("fk_datasets_experiment_id")
        ),
        sa.PrimaryKeyConstraint("dataset_id", name=op.f("pk_datasets")),
    )
    op.create_index(
        "uq_datasets_digest", "datasets", ["experiment_id", "name", "digest"], unique=True
    )
    op.create_table(
        "deliveries",
        sa.Column(
            "delivery_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("webhook_id", _text(32), nullable=False),
        sa.Column("event", _text(60), nullable=False),
        sa.Column("payload", _text(), nullable=False),
        sa.Column("state", _text(10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("last_error", _text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["webhooks.webhook_id"],
            name=op.f("fk_deliveries_webhook_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_deliveries")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deliveries_due", "deliveries", ["state", "due_at"], unique=False)
    op.create_table(
        "experiment_tags",
        sa.Column(
            "experiment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("key", _text(250), nullable=False),
        sa.Column("value", _text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.experiment_id"],
            name=op.f("fk_experiment_tags_experiment_id"),
        ),
        sa.PrimaryKeyConstraint("experiment_id", "key", name=op.f("pk_experiment_tags")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "logged_models",
        sa.Column("model_id", _text(34), nullable=False),
        sa.Column(
            "experiment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("name", _text(500), nullable=False),
        sa.Column("artifact_uri", _text(), nullable=False),
        sa.Column("creation_time", sa.BigInteger(), nullable=False),
        sa.Column("last_update_time", sa.BigInteger(), nullable=False),
        sa.Column("status", _text(40), nullable=False),
        sa.Column("status_message", _text(), nullable=True),
        sa.Column("model_type", _text(500), nullable=False),
        sa.Column("source_run_id", _text(32), nullable=True),
        sa.Column("lifecycle_stage", _text(20), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiments.experiment_id"],
            name=op.f("fk_logged_models_experiment_id"),
        ),
        sa.PrimaryKeyConstraint("model_id", name=op.f("pk_logged_models")),
    )
    op.create_index(
        "ix_logged_models_recent",
        "logged_models",
        ["experiment_id", sa.literal_column("creation_time DESC"), "model_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_logged_models_source_run_id"), "logged_models", ["source_run_id"], unique=False
    )
    op.create_table(
        "model_versions",
        sa.Column("name", _text(256), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("creation_time", sa.BigInteger(), nullable=False),
        sa.Column("last_update_time", sa.BigInteger(), nullable=False),
        sa.Column("description", _text(), nullable=False),
        sa.Column("user_id", _text(256), nullable=True),
        sa.Column("stage", _text(64), nullable=False),
        sa.Column("source", _text(), nullable=False),
        sa.Column("storage_uri", _text(), nullable=False),
        sa.Column("run_id", _text(32), nullable=False),
        sa.Column("model_id", _text(34), nullable=True),
        sa.Column("run_link", _text(), nullable=False),
        sa.Column("status", _text(40), nullable=False),
        sa.Column("status_message", _text(), nullable=True),
        sa.Column("manifest", _text(), nullable=True),
        sa.Column("digest", _text(64), nullable=True),
        sa.CheckConstraint("version > 0", name=op.f("ck_model_versions_version_counts_from_one")),
        sa.ForeignKeyConstraint(
            ["name"],
            ["registered_models.name"],
            name=op.f("fk_model_versions_name"),
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_model_versions")),
    )
    op.create_index("ix_model_versions_run", "model_versions", ["run_id"], unique=False)
    op.create_index("ix_model_versions_stage", "model_versions", ["name", "stage"], unique=False)
    op.create_table(
        "registered_model_tags",
        sa.Column("name", _text(256), nullable=False),
        sa.Column("key", _text(250), nullable=False),
        sa.Column("value", _text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["name"],
            ["registered_models.name"],
            name=op.f("fk_registered_model_tags_name"),
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("name", "key", name=op.f("pk_registered_model_tags")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "runs",
        sa.Column("run_id", _text(32), nullable=False),
        sa.Column(
            "experiment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("run_name", _text(250), nullable=False),
        sa.Column("user_id", _text(256), nullable=False),
        sa.Column("status", _text(20), nullable=False),
        sa.Column("start_time", sa.BigInteger(), nullable=False),
        sa.Column("end_time", sa.BigInteger(), nullable=True),
        sa.Column("deleted_time", sa.BigInteger(), nullable=True),
        sa.Column("artifact_uri", _text(), nullable=False),
        sa.Column("lifecycle_stage", _text(20), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiments.experiment_id"], name=op.f("fk_runs_experiment_id")
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_runs")),
    )
    op.create_index("ix_runs_name", "runs", ["run_name"], unique=False)
    op.create_index(
        "ix_runs_recent",
        "runs",
        ["experiment_id", "lifecycle_stage", sa.literal_column("start_time DESC"), "run_id"],
        unique=False,
    )
    op.create_table(
        "aliases",
        sa.Column("name", _text(256), nullable=False),
        sa.Column("alias", _text(255), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["name", "version"],
            ["model_versions.name", "model_versions.version"],
            name=op.f("fk_aliases_name"),
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("name", "alias", name=op.f("pk_aliases")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "approvals",
        sa.Column(
            "approval_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("name", _text(256), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("stage", _text(64), nullable=False),
        sa.Column("state", _text(10), nullable=False),
        sa.Column("requested_by", _text(256), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", _text(), nullable=False),
        sa.Column("decided_by", _text(256), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("decision_reason", _text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["name", "version"],
            ["model_versions.name", "model_versions.version"],
            name=op.f("fk_approvals_name"),
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("approval_id", name=op.f("pk_approvals")),
    )
    op.create_index("ix_approvals_version", "approvals", ["name", "version", "stage"], unique=False)
    op.create_table(
        "latest_metrics",
        sa.Column("run_id", _text(32), nullable=False),
        sa.Column("key", _text(250), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("is_nan", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name=op.f("fk_latest_metrics_run_id")),
        sa.PrimaryKeyConstraint("run_id", "key", name=op.f("pk_latest_metrics")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_latest_metrics_value", "latest_metrics", ["key", "value"], unique=False)
    op.create_table(
        "logged_model_metrics",
        sa.Column("model_id", _text(34), nullable=False),
        sa.Column("key", _text(250), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("run_id", _text(32), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("is_nan", sa.Boolean(), nullable=False),
        sa.Column("dataset_name", _text(500), nullable=False),
        sa.Column("dataset_digest", _text(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["logged_models.model_id"], name=op.f("fk_logged_model_metrics_model_id")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.run_id"], name=op.f("fk_logged_model_metrics_run_id")
        ),
        sa.PrimaryKeyConstraint(
            "model_id",
            "key",
            "timestamp",
            "step",
            "run_id",
            "value",
            "is_nan",
            "dataset_name",
            "dataset_digest",
            name=op.f("pk_logged_model_metrics"),
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "logged_model_params",
        sa.Column("model_id", _text(34), nullable=False),
        sa.Column("key", _text(250), nullable=False),
        sa.Column("value", _text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["logged_models.model_id"], name=op.f("fk_logged_model_params_model_id")
        ),
        sa.PrimaryKeyConstraint("model_id", "key", name=op.f("pk_logged_model_params")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "logged_model_tags",
        sa.Column("model_id", _text(34), nullable=False),
        sa.Column("key", _text(250), nullable=False),
        sa.Column("value", _text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"], ["logged_models.model_id"], name=op.f("fk_logged_model_tags_model_id")
        ),
        sa.PrimaryKeyConstraint("model_id", "key", name=op.f("pk_logged_model_tags")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "metrics",
        sa.Column("run_id", _text(32), nullable=False),
        sa.Column("key", _text(250), nullable=False),
        sa.Column("timestamp", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("is_nan", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name=op.f("fk_metrics_run_id")),
        sa.PrimaryKeyConstraint(
            "run_id", "key", "timestamp", "step", "value", "is_nan", name=op.f("pk_metrics")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "model_version_tags",
        sa.Column("name", _text(256), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("key", _text(250), nullable=False),
        sa.Column("value", _text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["name", "version"],
            ["model_versions.name", "model_versions.version"],
            name=op.f("fk_model_version_tags_name"),
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("name", "version", "key", name=op.f("pk_model_version_tags")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "params",
        sa.Column("run_id", _text(32), nullable=False),
        sa.Column("key", _text(250), nullable=False),
        sa.Column("value", _text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name=op.f("fk_params_run_id")),
        sa.PrimaryKeyConstraint("run_id", "key", name=op.f("pk_params")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_params_value",
        "params",
        ["key", "value"],
        unique=False,
        sqlite_where=sa.text("length(value) <= 250"),
        postgresql_where=sa.text("length(value) <= 250"),
    )
    op.create_table(
        "run_datasets",
        sa.Column("run_id", _text(32), nullable=False),
        sa.Column(
            "dataset_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["datasets.dataset_id"], name=op.f("fk_run_datasets_dataset_id")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name=op.f("fk_run_datasets_run_id")),
        sa.PrimaryKeyConstraint("run_id", "dataset_id", name=op.f("pk_run_datasets")),
    )
    op.create_table(
        "run_models",
        sa.Column("run_id", _text(32), nullable=False),
        sa.Column("direction", _text(3), nullable=False),
        sa.Column("model_id", _text(34), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name=op.f("fk_run_models_run_id")),
        sa.PrimaryKeyConstraint("run_id", "direction", "model_id", name=op.f("pk_run_models")),
    )
    op.create_table(
        "run_tags",
        sa.Column("run_id", _text(32), nullable=False),
        sa.Column("key", _text(250), nullable=False),
        sa.Column("value", _text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], name=op.f("fk_run_tags_run_id")),
        sa.PrimaryKeyConstraint("run_id", "key", name=op.f("pk_run_tags")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_run_tags_value",
        "run_tags",
        ["key", "value"],
        unique=False,
        sqlite_where=sa.text("length(value) <= 250"),
        postgresql_where=sa.text("length(value) <= 250"),
    )
    op.create_table(
        "run_dataset_tags",
        sa.Column("run_id", _text(32), nullable=False),
        sa.Column("dataset_id", sa.BigInteger(), nullable=False),
        sa.Column("key", _text(250), nullable=False),
        sa.Column("value", _text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id", "dataset_id"],
            ["run_datasets.run_id", "run_datasets.dataset_id"],
            name=op.f("fk_run_dataset_tags_run_id"),
        ),
        sa.PrimaryKeyConstraint("run_id", "dataset_id", "key", name=op.f("pk_run_dataset_tags")),
    )

    now = time.time_ns() // 1_000_000
    op.bulk_insert(
        experiments,
        [
            {
                "experiment_id": 0,
                "name": "Default",
                "artifact_location": "mlflow-artifacts:/0",
                "lifecycle_stage": "active",
                "creation_time": now,
                "last_update_time": now,
            }
        ],
    )


def downgrade() -> None:
    op.drop_table("run_dataset_tags")
    op.drop_index(
        "ix_run_tags_value",
        table_name="run_tags",
        sqlite_where=sa.text("length(value) <= 250"),
        postgresql_where=sa.text("length(value) <= 250"),
    )
    op.drop_table("run_tags")
    op.drop_table("run_models")
    op.drop_table("run_datasets")
    op.drop_index(
        "ix_params_value",
        table_name="params",
        sqlite_where=sa.text("length(value) <= 250"),
        postgresql_where=sa.text("length(value) <= 250"),
    )
    op.drop_table("params")
    op.drop_table("model_version_tags")
    op.drop_table("metrics")
    op.drop_table("logged_model_tags")
    op.drop_table("logged_model_params")
    op.drop_table("logged_model_metrics")
    op.drop_index("ix_latest_metrics_value", table_name="latest_metrics")
    op.drop_table("latest_metrics")
    op.drop_index("ix_approvals_version", table_name="approvals")
    op.drop_table("approvals")
    op.drop_table("aliases")
    op.drop_index("ix_runs_recent", table_name="runs")
    op.drop_index("ix_runs_name", table_name="runs")
    op.drop_table("runs")
    op.drop_table("registered_model_tags")
    op.drop_index("ix_model_versions_stage", table_name="model_versions")
    op.drop_index("ix_model_versions_run", table_name="model_versions")
    op.drop_table("model_versions")
    op.drop_index(op.f("ix_logged_models_source_run_id"), table_name="logged_models")
    op.drop_index("ix_logged_models_recent", table_name="logged_models")
    op.drop_table("logged_models")
    op.drop_table("experiment_tags")
    op.drop_index("ix_deliveries_due", table_name="deliveries")
    op.drop_table("deliveries")
    op.drop_index("uq_datasets_digest", table_name="datasets")
    op.drop_table("datasets")
    op.drop_table("webhooks")
    op.drop_table("registered_models")
    op.drop_index("ix_promotions_time", table_name="promotions")
    op.drop_index("ix_promotions_model", table_name="promotions")
    op.drop_table("promotions")
    op.drop_table("garbage")
    op.drop_table("experiments")
