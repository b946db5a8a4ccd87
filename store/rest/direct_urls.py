"""Uploads in parts and downloads past the server, where the operator lets clients reach S3."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from starlette.requests import Request
from starlette.routing import Route

from ..artifact_paths import check_file_path, join_paths
from ..entities import Entity
from ..errors import InvalidParameter
from .answers import Answer, encode_answer, json_answer
from .artifacts import BASE
from .bodies import Bodies
from .refusals import NotOffered
from .requests import Raw, read_request
from .routing import decode
from .threads import Lane

if TYPE_CHECKING:
    from ..direct_access import DirectAccess

Kind = TypeVar("Kind", bound=Entity)

# A client that gets these words sends a file in one piece, or gets it through the server.
_NO_PARTS = "Multipart upload is not supported for the current artifact repository"
_NO_URLS = "Multipart download is not supported for the current artifact repository"


class BeginUpload(Entity, frozen=True):
    """Asks for an upload; of ``path``, a file of the client's, only the name counts."""

    path: str
    num_parts: int = 1


class UploadedPart(Entity, frozen=True):
    """A part that was sent, and what S3 calls it."""

    part_number: int
    etag: str


class CompleteUpload(Entity, frozen=True):
    """Says that all parts were sent."""

    path: str
    upload_id: str
    parts: list[UploadedPart]


class AbortUpload(Entity, frozen=True):
    """Says that no more parts will be sent."""

    path: str
    upload_id: str


class Credential(Entity, frozen=True, kw_only=True):
    """Where a part is to be sent."""

    url: str
    part_number: int


class UploadAnswer(Entity, frozen=True):
    """An upload that was begun."""

    upload_id: str
    credentials: list[Credential]


class DownloadAnswer(Entity, frozen=True, omit_defaults=False):
    """Where a file can be got."""

    url: str
    file_size: int
    headers: dict[str, str]


class DirectUrls:
    """Answers with signed addresses, or that there are none where ``access`` is None."""

    def __init__(self, access: DirectAccess | None, lane: Lane, bodies: Bodies) -> None:
        self._access, self._lane, self._bodies = access, lane, bodies

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route(f"{BASE}/mpu/create/{{path:path}}", self.begin, methods=["POST"]),
            Route(f"{BASE}/mpu/complete/{{path:path}}", self.complete, methods=["POST"]),
            Route(f"{BASE}/mpu/abort/{{path:path}}", self.abort, methods=["POST"]),
            Route(f"{BASE}/presigned/{{path:path}}", self.download, methods=["GET"]),
        ]

    async def begin(self, request: Request) -> Answer:
        """Answer the addresses to which the parts of a file are to be sent."""
        access = self._require(_NO_PARTS)
        asked = await self._read(request, BeginUpload)
        path = _target(request, "/mpu/create/", asked.path)
        upload = await self._lane.run(access.begin, path, asked.num_parts)
        credentials = [
            Credential(url=url, part_number=number) for number, url in enumerate(upload.urls, 1)
        ]
        return json_answer(encode_answer(UploadAnswer(upload.upload_id, credentials)))

    async def complete(self, request: Request) -> Answer:
        """Make a file of the parts that were sent."""
        access = self._require(_NO_PARTS)
        asked = await self._read(request, CompleteUpload)
        path = _target(request, "/mpu/complete/", asked.path)
        if [part.part_number for part in asked.parts] != [*range(1, len(asked.parts) + 1)]:
            raise InvalidParameter("parts: expected all of them, in order")
        etags = [part.etag for part in asked.parts]
        await self._lane.run(access.complete, path, asked.upload_id, etags)
        return json_answer(b"{}")

    async def abort(self, request: Request) -> Answer:
        """Give an upload up."""
        access = self._require(_NO_PARTS)
        asked = await self._read(request, AbortUpload)
        path = _target(request, "/mpu/abort/", asked.path)
        await self._lane.run(access.abort, path, asked.upload_id)
        return json_answer(b"{}")

    async def download(self, request: Request) -> Answer:
        """Answer where a file can be got."""
        access = self._require(_NO_URLS)
        path = check_file_path(_rest_of(request, "/presigned/"))
        found = await self._lane.run(access.download, path)
        return json_answer(encode_answer(DownloadAnswer(found.url, found.size, {})))

    def _require(self, refusal: str) -> DirectAccess:
        if self._access is None:
            raise NotOffered(refusal)
        return self._access

    async def _read(self, request: Request, kind: type[Kind]) -> Kind:
        async with self._bodies.read(request.scope["headers"], request.receive) as body:
            return read_request(kind, Raw({}, b"", body))


def _target(request: Request, marker: str, client_path: str) -> str:
    """Return the path of a file in the folder that the address names."""
    name = check_file_path(client_path.replace("\\", "/").rpartition("/")[2])
    return check_file_path(join_paths(_rest_of(request, marker).rstrip("/"), name))


def _rest_of(request: Request, marker: str) -> str:
    raw: Any = request.scope["raw_path"]
    return decode(raw.decode("latin-1").partition(marker)[2])
