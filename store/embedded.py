"""The way to a store in this process: operations run where they are called."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from threading import Lock
from typing import TypeVar

from .contract import Artifacts
from .database import parse_url
from .entities import Entity
from .forking import renew_in_children
from .lifecycle import Lifecycle, read_lifecycle
from .operation import Operation
from .request_bodies import encode_request, request_fields
from .rest.requests import Raw, read_request
from .store import Store, open_store
from .tracking_uri import Target, find_user

Request = TypeVar("Request", bound=Entity)
Answer = TypeVar("Answer", bound=Entity)


class EmbeddedTransport:
    """Runs operations on the database at ``uri``; a request is checked as a server would check it.

    A forked child opens the database anew when it first needs it.
    """

    def __init__(
        self,
        uri: str,
        destination: str | None = None,
        caller: str = "unknown",
        lifecycle: Lifecycle | None = None,
    ) -> None:
        self._open = partial(open_store, _absolute(uri), destination, lifecycle, caller)
        self._opening = Lock()
        self._inherited: list[Store] = []
        self._store: Store | None = self._open()
        renew_in_children(self)

    @property
    def store(self) -> Store:
        """The store, open."""
        with self._opening:
            if self._store is None:
                self._store = self._open()
            return self._store

    def call(self, operation: Operation[Request, Answer], request: Request) -> Answer:
        """Run ``operation`` here and return its answer."""
        return operation.run(self.store, _check(request))

    def artifacts(self, uri: str) -> Artifacts:
        """Return the artifacts under ``uri``."""
        return self.store.artifacts(uri)

    def close(self) -> None:
        """Close the database."""
        with self._opening:
            if self._store is not None:
                self._store.close()
                self._store = None

    def renew(self) -> None:
        """Forget the parent's database: to close its connections here would break them there."""
        if self._store is not None:
            self._inherited.append(self._store)
        self._opening, self._store = Lock(), None


def open_embedded(target: Target) -> EmbeddedTransport:
    """Return the way to the database at ``target``, whose caller is the user of this process."""
    lifecycle = read_lifecycle(target.lifecycle) if target.lifecycle else None
    return EmbeddedTransport(target.uri, target.destination, find_user(), lifecycle)


def _absolute(uri: str) -> str:
    """Return ``uri`` such that it names the same file wherever the process goes."""
    url = parse_url(uri)
    if url.get_backend_name() == "sqlite" and url.database is not None:
        url = url.set(database=str(Path(url.database).absolute()))
    return url.render_as_string(hide_password=False)


def _check(request: Request) -> Request:
    """Return ``request`` as it arrives where it is sent, with the types of its fields checked."""
    body = encode_request(request_fields(request))
    return read_request(type(request), Raw({}, b"", body))
