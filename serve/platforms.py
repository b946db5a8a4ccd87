"""What the environment of a container asks of the service in it, platform by platform. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from ..runtimes.errors import InvalidSetting
from .configuration import is_service_link
from .locating import is_elsewhere, locate_folder
from .settings import SETTINGS

MODEL_FOLDER: Final = Path("/opt/ml/model")
"""Where an image holds its model, and where SageMaker and MLflow put one."""

DEFAULTS: Final[Mapping[str, object]] = MappingProxyType(
    {
        "host": "0.0.0.0",  # noqa: S104 - a container's address is known to its platform alone
        "port": 8080,
        "drain_seconds": 25.0,  # Kubernetes and SageMaker kill 30 s after SIGTERM
        "contracts": ("kserve", "sagemaker"),  # their paths are nobody else's
    }
)
"""What holds in a container where nothing else is said, by the settings' fields."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that a platform sets.

    ``field`` is the setting that its value is for, None where its being there says enough;
    ``contract`` is what is answered where it is there.
    """

    name: str
    platform: str
    field: str | None
    meaning: str
    contract: str | None = None


VARIABLES: Final = (
    Variable("SAGEMAKER_BIND_TO_PORT", "SageMaker", "port", "the port to listen on"),
    Variable("AIP_HTTP_PORT", "Vertex AI", "port", "the port to listen on", "vertex"),
    Variable("PORT", "Knative, Cloud Run", "port", "the port to listen on"),
    Variable("AIP_HEALTH_ROUTE", "Vertex AI", "health_route", "the path of health", "vertex"),
    Variable(
        "AIP_PREDICT_ROUTE", "Vertex AI", "predict_route", "the path of predictions", "vertex"
    ),
    Variable(
        "STORAGE_URI", "KServe", None, "the model is at /mnt/models, where KServe puts a copy"
    ),
    Variable("AZUREML_MODEL_DIR", "Azure ML", "model", "the folder of the model", "azureml"),
    Variable(
        "AIP_STORAGE_URI", "Vertex AI", "model", "the folder of the model, if it is a path here"
    ),
)
"""What is read, for each setting in the order in which it counts."""

_KSERVE_FOLDER: Final = Path("/mnt/models")


@dataclass(frozen=True, slots=True)
class Platform:
    """What the platforms around a container ask for.

    ``asked`` holds settings as text, by their variables of ours; ``models`` the folders that may
    hold the model, the likeliest first.
    """

    asked: Mapping[str, str] = field(default_factory=dict)
    contracts: tuple[str, ...] = ()
    models: tuple[Path, ...] = (MODEL_FOLDER,)


def read_platform(environment: Mapping[str, str]) -> Platform:
    """Return what ``environment`` asks for; raises `InvalidSetting` for what cannot be meant."""
    present = [
        (one, environment[one.name])
        for one in VARIABLES
        if environment.get(one.name) and not is_service_link(one.name, environment[one.name])
    ]
    asked: dict[str, str] = {}
    for variable, text in present:
        if variable.field not in (None, "model"):
            setting = SETTINGS[variable.field]
            _check(variable, text)
            asked.setdefault(setting.variable, text)
    contracts = {*_default_contracts(), *(one.contract for one, _ in present if one.contract)}
    folders = [folder for one, text in present for folder in _folders(one, text)]
    return Platform(asked, tuple(sorted(contracts)), (*folders, MODEL_FOLDER))


def join_environment(platform: Platform, environment: Mapping[str, str]) -> dict[str, str]:
    """Return ``environment`` with what ``platform`` asks for, wherever it says nothing of ours."""
    said = {
        name: text for name, text in environment.items() if text and not is_service_link(name, text)
    }
    return {**platform.asked, **said}


def _default_contracts() -> Any:
    return DEFAULTS["contracts"]


def _check(variable: Variable, text: str) -> None:
    kind = SETTINGS[str(variable.field)].kind
    try:
        kind.read(text)
    except (TypeError, ValueError):
        raise InvalidSetting(f'{variable.name}: found "{text}", expected {kind.expected}') from None


def _folders(variable: Variable, text: str) -> list[Path]:
    if variable.name == "STORAGE_URI":
        return [_KSERVE_FOLDER]
    is_here = variable.field == "model" and not is_elsewhere(text)
    return [locate_folder(text).folder] if is_here else []
