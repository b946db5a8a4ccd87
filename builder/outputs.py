"""Files and folders that appear whole or not at all: made under another name, then renamed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import OutputExists, OutputFailed


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder that becomes ``path`` in the end, unless something is raised.

    Raises `OutputExists` or `OutputFailed`.
    """
    refuse_existing(path)
    with _translated(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            partial.chmod(0o755)
            yield partial
            refuse_existing(path)
            partial.rename(path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Give the path of an empty file that becomes ``path`` in the end, unless something is raised.

    Raises `OutputExists` or `OutputFailed`.
    """
    refuse_existing(path)
    with _translated(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
        partial = Path(name)
        try:
            partial.chmod(0o644)
            yield partial
            _give_name(partial, path)
        finally:
            partial.unlink(missing_ok=True)


def _give_name(partial: Path, path: Path) -> None:
    try:
        # Unlike a rename, a link never takes the place of what another made meanwhile.
        path.hardlink_to(partial)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        refuse_existing(path)
        partial.rename(path)


def refuse_existing(path: Path) -> None:
    """Raise `OutputExists` if there is anything at ``path``."""
    if os.path.lexists(path):
        raise OutputExists(path)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise OutputExists(path) from error
    except OSError as error:
        raise OutputFailed(path, error) from error
