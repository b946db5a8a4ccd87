"""What an image will be, decided before anything is done: a pure function of model and options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

SITE: Final = "/opt/mlserve/site"
"""Where an image holds the packages that the model needs."""

APP: Final = "/opt/mlserve/app"
"""Where an image holds mlserve itself."""

MODEL: Final = "/opt/ml/model"
"""Where an image holds the model: the place that MLflow's images and SageMaker know."""

USER: Final = 10_001
"""The user and group that a service runs as; any other works too."""

PORT: Final = 8080


@dataclass(frozen=True, slots=True)
class Platform:
    """What an image runs on, such as linux/amd64."""

    os: str = "linux"
    architecture: str = "amd64"
    variant: str | None = None

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """One layer: a tree that is prepared on this machine, and where it lies in the image.

    ``name`` is its folder in a build context; ``comment`` its line in the image's history.
    """

    name: str
    target: str
    comment: str


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """An image for one platform; ``layers`` lie on the base in this order, the model last.

    ``python`` is the release of Python that the layers are made for, such as 3.11.
    ``healthcheck`` and ``entrypoint`` are commands without a shell.
    """

    base: str
    platform: Platform
    layers: tuple[LayerPlan, ...]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    healthcheck: tuple[str, ...]
    environment: Mapping[str, str]
    labels: Mapping[str, str]
    user: int = USER
    port: int = PORT
    workdir: str = "/tmp"  # noqa: S108 - the one folder that a service may write to
    stop_signal: str = "SIGTERM"
    volumes: tuple[str, ...] = field(default=())
    python: str = "3.11"
