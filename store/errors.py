"""Every error that the store raises on purpose.

::

    MLServeError
    └── StoreError
        ├── InvalidParameter      a value that the store does not take
        │   └── InvalidFilter     a search string that cannot be read
        ├── NotFound              what is asked for is not there
        │   └── NoSuchVersion     a model reference that names no version
        ├── AlreadyExists         a name that is taken
        ├── InvalidState          what is asked for is not allowed as things stand
        │   ├── ApprovalNeeded    a stage that somebody has to approve first
        │   └── GateClosed        a stage whose gates the version does not pass
        ├── Unauthenticated       no credentials, or wrong ones
        ├── Forbidden             credentials whose role does not allow it
        ├── TooLarge              more than one request may hold
        ├── CorruptArtifact       bytes that are not those that were registered
        ├── StoreUnavailable      the database or the object storage does not answer
        └── ServerRefused         a remote server's error, with the code that it gave

Errors know nothing of HTTP: ``rest/statuses.py`` maps each class to a status.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..runtimes.errors import MLServeError, shorten


class StoreError(MLServeError):
    """What the store cannot do, or will not."""


class InvalidParameter(StoreError):
    """A value that the store does not take; names the parameter, what was found and expected."""


class InvalidFilter(InvalidParameter):
    """A filter or an order that cannot be read."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(f"Invalid clause(s) in filter string: '{shorten(text)}': {reason}")


class NotFound(StoreError):
    """What is asked for is not there."""


class NoSuchVersion(NotFound):
    """A model reference that names no version; says what there is."""

    def __init__(self, reference: str, problem: str, there: Iterable[str] = ()) -> None:
        known = "; ".join(there)
        super().__init__(f"{shorten(reference)}: {problem}" + (f"; {known}" if known else ""))


class AlreadyExists(StoreError):
    """A name that is taken."""


class InvalidState(StoreError):
    """What is asked for is not allowed as things stand."""


class ApprovalNeeded(InvalidState):
    """A transition to a stage that asks for an approval, which is not there."""

    def __init__(self, name: str, version: int, stage: str) -> None:
        super().__init__(
            f"{name} version {version}: the stage {stage} asks for an approval; ask for one with "
            f"mlserve registry request {name} {version} {stage} --reason ..."
        )


class GateClosed(InvalidState):
    """A transition to a stage whose gates the version does not pass."""

    def __init__(self, name: str, version: int, stage: str, faults: Iterable[str]) -> None:
        super().__init__(
            f"{name} version {version} does not pass the gates of {stage}: {'; '.join(faults)}"
        )


class Unauthenticated(StoreError):
    """A request without credentials, or with wrong ones."""

    def __init__(self) -> None:
        super().__init__(
            "no valid credentials; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, "
            "or MLFLOW_TRACKING_TOKEN"
        )


class Forbidden(StoreError):
    """A request whose caller's role does not allow it."""

    def __init__(self, caller: str, roles: Iterable[str], needed: str) -> None:
        held = ", ".join(sorted(roles)) or "none"
        super().__init__(f"{shorten(caller)} has the roles {held}, and this needs {needed}")


class TooLarge(StoreError):
    """More than one request may hold."""


class CorruptArtifact(StoreError):
    """A file whose bytes are not those that were registered."""

    def __init__(self, path: str, found: str, expected: str) -> None:
        super().__init__(
            f"{path}: found {found}, expected {expected}, as registered; it was changed or is "
            "damaged: register the model again, or restore the file"
        )


class StoreUnavailable(StoreError):
    """The database or the object storage does not answer."""


class ServerRefused(StoreError):
    """A remote server's error, with the error code that it gave."""

    def __init__(self, code: str, message: str, status: int) -> None:
        self.code, self.status = code, status
        super().__init__(f"{code}: {message}")
