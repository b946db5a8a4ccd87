"""The image that another is built on: found in a registry, a layout or a tar, for one platform."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from pkgutil import resolve_name
from typing import Final

from ..runtimes.errors import shorten
from .archives import Archive
from .contract import BlobSource
from .errors import ImageNotFound, InvalidImage, InvalidImageName, UnusableBase
from .image_configs import ImageConfig, decode_config
from .image_names import ImageName, parse_image_name
from .images import Blob, read_document
from .layouts import MARKER, Layout
from .oci import INDEX, INDEXES, MANIFESTS, Descriptor, Index, Manifest, decode
from .plan import Platform
from .registry_access import RegistryAccess

_LOCAL: Final = ("oci:", "oci-archive:", "docker-archive:")
_PATHS: Final = ("/", "./", "../", "~")
_TARS: Final = (".tar", ".tar.gz", ".tgz")
_REGISTRY: Final = f"{__package__}.registry:open_repository"

# What an architecture's usual variant is, which an index may leave out.
_USUAL_VARIANTS: Final = {"arm64": "v8", "arm": "v7", "amd64": "v1"}


@dataclass(frozen=True, slots=True)
class BaseImage:
    """A base for one platform; ``name`` is None for one that is not in a registry."""

    source: BlobSource
    name: ImageName | None
    descriptor: Descriptor
    manifest: Manifest
    config: ImageConfig

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """The layers, from the lowest."""
        return tuple(
            Blob(layer, partial(self.source.open, layer), self.name)
            for layer in self.manifest.layers
        )


@dataclass(frozen=True, slots=True)
class Base:
    """Where a base is, and which one of there; it has an image for one platform or several."""

    text: str
    source: BlobSource
    reference: str
    name: ImageName | None

    def for_platform(self, platform: Platform) -> BaseImage:
        """Return the image for ``platform``; raises `UnusableBase` if there is none."""
        try:
            descriptor = self._choose(self.source.resolve(self.reference), platform)
        except ImageNotFound as error:
            raise UnusableBase(self.text, str(error), "an image") from error
        what = f"{descriptor.digest} of {self.text}"
        manifest = decode(self.source.read_manifest(descriptor), Manifest, what)
        opened = self.source.open(manifest.config)
        content = read_document(opened, manifest.config, self.text)
        config = decode_config(content, f"the configuration of {self.text}")
        if not _fits(config.platform, platform):
            raise UnusableBase(self.text, f"an image for {config.platform}", f"one for {platform}")
        if len(config.diff_ids) != len(manifest.layers):
            raise InvalidImage(
                what, f"{len(manifest.layers)} layers", f"the {len(config.diff_ids)} of its config"
            )
        return BaseImage(self.source, self.name, descriptor, manifest, config)

    def _choose(self, descriptor: Descriptor, platform: Platform) -> Descriptor:
        if descriptor.media_type in INDEXES:
            what = f"{descriptor.digest} of {self.text}"
            index = decode(self.source.read_manifest(descriptor), Index, what)
            return self._choose(self._of_platform(index, platform), platform)
        if descriptor.media_type not in MANIFESTS:
            found = f"a document of type {shorten(descriptor.media_type)}"
            raise UnusableBase(self.text, found, f"an image: {MANIFESTS[0]} or {INDEX}")
        return descriptor

    def _of_platform(self, index: Index, platform: Platform) -> Descriptor:
        offered = [
            (Platform(entry.os, entry.architecture, entry.variant), descriptor)
            for descriptor in index.manifests
            if (entry := descriptor.platform) and entry.os != "unknown"
        ]
        for candidate, descriptor in offered:
            if _fits(candidate, platform):
                return descriptor
        found = ", ".join(sorted({str(candidate) for candidate, _ in offered})) or "none"
        raise UnusableBase(self.text, f"images for {found}", f"one for {platform}")

    def close(self) -> None:
        """Give back connections."""
        self.source.close()


def open_base(base: str, access: RegistryAccess) -> Base:
    """Return the base that ``base`` names.

    It is a layout or a tar if it begins with ``oci:``, ``oci-archive:`` or ``docker-archive:``, or
    looks like a path: ``/…``, ``./…``, ``….tar``; a tag may follow after a colon. Else it is a name
    in a registry. Raises `UnusableBase` or `InvalidImageName`.
    """
    if path := local_path(base):
        file, tag = split_tag(path)
        if (file / MARKER).is_file():
            return Base(base, Layout(file), tag, None)
        if file.is_file():
            return Base(base, Archive(file), tag, None)
        found = "a folder without the file oci-layout" if file.is_dir() else "nothing there"
        raise UnusableBase(base, found, "an OCI layout, or a tar of an image")
    try:
        name = parse_image_name(base.removeprefix("docker://"))
    except InvalidImageName as error:
        raise UnusableBase(base, str(error), "the name or the path of an image") from error
    return Base(base, resolve_name(_REGISTRY)(name, access), name.reference, name)


def local_path(base: str) -> str:
    """Return the path that ``base`` is, perhaps with a tag, or nothing for a name."""
    for prefix in _LOCAL:
        if base.startswith(prefix):
            return base.removeprefix(prefix)
    is_path = base.startswith(_PATHS) or base.endswith(_TARS) or ".tar:" in base
    return base if is_path else ""


def split_tag(path: str) -> tuple[Path, str]:
    """Return the path and the tag behind it, which is empty if there is none."""
    """Return the path and the tag behind it; either may have colons, and only a path is there."""
    parts = path.split(":")
    for count in range(1, len(parts) + 1):
        file = Path(":".join(parts[:count])).expanduser()
        if file.exists():
            return file, ":".join(parts[count:])
    return Path(path).expanduser(), ""


def _fits(found: Platform, wanted: Platform) -> bool:
    def normal(platform: Platform) -> tuple[str, str, str]:
        usual = _USUAL_VARIANTS.get(platform.architecture, "")
        return platform.os, platform.architecture, platform.variant or usual

    return normal(found) == normal(wanted)
