"""What the store does, as data: the route of an operation, its request and answer, and its role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .entities import Entity

if TYPE_CHECKING:
    from .store import Store

Request = TypeVar("Request", bound=Entity)
Answer = TypeVar("Answer", bound=Entity)

MLFLOW = "/api/2.0/mlflow"
OURS = "/api/2.0/mlserve"


class Role(IntEnum):
    """What a caller may do; each role may do what those before it may."""

    READER = 1
    WRITER = 2
    APPROVER = 3
    ADMIN = 4


@dataclass(frozen=True, slots=True)
class Operation(Generic[Request, Answer]):
    """One thing that the store does.

    Of ``methods`` the first is the one that a client uses; ``path`` may hold the names of fields in
    braces. ``work`` names the function that does it, as "module:attribute" in this room, imported
    when it is first asked for. ``is_repeatable`` says that twice is as good as once, so that a
    client may try again where no answer came.
    """

    methods: tuple[str, ...]
    path: str
    request: type[Request]
    answer: type[Answer]
    work: str
    role: Role
    is_repeatable: bool

    def prepare(self) -> None:
        """Import what does it, so that the first who asks does not wait for that."""
        _resolve(self.work)

    def run(self, store: Store, request: Request) -> Answer:
        """Do it in this process."""
        answer: Answer = _resolve(self.work)(store, request)
        return answer


def read(
    route: str, request: type[Request], answer: type[Answer], work: str, base: str = MLFLOW
) -> Operation[Request, Answer]:
    """Return the operation at ``route``, such as "POST|GET runs/search", that changes nothing."""
    methods, path = route.split(" ")
    return Operation(
        tuple(methods.split("|")), f"{base}/{path}", request, answer, work, Role.READER, True
    )


def write(  # noqa: PLR0913 - a row of a table has its columns
    route: str,
    request: type[Request],
    answer: type[Answer],
    work: str,
    *,
    base: str = MLFLOW,
    role: Role = Role.WRITER,
    is_repeatable: bool = False,
) -> Operation[Request, Answer]:
    """Return the operation at ``route`` that changes something."""
    methods, path = route.split(" ")
    return Operation(
        tuple(methods.split("|")), f"{base}/{path}", request, answer, work, role, is_repeatable
    )


@cache
def _resolve(work: str) -> Callable[[Any, Any], Any]:
    function: Callable[[Any, Any], Any] = resolve_name(f"{__package__}.{work}")
    return function
