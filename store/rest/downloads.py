"""Artifacts by the records that name them: the addresses that MLflow's page and its tests use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.routing import Route

from ..artifact_paths import check_file_path
from ..errors import InvalidParameter
from ..registry_operations import GET_DOWNLOAD_URI
from ..registry_requests import VersionName
from ..tracking_operations import GET_LOGGED_MODEL, GET_RUN
from ..tracking_requests import LoggedModelId, RunId
from .artifacts import ArtifactProxy, FileAnswer
from .requests import Raw, read_request
from .threads import Lane

if TYPE_CHECKING:
    from ..store import Store


class Downloads:
    """Answers files of runs, versions and logged models."""

    def __init__(self, store: Store, proxy: ArtifactProxy, lane: Lane) -> None:
        self._store, self._proxy, self._lane = store, proxy, lane

    def routes(self) -> list[Route]:
        """Return the routes, whose paths are not those of the rest."""
        model = "/api/2.0/mlflow/logged-models/{model_id}/artifacts/files"
        return [
            Route("/get-artifact", self.of_run, methods=["GET"]),
            Route("/model-versions/get-artifact", self.of_version, methods=["GET"]),
            Route(model, self.of_logged_model, methods=["GET"]),
        ]

    async def of_run(self, request: Request) -> FileAnswer:
        """Answer a file among the artifacts of a run."""
        run = read_request(RunId, Raw({}, request.scope["query_string"], b""))
        answer = await self._lane.run(GET_RUN.run, self._store, run)
        return await self._send(request, answer.run.info.artifact_uri, "path")

    async def of_version(self, request: Request) -> FileAnswer:
        """Answer a file of a version of a registered model."""
        version = read_request(VersionName, Raw({}, request.scope["query_string"], b""))
        answer = await self._lane.run(GET_DOWNLOAD_URI.run, self._store, version)
        return await self._send(request, answer.artifact_uri, "path")

    async def of_logged_model(self, request: Request) -> FileAnswer:
        """Answer a file of a logged model."""
        model = LoggedModelId(request.path_params["model_id"])
        answer = await self._lane.run(GET_LOGGED_MODEL.run, self._store, model)
        return await self._send(request, answer.model.info.artifact_uri, "artifact_file_path")

    async def _send(self, request: Request, uri: str, parameter: str) -> FileAnswer:
        path = request.query_params.get(parameter)
        if not path:
            raise InvalidParameter(f"Missing value for required parameter '{parameter}'.")
        return await self._proxy.send_file(request, uri, check_file_path(path))
