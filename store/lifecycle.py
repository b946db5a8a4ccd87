"""The stages of a model's versions: which there are, and what a move to one asks for."""

from __future__ import annotations

from dataclasses import dataclass

DEVELOPMENT = "Development"
STAGING = "Staging"
PRODUCTION = "Production"
ARCHIVED = "Archived"


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The stages in order, of which a new version gets the first."""

    stages: tuple[str, ...] = (DEVELOPMENT, STAGING, PRODUCTION, ARCHIVED)
