"""One serving process: uvicorn around an ASGI application, from its loading to its orderly end.

Where the application comes from is the caller's business; ``serve/workers.py`` runs several.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from threading import Timer
from types import FrameType
from typing import Any, Final, NoReturn

import uvicorn

from .accepting import Acceptor, Shares
from .listening import BACKLOG, address_unavailable
from .protocol import Protocol

KEEP_ALIVE_SECONDS: Final = 75
"""Longer than the 60 s after which common proxies drop an idle connection: the proxy must be the
first to close, or it sends a request into a connection that is being closed."""

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

CLOSING_SECONDS: Final = 5.0
"""How long the application, and after it the threads of the process, may take to end."""

GARBAGE_THRESHOLDS: Final = (20_000, 50, 100)
"""Python's own are for programs of few objects; one body of 100 rows would set it looking twice."""

_LAST_READS: Final = 4
_POLL_SECONDS: Final = 0.02

Application = Callable[..., Awaitable[None]]

logger = logging.getLogger("mlserve.serve")


@dataclass(frozen=True, slots=True)
class Loaded:
    """An ASGI application, ready to be started, and what its model is called."""

    app: Application
    model: str
    flavor: str


class StopSwitch:
    """Stops the server of this process, which it gets to know once that exists.

    Before the server is ready nothing is lost by ending at once, and that is what happens. Where
    it ``insists``, a second signal ends the process, whatever is unfinished.
    """

    def __init__(self, *, insists: bool = True) -> None:
        self._insists = insists
        self.server: Server | None = None

    def stop(self) -> None:
        """Let the server finish what it has accepted; may be called from any thread."""
        if self.server is None or not self.server.started:
            end_process(0)
        self.server.should_exit = True

    def receive(self, number: int, _: FrameType | None) -> None:
        """Take the signal ``number``."""
        if self._insists and self.server is not None and self.server.should_exit:
            end_process(128 + number)
        self.stop()

    @contextlib.contextmanager
    def connected(self) -> Iterator[None]:
        """Connect SIGTERM and SIGINT to this switch within the context."""
        before = {number: signal.signal(number, self.receive) for number in STOP_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class Server(uvicorn.Server):
    """uvicorn's server with an end of its own: what was accepted is answered, or cut off loudly."""

    def __init__(
        self,
        config: uvicorn.Config,
        drain_seconds: float,
        on_ready: Callable[[], None],
        shares: Shares | None = None,
    ) -> None:
        super().__init__(config)
        self._drain_seconds, self._on_ready, self._shares = drain_seconds, on_ready, shares
        self._acceptor: Acceptor | None = None
        self._connecting: set[asyncio.Task[Any]] = set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone: a `StopSwitch` has had them since before the model's loading."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then listen; `AddressUnavailable` where that cannot be."""
        listeners = sockets or []
        try:
            await super().startup(listeners if self._shares is None else [])
            if self._shares is not None:
                self._acceptor = self._make_acceptor(listeners[0], self._shares)
                self._acceptor.start()
        except OSError as error:
            await self.lifespan.shutdown()
            host, port = listeners[0].getsockname()[:2]
            raise address_unavailable(host, port, error) from error
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        gc.enable()
        gc.collect()
        gc.freeze()  # what is loaded by now stays, and need not be looked through again
        self._on_ready()

    async def on_tick(self, counter: int) -> bool:
        """Do what is due ten times a second; True ends the server."""
        if self._acceptor is not None:
            self._acceptor.publish()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, finish what was accepted, close idle connections, end the application."""
        await self._read_what_arrived()
        if self._acceptor is not None:
            self._acceptor.close()
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        logger.info("stopping", extra={"fields": {"requests": len(self.server_state.tasks)}})
        if unfinished := await self._drain():
            logger.error(
                "cut off %d requests that were not finished within %g s; "
                "a larger --drain-seconds gives them more time",
                unfinished,
                self._drain_seconds,
            )
            end_process(1)
        await self._close_application()

    def _make_acceptor(self, listener: socket.socket, shares: Shares) -> Acceptor:
        config, state, loop = self.config, self.server_state, asyncio.get_running_loop()

        def make_protocol() -> asyncio.Protocol:
            make: Callable[..., asyncio.Protocol] = config.http_protocol_class
            return make(
                config=config, server_state=state, app_state=self.lifespan.state, _loop=loop
            )

        def connect(connection: socket.socket) -> None:
            task = loop.create_task(loop.connect_accepted_socket(make_protocol, connection))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

        return Acceptor(
            listener, shares, connect, lambda: len(state.connections) + len(self._connecting)
        )

    async def _read_what_arrived(self) -> None:
        """Accept and read what the kernel holds already: closing now would reset it."""
        for _ in range(_LAST_READS):
            await asyncio.sleep(0)

    async def _drain(self) -> int:
        state = self.server_state
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._drain_seconds):
                while state.connections or state.tasks:  # noqa: ASYNC110 - no event tells of them
                    await asyncio.sleep(_POLL_SECONDS)
        return max(len(state.connections), len(state.tasks))

    async def _close_application(self) -> None:
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await self.lifespan.shutdown()
        except TimeoutError:
            logger.error("the application did not close within %g s", CLOSING_SECONDS)  # noqa: TRY400 - a message for the operator
            end_process(1)
        logger.info("stopped")


def run_server(
    listener: socket.socket,
    drain_seconds: float,
    load: Callable[[], Loaded],
    on_ready: Callable[[Loaded], None],
    switch: StopSwitch,
    shares: Shares | None = None,
) -> int:
    """Serve on ``listener`` until told to stop, and return the exit code: 1 where the application
    did not start, else 0. Whatever ``load`` raises is passed on.

    With ``shares``, other workers listen on it too. What cannot be finished in time ends the
    process right here, with the code 1.
    """
    gc.disable()  # until all is loaded: little of it is garbage, and looking for it takes time
    with switch.connected():
        loaded = load()
        config = configure_uvicorn(loaded.app)
        server = Server(config, drain_seconds, lambda: on_ready(loaded), shares)
        switch.server = server
        try:
            server.run(sockets=[listener])
        except SystemExit:  # uvicorn's way to say that the application's start failed
            return 1
        return 0


def configure_uvicorn(app: Application) -> uvicorn.Config:
    """Return the configuration under which ``app`` is served."""
    options: dict[str, Any] = {
        "loop": "auto",
        "http": Protocol,
        "ws": "none",
        "lifespan": "on",
        "interface": "asgi3",
        "log_config": None,
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
        "backlog": BACKLOG,
        "timeout_keep_alive": KEEP_ALIVE_SECONDS,
    }
    return uvicorn.Config(app, **options)


def end_process(code: int) -> NoReturn:
    """End this process at once, whatever it is doing."""
    os._exit(code)


def end_soon(code: int) -> int:
    """Return ``code``, with which this process will end even where a thread of the model's goes on.

    Python itself would wait for such a thread for ever.
    """
    timer = Timer(CLOSING_SECONDS, end_process, (code,))
    timer.daemon = True
    timer.start()
    return code
