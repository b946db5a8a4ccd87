"""The configuration of an image: what a base's says, and what a plan adds to it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from ..runtimes.errors import shorten
from .errors import InvalidImage
from .plan import BuildPlan, Platform

# What Docker notes of how a base was made, which is not so of the image on it.
_OF_THE_BASE: Final = (
    "container",
    "container_config",
    "id",
    "parent",
    "docker_version",
    "throwaway",
)


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """The configuration of an image; ``document`` holds also what we know nothing of."""

    document: Mapping[str, Any]

    @property
    def platform(self) -> Platform:
        """What the image runs on."""
        get = self.document.get
        return Platform(get("os", "linux"), get("architecture", ""), get("variant"))

    @property
    def diff_ids(self) -> list[str]:
        """The digests of the layers before they were compressed."""
        return list(self.document["rootfs"]["diff_ids"])

    @property
    def environment(self) -> dict[str, str]:
        """The variables that a process of the image starts with."""
        pairs = (entry.partition("=") for entry in self._config.get("Env") or ())
        return {name: value for name, _, value in pairs}

    @property
    def labels(self) -> dict[str, str]:
        """The labels of the image."""
        return dict(self._config.get("Labels") or {})

    @property
    def _config(self) -> Mapping[str, Any]:
        return self.document.get("config") or {}


class _Config(msgspec.Struct):
    Env: list[str] | None = None
    Labels: dict[str, str] | None = None
    ExposedPorts: dict[str, Any] | None = None
    Volumes: dict[str, Any] | None = None


class _RootFs(msgspec.Struct):
    diff_ids: list[str]


class _Document(msgspec.Struct):
    """What is relied upon, so that another shape is refused at the edge."""

    rootfs: _RootFs
    architecture: str
    os: str = "linux"
    variant: str | None = None
    config: _Config | None = None
    history: list[dict[str, Any]] | None = None


def decode_config(content: bytes, what: str) -> ImageConfig:
    """Return a configuration; ``what`` names it in the `InvalidImage` that is raised."""
    try:
        document = msgspec.json.decode(content)
        msgspec.convert(document, _Document)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidImage(what, shorten(error), "the configuration of an image") from error
    return ImageConfig(document)


def encode_config(config: ImageConfig) -> bytes:
    """Return the one way in which we write a configuration: keys sorted, no space."""
    return msgspec.json.encode(config.document, order="deterministic")


def plan_config(
    base: ImageConfig, plan: BuildPlan, diff_ids: Sequence[str], created: int
) -> ImageConfig:
    """Return the configuration of the image of ``plan``, whose layers have ``diff_ids``.

    ``created`` is its time, in seconds since 1970.
    """
    document = deepcopy(dict(base.document))
    for key in _OF_THE_BASE:
        document.pop(key, None)
    moment = datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    document["created"] = moment
    document["config"] = (document.get("config") or {}) | _process(base, plan)
    document["config"].pop("OnBuild", None)
    document["rootfs"] = {"type": "layers", "diff_ids": [*base.diff_ids, *diff_ids]}
    document["history"] = [
        *_history(base),
        *(
            {"created": moment, "created_by": f"mlserve {layer.target}", "comment": layer.comment}
            for layer in plan.layers
        ),
    ]
    return ImageConfig(document)


def _process(base: ImageConfig, plan: BuildPlan) -> dict[str, Any]:
    config = base.document.get("config") or {}
    environment = base.environment | dict(plan.environment)
    process: dict[str, Any] = {
        "Cmd": list(plan.command),
        "Entrypoint": list(plan.entrypoint),
        "Env": [f"{name}={value}" for name, value in environment.items()],
        "ExposedPorts": (config.get("ExposedPorts") or {}) | {f"{plan.port}/tcp": {}},
        "Healthcheck": {"Test": ["CMD", *plan.healthcheck]},
        "Labels": base.labels | dict(plan.labels),
        "StopSignal": plan.stop_signal,
        "User": f"{plan.user}:{plan.user}",
        "WorkingDir": plan.workdir,
    }
    if plan.volumes:
        process["Volumes"] = (config.get("Volumes") or {}) | {path: {} for path in plan.volumes}
    return process


def _history(base: ImageConfig) -> list[dict[str, Any]]:
    """Return the history of the base; one that does not fit its layers is written anew."""
    history = list(base.document.get("history") or ())
    layers = [entry for entry in history if not entry.get("empty_layer")]
    if len(layers) == len(base.diff_ids):
        return history
    return [{"comment": "a layer of the base image"} for _ in base.diff_ids]
