"""Files that several builds use: each appears whole or not at all, and is kept while it is used."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

KEPT_SECONDS: Final = 30 * 24 * 3600
"""How long a file is kept that no build has used."""


@dataclass(frozen=True, slots=True)
class KeptFiles:
    """Files in ``folder`` by their names; several processes can share it."""

    folder: Path

    def find(self, pattern: str) -> Path | None:
        """Return a file whose name matches ``pattern``, or None."""
        for file in self.folder.glob(pattern):
            with suppress(FileNotFoundError):
                os.utime(file)
                return file
        return None

    def add(self, make: Callable[[Path], str]) -> Path:
        """Return a new file: ``make`` writes it and returns its name."""
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".partial.", dir=self.folder)
        os.close(handle)
        partial = Path(name)
        try:
            file = self.folder / make(partial)
            partial.rename(file)
        finally:
            partial.unlink(missing_ok=True)
        self._tidy()
        return file

    def _tidy(self) -> None:
        oldest = time.time() - KEPT_SECONDS
        for file in self.folder.iterdir():
            with suppress(FileNotFoundError):
                if file.stat().st_mtime < oldest:
                    file.unlink()
