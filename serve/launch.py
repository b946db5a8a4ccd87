"""A service started as its settings say: in this process, or in several that it supervises.

Nothing heavy is imported before the socket is bound.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable
from pkgutil import resolve_name
from typing import Final

from .assignment import OnReady
from .listening import bind_socket, service_url
from .settings import Settings

MODEL_LOADER: Final = f"{__package__}.loading:load_service"

_ONE: Final = f"{__package__}.worker:run_alone"
_MANY: Final = f"{__package__}.workers:run_workers"

logger = logging.getLogger("mlserve.serve")


def run_service(settings: Settings, loader: str = MODEL_LOADER) -> int:
    """Serve until told to stop, and return the exit code.

    ``loader`` names, as "module:attribute", a function from `Settings` and a `Slot` to what
    `run_server` serves. Raises an `MLServeError` for an address or a model that cannot be served.
    """
    started = time.monotonic()
    listener = bind_socket(settings.host, settings.port)
    url = service_url(listener)

    def log_ready(model: str, flavor: str) -> None:
        fields = {
            "model": model,
            "flavor": flavor,
            "url": url,
            "workers": settings.workers,
            "pid": os.getpid(),
            "seconds": round(time.monotonic() - started, 3),
        }
        logger.info("ready", extra={"fields": fields})

    run: Callable[[socket.socket, Settings, str, OnReady], int]
    run = resolve_name(_ONE if settings.workers == 1 else _MANY)
    return run(listener, settings, loader, log_ready)
