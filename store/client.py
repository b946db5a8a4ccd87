"""The client of a store: MLflow's methods, and what mlserve has beyond them."""

from __future__ import annotations

from pathlib import Path

from .artifact_client import ArtifactClient
from .connections import connect
from .experiment_client import ExperimentClient
from .logged_model_client import LoggedModelClient
from .promotion_client import PromotionClient
from .registry_client import RegistryClient
from .run_client import RunClient
from .tracking_uri import find_tracking_uri


class MlserveClient(
    ExperimentClient,
    RunClient,
    ArtifactClient,
    LoggedModelClient,
    RegistryClient,
    PromotionClient,
):
    """Reads and writes the store at ``tracking_uri``, else the one that the environment names.

    Registered models may be kept in another store, at ``registry_uri``. Clients of one store share
    its connections; each can be used by several threads.
    """

    def __init__(
        self, tracking_uri: str | Path | None = None, registry_uri: str | None = None
    ) -> None:
        self.tracking_uri = str(tracking_uri) if tracking_uri else find_tracking_uri()
        self._tracking = connect(self.tracking_uri)
        self._registry = connect(registry_uri) if registry_uri else self._tracking

    def flush(self) -> None:
        """Return when all points that were logged without waiting are in the store."""
        self._tracking.flush()


MlflowClient = MlserveClient
"""MLflow's name, so that a script need change its import alone."""
