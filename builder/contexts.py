"""Build contexts: a Dockerfile and the trees that it copies, as a tar or in a folder."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Final

from .contract import Stage
from .dockerfile import write_dockerfile
from .outputs import new_folder

DOCKERFILE: Final = "Dockerfile"


def pack_context(dockerfile: str, trees: Mapping[str, Path], output: BinaryIO) -> None:
    """Write a tar of ``dockerfile`` and the trees, by their names, that tells of nothing else."""
    with tarfile.open(fileobj=output, mode="w", format=tarfile.PAX_FORMAT) as archive:
        content = dockerfile.encode()
        entry = tarfile.TarInfo(DOCKERFILE)
        entry.size, entry.mode = len(content), 0o644
        archive.addfile(entry, io.BytesIO(content))
        for name, tree in trees.items():
            _add(archive, tree, name)


def write_context(stage: Stage, path: Path) -> None:
    """Write the context of ``stage`` into the new folder ``path``.

    Raises `OutputExists` or `OutputFailed`.
    """
    with new_folder(path) as folder:
        for layer in stage.plan.layers:
            shutil.copytree(stage.folder / layer.name, folder / layer.name)
        (folder / DOCKERFILE).write_text(write_dockerfile(stage.plan))
        for place, folders, files in os.walk(folder, topdown=False):
            for name in [*files, *folders]:
                _settle(Path(place) / name)


def _settle(path: Path) -> None:
    """Give a file or folder the mode and time that it has in every image."""
    path.chmod(0o755 if path.is_dir() else _mode(path.stat().st_mode))
    os.utime(path, (0, 0))


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    if path.is_dir():
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(entry)
        for child in sorted(entry.name for entry in path.iterdir()):
            _add(archive, path / child, f"{name}/{child}")
        return
    with path.open("rb") as content:
        status = os.fstat(content.fileno())
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = status.st_size, _mode(status.st_mode)
        archive.addfile(entry, content)


def _mode(mode: int) -> int:
    return 0o755 if mode & 0o100 else 0o644
