"""Folders that several builds use: each is made once, and found by what it was made from."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

KEPT_SECONDS: Final = 30 * 24 * 3600
"""How long a folder is kept that no build has used."""


@dataclass(frozen=True, slots=True)
class TreeCache:
    """Folders by their keys; each appears whole or not at all, and never changes afterwards.

    Several processes can share the place.
    """

    folder: Path

    def get(self, key: str, make: Callable[[Path], None]) -> Path:
        """Return the folder of ``key``, which ``make`` fills if it is not there yet."""
        tree = self.folder / key
        with suppress(FileNotFoundError):
            os.utime(tree)
            return tree
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft.", dir=self.folder))
        try:
            draft.chmod(0o755)
            make(draft)
            self._publish(draft, tree)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        self._tidy()
        return tree

    def _publish(self, draft: Path, tree: Path) -> None:
        try:
            draft.rename(tree)
        except OSError:  # another process made the same meanwhile, unless something is wrong
            if not tree.is_dir():
                raise

    def _tidy(self) -> None:
        oldest = time.time() - KEPT_SECONDS
        for tree in self.folder.iterdir():
            with suppress(FileNotFoundError):
                if tree.stat().st_mtime < oldest:
                    shutil.rmtree(tree, ignore_errors=True)


def key_of(parts: Iterable[str]) -> str:
    """Return a key that stands for all ``parts``."""
    hashing = hashlib.sha256()
    for part in parts:
        content = part.encode(errors="surrogateescape")
        hashing.update(len(content).to_bytes(8, "little") + content)
    return hashing.hexdigest()
