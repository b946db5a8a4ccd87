"""The socket that a service listens on."""

from __future__ import annotations

import errno
import os
import socket
from typing import Final

from ..runtimes.errors import AddressUnavailable

BACKLOG: Final = 2048

_ADVICE: Final = {
    errno.EADDRINUSE: "another program listens there; stop it, or choose another --port (0: any)",
    errno.EACCES: "ports below 1024 need privileges; choose another --port",
    errno.EADDRNOTAVAIL: "no interface of this machine has that address; choose another --host",
}


def bind_socket(host: str, port: int) -> socket.socket:
    """Return a TCP socket bound to ``host`` and ``port`` that does not listen yet.

    Raises `AddressUnavailable` where that cannot be.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no valid host name"
        raise AddressUnavailable(host, port, str(reason), "choose another --host") from error
    family, kind, protocol, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere the option lets two programs share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise address_unavailable(host, port, error) from error
    return listener


def address_unavailable(host: str, port: int, error: OSError) -> AddressUnavailable:
    """Return the error that says why nobody can listen on ``host`` and ``port``."""
    advice = _ADVICE.get(error.errno or 0, "choose another --host or --port")
    return AddressUnavailable(host, port, os.strerror(error.errno or 0), advice)


def service_url(listener: socket.socket) -> str:
    """Return the URL at which ``listener`` is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
