"""From a model to an image: requirements, plan, trees, engine, registry, in this order."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from ..runtimes.flavors import choose_flavor, served_flavors
from ..runtimes.modelspec import ModelSpec, read_model_spec
from ..store.fetching import LocatedModel
from .contexts import write_context
from .contract import BuiltImage, Engine, Stage, Tell
from .documents import Ingredients, documents_of
from .errors import BuildError
from .options import BuildOptions
from .outputs import refuse_existing
from .plan import Platform
from .planning import MODEL_LAYER, PROGRAM, REQUIREMENTS, PackedModel, plan_image
from .requirements import choose_python, choose_requirements
from .staging import Workshop, stage_links, stage_model
from .trees import TreeCache
from .wheels import Target

DEFAULT_PYTHON = "3.11"


@dataclass(frozen=True, slots=True)
class Source:
    """A model that is about to be packed: where it is, what its MLmodel says, how it is served."""

    model: LocatedModel
    spec: ModelSpec
    flavor: str
    python: str


def build_image(
    model: LocatedModel, options: BuildOptions, engine: Engine, cache: Path, tell: Tell
) -> BuiltImage:
    """Return the image that serves ``model``, built by ``engine`` and pushed if asked for.

    ``cache`` is a folder for what later builds use too.
    """
    source = read_source(model, options)
    with staged(source, options, cache, tell) as stages:
        image = engine.build(stages, options.tags, tell)
        if options.is_pushed:
            image = replace(image, digest=engine.push(image, tell))
        return image


def generate_context(
    model: LocatedModel, options: BuildOptions, path: Path, cache: Path, tell: Tell
) -> None:
    """Write a folder from which ``docker build`` makes the image, for one platform."""
    refuse_existing(path)
    source = read_source(model, options)
    with staged(source, options, cache, tell) as stages:
        write_context(stages[0], path)


def read_source(model: LocatedModel, options: BuildOptions) -> Source:
    """Return what is known of ``model``; raises a `ModelError` for one that cannot be served."""
    spec = read_model_spec(model.folder)
    flavor = choose_flavor(spec, list(served_flavors()), options.flavor)
    python = options.python or choose_python(model.folder, DEFAULT_PYTHON)
    return Source(model, spec, flavor, python)


@contextmanager
def staged(source: Source, options: BuildOptions, cache: Path, tell: Tell) -> Iterator[list[Stage]]:
    """Give a stage for each platform; the trees are there within the context."""
    with tempfile.TemporaryDirectory(prefix="mlserve-build-") as name:
        folder = Path(name)
        kept = folder / "fresh" if options.is_fresh else cache
        workshop = Workshop(TreeCache(kept), tell)
        tell(f"packing {source.model.folder}")
        try:
            packed = _pack_model(source, folder / MODEL_LAYER.name)
            stages = [
                _stage(source, packed, platform, options, workshop, folder)
                for platform in options.platforms
            ]
        except OSError as error:
            place = error.filename or folder
            raise BuildError(
                f"{source.model.folder} could not be packed: {error.strerror or error} ({place})"
            ) from error
        yield stages


def _pack_model(source: Source, folder: Path) -> PackedModel:
    manifest = stage_model(source.model, folder)
    digest = manifest.digest if manifest else source.model.digest
    return PackedModel(
        name=source.model.name or source.model.folder.resolve().name,
        version=source.model.version,
        run_id=source.spec.run_id or "",
        digest=f"sha256:{digest}",
        flavor=source.flavor,
    )


def _stage(
    source: Source,
    packed: PackedModel,
    platform: Platform,
    options: BuildOptions,
    workshop: Workshop,
    folder: Path,
) -> Stage:
    target = Target(platform, source.python, options.wheels)
    requirements = choose_requirements(folder / MODEL_LAYER.name, source.spec, source.flavor)
    for line in requirements.ignored:
        workshop.tell(f"requirements.txt: {line} is left out; this machine's own indexes are asked")
    trees = {
        REQUIREMENTS.name: workshop.requirements(requirements, target),
        PROGRAM.name: workshop.app(source.python),
        MODEL_LAYER.name: folder / MODEL_LAYER.name,
    }
    place = folder / str(platform).replace("/", "-")
    stage_links(trees, place)
    release = version("mlserve")
    plan = plan_image(packed, platform, source.python, options.base, release)
    packages = trees[REQUIREMENTS.name]
    ingredients = Ingredients(packed, source.model.reference, plan, packages, release)
    return Stage(plan, place, documents_of(ingredients))
