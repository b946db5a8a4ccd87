"""The HTTP status and MLflow's error code of every error of the store and its server.

This module owns the table; ``store/errors.py`` and `refusals` own the messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ...runtimes.errors import MissingExtra, MLServeError, ModelError
from ..errors import (
    AlreadyExists,
    ApprovalNeeded,
    CorruptArtifact,
    Forbidden,
    GateClosed,
    InvalidParameter,
    InvalidState,
    NotFound,
    ServerRefused,
    StoreUnavailable,
    TooLarge,
    Unauthenticated,
)
from .refusals import (
    ForeignHost,
    ForeignOrigin,
    NotOffered,
    RangeOutside,
    UnknownEndpoint,
    WrongContentType,
    WrongMethod,
)


@dataclass(frozen=True, slots=True)
class Status:
    """How one kind of error is answered.

    ``is_told`` says whether the caller gets the error's own message, which otherwise goes to the
    log alone.
    """

    http: int
    code: str
    is_told: bool = True


INTERNAL_ERROR = Status(500, "INTERNAL_ERROR", is_told=False)

# MLflow's clients try again, for minutes, after 408, 429, 500, 502, 503 and 504: what no other
# attempt would change gets none of these.
STATUSES: Mapping[type[Exception], Status] = MappingProxyType(
    {
        InvalidParameter: Status(400, "INVALID_PARAMETER_VALUE"),
        NotFound: Status(404, "RESOURCE_DOES_NOT_EXIST"),
        AlreadyExists: Status(400, "RESOURCE_ALREADY_EXISTS"),
        InvalidState: Status(400, "INVALID_PARAMETER_VALUE"),
        ApprovalNeeded: Status(409, "INVALID_STATE"),
        GateClosed: Status(409, "INVALID_STATE"),
        Unauthenticated: Status(401, "UNAUTHENTICATED"),
        Forbidden: Status(403, "PERMISSION_DENIED"),
        TooLarge: Status(413, "INVALID_PARAMETER_VALUE"),
        CorruptArtifact: Status(409, "DATA_LOSS"),
        StoreUnavailable: Status(503, "TEMPORARILY_UNAVAILABLE", is_told=False),
        ServerRefused: Status(502, "INTERNAL_ERROR", is_told=False),
        UnknownEndpoint: Status(404, "ENDPOINT_NOT_FOUND"),
        WrongMethod: Status(405, "BAD_REQUEST"),
        WrongContentType: Status(400, "BAD_REQUEST"),
        ForeignHost: Status(403, "PERMISSION_DENIED"),
        ForeignOrigin: Status(403, "PERMISSION_DENIED"),
        RangeOutside: Status(416, "INVALID_PARAMETER_VALUE"),
        NotOffered: Status(501, "NOT_IMPLEMENTED"),
        # A model's folder that is registered may not be as its format says.
        ModelError: Status(400, "INVALID_PARAMETER_VALUE"),
        MissingExtra: Status(501, "NOT_IMPLEMENTED"),
        MLServeError: INTERNAL_ERROR,
    }
)


def find_status(error: BaseException) -> Status:
    """Return the row of ``error``'s class or of its nearest ancestor that has one.

    What no row covers, such as an exception that nobody foresaw, is an internal error.
    """
    rows = (STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    return next(rows, INTERNAL_ERROR)
