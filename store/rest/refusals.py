"""What the server turns away before the store is asked.

::

    MLServeError
    └── Refusal
        ├── UnknownEndpoint     a path that nothing answers
        ├── WrongMethod         a method that the path does not take
        ├── WrongContentType    a body that is not JSON by its own account
        ├── ForeignHost         a Host header that is not one of this server's
        ├── ForeignOrigin       a browser's page of elsewhere that wants to change something
        ├── RangeOutside        a range that begins behind the end of the file
        └── NotOffered          a part of MLflow's API that this server does without
"""

from __future__ import annotations

from collections.abc import Iterable

from ...runtimes.errors import MLServeError, shorten


class Refusal(MLServeError):
    """A request that the server turns away."""


class UnknownEndpoint(Refusal):
    """A path that nothing answers."""

    def __init__(self, method: str, path: str) -> None:
        super().__init__(f"{method} {shorten(path)}: there is no such endpoint")


class WrongMethod(Refusal):
    """A method that the path does not take; ``allowed`` are those that it does."""

    def __init__(self, method: str, path: str, allowed: Iterable[str]) -> None:
        self.allowed = ", ".join(sorted(allowed))
        super().__init__(f"{method} {shorten(path)}: found {method}, expected {self.allowed}")


class WrongContentType(Refusal):
    """A body that is not JSON by its own account."""

    def __init__(self, found: str) -> None:
        named = f"the content type {shorten(found)}" if found else "no content type"
        super().__init__(f"found {named}, expected application/json; set the Content-Type header")


class ForeignHost(Refusal):
    """A Host header that is not one of this server's."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f'Invalid Host header: found "{shorten(host)}", which is no name of this server; '
            "if it should be, start the server with --allowed-hosts"
        )


class ForeignOrigin(Refusal):
    """A page of another origin that wants to change something."""

    def __init__(self, origin: str) -> None:
        super().__init__(
            f'Cross-origin request blocked: found the origin "{shorten(origin)}", expected this '
            "server's own; if it should be let in, start the server with --allowed-hosts"
        )


class RangeOutside(Refusal):
    """A range of a file that has none of its ``size`` bytes."""

    def __init__(self, text: str, size: int) -> None:
        self.size = size
        super().__init__(f"found the range {shorten(text)}, and the file has {size} bytes")


class NotOffered(Refusal):
    """A part of MLflow's API that this server does without."""
