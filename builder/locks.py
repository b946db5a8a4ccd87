"""Locks: which release of each package, and the hashes that its files may have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

_ENTRY: Final = re.compile(r"(?m)^(?=[A-Za-z0-9])")
_HASH: Final = re.compile(r"\s*\\?\s*--hash[= ](\S+)")
_PIN: Final = re.compile(r"([A-Za-z0-9][\w.-]*?)(?:\[[^]]*\])?\s*==")


def normal_name(package: str) -> str:
    """Return the one spelling of a package's name."""
    return re.sub(r"[-_.]+", "-", package).lower()


def split_hashes(line: str) -> tuple[str, tuple[str, ...]]:
    """Return a requirement without its hashes, and these."""
    return _HASH.sub("", line).strip(), tuple(_HASH.findall(line))


def pinned_hashes(lines: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the hashes that ``lines`` give for packages, by their names."""
    found = ((_PIN.match(line), split_hashes(line)[1]) for line in lines)
    return {normal_name(pin[1]): hashes for pin, hashes in found if pin and hashes}


def keep_hashes(lock: str, hashes: Mapping[str, tuple[str, ...]]) -> str:
    """Return ``lock`` with no other hashes than ``hashes`` for the packages that these name.

    A resolver writes down what the index says today; what was locked before goes before that.
    """
    return "".join(_with_hashes(entry, hashes) for entry in _ENTRY.split(lock))


def _with_hashes(entry: str, hashes: Mapping[str, tuple[str, ...]]) -> str:
    pin = _PIN.match(entry)
    known = hashes.get(normal_name(pin[1]), ()) if pin else ()
    if not known:
        return entry
    return " \\\n".join([split_hashes(entry)[0], *(f"    --hash={x}" for x in known)]) + "\n"
