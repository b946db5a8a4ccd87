"""All that a client with MLflow's methods tells of a store: MLflow's own client, or ours."""

from __future__ import annotations

from typing import Any

ALL = 3
"""MLflow's ViewType.ALL."""


def read_back(client: Any) -> dict[str, Any]:
    """Return all that a client tells of a store, as plain data."""
    experiments = sorted(client.search_experiments(view_type=ALL), key=lambda one: one.name)
    names = {one.experiment_id: one.name for one in experiments}
    runs = client.search_runs(list(names), run_view_type=ALL, max_results=1000)
    models = client.search_logged_models(experiment_ids=list(names))
    registered = sorted(client.search_registered_models(), key=lambda one: one.name)
    return {
        "experiments": [[one.name, one.lifecycle_stage, one.tags] for one in experiments],
        "runs": {one.info.run_id: read_run(client, one.info.run_id, names) for one in runs},
        "logged models": {one.model_id: read_logged_model(one, names) for one in models},
        "registered models": [read_registered_model(client, one) for one in registered],
    }


def read_run(client: Any, run_id: str, names: dict[str, str]) -> dict[str, Any]:
    run = client.get_run(run_id)
    info = run.info
    return {
        "info": [names[info.experiment_id], info.run_name, info.status, info.start_time,
                 info.end_time, info.lifecycle_stage, info.user_id],
        "params": run.data.params,
        "tags": run.data.tags,
        "latest": {key: str(value) for key, value in run.data.metrics.items()},
        "history": {
            key: sorted([point.timestamp, point.step, str(point.value)]
                        for point in client.get_metric_history(run_id, key))
            for key in run.data.metrics
        },
        "datasets": [
            [one.dataset.name, one.dataset.digest, one.dataset.source_type, one.dataset.source,
             one.dataset.schema, one.dataset.profile, {tag.key: tag.value for tag in one.tags}]
            for one in run.inputs.dataset_inputs
        ],
        "outputs": sorted([one.model_id, one.step] for one in run.outputs.model_outputs),
    }  # fmt: skip


def read_logged_model(model: Any, names: dict[str, str]) -> dict[str, Any]:
    return {
        "info": [names[model.experiment_id], model.name, str(model.status), model.source_run_id,
                 model.creation_timestamp, model.last_updated_timestamp],
        "params": model.params,
        "tags": model.tags,
        "metrics": sorted([one.key, str(one.value), one.timestamp, one.step, one.run_id,
                           one.dataset_name or "", one.dataset_digest or ""]
                          for one in model.metrics or []),
    }  # fmt: skip


def read_registered_model(client: Any, found: Any) -> dict[str, Any]:
    model = client.get_registered_model(found.name)
    versions = client.search_model_versions(f"name = '{found.name}'")
    return {
        "name": model.name,
        "description": model.description or "",
        "tags": model.tags,
        "aliases": {alias: str(version) for alias, version in model.aliases.items()},
        "versions": {
            str(one.version): [one.current_stage.replace("Development", "None"), one.run_id or "",
                               one.tags, one.description or "", one.status,
                               one.creation_timestamp, one.last_updated_timestamp]
            for one in versions
        },
    }  # fmt: skip
