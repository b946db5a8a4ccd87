"""Packaged models put to work: served over REST, scored in batches, built into images."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import entities
    from .runtimes.errors import MLServeError
    from .runtimes.flavors import load_model
    from .runtimes.inference import infer_signature
    from .runtimes.packaging import save_model
    from .store.active_runs import ActiveRun
    from .store.client import MlflowClient, MlserveClient
    from .store.errors import StoreError
    from .store.fluent import (
        active_run,
        delete_run,
        end_run,
        get_artifact_uri,
        get_parent_run,
        get_run,
        get_tracking_uri,
        is_tracking_uri_set,
        last_active_run,
        restore_run,
        set_experiment,
        set_tracking_uri,
        start_run,
    )
    from .store.fluent_experiments import (
        create_experiment,
        delete_experiment,
        delete_experiment_tag,
        get_experiment,
        get_experiment_by_name,
        restore_experiment,
        search_experiments,
        search_runs,
        set_experiment_tag,
        set_experiment_tags,
    )
    from .store.fluent_logging import (
        delete_tag,
        flush_async_logging,
        log_artifact,
        log_artifacts,
        log_dict,
        log_figure,
        log_metric,
        log_metrics,
        log_param,
        log_params,
        log_stream,
        log_text,
        set_tag,
        set_tags,
    )
    from .store.fluent_registry import (
        register_model,
        search_model_versions,
        search_registered_models,
        set_model_version_tag,
    )
    from .store.model_logging import ModelInfo, log_model

__all__ = [
    "ActiveRun",
    "MLServeError",
    "MlflowClient",
    "MlserveClient",
    "ModelInfo",
    "StoreError",
    "active_run",
    "create_experiment",
    "delete_experiment",
    "delete_experiment_tag",
    "delete_run",
    "delete_tag",
    "end_run",
    "entities",
    "flush_async_logging",
    "get_artifact_uri",
    "get_experiment",
    "get_experiment_by_name",
    "get_parent_run",
    "get_run",
    "get_tracking_uri",
    "infer_signature",
    "is_tracking_uri_set",
    "last_active_run",
    "load_model",
    "log_artifact",
    "log_artifacts",
    "log_dict",
    "log_figure",
    "log_metric",
    "log_metrics",
    "log_model",
    "log_param",
    "log_params",
    "log_stream",
    "log_text",
    "register_model",
    "restore_experiment",
    "restore_run",
    "save_model",
    "search_experiments",
    "search_model_versions",
    "search_registered_models",
    "search_runs",
    "set_experiment",
    "set_experiment_tag",
    "set_experiment_tags",
    "set_model_version_tag",
    "set_tag",
    "set_tags",
    "set_tracking_uri",
    "start_run",
]

# Where each public name lives, and the extra that it needs: importing mlserve imports neither.
_HOMES = {
    "ActiveRun": (".store.active_runs", "store"),
    "MLServeError": (".runtimes.errors", None),
    "MlflowClient": (".store.client", "store"),
    "MlserveClient": (".store.client", "store"),
    "ModelInfo": (".store.model_logging", "sklearn"),
    "StoreError": (".store.errors", None),
    "active_run": (".store.fluent", "store"),
    "create_experiment": (".store.fluent_experiments", "store"),
    "delete_experiment": (".store.fluent_experiments", "store"),
    "delete_experiment_tag": (".store.fluent_experiments", "store"),
    "delete_run": (".store.fluent", "store"),
    "delete_tag": (".store.fluent_logging", "store"),
    "end_run": (".store.fluent", "store"),
    "entities": (".entities", "store"),
    "flush_async_logging": (".store.fluent_logging", "store"),
    "get_artifact_uri": (".store.fluent", "store"),
    "get_experiment": (".store.fluent_experiments", "store"),
    "get_experiment_by_name": (".store.fluent_experiments", "store"),
    "get_parent_run": (".store.fluent", "store"),
    "get_run": (".store.fluent", "store"),
    "get_tracking_uri": (".store.fluent", "store"),
    "infer_signature": (".runtimes.inference", "sklearn"),
    "is_tracking_uri_set": (".store.fluent", "store"),
    "last_active_run": (".store.fluent", "store"),
    "load_model": (".runtimes.flavors", None),
    "log_artifact": (".store.fluent_logging", "store"),
    "log_artifacts": (".store.fluent_logging", "store"),
    "log_dict": (".store.fluent_logging", "store"),
    "log_figure": (".store.fluent_logging", "store"),
    "log_metric": (".store.fluent_logging", "store"),
    "log_metrics": (".store.fluent_logging", "store"),
    "log_model": (".store.model_logging", "sklearn"),
    "log_param": (".store.fluent_logging", "store"),
    "log_params": (".store.fluent_logging", "store"),
    "log_stream": (".store.fluent_logging", "store"),
    "log_text": (".store.fluent_logging", "store"),
    "register_model": (".store.fluent_registry", "store"),
    "restore_experiment": (".store.fluent_experiments", "store"),
    "restore_run": (".store.fluent", "store"),
    "save_model": (".runtimes.packaging", "sklearn"),
    "search_experiments": (".store.fluent_experiments", "store"),
    "search_model_versions": (".store.fluent_registry", "store"),
    "search_registered_models": (".store.fluent_registry", "store"),
    "search_runs": (".store.fluent_experiments", "store"),
    "set_experiment": (".store.fluent", "store"),
    "set_experiment_tag": (".store.fluent_experiments", "store"),
    "set_experiment_tags": (".store.fluent_experiments", "store"),
    "set_model_version_tag": (".store.fluent_registry", "store"),
    "set_tag": (".store.fluent_logging", "store"),
    "set_tags": (".store.fluent_logging", "store"),
    "set_tracking_uri": (".store.fluent", "store"),
    "start_run": (".store.fluent", "store"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, extra = _HOMES[name]
    try:
        found = import_module(module, __name__)
    except ModuleNotFoundError as error:
        if extra is None or error.name is None or error.name.startswith(f"{__name__}."):
            raise
        from .runtimes.errors import MissingExtra  # noqa: PLC0415 - only where it is needed

        raise MissingExtra(f"mlserve.{name}", error.name.partition(".")[0], extra) from error
    # Kept, for the next time: scripts log in loops.
    globals()[name] = found if module == f".{name}" else getattr(found, name)
    return globals()[name]
