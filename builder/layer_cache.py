"""Layers that were packed before, found by the digest of what they hold."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .layers import LEVEL, Layer, Tree, diff_id_of, pack_layer
from .oci import LAYER_GZIP, Descriptor

KEPT_LAYERS: Final = 20


@dataclass(frozen=True, slots=True)
class LayerCache:
    """Packed layers in ``folder``; of many, those that were used last are kept.

    A file is named after what it was made of and what it is, and appears whole or not at all, so
    that several processes can share the folder.
    """

    folder: Path

    def pack(self, tree: Tree) -> Layer:
        """Return the layer of ``tree``, compressed only if it was not before."""
        diff_id = diff_id_of(tree)
        stem = f"{diff_id.partition(':')[2]}.{LEVEL}."
        for file in self.folder.glob(f"{stem}*"):
            with suppress(FileNotFoundError):
                os.utime(file)
                return _layer_in(file, diff_id)
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".layer.", dir=self.folder)
        os.close(handle)
        partial = Path(name)
        try:
            layer = pack_layer(tree, partial)
            file = self.folder / f"{stem}{layer.descriptor.digest.partition(':')[2]}"
            partial.rename(file)
        finally:
            partial.unlink(missing_ok=True)
        self._tidy()
        return Layer(layer.descriptor, layer.diff_id, file)

    def _tidy(self) -> None:
        files = sorted(self.folder.glob("[0-9a-f]*.*"), key=_last_use, reverse=True)
        for file in files[KEPT_LAYERS:]:
            file.unlink(missing_ok=True)


def _layer_in(file: Path, diff_id: str) -> Layer:
    digest = f"sha256:{file.name.rpartition('.')[2]}"
    descriptor = Descriptor(media_type=LAYER_GZIP, digest=digest, size=file.stat().st_size)
    return Layer(descriptor, diff_id, file)


def _last_use(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return 0.0
