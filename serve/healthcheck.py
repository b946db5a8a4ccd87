"""Whether the service of this container is ready: ``python3 -m mlserve.serve.healthcheck``.

For engines that run a command in the container to learn of it; the exit code is 0 or 1.
"""

from __future__ import annotations

import http.client
import os
import sys
from collections.abc import Mapping
from contextlib import closing
from http import HTTPStatus
from typing import Final

from ..runtimes.errors import InvalidSetting
from .container import container_settings

TIMEOUT_SECONDS: Final = 5.0

_EVERY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here


def is_ready(environment: Mapping[str, str]) -> bool:
    """Ask the service that ``environment`` configures for its health."""
    try:
        settings = container_settings(environment)
    except InvalidSetting:
        return False
    host = _EVERY_ADDRESS.get(settings.host, settings.host)
    connection = http.client.HTTPConnection(host, settings.port, timeout=TIMEOUT_SECONDS)
    with closing(connection):
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False


if __name__ == "__main__":
    sys.exit(0 if is_ready(os.environ) else 1)
