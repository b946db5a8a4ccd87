"""The routes that platforms ask for beside those of MLflow, each with its form of bodies.

None of them predicts in a way of its own: a scoring route is `Invocations` with another form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .invocations import Reshape
from .json_body import Translate
from .platform_bodies import list_rows, translate_input_data, translate_instances, unwrap_rows
from .routes import Endpoint, Problem, answer_json, make_health
from .settings import Settings

AZURE_LIVENESS: Final = "/"
AZURE_SCORING: Final = "/score"
EXECUTION_PARAMETERS: Final = "/execution-parameters"
KSERVE_MODELS: Final = "/v1/models"

# Of one batch transform: the product of payload and concurrency may not exceed 100 MB.
_MOST_TRANSFORM_MB: Final = 100
_PAYLOAD_MB: Final = 6
_TRANSFORMS_PER_WORKER: Final = 8


@dataclass(frozen=True, slots=True)
class Form:
    """How a platform writes requests, and wants answers."""

    translate: Translate
    reshape: Reshape


INSTANCES: Final = Form(translate_instances, list_rows)
INPUT_DATA: Final = Form(translate_input_data, unwrap_rows)


def scoring_forms(settings: Settings) -> dict[str, Form]:
    """Return the form of each path that takes what is to be predicted, beside /invocations.

    A path that the environment chose counts before one that a contract fixes.
    """
    forms = {
        "kserve": (f"{KSERVE_MODELS}/{settings.model_name}:predict", INSTANCES),
        "azureml": (AZURE_SCORING, INPUT_DATA),
        "vertex": (settings.predict_route, INSTANCES),
    }
    return dict(forms[name] for name in forms if name in settings.contracts)


def platform_routes(settings: Settings, problem: Problem) -> list[Route]:
    """Return the GET routes that the settings' contracts ask for, the first of a path counts."""
    health = make_health(problem)
    routes: Mapping[str, Callable[[], list[Route]]] = {
        "vertex": lambda: [_get(settings.health_route, health)],
        "azureml": lambda: [_get(AZURE_LIVENESS, health)],
        "kserve": lambda: _kserve_routes(settings.model_name, problem),
        "sagemaker": lambda: [_get(EXECUTION_PARAMETERS, _tell_execution(settings))],
    }
    return [route for name in routes if name in settings.contracts for route in routes[name]()]


def _get(path: str, endpoint: Endpoint) -> Route:
    return Route(path, endpoint, methods=["GET"])


def _tell_execution(settings: Settings) -> Endpoint:
    payload = min(settings.max_body_mb, _PAYLOAD_MB)
    transforms = min(_TRANSFORMS_PER_WORKER * settings.workers, _MOST_TRANSFORM_MB // payload)

    async def execution_parameters(_: Request) -> Response:
        return answer_json(
            {
                "MaxConcurrentTransforms": transforms,
                "BatchStrategy": "MULTI_RECORD",
                "MaxPayloadInMB": payload,
            }
        )

    return execution_parameters


def _kserve_routes(own: str, problem: Problem) -> list[Route]:
    health = make_health(problem, {"name": own, "ready": True})

    async def models(_: Request) -> Response:
        return answer_json({"models": [own]})

    async def model(request: Request) -> Response:
        """Tell of the one model, whose :predict is answered before any route is looked for."""
        allowed = {own: "GET, HEAD", f"{own}:predict": "POST"}.get(request.path_params["name"])
        if allowed is None:
            raise HTTPException(404)
        if request.method not in allowed:
            raise HTTPException(405, headers={"allow": allowed})
        return await health(request)

    return [
        _get(KSERVE_MODELS, models),
        Route(KSERVE_MODELS + "/{name:path}", model, methods=["GET", "POST"]),
    ]
