"""A process that takes a model out of a cache, for the tests; run as a program.

Arguments: the folder of the cache, the file of the manifest, and the URI of the artifacts. It says
"reading" in the middle of the file "slow", and goes on at a line of its input; it says where the
model is, and keeps it until its input ends.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path

from mlserve.store.artifact_storage import open_artifacts
from mlserve.store.manifest import read_manifest
from mlserve.store.model_cache import ModelCache


class SlowFile:
    """A file that gives its first byte, and the rest when somebody says so."""

    def __init__(self, file) -> None:
        self._file, self._is_begun = file, False

    def read(self, size):
        if not self._is_begun:
            self._is_begun = True
            return self._file.read(1)
        print("reading", flush=True)
        sys.stdin.readline()
        self.read = self._file.read
        return self._file.read(size)


class SlowArtifacts:
    """Artifacts of which the file "slow" is a slow one."""

    def __init__(self, artifacts) -> None:
        self._artifacts = artifacts

    def walk(self, path=""):
        return self._artifacts.walk(path)

    @contextmanager
    def read(self, path):
        with self._artifacts.read(path) as file:
            yield SlowFile(file) if path == "slow" else file


def main() -> None:
    folder, written, source = sys.argv[1:]
    manifest = read_manifest(Path(written).read_bytes())
    cache = ModelCache(Path(folder), 1 << 30)
    print(cache.get(manifest, SlowArtifacts(open_artifacts(source))), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
