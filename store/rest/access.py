"""Who asks, and what they may do: the accounts in a TOML file, and the Authorization header."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ...runtimes.errors import InvalidSetting, nearest, shorten
from ..errors import Forbidden, Unauthenticated
from ..operation import Role
from .answers import RequestHeaders
from .secret_hashes import (
    PasswordHash,
    digest_token,
    read_password_hash,
    read_token_hash,
    unknown_password,
)

_ROLES = {role.name.lower(): role for role in Role}
_KEYS = ("role", "password", "tokens")
_MOST_REMEMBERED = 4096
_MOST_PASSWORD_BYTES = 1024


class Caller(NamedTuple):
    """Who asks: an account, or anybody where there are none."""

    name: str
    role: Role

    def require(self, role: Role) -> None:
        """Raise `Forbidden` where the caller's own role does not allow what ``role`` may do."""
        if self.role < role:
            raise Forbidden(self.name, [self.role.name.lower()], role.name.lower())


ANYBODY = Caller("anonymous", Role.ADMIN)
"""The caller of a server without accounts."""


@dataclass(frozen=True, slots=True)
class Account:
    """A caller with the secrets that prove it, hashed."""

    caller: Caller
    password: PasswordHash | None
    tokens: tuple[bytes, ...]


class Access:
    """Tells callers by the Authorization header: Basic with a password, or Bearer with a token."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self._accounts = {account.caller.name: account for account in accounts}
        # A name that nobody has takes as long as a wrong password.
        self._nobody = unknown_password()
        self._key = os.urandom(32)
        self._remembered: dict[bytes, Caller] = {}

    def recall(self, header: bytes) -> Caller | None:
        """Return the caller of a header that was verified before, at once."""
        return self._remembered.get(self._digest(header))

    def verify(self, header: bytes) -> Caller:
        """Return the caller of ``header``; for a new password this takes a fifth of a second.

        Raises `Unauthenticated`.
        """
        scheme, _, value = header.partition(b" ")
        match scheme.lower():
            case b"basic":
                caller = self._verify_basic(value.strip())
            case b"bearer":
                caller = self._verify_token(value.strip())
            case _:
                caller = None
        if caller is None:
            raise Unauthenticated
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[self._digest(header)] = caller
        return caller

    def _digest(self, header: bytes) -> bytes:
        """Return what is kept in memory of a header: without the key it tells nothing."""
        return hashlib.blake2b(header, key=self._key, digest_size=32).digest()

    def _verify_basic(self, value: bytes) -> Caller | None:
        try:
            name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        account = self._accounts.get(name)
        expected = account.password if account is not None else None
        if len(password) > _MOST_PASSWORD_BYTES:
            return None
        is_right = (expected or self._nobody).matches(password)
        return account.caller if account is not None and expected and is_right else None

    def _verify_token(self, value: bytes) -> Caller | None:
        digest = digest_token(value.decode("latin-1"))
        found = None
        for account in self._accounts.values():
            for token in account.tokens:
                if hmac.compare_digest(token, digest):
                    found = account.caller
        return found


def authorization(headers: RequestHeaders) -> bytes:
    """Return the Authorization header; raises `Unauthenticated` unless there is just one."""
    found = [value for name, value in headers if name == b"authorization"]
    if len(found) != 1:
        raise Unauthenticated
    return found[0]


def read_accounts(path: Path) -> list[Account]:
    """Return the accounts of the TOML file at ``path``.

    It has a table ``[users.NAME]`` for each, with ``role`` and one or both of ``password`` and
    ``tokens``, as `mlserve server hash-secret` prints them. Raises `InvalidSetting`.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidSetting(f"the file of accounts {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"{path}: found {error}, expected a TOML file") from error
    users = document.pop("users", None)
    if not isinstance(users, dict) or not users or document:
        raise InvalidSetting(f"{path}: expected tables [users.NAME] and nothing else")
    accounts = []
    for name, table in users.items():
        try:
            accounts.append(_read_account(name, table))
        except InvalidSetting as error:
            raise InvalidSetting(f"{path}, [users.{shorten(name)}]: {error}") from None
    return accounts


def _read_account(name: str, table: Any) -> Account:
    if not isinstance(table, dict):
        raise InvalidSetting("expected a table")
    if not name or ":" in name or not name.isprintable():
        raise InvalidSetting("expected a name without colons and control characters")
    for key in table:
        if key not in _KEYS:
            advice = nearest(key, _KEYS)
            hint = f"did you mean {advice}?" if advice else f"known are {', '.join(_KEYS)}"
            raise InvalidSetting(f"the key {shorten(key)} is not known; {hint}")
    role = _ROLES.get(str(table.get("role")).lower())
    if role is None:
        found = shorten(table.get("role", "nothing"))
        raise InvalidSetting(f"role: found {found}, expected one of {', '.join(_ROLES)}")
    tokens = table.get("tokens", [])
    if not isinstance(tokens, list):
        raise InvalidSetting("tokens: expected a list of hashes")
    if "password" not in table and not tokens:
        raise InvalidSetting("expected password or tokens")
    password = read_password_hash(str(table["password"])) if "password" in table else None
    hashes = tuple(read_token_hash(str(token)) for token in tokens)
    return Account(Caller(name, role), password, hashes)
