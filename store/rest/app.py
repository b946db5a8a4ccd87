"""The store as an ASGI application: every operation at its path, artifacts, accounts, errors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from starlette.exceptions import HTTPException
from starlette.routing import Router

from ..errors import StoreUnavailable
from ..operation import Role
from ..registry_operations import OPERATIONS as REGISTRY_OPERATIONS
from ..tracking_operations import OPERATIONS as TRACKING_OPERATIONS
from .about import HEALTH, VERSION, about_routes
from .access import ANYBODY, Access, Caller, authorization
from .answers import (
    Answer,
    Receive,
    RequestHeaders,
    Scope,
    Send,
    encode_answer,
    error_answer,
    json_answer,
)
from .artifacts import ArtifactProxy
from .bodies import Bodies
from .direct_urls import DirectUrls
from .downloads import Downloads
from .hosts import SAFE_METHODS, HostGuard
from .refusals import UnknownEndpoint, WrongContentType, WrongMethod
from .requests import Raw, read_request
from .routing import AnyOperation, Match, Routes, normalize
from .settings import ServerSettings
from .statuses import find_status
from .threads import Threads

if TYPE_CHECKING:
    from ..direct_access import DirectAccess
    from ..store import Store

OPERATIONS: tuple[AnyOperation, ...] = (*TRACKING_OPERATIONS, *REGISTRY_OPERATIONS)

AccessLog = Callable[[Mapping[str, Any], int, float, int, str], None]

_MIB = 2**20
_BODIES_AT_ONCE = 8
_COMPANION_SECONDS = 3.0
# A probe of a load balancer has no account, and knows no name of this server.
_OPEN = frozenset({HEALTH, VERSION})
_JSON_TYPE = b"application/json"

logger = logging.getLogger("mlserve.store")


class Companion(Protocol):
    """What works beside a server; what it has not done at its stop, it does at its next start."""

    def start(self) -> None:
        """Begin; does not wait."""

    def stop(self) -> None:
        """End, once what was begun has ended; may take long."""


class StoreApp:
    """A store behind HTTP. It does not close the store.

    ``take_id`` gives a request an id from its headers; ``access`` None lets anybody do anything;
    ``companions`` work beside it from its start to its end. With ``direct_access``, clients may
    send and get files past the server.
    """

    def __init__(  # noqa: PLR0913 - what a server is made of
        self,
        store: Store,
        settings: ServerSettings,
        access: Access | None,
        take_id: Callable[[RequestHeaders], str],
        *,
        access_log: AccessLog | None = None,
        companions: Sequence[Companion] = (),
        direct_access: DirectAccess | None = None,
    ) -> None:
        self._store = replace(store, allows_local_paths=False)
        self._access, self._take_id, self._access_log = access, take_id, access_log
        self._companions = companions
        self._hosts = HostGuard(settings.allowed_hosts, settings.host)
        limit = settings.max_body_mb * _MIB
        self._bodies = Bodies(limit, limit * _BODIES_AT_ONCE)
        self._threads = Threads(store.database)
        self._routes = Routes(OPERATIONS)
        lane = self._threads.artifacts
        proxy = ArtifactProxy(self._store.artifacts, lane, settings.max_artifact_mb * _MIB)
        downloads = Downloads(self._store, proxy, lane)
        direct = DirectUrls(direct_access, lane, self._bodies)
        about = about_routes(is_direct=direct_access is not None)
        self._router = Router(
            [*about, *proxy.routes(), *direct.routes(), *downloads.routes()],
            redirect_slashes=False,
            default=_refuse_unknown,
            lifespan=self._live,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        exchange = Exchange(scope, self._take_id(scope["headers"]), send)
        try:
            await self._serve(scope, receive, exchange.send)
        except Exception as error:  # noqa: BLE001 - the edge of a request: all is answered
            await exchange.fail(error)
        if self._access_log is not None:
            exchange.log(self._access_log)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self  # has Starlette's routes raise what they refuse
        method, headers = scope["method"], scope["headers"]
        scope["path"] = normalize(scope["path"])
        if scope["path"] not in _OPEN:
            self._hosts.check(method, headers)
            caller = await self._identify(headers)
            found = self._routes.find(method, scope["raw_path"].decode("latin-1"))
            if found is not None:
                caller.require(found.operation.role)
                answer = await self._operate(found, caller, scope, receive)
                await answer(scope, receive, send)
                return
            caller.require(Role.READER if method in SAFE_METHODS else Role.WRITER)
        try:
            await self._router(scope, receive, send)
        except HTTPException as error:
            allowed = (error.headers or {}).get("Allow", "").split(", ")
            raise WrongMethod(method, scope["path"], allowed) from None

    async def _identify(self, headers: RequestHeaders) -> Caller:
        if self._access is None:
            return ANYBODY
        header = authorization(headers)
        caller = self._access.recall(header)
        if caller is None:
            caller = await self._threads.passwords.run(self._access.verify, header)
        return caller

    async def _operate(
        self, found: Match, caller: Caller, scope: Scope, receive: Receive
    ) -> Answer:
        headers = scope["headers"]
        async with self._bodies.read(headers, receive) as body:
            if body:
                _require_json(headers)
            raw = Raw(found.fields, scope["query_string"], body)
            store = replace(self._store, caller=caller.name)
            lane = self._threads.lane_of(found.operation)
            return json_answer(await lane.run(_run, found.operation, store, raw))

    @asynccontextmanager
    async def _live(self, _: Any) -> AsyncIterator[None]:
        for operation in OPERATIONS:
            operation.prepare()
        for companion in self._companions:
            companion.start()
        try:
            yield
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(_COMPANION_SECONDS):
                    for companion in self._companions:
                        await asyncio.to_thread(companion.stop)
            await asyncio.to_thread(self._threads.close)


class Exchange:
    """One request and how far its answer has got."""

    def __init__(self, scope: Scope, request_id: str, send: Send) -> None:
        self._scope, self._request_id, self._send = scope, request_id, send
        self._started, self._status, self._size = perf_counter(), 0, 0

    async def send(self, message: Any) -> None:
        """Pass a part of the answer on, with the request's id among its headers."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            message["headers"].append((b"x-request-id", self._request_id.encode()))
        self._size += len(message.get("body", b""))
        await self._send(message)

    async def fail(self, error: Exception) -> None:
        """Answer ``error``; an answer that has begun already is cut off."""
        if isinstance(error, StoreUnavailable):
            logger.warning("%s", error, extra={"request_id": self._request_id})
        elif not find_status(error).is_told:
            logger.error(
                "%s %s failed",
                self._scope["method"],
                self._scope["path"],
                exc_info=error,
                extra={"request_id": self._request_id},
            )
        if not self._status:
            await error_answer(error, self._request_id)(self._scope, _nothing, self.send)

    def log(self, access_log: AccessLog) -> None:
        """Log that the request was answered, and how."""
        seconds = perf_counter() - self._started
        access_log(self._scope, self._status, seconds, self._size, self._request_id)


def _run(operation: AnyOperation, store: Store, raw: Raw) -> bytes:
    """Do an operation from the bytes of its request to those of its answer, in a thread."""
    return encode_answer(operation.run(store, read_request(operation.request, raw)))


def _require_json(headers: RequestHeaders) -> None:
    """Refuse what no page may send to another server without asking it first (CORS)."""
    found = next((value for name, value in headers if name == b"content-type"), b"")
    if found.partition(b";")[0].strip().lower() != _JSON_TYPE:
        raise WrongContentType(found.decode("latin-1"))


async def _refuse_unknown(scope: Scope, _: Receive, __: Send) -> None:
    raise UnknownEndpoint(scope["method"], scope["path"])


async def _nothing() -> Any:
    return {"type": "http.disconnect"}
