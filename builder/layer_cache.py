"""Layers that were packed before, found by the digest of what they hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .kept_files import KeptFiles
from .layers import LEVEL, Layer, Tree, diff_id_of, pack_layer
from .oci import LAYER_GZIP, Descriptor


@dataclass(frozen=True, slots=True)
class LayerCache:
    """Packed layers, each in a file named after what it was made of and what it is."""

    files: KeptFiles

    def pack(self, tree: Tree) -> Layer:
        """Return the layer of ``tree``, compressed only if it was not before."""
        diff_id = diff_id_of(tree)
        stem = f"{diff_id.partition(':')[2]}.{LEVEL}."

        def make(file: Path) -> str:
            return stem + pack_layer(tree, file).descriptor.digest.partition(":")[2]

        return _layer_in(self.files.find(f"{stem}*") or self.files.add(make), diff_id)


def _layer_in(file: Path, diff_id: str) -> Layer:
    digest = f"sha256:{file.name.rpartition('.')[2]}"
    descriptor = Descriptor(media_type=LAYER_GZIP, digest=digest, size=file.stat().st_size)
    return Layer(descriptor, diff_id, file)
