"""Manifests: the SHA-256 and the size of every file of a model folder, and whether they hold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

import msgspec

from .artifact_paths import check_file_path, check_folder_path
from .contract import Artifacts
from .errors import CorruptArtifact, InvalidParameter

CHUNK_BYTES: Final = 1 << 20
"""How much of a file is in memory at a time."""


@dataclass(frozen=True, slots=True)
class FileDigest:
    """The SHA-256 of a file, in hexadecimal digits, and its size in bytes."""

    sha256: str
    size: int

    def __str__(self) -> str:
        return f"SHA-256 {self.sha256} of {self.size} bytes"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a model folder holds: every file by its path, relative to the folder."""

    files: Mapping[str, FileDigest]

    @property
    def digest(self) -> str:
        """The SHA-256 of the manifest as it is written, which stands for the whole folder."""
        return hashlib.sha256(write_manifest(self)).hexdigest()

    @property
    def size(self) -> int:
        """The bytes of all files together."""
        return sum(file.size for file in self.files.values())

    def below(self, path: str) -> Manifest:
        """Return the manifest of the folder ``path`` in this one."""
        if not check_folder_path(path):
            return self
        start = f"{path}/"
        files = self.files.items()
        return Manifest({k.removeprefix(start): file for k, file in files if k.startswith(start)})


class _Written(msgspec.Struct, forbid_unknown_fields=True):
    files: dict[str, tuple[str, int]]


def write_manifest(manifest: Manifest) -> bytes:
    """Return the one form of a manifest: JSON in UTF-8, files in order, nothing between.

    ``{"files":{"MLmodel":["<sha256>",512],…}}``
    """
    files = {path: (file.sha256, file.size) for path, file in manifest.files.items()}
    return msgspec.json.encode(_Written(files), order="deterministic")


def read_manifest(text: bytes | str) -> Manifest:
    """Return the manifest that was written; raises `InvalidParameter` for what is none.

    Its paths are checked: whoever wrote it, they lead nowhere but into the folder.
    """
    try:
        written = msgspec.json.decode(text, type=_Written)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise InvalidParameter(f"found no manifest ({error}), expected its JSON") from error
    return manifest_of(written.files)


def manifest_of(files: Mapping[str, tuple[str, int]]) -> Manifest:
    """Return the manifest of files as an answer has them; raises `InvalidParameter` as a read."""
    check_tree(files)
    for path, (sha256, size) in files.items():
        if len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
            raise InvalidParameter(f"the manifest, {path}: expected a SHA-256 in lower case")
        if size < 0:
            raise InvalidParameter(f"the manifest, {path}: found {size} bytes, expected 0 or more")
    return Manifest({path: FileDigest(*file) for path, file in sorted(files.items())})


def check_tree(paths: Iterable[str]) -> None:
    """Raise `InvalidParameter` unless files of all these paths can be in one folder."""
    files = {check_file_path(path) for path in paths}
    for path in files:
        parts = path.split("/")
        for end in range(1, len(parts)):
            if (above := "/".join(parts[:end])) in files:
                raise InvalidParameter(f"found {above} as a file and as a folder, expected one")


def make_manifest(artifacts: Artifacts) -> Manifest:
    """Return the manifest of what is there, reading every file once."""
    return Manifest({path: _digest_of(artifacts, path) for path in _paths_of(artifacts)})


def verify(manifest: Manifest, artifacts: Artifacts) -> None:
    """Raise `CorruptArtifact` unless the files are those of ``manifest``, and no others."""
    paths = _paths_of(artifacts)
    compare_paths(manifest, paths)
    for path in paths:
        compare_file(manifest, path, _digest_of(artifacts, path))


def compare_paths(manifest: Manifest, paths: Iterable[str]) -> None:
    """Raise `CorruptArtifact` unless ``paths`` are those of the manifest."""
    found = set(paths)
    for path in sorted(found - manifest.files.keys()):
        raise CorruptArtifact(path, "a file", "none")
    for path in sorted(manifest.files.keys() - found):
        raise CorruptArtifact(path, "no file", str(manifest.files[path]))


def compare_file(manifest: Manifest, path: str, found: FileDigest) -> None:
    """Raise `CorruptArtifact` unless the file ``path`` of the manifest is the one found."""
    expected = manifest.files[path]
    if found != expected:
        raise CorruptArtifact(path, str(found), str(expected))


def copy_file(source: BinaryIO, *sinks: BinaryIO) -> FileDigest:
    """Write the rest of ``source`` to all ``sinks``, and return its digest."""
    sha256, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK_BYTES):
        sha256.update(chunk)
        size += len(chunk)
        for sink in sinks:
            sink.write(chunk)
    return FileDigest(sha256.hexdigest(), size)


def _paths_of(artifacts: Artifacts) -> list[str]:
    paths = [file.path for file in artifacts.walk()]
    check_tree(paths)
    return paths


def _digest_of(artifacts: Artifacts, path: str) -> FileDigest:
    with artifacts.read(path) as source:
        return copy_file(source)
