"""Layers that were packed before, found by what they hold, or by trees that nobody touched."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from .kept_files import KeptFiles
from .layers import LEVEL, Layer, Tree, diff_id_of, pack_layer, walk
from .oci import LAYER_GZIP, Descriptor


@dataclass(frozen=True, slots=True)
class LayerCache:
    """Packed layers, each in a file named after what it was made of and what it is.

    Beside them stand, under what the file system says of a tree, the names of these files: a tree
    that nobody touched is not read again.
    """

    files: KeptFiles

    def pack(self, tree: Tree) -> Layer:
        """Return the layer of ``tree``, compressed only if it was not before."""
        mark = _mark_of(tree)
        if (known := self.files.find(mark)) and (file := self.files.find(known.read_text())):
            return _layer_in(file)
        diff_id = diff_id_of(tree)
        stem = f"{diff_id.partition(':')[2]}.{LEVEL}."

        def make(file: Path) -> str:
            return stem + pack_layer(tree, file).descriptor.digest.partition(":")[2]

        file = self.files.find(f"{stem}*") or self.files.add(make)

        def note(partial: Path) -> str:
            partial.write_text(file.name)
            return mark

        # What was touched while it was read is read again next time.
        if mark == _mark_of(tree):
            self.files.add(note)
        return _layer_in(file)


def _mark_of(tree: Tree) -> str:
    return f"tree.{LEVEL}.{fingerprint(tree)}"


def fingerprint(tree: Tree) -> str:
    """Return what stands for all that the file system says of ``tree``, without reading a file.

    The time of the last change of an inode is part of it, which no program can set back.
    """
    hashing = hashlib.sha256(repr((tree.target, tree.mtime)).encode())
    for path, name in walk(tree):
        status = path.lstat()
        facts = (str(name), status.st_mode, status.st_size, status.st_ino, status.st_ctime_ns)
        hashing.update(repr(facts).encode())
    return hashing.hexdigest()


def _layer_in(file: Path) -> Layer:
    diff, _, digest = file.name.split(".")
    descriptor = Descriptor(
        media_type=LAYER_GZIP, digest=f"sha256:{digest}", size=file.stat().st_size
    )
    return Layer(descriptor, f"sha256:{diff}", file)
