"""From a model and what a person chose to the plan of an image; nothing is done here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from .base_images import local_path
from .plan import APP, MODEL, PORT, SITE, BuildPlan, LayerPlan, Platform

REQUIREMENTS: Final = LayerPlan("requirements", "/opt/mlserve", "the packages that the model needs")
PROGRAM: Final = LayerPlan("mlserve", APP, "mlserve itself")
MODEL_LAYER: Final = LayerPlan("model", MODEL, "the model")

BASE: Final = "python:{python}-slim"
"""What images are built on where nobody says otherwise."""

ENTRYPOINT: Final = ("python3", "-m", "mlserve.serve.container")
COMMAND: Final = ("serve",)

PORT_VARIABLES: Final = ("MLSERVE_PORT", "SAGEMAKER_BIND_TO_PORT", "AIP_HTTP_PORT", "PORT")
"""What may give a service another port, in the order in which it counts."""

_ASK: Final = f"""\
import http.client, os, sys
ports = filter(str.isdigit, (os.environ.get(name, "") for name in {PORT_VARIABLES}))
port = int(next(ports, {PORT}))
service = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
service.request("GET", "/ping")
sys.exit(service.getresponse().status != 200)"""

HEALTHCHECK: Final = ("python3", "-IS", "-c", _ASK)

ENVIRONMENT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "PYTHONPATH": f"{SITE}:{APP}",
        "PYTHONSAFEPATH": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "ORT_DISABLE_TELEMETRY": "1",
    }
)

_OCI: Final = "org.opencontainers.image."
_OURS: Final = "ml.mlserve."


@dataclass(frozen=True, slots=True)
class PackedModel:
    """What an image tells of its model; what is empty is not told."""

    name: str
    version: str = ""
    run_id: str = ""
    digest: str = ""
    flavor: str = ""


def plan_image(
    model: PackedModel, platform: Platform, python: str, base: str | None, release: str
) -> BuildPlan:
    """Return the plan of an image that serves ``model``, by the mlserve of ``release``."""
    base = base or BASE.format(python=python)
    return BuildPlan(
        base=base,
        platform=platform,
        python=python,
        layers=(REQUIREMENTS, PROGRAM, MODEL_LAYER),
        entrypoint=ENTRYPOINT,
        command=COMMAND,
        healthcheck=HEALTHCHECK,
        environment={**ENVIRONMENT, **_settings(model)},
        labels=_labels(model, base, release),
    )


def _settings(model: PackedModel) -> dict[str, str]:
    """Return what the service cannot know from the model's folder."""
    said = {"MLSERVE_MODEL_NAME": model.name, "MLSERVE_MODEL_VERSION": model.version}
    return _said({**said, "MLSERVE_FLAVOR": model.flavor})


def _labels(model: PackedModel, base: str, release: str) -> dict[str, str]:
    # A path of the machine that builds would be another on the next.
    name, _, digest = ("", "", "") if local_path(base) else base.partition("@")
    return _said(
        {
            f"{_OCI}title": model.name,
            f"{_OCI}version": model.version,
            f"{_OCI}description": f"The model {model.name}, served by mlserve",
            f"{_OCI}base.name": name,
            f"{_OCI}base.digest": digest,
            f"{_OURS}version": release,
            f"{_OURS}model.name": model.name,
            f"{_OURS}model.version": model.version,
            f"{_OURS}model.run": model.run_id,
            f"{_OURS}model.digest": model.digest,
            f"{_OURS}model.flavor": model.flavor,
            "com.amazonaws.sagemaker.capabilities.accept-bind-to-port": "true",
        }
    )


def _said(values: Mapping[str, str]) -> dict[str, str]:
    """Return the values that say something, each on one line."""
    return {
        key: "".join(one if one.isprintable() else " " for one in value)
        for key, value in sorted(values.items())
        if value
    }
