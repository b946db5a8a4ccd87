"""Locks among processes, and among the threads of one: files that the operating system locks.

A lock is freed when it is closed, however its process ends.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def lock_shared(path: Path) -> int:
    """Wait until nobody has the lock alone; return the descriptor that holds a share of it."""
    return _lock(path, fcntl.LOCK_SH)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait for the lock, and hold it alone."""
    number = _lock(path, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(number)


@contextmanager
def locked_if_free(path: Path) -> Iterator[bool]:
    """Hold the lock alone if nobody has it or a share of it now, and say so."""
    try:
        number = _lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
        return
    try:
        yield True
    finally:
        os.close(number)


def _lock(path: Path, how: int) -> int:
    number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(number, how)
    except BaseException:
        os.close(number)
        raise
    return number
