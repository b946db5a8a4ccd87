"""Secrets as a file may hold them: passwords hashed with scrypt, random tokens with SHA-256."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from typing import NamedTuple

from ...runtimes.errors import InvalidSetting

_PASSWORD, _TOKEN = "scrypt", "sha256"
# A guess costs 16 MiB and a fifth of a second: OWASP's advice for scrypt with this much memory.
_COST, _BLOCK, _PARALLEL = 2**14, 8, 5
_MAX_MEMORY = 2**27
_MOST_PARALLEL = 64
_SALT_BYTES, _KEY_BYTES, _TOKEN_BYTES = 16, 32, 32


class PasswordHash(NamedTuple):
    """A password as scrypt keeps it, with the numbers that say how much a guess costs."""

    cost: int
    block: int
    parallel: int
    salt: bytes
    key: bytes

    def matches(self, password: str) -> bool:
        """Whether ``password`` is the one; takes as long for any other."""
        return hmac.compare_digest(self.key, _derive(password, self))


def hash_password(password: str) -> str:
    """Return the text for the file; two of the same password differ."""
    empty = PasswordHash(_COST, _BLOCK, _PARALLEL, os.urandom(_SALT_BYTES), b"")
    return _write(empty._replace(key=_derive(password, empty)))


def unknown_password() -> PasswordHash:
    """Return the hash of a password that nobody has; to compare with it takes as long as ever."""
    return PasswordHash(_COST, _BLOCK, _PARALLEL, os.urandom(_SALT_BYTES), os.urandom(_KEY_BYTES))


def read_password_hash(text: str) -> PasswordHash:
    """Return what `hash_password` wrote; raises `InvalidSetting` for anything else."""
    try:
        return _parse(text)
    except ValueError:
        raise InvalidSetting(
            "found no hash of a password, expected one from `mlserve server hash-secret`"
        ) from None


def _parse(text: str) -> PasswordHash:
    kind, *numbers, salt, key = text.split(":")
    cost, block, parallel = (int(number) for number in numbers)
    found = PasswordHash(cost, block, parallel, _from_base64(salt), _from_base64(key))
    is_power = cost > 1 and cost & (cost - 1) == 0  # as RFC 7914 has it
    needs = 128 * block * (cost + parallel)
    if (
        kind != _PASSWORD
        or len(found.key) != _KEY_BYTES
        or not is_power
        or min(block, parallel) < 1
    ):
        raise ValueError
    if needs > _MAX_MEMORY or parallel > _MOST_PARALLEL:
        raise ValueError
    return found


def make_token() -> str:
    """Return a new random token, too long to be guessed."""
    return base64.urlsafe_b64encode(os.urandom(_TOKEN_BYTES)).rstrip(b"=").decode()


def hash_token(token: str) -> str:
    """Return the text for the file: a random token needs no slow hash."""
    return f"{_TOKEN}:{digest_token(token).hex()}"


def digest_token(token: str) -> bytes:
    """Return the SHA-256 of ``token``."""
    return hashlib.sha256(token.encode()).digest()


def read_token_hash(text: str) -> bytes:
    """Return the digest that `hash_token` wrote; raises `InvalidSetting` for anything else."""
    kind, _, digest = text.partition(":")
    try:
        found = bytes.fromhex(digest)
    except ValueError:
        found = b""
    if kind != _TOKEN or len(found) != hashlib.sha256().digest_size:
        raise InvalidSetting(
            "found no hash of a token, expected one from `mlserve server hash-secret --token`"
        )
    return found


def _derive(password: str, numbers: PasswordHash) -> bytes:
    return hashlib.scrypt(
        password.encode("utf-8", "surrogatepass"),
        salt=numbers.salt,
        n=numbers.cost,
        r=numbers.block,
        p=numbers.parallel,
        maxmem=_MAX_MEMORY,
        dklen=_KEY_BYTES,
    )


def _write(found: PasswordHash) -> str:
    numbers = f"{found.cost}:{found.block}:{found.parallel}"
    return f"{_PASSWORD}:{numbers}:{_to_base64(found.salt)}:{_to_base64(found.key)}"


def _to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
