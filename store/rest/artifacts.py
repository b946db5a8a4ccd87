"""The artifact proxy: files put, got, listed and deleted, streamed in pieces both ways."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO

from starlette.requests import Request
from starlette.routing import Route

from ..artifact_paths import check_file_path, check_folder_path
from ..contract import Artifacts
from ..entities import FileInfo
from ..errors import NotFound
from ..tracking_requests import ArtifactsAnswer
from .answers import Answer, Receive, Scope, Send, encode_answer, json_answer
from .bodies import DISCONNECT, BodyFile, declared_length, require_within
from .ranges import Span, content_disposition, content_type, find_span
from .routing import decode
from .threads import Lane

BASE = "/api/2.0/mlflow-artifacts"
PROXIED = "mlflow-artifacts:/"

_PIECE_BYTES = 256 * 1024

OpenArtifacts = Callable[[str], Artifacts]


class ArtifactProxy:
    """Answers for the artifacts below the server's destination."""

    def __init__(self, open_artifacts: OpenArtifacts, lane: Lane, limit_bytes: int) -> None:
        self._open, self._lane, self._limit = open_artifacts, lane, limit_bytes

    def routes(self) -> list[Route]:
        """Return the routes below `BASE`."""
        file = f"{BASE}/artifacts/{{path:path}}"
        return [
            Route(f"{BASE}/artifacts", self.list_folder, methods=["GET"]),
            Route(file, self.handle_file, methods=["GET", "PUT", "DELETE"]),
        ]

    async def list_folder(self, request: Request) -> Answer:
        """Answer the entries of a folder by their names; of a file, or of nothing, none."""
        path = check_folder_path(request.query_params.get("path", "").rstrip("/"))
        return json_answer(await self._lane.run(self._list, path))

    def _list(self, path: str) -> bytes:
        try:
            entries = self._open(PROXIED).list_folder(path)
        except NotFound:
            entries = []
        return encode_answer(ArtifactsAnswer(files=[_by_name(entry) for entry in entries]))

    async def handle_file(self, request: Request) -> Answer | FileAnswer:
        """Get, put or delete a file, as the method says."""
        match request.method:
            case "PUT":
                return await self.put(request)
            case "DELETE":
                return await self.delete(request)
            case _:
                return await self.get(request)

    async def get(self, request: Request) -> FileAnswer:
        """Answer a file, or the range of it that is asked for."""
        return await self.send_file(request, PROXIED, check_file_path(_path_of(request)))

    async def send_file(self, request: Request, uri: str, path: str) -> FileAnswer:
        """Answer the file at ``path`` below ``uri``; raises `NotFound` before anything is sent."""
        file = await self._lane.run(OpenFile, lambda: self._open(uri), path)
        try:
            asked = None if "if-range" in request.headers else request.headers.get("range")
            span = find_span(asked, file.size)
        except BaseException:
            await self._lane.run(file.close)
            raise
        return FileAnswer(file, span, self._lane)

    async def put(self, request: Request) -> Answer:
        """Write the body as a file, whole or not at all."""
        path = check_file_path(_path_of(request))
        if self._limit:
            require_within(declared_length(request.scope["headers"]), self._limit)
        with io.BufferedReader(BodyFile(request.receive, self._limit), _PIECE_BYTES) as source:
            await self._lane.run(self._write, path, source)
        return Answer(200, (), b"")

    def _write(self, path: str, source: BinaryIO) -> None:
        self._open(PROXIED).write(path, source)

    async def delete(self, request: Request) -> Answer:
        """Delete a file or a folder."""
        path = check_file_path(_path_of(request).rstrip("/"))
        await self._lane.run(self._delete, path)
        return json_answer(b"{}")

    def _delete(self, path: str) -> None:
        self._open(PROXIED).delete(path)


class OpenFile:
    """A file of the artifacts, open for reading; its methods block."""

    def __init__(self, open_root: Callable[[], Artifacts], path: str) -> None:
        self.name = path.rpartition("/")[2]
        with ExitStack() as stack:
            self._file = stack.enter_context(open_root().read(path))
            self.size = self._file.seek(0, io.SEEK_END)
            self._stack = stack.pop_all()

    def read(self, start: int, size: int) -> bytes:
        """Return ``size`` bytes from ``start`` on, or what there is of them."""
        self._file.seek(start)
        return self._file.read(size)

    def close(self) -> None:
        """Close it."""
        self._stack.close()


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """An answer that is a part of a file, read piece by piece as the client takes it."""

    file: OpenFile
    span: Span
    lane: Lane

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, but for the body where only the head was asked for."""
        status = 206 if self.span.is_part else 200
        start = {"type": "http.response.start", "status": status, "headers": self._headers()}
        gone = asyncio.create_task(_wait_until_gone(receive))
        try:
            await send(start)
            if scope["method"] == "HEAD" or not self.span.length:
                await send({"type": "http.response.body", "body": b""})
            else:
                await self._send_body(send, gone)
        finally:
            gone.cancel()
            await self.lane.run(self.file.close)

    async def _send_body(self, send: Send, gone: asyncio.Task[None]) -> None:
        place, end = self.span.start, self.span.start + self.span.length
        while place < end and not gone.done():
            piece = await self.lane.run(self.file.read, place, min(_PIECE_BYTES, end - place))
            if not piece:
                raise EOFError(f"{self.file.name} became shorter while it was read")
            place += len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": place < end})

    def _headers(self) -> list[tuple[bytes, bytes]]:
        file, span = self.file, self.span
        headers = {
            "content-type": content_type(file.name),
            "content-length": str(span.length),
            "content-disposition": content_disposition(file.name),
            "accept-ranges": "bytes",
            # Anybody may have written it: a browser is to save it, and never to run it.
            "x-content-type-options": "nosniff",
            "content-security-policy": "sandbox; default-src 'none'",
            "cross-origin-resource-policy": "same-origin",
        }
        if span.is_part:
            last = span.start + span.length - 1
            headers["content-range"] = f"bytes {span.start}-{last}/{file.size}"
        return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != DISCONNECT:
        pass


def _path_of(request: Request) -> str:
    """Return the path behind the route, decoded once: what the router decoded may be lossy."""
    raw = request.scope["raw_path"].decode("latin-1")
    return decode(raw.partition("/artifacts/")[2])


def _by_name(entry: FileInfo) -> FileInfo:
    return FileInfo(entry.path.rpartition("/")[2], entry.is_dir, entry.file_size)
