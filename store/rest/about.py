"""What the server says of itself: its health, its version, and what MLflow's client asks of it."""

from __future__ import annotations

from importlib.metadata import version

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from .answers import Answer, json_answer

HEALTH, VERSION = "/health", "/version"

_TEXT = ((b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff"))

# What MLflow's client does without where a server cannot do it; it asks before its first transfer.
_INFO = {
    "store_type": "SqlStore",
    "workspaces_enabled": False,
    "trace_archival_enabled": False,
    "artifact_serving_enabled": True,
    "artifacts_presigned_only": False,
}


def about_routes(*, is_direct: bool) -> list[Route]:
    """Return the routes; ``is_direct`` says that files may go past the server."""
    release = version("mlserve").encode()
    parts = dict.fromkeys(("multipart_uploads_enabled", "multipart_downloads_enabled"), is_direct)
    info = msgspec.json.encode(_INFO | parts)

    async def health(_: Request) -> Answer:
        return Answer(200, _TEXT, b"OK")

    async def tell_version(_: Request) -> Answer:
        return Answer(200, _TEXT, release)

    async def server_info(_: Request) -> Answer:
        return json_answer(info)

    return [
        Route(HEALTH, health, methods=["GET"]),
        Route(VERSION, tell_version, methods=["GET"]),
        Route("/api/3.0/mlflow/server-info", server_info, methods=["GET"]),
    ]
