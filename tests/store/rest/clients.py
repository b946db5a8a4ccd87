"""A server of a store within the process of the test, on a real socket, and clients of it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from threading import Thread
from typing import Any

import httpx
import uvicorn
from mlserve.serve.listening import bind_socket, service_url
from mlserve.serve.server import configure_uvicorn
from mlserve.store.direct_access import DirectAccess
from mlserve.store.rest.access import Access
from mlserve.store.rest.app import StoreApp
from mlserve.store.rest.settings import ServerSettings
from mlserve.store.store import Store

API = "/api/2.0/mlflow"
PROXY = "/api/2.0/mlflow-artifacts/artifacts"
DEADLINE_SECONDS = 60


@contextmanager
def client_of(
    store: Store,
    access: Access | None = None,
    direct_access: DirectAccess | None = None,
    **settings: Any,
) -> Iterator[httpx.Client]:
    """Give a client of a server of ``store``; the server has ended when the context does."""
    numbers = count(1)
    app = StoreApp(
        store,
        ServerSettings(**settings),
        access,
        lambda _: f"request-{next(numbers)}",
        direct_access=direct_access,
    )
    with serving(app) as url, httpx.Client(base_url=url, timeout=DEADLINE_SECONDS) as client:
        yield client


@contextmanager
def serving(app: Callable[..., Any]) -> Iterator[str]:
    """Serve ``app`` in a thread, and give its URL."""
    listener = bind_socket("127.0.0.1", 0)
    listener.listen(2048)  # whoever connects before the server accepts waits for it
    server = uvicorn.Server(configure_uvicorn(app))
    thread = Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield service_url(listener)
    finally:
        server.should_exit = True
        thread.join(DEADLINE_SECONDS)
        assert not thread.is_alive()


def send_raw(
    client: httpx.Client, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, Any]:
    """Return the status and the JSON that answer a path that is sent just as it is written."""
    connection = http.client.HTTPConnection(client.base_url.netloc.decode(), timeout=60)
    with closing(connection):
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")
