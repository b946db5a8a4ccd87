"""Images made without a Docker engine: the layers of a base, ours on top, written or pushed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Final

import msgspec

from .artifacts import pack_artifact
from .base_images import Base, BaseImage, open_base
from .base_python import PYTHON_VERSION, check_python
from .cached_blobs import CachedBlobs
from .contract import Artifact, BuiltImage, MadeImage, Stage, Tell
from .errors import EngineFailed, OutputFailed
from .image_configs import encode_config, plan_config
from .image_names import ImageName, parse_image_name
from .images import Blob, Document, Image, blob_of_bytes, blob_of_file
from .kept_files import KeptFiles
from .layer_cache import LayerCache
from .layers import Layer, Tree, pack_layer
from .layouts import write_archive, write_layout
from .oci import (
    CONFIG,
    INDEX,
    MANIFEST,
    OCI_NAMES,
    Descriptor,
    Index,
    Manifest,
    describe,
    encode,
    platform_entry,
)
from .outputs import refuse_existing
from .plan import BuildPlan
from .registry_access import RegistryAccess

_PUSH: Final = f"{__package__}.publishing:push_image"
_TAR: Final = ".tar"
_LAYERS: Final = "layers"
_BLOBS: Final = "blobs"
_PYTHONS: Final = "pythons"
_BASE_DIGEST: Final = "org.opencontainers.image.base.digest"
_BASE_NAME: Final = "org.opencontainers.image.base.name"
_ANNOTATIONS: Final = "org.opencontainers.image."


@dataclass(frozen=True, slots=True)
class OciOptions:
    """How images are made without an engine.

    ``output`` is where the image is written: a file if its name ends in .tar, else the folder of a
    layout; None for an image that is only pushed. ``cache`` is a folder for what later builds use
    too. ``created`` is the time of all that is in the image, in seconds since 1970.
    """

    output: Path | None = None
    cache: Path | None = None
    created: int = 0
    is_compressed: bool = True
    access: RegistryAccess = field(default_factory=RegistryAccess)


@dataclass(slots=True)
class OciEngine:
    """An `Engine` that needs no other program; what it built can be pushed until it is closed."""

    options: OciOptions = field(default_factory=OciOptions)
    _resources: ExitStack = field(default_factory=ExitStack, init=False)
    _built: dict[str, tuple[Image, list[ImageName]]] = field(default_factory=dict, init=False)

    def build(self, stages: Sequence[Stage], tags: Sequence[str], tell: Tell) -> BuiltImage:
        """Return the image of ``stages``, written to the output if there is one."""
        names = [parse_image_name(tag) for tag in tags]
        output = self.options.output
        if output:
            refuse_existing(output)
        folder = self._resources.enter_context(tempfile.TemporaryDirectory(prefix="mlserve-image-"))
        assembly = _Assembly(self.options, Path(folder), tell)
        with ExitStack() as on_failure:
            on_failure.callback(self.close)
            image = join([self._assemble(stage, assembly) for stage in stages])
            if output:
                tell(f"writing {output}")
                write = write_archive if output.suffix == _TAR else write_layout
                write(image, tags, output)
            on_failure.pop_all()
        self._built[image.root.digest] = image, names
        references = (str(output),) if output else tuple(str(name) for name in names)
        return BuiltImage(image.root.digest, references, image.size_bytes)

    def push(self, image: BuiltImage, tell: Tell) -> str:
        """Push what was built under all its tags."""
        built = self._built.get(image.digest)
        if built is None:
            raise EngineFailed(f"{image.digest} was not built here, or the engine was closed")
        return str(resolve_name(_PUSH)(*built, self.options.access, tell))

    def close(self) -> None:
        """Remove the layers and close the bases."""
        self._built.clear()
        self._resources.close()

    def _assemble(self, stage: Stage, assembly: _Assembly) -> Image:
        try:
            return assembly.assemble(stage, self._open_base(stage))
        except OSError as error:
            # Layers and what is downloaded are written to folders of ours: a full disk is told.
            raise OutputFailed(Path(error.filename or assembly.folder), error) from error

    def _open_base(self, stage: Stage) -> Base:
        base = open_base(stage.plan.base, self.options.access)
        self._resources.callback(base.close)
        if base.name and self.options.cache:
            kept = KeptFiles(self.options.cache / _BLOBS)
            return replace(base, source=CachedBlobs(base.source, kept))
        return base


@dataclass(frozen=True, slots=True)
class _Assembly:
    options: OciOptions
    folder: Path
    tell: Tell

    def assemble(self, stage: Stage, base: Base) -> Image:
        """Return the image of one platform."""
        plan = stage.plan
        self.tell(f"base {base.text} for {plan.platform}")
        below = base.for_platform(plan.platform)
        check_python(below, plan, self._kept(_PYTHONS))
        layers = [self._pack(stage, number) for number in range(len(plan.layers))]
        image = assemble_image(below, plan, layers, self.options.created)
        made = MadeImage(
            image.root,
            base_name=str(below.name or ""),
            base_digest=below.descriptor.digest,
            python=below.config.environment.get(PYTHON_VERSION, ""),
            created=self.options.created,
        )
        return with_artifacts(image, [tell_of(made) for tell_of in stage.artifacts])

    def _pack(self, stage: Stage, number: int) -> Layer:
        planned = stage.plan.layers[number]
        self.tell(f"layer {planned.name}: {planned.target}")
        tree = Tree(stage.folder / planned.name, planned.target, self.options.created)
        # The last layer is the model, which another version will not have.
        is_lasting = number < len(stage.plan.layers) - 1
        if (kept := self._kept(_LAYERS)) and is_lasting and self.options.is_compressed:
            return LayerCache(kept).pack(tree)
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        return pack_layer(tree, folder / "layer", is_compressed=self.options.is_compressed)

    def _kept(self, kind: str) -> KeptFiles | None:
        return KeptFiles(self.options.cache / kind) if self.options.cache else None


def assemble_image(
    base: BaseImage, plan: BuildPlan, layers: Sequence[Layer], created: int
) -> Image:
    """Return the image of one platform: ``layers`` on ``base``."""
    config = encode_config(plan_config(base.config, plan, [x.diff_id for x in layers], created))
    described = describe(CONFIG, config)
    manifest = Manifest(
        media_type=MANIFEST,
        config=described,
        layers=[*map(_as_oci, base.manifest.layers), *(layer.descriptor for layer in layers)],
        annotations=_annotations(base, plan),
    )
    content = encode(manifest)
    descriptor = msgspec.structs.replace(
        describe(MANIFEST, content), platform=platform_entry(base.config.platform)
    )
    return Image(
        documents=(Document(descriptor, content),),
        blobs=(
            *base.blobs,
            *(blob_of_file(layer.file, layer.descriptor) for layer in layers),
            blob_of_bytes(config, described),
        ),
    )


def with_artifacts(image: Image, artifacts: Iterable[Artifact]) -> Image:
    """Return ``image`` with what is told of its root."""
    packed = [pack_artifact(artifact, image.root) for artifact in artifacts]
    blobs = {blob.descriptor.digest: blob for _, added in packed for blob in added}
    return Image(
        image.documents,
        (*image.blobs, *blobs.values()),
        (*image.referrers, *(document for document, _ in packed)),
    )


def join(images: Sequence[Image]) -> Image:
    """Return the only image, or an index of several."""
    if len(images) == 1:
        return images[0]
    index = encode(Index(media_type=INDEX, manifests=[image.root for image in images]))
    blobs: dict[str, Blob] = {}
    for image in images:
        blobs |= {blob.descriptor.digest: blob for blob in image.blobs}
    documents = [document for image in images for document in image.documents]
    referrers = [document for image in images for document in image.referrers]
    root = Document(describe(INDEX, index), index)
    return Image((*documents, root), tuple(blobs.values()), tuple(referrers))


def _as_oci(layer: Descriptor) -> Descriptor:
    kind = OCI_NAMES.get(layer.media_type, layer.media_type)
    return msgspec.structs.replace(layer, media_type=kind)


def _annotations(base: BaseImage, plan: BuildPlan) -> dict[str, str]:
    """Return what registries show; a path of this machine is not told."""
    annotations = {k: v for k, v in plan.labels.items() if k.startswith(_ANNOTATIONS)}
    annotations[_BASE_DIGEST] = base.descriptor.digest
    annotations.pop(_BASE_NAME, None)
    if base.name:
        annotations[_BASE_NAME] = str(base.name)
    return annotations
