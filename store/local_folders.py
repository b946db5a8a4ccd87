"""Folders of this machine out of which no symbolic link leads.

A path is resolved first, and what it resolves to is opened part by part without following a link:
one that is put there in between is refused too.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..runtimes.errors import shorten
from .errors import InvalidParameter, NotFound, StoreError, StoreUnavailable

_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW

_FAULTS: Final[Mapping[int | None, tuple[type[StoreError], str]]] = {
    errno.ENOENT: (NotFound, "no artifact is there"),
    errno.ENOTDIR: (NotFound, "no artifact is there, and a part of the path is a file"),
    errno.EISDIR: (InvalidParameter, "found a folder, expected a file"),
    errno.ELOOP: (InvalidParameter, "found a symbolic link, expected a file of the artifacts"),
    errno.ENAMETOOLONG: (InvalidParameter, "the path is longer than this machine takes"),
}


@dataclass(frozen=True, slots=True)
class Confined:
    """The folder ``path`` under ``top``, and all that is in it."""

    top: Path
    path: str

    def root(self) -> Path:
        """Return the real path of the folder, whether or not it is there."""
        top = self.top.resolve()
        return _resolve(top, self.path)

    def resolve(self, path: str) -> Path:
        """Return the real path of ``path``, whether or not it is there.

        Raises `InvalidParameter` where a link leads out of the folder.
        """
        return _resolve(self.root(), path)

    def follow(self, link: Path) -> Path | None:
        """Return the real path that a link leads to, or None if nothing in this folder is there."""
        with suppress(OSError, RuntimeError):  # links in a circle
            real = link.resolve(strict=True)
            return real if real.is_relative_to(self.root()) else None
        return None

    @contextmanager
    def open(self, real: Path, *, make: bool = False) -> Iterator[int]:
        """Give the descriptor of the folder at a real path; ``make`` makes what is not there."""
        top = self.top.resolve()
        if make:
            top.mkdir(parents=True, exist_ok=True)
        number = os.open(top, _OPEN)
        try:
            for part in real.relative_to(top).parts:
                above, number = number, _open_below(number, part, make=make)
                os.close(above)
            yield number
        finally:
            os.close(number)


@contextmanager
def translated(path: str, kinds: Mapping[int, type[StoreError]] | None = None) -> Iterator[None]:
    """Raise the operating system's errors as what they mean for the artifact ``path``."""
    try:
        yield
    except OSError as error:
        kind, text = _FAULTS.get(error.errno, (StoreUnavailable, error.strerror or "failed"))
        kind = (kinds or {}).get(error.errno or 0, kind)
        raise kind(f"{shorten(path) or 'the artifacts'}: {text}") from error


def _resolve(root: Path, path: str) -> Path:
    try:
        real = root.joinpath(path).resolve()
    except (OSError, RuntimeError) as error:  # links in a circle
        raise _refusal(path) from error
    if not real.is_relative_to(root):
        raise _refusal(path)
    return real


def _refusal(path: str) -> InvalidParameter:
    return InvalidParameter(
        f'Invalid path "{shorten(path)}": found a symbolic link out of the folder of the '
        "artifacts, expected files in the folder itself"
    )


def _open_below(above: int, part: str, *, make: bool) -> int:
    try:
        return os.open(part, _OPEN, dir_fd=above)
    except FileNotFoundError:
        if not make:
            raise
    try:
        os.mkdir(part, dir_fd=above)
        os.fsync(above)
    except FileExistsError:
        pass  # another writer was first
    return os.open(part, _OPEN, dir_fd=above)
