"""`mlserve server` as a program of its own."""

from __future__ import annotations

import sys
from typing import Any

from ...serve.processes import running

SERVER = (sys.executable, "-m", "mlserve", "server", "-p", "0", "--log-format", "json")


def running_server(*arguments: str, **environment: str) -> Any:
    """Run a server on a free port of loopback."""
    return running(*SERVER, *arguments, **environment)


def url_of(program: Any) -> str:
    host, port = program.address
    return f"http://{host}:{port}"
