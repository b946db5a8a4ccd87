"""The settings of the store's server; ``cli/server.py`` makes them from flags and variables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How a store is served; what each means for a user stands beside its flag.

    Sizes are in MiB, and ``max_artifact_mb`` of 0 is no limit. No ``artifacts_destination`` is the
    folder that `open_store` chooses, no ``auth`` a server that asks nobody who they are, and no
    ``lifecycle`` the stages of MLflow.
    """

    host: str = "127.0.0.1"
    port: int = 5000
    backend_store_uri: str = "sqlite:///mlserve.db"
    artifacts_destination: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    auth: Path | None = None
    without_auth: bool = False
    lifecycle: Path | None = None
    webhook_hosts: tuple[str, ...] = ()
    webhook_hosts_only: bool = False
    max_body_mb: int = 16
    max_artifact_mb: int = 0
    direct_urls: bool = False
    drain_seconds: float = 30.0
    access_log: bool = False
    log_format: str = "text"
    log_level: str = "info"
