"""The model that a worker serves: loaded as the settings say, with its service around it."""

from __future__ import annotations

from ..runtimes.contract import LoadOptions
from ..runtimes.cpu import cpu_budget
from ..runtimes.flavors import load_model
from .app import Service
from .assignment import Slot
from .logs import AccessLog
from .metrics import MetricStore
from .server import Loaded
from .settings import Settings


def load_service(settings: Settings, slot: Slot) -> Loaded:
    """Return the service of the settings' model, for the worker at ``slot``."""
    model = load_model(settings.model, load_options(settings))
    store = MetricStore(slot.metrics, settings.workers)
    access_log = AccessLog() if settings.access_log else None
    service = Service(model, settings, store, slot.index, access_log)
    return Loaded(service, settings.model_name, model.flavor)


def load_options(settings: Settings) -> LoadOptions:
    """Return how the settings want the model loaded."""
    return LoadOptions(
        flavor=settings.flavor,
        predict_fn=settings.predict_fn,
        safe_only=settings.safe_only,
        skops_trusted=settings.skops_trusted,
        allow_version_mismatch=settings.allow_version_mismatch,
        threads=settings.threads or cpu_budget(settings.workers),
    )
