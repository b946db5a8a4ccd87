"""The routes that platforms ask for, as a part of a service's OpenAPI description."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from .json_schema import JsonSchema
from .openapi import describe_answers, describe_quiet
from .platform_routes import (
    AZURE_LIVENESS,
    EXECUTION_PARAMETERS,
    INPUT_DATA,
    KSERVE_MODELS,
    Form,
    scoring_forms,
)
from .settings import Settings

_REQUEST: Final[JsonSchema] = {"$ref": "#/components/schemas/Request"}
_PARAMS: Final[JsonSchema] = {"$ref": "#/components/schemas/Params"}
_INSTANCES: Final[JsonSchema] = {
    "type": "object",
    "required": ["instances"],
    "properties": {"instances": {"type": "array"}, "parameters": _PARAMS},
}
_INPUT_DATA: Final[JsonSchema] = {
    "type": "object",
    "required": ["input_data"],
    "properties": {"input_data": {"type": ["array", "object"]}, "params": _PARAMS},
}


def describe_platforms(settings: Settings, paths: dict[str, Any]) -> dict[str, Any]:
    """Return ``paths`` and those of the settings' contracts.

    What tells of health counts before what is there; /invocations stays as it is described.
    """
    described = {path: dict(operations) for path, operations in paths.items()}
    for number, (path, summary) in enumerate(_quiet_paths(settings)):
        operation = describe_quiet(f"platform_health_{number}", summary, "application/json")
        described.setdefault(path, {})["get"] = operation
    for number, (path, form) in enumerate(scoring_forms(settings).items()):
        if "{" not in path:
            described.setdefault(path, {}).setdefault("post", _describe_scoring(number, form))
    return described


def _quiet_paths(settings: Settings) -> Iterator[tuple[str, str]]:
    ready = "Tell whether the service is ready."
    paths = {
        "sagemaker": [(EXECUTION_PARAMETERS, "Tell what a batch transform may send.")],
        "kserve": [
            (KSERVE_MODELS, "List the model."),
            (f"{KSERVE_MODELS}/{settings.model_name}", ready),
        ],
        "azureml": [(AZURE_LIVENESS, ready)],
        "vertex": [(settings.health_route, ready)],
    }
    for contract, listed in paths.items():
        if contract in settings.contracts:
            # OpenAPI takes braces for parameters, and has no way to write them.
            yield from (one for one in listed if "{" not in one[0])


def _describe_scoring(number: int, form: Form) -> JsonSchema:
    own = _INPUT_DATA if form is INPUT_DATA else _INSTANCES
    schema = {"anyOf": [own, _REQUEST]}
    return {
        "operationId": f"platform_scoring_{number}",
        "summary": "Score rows with the model, in the form of a platform.",
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": describe_answers(None if form is INPUT_DATA else "Answer"),
    }
