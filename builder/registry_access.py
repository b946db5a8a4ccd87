"""How registries are reached: who asks, how patiently, and over what."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ..store.retrying import Retrying
from .credentials import Login, find_login
from .image_names import DOCKER_HUB

_DOCKER_HUB_HOST: Final = "registry-1.docker.io"


@dataclass(frozen=True, slots=True)
class RegistryAccess:
    """Choices for all registries that are talked to.

    ``insecure`` names the registries (``HOST[:PORT]``) that may be spoken to without TLS; those on
    this machine always may.
    """

    insecure: frozenset[str] = frozenset()
    find_login: Callable[[str], Login | None] = find_login
    retrying: Retrying = field(default_factory=Retrying)

    def may_be_plain(self, registry: str) -> bool:
        """Say whether ``registry`` may be spoken to without TLS."""
        return registry in self.insecure or _is_on_this_machine(registry)


def host_of(registry: str) -> str:
    """Return the host and port at which ``registry`` answers."""
    return _DOCKER_HUB_HOST if registry == DOCKER_HUB else registry


def _is_on_this_machine(registry: str) -> bool:
    host = re.sub(r":\d+$", "", registry).strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
