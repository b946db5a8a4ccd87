"""The Dockerfile of a plan: it copies the trees beside it, and runs nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from .errors import InvalidImageName, UnusableBase
from .image_names import parse_image_name
from .plan import BuildPlan


def write_dockerfile(plan: BuildPlan) -> str:
    """Return the text of the Dockerfile that makes ``plan`` of a folder for each of its layers.

    Raises `UnusableBase` for a base that no Dockerfile can name.
    """
    if not is_image_name(plan.base):
        raise UnusableBase(
            plan.base, "no name of an image", "the name of one, as a Dockerfile's FROM takes it"
        )
    lines = [
        f"FROM {plan.base}",
        *(f"COPY {layer.name} {layer.target}" for layer in plan.layers),
        f"ENV {_pairs(plan.environment)}",
        f"LABEL {_pairs(plan.labels)}",
        f"WORKDIR {plan.workdir}",
        f"USER {plan.user}:{plan.user}",
        f"EXPOSE {plan.port}",
        f"STOPSIGNAL {plan.stop_signal}",
        *(f"VOLUME {_words([path])}" for path in plan.volumes),
        f"HEALTHCHECK CMD {_words(plan.healthcheck)}",
        f"ENTRYPOINT {_words(plan.entrypoint)}",
        f"CMD {_words(plan.command)}",
    ]
    return "\n".join(lines) + "\n"


def is_image_name(base: str) -> bool:
    """Whether a Dockerfile can name ``base``: a layout or a tar is for our own engine alone."""
    try:
        parse_image_name(base)
    except InvalidImageName:
        return False
    return not base.endswith(".tar")


def _words(command: Sequence[str]) -> str:
    return json.dumps(list(command))


def _pairs(values: Mapping[str, str]) -> str:
    return " \\\n    ".join(f"{name}={_quoted(value)}" for name, value in values.items())


def _quoted(value: str) -> str:
    """Return ``value`` in quotes, without what a Dockerfile would put in its place."""
    return '"' + re.sub(r'([\\"$])', r"\\\1", value) + '"'
