"""What can be plugged in: the way to a store's operations, and the place where artifacts are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol, TypeVar

from .entities import Entity, FileInfo
from .operation import Operation

Request = TypeVar("Request", bound=Entity)
Answer = TypeVar("Answer", bound=Entity)


class Artifacts(Protocol):
    """A tree of files under one root, wherever it is.

    Paths are relative, with "/" between their parts, and checked by `artifact_paths` before they
    come here. Every method may block on the network. What is not there raises `NotFound`, a place
    that does not answer `StoreUnavailable`.
    """

    def list_folder(self, path: str = "") -> list[FileInfo]:
        """Return the entries of a folder by name, paths relative to the root; of a file, none."""

    def walk(self, path: str = "") -> Iterator[FileInfo]:
        """Yield every file below ``path``, in the order of their paths, with their sizes."""

    def read(self, path: str) -> AbstractContextManager[BinaryIO]:
        """Open a file; it can be read from any place."""

    def write(self, path: str, source: BinaryIO) -> int:
        """Write a file whole or not at all, over one that is there; return its size."""

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with all that is in it."""


class Transport(Protocol):
    """The way from a client to the operations: in this process, or over HTTP.

    May be used by several threads at once. ``call`` is not tried again by the caller: a transport
    that can try again does so itself, where an operation may be repeated.
    """

    def call(self, operation: Operation[Request, Answer], request: Request) -> Answer:
        """Return the answer; raises a `StoreError`."""

    def artifacts(self, uri: str) -> Artifacts:
        """Return the artifacts under ``uri``, which an answer of this store named."""

    def close(self) -> None:
        """Give back connections; it is not used afterwards."""
