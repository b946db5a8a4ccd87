"""What a forked child must not share with its parent, such as connections, is renewed in it."""

from __future__ import annotations

import os
from functools import cache
from typing import Protocol
from weakref import WeakSet


class Renewable(Protocol):
    """An object whose inner parts a forked child must make anew."""

    def renew(self) -> None:
        """Make what was inherited anew, without using it; only the forking thread is alive."""


_kept: WeakSet[Renewable] = WeakSet()


def renew_in_children(kept: Renewable) -> None:
    """Have ``kept`` renewed in each child that this process forks from now on."""
    _register()
    _kept.add(kept)


@cache
def _register() -> None:
    os.register_at_fork(after_in_child=_renew)


def _renew() -> None:
    for kept in list(_kept):
        kept.renew()
