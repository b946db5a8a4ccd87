"""Which names the server answers to: a guard against pages that reach it through a browser.

A page whose own name was made to point here (DNS rebinding) sends that name as Host; a page of
another server that wants to change something sends that server's name as Origin.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from ipaddress import ip_address
from urllib.parse import urlsplit

from .answers import RequestHeaders
from .refusals import ForeignHost, ForeignOrigin

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+?)\.?(?P<port>:\d{1,5})?")


class HostGuard:
    """Lets requests through that are meant for this server.

    Loopback names are always this server's. Beside them, ``allowed`` are, which may hold ``*`` and
    a port; where there are none, the host listened on and the addresses of private networks.
    """

    def __init__(self, allowed: Iterable[str] = (), listening: str = "") -> None:
        self._patterns = [one.strip().lower() for one in allowed if one.strip()]
        self._listening = listening.lower()

    def check(self, method: str, headers: RequestHeaders) -> None:
        """Raise `ForeignHost` or `ForeignOrigin` for a request that is not to be answered."""
        hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
        host = hosts[0] if len(hosts) == 1 else ""
        if not self._is_ours(host):
            raise ForeignHost(", ".join(hosts))
        if method not in SAFE_METHODS:
            for name, value in headers:
                if name == b"origin":
                    self._check_origin(value.decode("latin-1"), host)

    def _check_origin(self, origin: str, host: str) -> None:
        try:
            named = urlsplit(origin).netloc
        except ValueError:
            named = ""
        if named.lower() != host.lower() and not self._is_allowed(named):
            raise ForeignOrigin(origin)

    def _is_ours(self, host: str) -> bool:
        found = _HOST.fullmatch(host.lower())
        if found is None:
            return False
        name = found["name"].strip("[]")
        if _is_loopback(name) or self._is_allowed(host):
            return True
        return not self._patterns and (name == self._listening or _is_private(name))

    def _is_allowed(self, host: str) -> bool:
        found = _HOST.fullmatch(host.lower())
        if found is None:
            return False
        names = {found["name"], found["name"] + (found["port"] or "")}
        return any(fnmatchcase(name, pattern) for name in names for pattern in self._patterns)


def is_loopback_host(host: str) -> bool:
    """Whether listening on ``host`` lets nobody in but programs of this machine."""
    return _is_loopback(host.lower().strip("[]"))


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _is_private(name: str) -> bool:
    """Whether ``name`` is an address of a private network, which no public DNS name can fake."""
    try:
        return ip_address(name).is_private
    except ValueError:
        return False
