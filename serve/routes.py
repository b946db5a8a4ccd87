"""The quiet routes: health, metrics, version, the API description and the page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..runtimes.errors import shorten
from .metrics import ServiceCollector, expose
from .statuses import encode_error

Endpoint = Callable[[Request], Awaitable[Response]]
Problem = Callable[[], str | None]
_HTTP_ERROR_CODES = {404: "ENDPOINT_NOT_FOUND", 405: "BAD_REQUEST"}


@dataclass(frozen=True, slots=True)
class Documents:
    """What the service says of itself, made once at its start."""

    version: str
    openapi: bytes
    page: bytes
    page_headers: dict[str, str]


def quiet_routes(
    documents: Documents, collector: ServiceCollector, problem: Problem
) -> list[Route]:
    """Return the GET routes; ``problem`` tells why the service is not ready, or None if it is."""

    async def ping(_: Request) -> Response:
        """Tell of health as MLflow's server does: one newline, called JSON."""
        if (reason := problem()) is not None:
            return _unready(reason)
        return Response("\n", media_type="application/json")

    async def version(_: Request) -> Response:
        return Response(documents.version, media_type="text/plain")

    async def metrics(request: Request) -> Response:
        body, content_type = expose(collector, request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    async def openapi(_: Request) -> Response:
        return Response(documents.openapi, media_type="application/json")

    async def page(_: Request) -> Response:
        return Response(documents.page, media_type="text/html", headers=documents.page_headers)

    health = make_health(problem)
    endpoints: dict[str, Endpoint] = {
        "/": page,
        "/ping": ping,
        "/health": ping,
        "/healthz": health,
        "/readyz": health,
        "/version": version,
        "/metrics": metrics,
        "/openapi.json": openapi,
    }
    return [Route(path, endpoint, methods=["GET"]) for path, endpoint in endpoints.items()]


def make_health(problem: Problem, ready: Mapping[str, object] | None = None) -> Endpoint:
    """Return what answers ``ready`` while there is no ``problem``, and 503 where there is one."""
    body = {"status": "ready"} if ready is None else dict(ready)

    async def health(_: Request) -> Response:
        if (reason := problem()) is not None:
            return _unready(reason)
        return answer_json(body)

    return health


async def refuse(request: Request, error: HTTPException) -> Response:
    """Answer an unknown path or a wrong method in the shape of all errors."""
    code = _HTTP_ERROR_CODES.get(error.status_code, "BAD_REQUEST")
    path = shorten(request.url.path)
    message = f"{request.method} {path}: {error.detail.lower()}; see /openapi.json"
    return _error(error.status_code, code, message, error.headers)


async def fail(request: Request, error: Exception) -> Response:
    """Answer a fault of ours in a quiet route, in the shape of all errors."""
    answer = encode_error(error, request.scope["request_id"])
    return Response(answer.body, answer.status, media_type="application/json")


def _unready(reason: str) -> Response:
    return _error(503, "TEMPORARILY_UNAVAILABLE", reason)


def _error(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    response = answer_json({"error_code": code, "message": message})
    response.status_code = status
    response.headers.update(headers or {})
    return response


def answer_json(value: object) -> Response:
    """Return the response that holds ``value``."""
    return Response(orjson.dumps(value), media_type="application/json")
