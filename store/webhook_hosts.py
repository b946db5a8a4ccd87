"""Which hosts webhooks may call: addresses of the internet, and beyond them what is allowed.

An address is judged after its host's name was resolved, and that very address is called: a name
that means another one a moment later changes nothing.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, Protocol
from urllib.parse import SplitResult, urlsplit

from ..runtimes.errors import shorten
from .errors import InvalidParameter

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LONGEST_URL: Final = 2048
_PORTS = {"http": 80, "https": 443}
_VISIBLE = re.compile(r"[!-~]+")

# Where clouds tell a machine its credentials; some of these look like any address.
_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        ("169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254"),
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Resolver(Protocol):
    """A function that returns the addresses of a host."""

    def __call__(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses; raises `OSError` where the name means none."""


@dataclass(frozen=True, slots=True)
class HostRules:
    """The hosts that webhooks may call.

    ``allowed`` names hosts that may be called at private addresses too; ``*`` in a name stands for
    anything. With ``is_closed``, no others are called at all. Link-local addresses and those of a
    cloud's metadata are called for nobody.
    """

    allowed: tuple[str, ...] = ()
    is_closed: bool = False

    def allows(self, host: str) -> bool:
        """Whether ``host`` is one of those allowed."""
        return any(fnmatchcase(host.casefold(), pattern.casefold()) for pattern in self.allowed)


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a webhook's URL; ``path`` has the query too."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the header Host says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def read_target(url: str, rules: HostRules) -> Target:
    """Return the parts of a URL; raises `InvalidParameter` for one that no webhook may have.

    A host that is written as an address is judged at once, a name when it is called.
    """
    parts = _split(url)
    host = parts.hostname or ""
    if rules.is_closed and not rules.allows(host):
        raise _refusal(host, "it is not among the allowed hosts")
    if (address := _read_address(host)) is not None:
        check_address(address, host, rules)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, parts.port or _PORTS[parts.scheme], path)


def check_address(address: Address, host: str, rules: HostRules) -> None:
    """Raise `InvalidParameter` where ``host`` may not be called at ``address``."""
    for one in _meanings(address):
        if one in _METADATA or one.is_link_local or one.is_multicast or one.is_unspecified:
            raise _refusal(host, f"{one} is no address that webhooks call")
        if not _is_public(one) and not rules.allows(host):
            raise _refusal(host, f"{one} is a private address, and the host is not allowed")


def find_addresses(target: Target, rules: HostRules, resolve: Resolver) -> list[str]:
    """Return the addresses at which the host of ``target`` may be called, the first one first.

    Raises `InvalidParameter` unless all that its name means may be called.
    """
    addresses = [ipaddress.ip_address(text) for text in resolve(target.host, target.port)]
    for address in addresses:
        check_address(address, target.host, rules)
    return [str(address) for address in addresses]


def resolve_host(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host, as the system knows them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _split(url: str) -> SplitResult:
    expected = "http(s)://HOST[:PORT]/PATH without user, password and fragment"
    if len(url) > LONGEST_URL or not _VISIBLE.fullmatch(url):
        found = f"{len(url)} characters" if len(url) > LONGEST_URL else "no URL"
        raise InvalidParameter(f"url: found {found}, expected {expected}, in ASCII")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidParameter(f"url: found {error}, expected {expected}") from error
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        raise InvalidParameter(f"url: found no host to call over HTTP, expected {expected}")
    if "@" in parts.netloc or "\\" in url or "#" in url:
        raise InvalidParameter(f"url: found a user, a backslash or a fragment, expected {expected}")
    return parts


def _read_address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global
    is_odd = address.is_site_local or (address.is_reserved and address not in _NAT64)
    return address.is_global and not is_odd


def _meanings(address: Address) -> list[Address]:
    """Return the address and those of IPv4 that it stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    embedded = [one for one in inner if one is not None]
    return embedded if address.ipv4_mapped else [address, *embedded]


def _refusal(host: str, reason: str) -> InvalidParameter:
    return InvalidParameter(
        f"url: the host {shorten(host)} is not called: {reason}; ask the operator of the server to "
        "allow it with --webhook-hosts"
    )
