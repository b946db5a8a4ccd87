"""The service as an ASGI application: the hot routes, the quiet ones, its life."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from time import perf_counter
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route

from ..runtimes.errors import DeadlineExceeded, InvalidModel, ShuttingDown
from ..runtimes.example import read_example
from ..runtimes.flavors import Model
from .decoding import Decoder
from .dispatch import Dispatcher, Limits
from .examples import make_example
from .invocations import Invocations, Receive, Reshape, Send
from .logs import AccessLog
from .metrics import MetricStore, Recorder, ServiceCollector
from .openapi import describe
from .pace import Pace
from .page import render_page
from .platform_openapi import describe_platforms
from .platform_routes import platform_routes, scoring_forms
from .predicting import predict_batch
from .request_ids import HEADER, RequestIds, Scope
from .routes import Documents, fail, quiet_routes, refuse
from .settings import Settings
from .statuses import find_status

logger = logging.getLogger("mlserve.serve")

# No Python of the model's runs in these, which could hang one day where it was quick before.
_STEADY_FLAVORS = frozenset({"onnx"})


class Service:
    """One model behind HTTP, in one process.

    It is ready once the model has answered its input example; its ASGI lifespan warms it up and,
    at the end, waits for what it has accepted.
    """

    def __init__(
        self,
        model: Model,
        settings: Settings,
        store: MetricStore,
        worker: int = 0,
        access_log: AccessLog | None = None,
    ) -> None:
        self._model, self._settings = model, settings
        self._recorder: Recorder = store.recorder(worker)
        self._decoder = Decoder(model)
        self._example = _read_example(model)
        self._access_log = access_log
        self._problem: str | None = "the model is not warmed up yet"
        self._request_ids = RequestIds()
        self._invocations = self._make_scoring(self._decoder)
        self._scoring = {"/invocations": self._invocations} | {
            path: self._make_scoring(Decoder(model, form.translate), form.reshape)
            for path, form in scoring_forms(settings).items()
        }
        self._quiet = self._quiet_app(store)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection; the hot routes go around Starlette's router."""
        if scope["type"] != "http":
            await self._quiet(scope, receive, send)
            return
        scope["request_id"] = self._request_ids.take(scope["headers"])
        scoring = self._scoring.get(scope["path"])
        if scoring is not None and scope["method"] == "POST":
            await scoring(scope, receive, send)
        else:
            await self._serve_quietly(scope, receive, send)

    async def _serve_quietly(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, status, size = perf_counter(), 500, 0

        async def send_with_id(message: Any) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (HEADER, scope["request_id"].encode())]
            size += len(message.get("body", b""))
            await send(message)

        try:
            await self._quiet(scope, receive, send_with_id)
        except Exception:  # Starlette has answered, and passes it on to be logged
            logger.exception("a route failed", extra={"request_id": scope["request_id"]})
        if self._access_log is not None:
            self._access_log(scope, status, perf_counter() - started, size, scope["request_id"])

    def _make_scoring(self, decoder: Decoder, reshape: Reshape | None = None) -> Invocations:
        most_bytes = self._settings.max_body_mb * 2**20
        return Invocations(decoder, self._recorder, most_bytes, self._access_log, reshape)

    def _quiet_app(self, store: MetricStore) -> Starlette:
        model, settings = self._model, self._settings
        labels = {"model": settings.model_name, "version": settings.model_version}
        documents = _documents(model, self._example, settings)
        collector = ServiceCollector(store, labels)
        routes = [
            *platform_routes(settings, lambda: self._problem),
            # To Starlette, braces are parameters; a model with some in its name has KServe's route.
            *(
                Route(path, scoring, methods=["POST"])
                for path, scoring in self._scoring.items()
                if "{" not in path
            ),
            *quiet_routes(documents, collector, lambda: self._problem),
        ]
        handlers: dict[Any, Any] = {HTTPException: refuse, Exception: fail}
        return Starlette(routes=routes, exception_handlers=handlers, lifespan=self._live)

    @asynccontextmanager
    async def _live(self, _: Starlette) -> AsyncIterator[None]:
        settings, runtime = self._settings, self._model.runtime
        dispatcher = Dispatcher(
            partial(predict_batch, runtime, self._decoder.pack, clock=perf_counter),
            runtime.concurrency,
            Limits(
                settings.max_batch_rows,
                settings.max_wait_ms / 1000,
                settings.max_queue_rows,
                settings.timeout_seconds,
            ),
            self._recorder,
            Pace() if self._model.flavor in _STEADY_FLAVORS and runtime.is_row_wise else None,
        )
        for scoring in self._scoring.values():
            scoring.start(dispatcher)
        await self._warm_up()
        try:
            yield
        finally:
            self._problem = str(ShuttingDown())
            await dispatcher.close()
            runtime.close()

    async def _warm_up(self) -> None:
        """Predict the input example; a model that fails on its own example is not ready."""
        example = self._example
        if example is None:
            await self._try_made_up_example()
            self._problem = None
            return
        try:
            await self._predict_patiently(example)
        except Exception as error:  # the model's own code may raise anything
            told = error if find_status(error).is_told else type(error).__name__
            self._problem = f"the model failed on its own input example: {told}"
            logger.exception("%s", self._problem)
        else:
            self._problem = None

    async def _predict_patiently(self, body: bytes) -> None:
        """Predict ``body``; a first prediction that is too slow, for once, gets its time again."""
        try:
            await self._invocations.submit(body)
        except DeadlineExceeded:
            await self._invocations.submit(body)

    async def _try_made_up_example(self) -> None:
        signature = self._model.spec.signature
        example = make_example(signature) if signature else None
        if example is None:
            return
        try:
            await self._predict_patiently(orjson.dumps(example))
        except Exception as error:  # noqa: BLE001 - ours proves nothing about the model
            logger.debug("the example made from the signature failed: %s", error)


def _read_example(model: Model) -> bytes | None:
    """Return the recorded example; one that cannot be read stops no service."""
    try:
        return read_example(model.folder, model.spec)
    except InvalidModel as error:
        logger.warning("the input example is left out: %s", error)
        return None


def _documents(model: Model, example: bytes | None, settings: Settings) -> Documents:
    name, model_version = settings.model_name, settings.model_version
    openapi = describe(model.spec, example, name, model_version)
    openapi["paths"] = describe_platforms(settings, openapi["paths"])
    page, page_headers = render_page(model.spec, model.flavor, example, name, model_version)
    return Documents(version("mlserve"), orjson.dumps(openapi), page, page_headers)
