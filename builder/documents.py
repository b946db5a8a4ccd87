"""The documents that go beside an image: what is in it, and how it came to be."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..store.references import FolderReference, Reference, write_reference
from .contract import Artifact, Describe, MadeImage
from .distributions import read_distributions
from .plan import SITE, BuildPlan
from .planning import REQUIREMENTS, PackedModel
from .provenance import Origin, describe_origin
from .requirements import LOCK_FILE
from .sbom import Contents, describe_contents


@dataclass(frozen=True, slots=True)
class Ingredients:
    """What the documents are written from, once there is an image.

    ``packages`` is the tree that goes to /opt/mlserve; ``release`` is the mlserve that builds.
    """

    model: PackedModel
    reference: Reference
    plan: BuildPlan
    packages: Path
    release: str


def documents_of(ingredients: Ingredients) -> tuple[Describe, ...]:
    """Return what makes the documents of an image; the trees are read when it is called."""
    return partial(_contents, ingredients), partial(_origin, ingredients)


def _contents(ingredients: Ingredients, image: MadeImage) -> Artifact:
    site = ingredients.packages / Path(SITE).relative_to(REQUIREMENTS.target)
    contents = Contents(
        ingredients.model,
        ingredients.release,
        ingredients.plan.python,
        tuple(read_distributions(site)),
    )
    return describe_contents(contents, image)


def _origin(ingredients: Ingredients, image: MadeImage) -> Artifact:
    origin = Origin(
        ingredients.model,
        _public(ingredients.reference),
        ingredients.plan,
        (ingredients.packages / LOCK_FILE).read_bytes(),
        ingredients.release,
    )
    return describe_origin(origin, image)


def _public(reference: Reference) -> str:
    """Return a reference that others can make something of: not a path of this machine."""
    return "" if isinstance(reference, FolderReference) else write_reference(reference)
