"""Who a client is to a server: a name and a password, or a token, from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..runtimes.errors import InvalidSetting

PREFIXES = ("MLSERVE_TRACKING_", "MLFLOW_TRACKING_")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name with its password, or a token; neither shows the secret when it is printed."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


def find_credentials(environment: Mapping[str, str]) -> Credentials | None:
    """Return the credentials that variables hold, or None; our variables go before MLflow's.

    A name and a password go before a token, as they do in MLflow.
    """
    for prefix in PREFIXES:
        username, password, token = (
            environment.get(prefix + name) for name in ("USERNAME", "PASSWORD", "TOKEN")
        )
        if username and password:
            return Credentials(username, password)
        if token:
            return Credentials(token=_checked(f"{prefix}TOKEN", token))
    return None


def _checked(name: str, token: str) -> str:
    if not (token.isascii() and token.isprintable()):
        raise InvalidSetting(
            f"{name}: found characters that no header can hold, expected printable ASCII; "
            "check that no line break was copied along"
        )
    return token
