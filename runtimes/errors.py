"""Every error that mlserve raises on purpose.

::

    MLServeError
    ├── ModelError                what was asked to be served cannot be
    │   ├── ModelNotFound
    │   ├── InvalidModel          the folder or its MLmodel is not as the format says
    │   ├── UnsupportedModel      no runtime here serves it
    │   ├── MissingExtra          an optional dependency is not installed
    │   ├── UntrustedModel        loading it would run code that nobody vouched for
    │   ├── IncompatibleVersion   it was saved by a release that differs too much
    │   ├── ModelLoadFailed       its own code or data failed while loading
    │   ├── ModelExists           a model is to be written where something is already
    │   └── UnpackableModel       an object that cannot be written as a model
    ├── InvalidInput              the caller's data
    │   ├── MalformedRequest      the body is not what its content type or format promises
    │   ├── SchemaViolation       the data do not fit the model's signature
    │   └── InvalidParams         the params do not fit the model's params schema
    ├── RequestRefused            a request that HTTP itself turns away
    │   ├── UnsupportedContentType
    │   └── BodyTooLarge
    ├── Unavailable               the service cannot answer now
    │   ├── NotReady
    │   ├── QueueFull
    │   ├── DeadlineExceeded
    │   └── ShuttingDown
    ├── PredictionFailed          the model raised on this input
    ├── ModelRefused              the model raised MLflow's exception, which has a code of its own
    ├── InvalidPrediction         the model's answer cannot be given out
    │   ├── WrongRowCount
    │   ├── RowlessPrediction
    │   └── UnencodablePrediction
    └── InvalidSetting            a flag, a variable or a configuration value
        └── AddressUnavailable    the host and port cannot be listened on

Errors know nothing of HTTP: ``serve/statuses.py`` maps each class to a status.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

_LONGEST_NAME = 80
_MOST_NAMES = 10
_MOST_CANDIDATES = 200

EXTRAS = {
    "sklearn": ("cloudpickle", "pandas", "scikit-learn", "skops"),
    "store": ("alembic", "fsspec", "httpx", "SQLAlchemy"),
    "postgresql": ("psycopg[binary]",),
    "build": ("docker", "httpx", "uv"),
    "s3": ("s3fs",),
    "gcs": ("gcsfs",),
    "azure": ("adlfs",),
}
"""The packages of each extra that an error may ask for."""


class MLServeError(Exception):
    """The root of all errors raised on purpose; ``str()`` is the message for a person."""


class ModelError(MLServeError):
    """A model that cannot be served as it is."""


class ModelNotFound(ModelError):
    """There is no model at a path."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"no model at {path}: {reason}; give the folder that holds the file MLmodel"
        )


class InvalidModel(ModelError):
    """A model folder that breaks the format: names the file, what was found and expected."""

    def __init__(self, file: Path | str, found: str, expected: str) -> None:
        super().__init__(f"{file}: found {found}, expected {expected}")


class UnsupportedModel(ModelError):
    """A model none of whose flavors has a runtime here."""

    def __init__(self, flavors: Iterable[str], served: Iterable[str], advice: str = "") -> None:
        message = (
            f"the model has the flavors {_listing(flavors)}, and mlserve serves {_listing(served)}"
        )
        super().__init__(f"{message}; {advice}" if advice else message)


class MissingExtra(ModelError):
    """An optional dependency that this model needs is not installed.

    The advice names the packages of an ``extra`` one by one: on the public index, what is called
    mlserve is another project.
    """

    def __init__(self, purpose: str, package: str, extra: str | None = None) -> None:
        advice = (
            f'install what the extra "{extra}" holds: pip install {" ".join(EXTRAS[extra])}'
            if extra
            else f"install it with: pip install {package}"
        )
        super().__init__(f"{purpose} needs {package}, which is not installed; {advice}")


class UntrustedModel(ModelError):
    """A model whose format runs code on loading, refused by the operator's setting."""

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(f"{what} is refused, because loading it can run any code; {advice}")


class IncompatibleVersion(ModelError):
    """A model saved by a release that differs too much from the installed one."""

    def __init__(self, package: str, recorded: str, installed: str) -> None:
        super().__init__(
            f"the model was saved with {package} {recorded}, and {installed} is installed; "
            f"install {package}=={recorded}, or pass --allow-version-mismatch to try all the same"
        )


class ModelLoadFailed(ModelError):
    """A model whose own code or data failed while it was loaded."""

    def __init__(self, what: str, error: BaseException, advice: str = "") -> None:
        message = f"{what} could not be loaded: {type(error).__name__}: {error}"
        super().__init__(f"{message}; {advice}" if advice else message)


class ModelExists(ModelError):
    """A path to write a model to at which there is something already."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} exists already; name a path where nothing is, or remove it first")


class UnpackableModel(ModelError):
    """An object that mlserve cannot write as a model."""

    def __init__(self, found: str, expected: str) -> None:
        super().__init__(f"cannot package {found}; give {expected}")


class InvalidInput(MLServeError):
    """Data of the caller's that cannot be scored."""


class MalformedRequest(InvalidInput):
    """A body that is not what its content type or its format promises."""


class SchemaViolation(InvalidInput):
    """Data that do not fit the model's signature."""


class MissingColumns(SchemaViolation):
    """Required columns that a request does not have, each with the nearest name it has."""

    def __init__(self, missing: Iterable[str], present: Iterable[str]) -> None:
        names = [str(name) for name in missing]
        # Any client names the columns that are present: only so many are looked at.
        candidates = [shorten(name) for name in islice(present, _MOST_CANDIDATES)]
        listed = [_missing_name(name, candidates) for name in names[:_MOST_NAMES]]
        if len(names) > _MOST_NAMES:
            listed.append(f"and {len(names) - _MOST_NAMES} more")
        super().__init__(
            f"the request lacks {', '.join(listed)}; "
            "every required column of the signature must be there"
        )


class InvalidCell(SchemaViolation):
    """One value that does not fit its column: column, row, found and expected type.

    ``found`` describes the value by its type ("a string", "a missing value"), never by its content;
    ``member`` is the path inside a nested value, such as ``x.y[2]``.
    """

    def __init__(
        self,
        column: str | int,
        row: int | None,
        found: str,
        expected: str,
        advice: str = "",
        member: str = "",
    ) -> None:
        self.column, self.row = column, row
        place = f'column "{shorten(column)}"'
        if row is not None:
            place += f", row {row}"
        if member:
            place += f', member "{shorten(member)}"'
        message = f"{place}: found {found}, expected {expected}"
        super().__init__(f"{message}; {advice}" if advice else message)


class InvalidParams(InvalidInput):
    """Params that do not fit the model's params schema."""


class RequestRefused(MLServeError):
    """A request that is turned away before its data are looked at."""


class UnsupportedContentType(RequestRefused):
    """A content type, or a parameter of one, that the service does not read."""


class BodyTooLarge(RequestRefused):
    """A request body over the configured limit."""

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"the request body is larger than the limit of {limit_bytes} bytes; "
            "send fewer rows a request, or start the service with a larger --max-body-mb"
        )


class Unavailable(MLServeError):
    """The service cannot answer now; the same request may succeed later."""

    retry_after_seconds = 1


class NotReady(Unavailable):
    """A request that came before the service had started."""

    def __init__(self) -> None:
        super().__init__("the service is starting; try again shortly")


class QueueFull(Unavailable):
    """The rows that wait for the model are at the limit."""

    def __init__(self, limit_rows: int) -> None:
        super().__init__(
            f"the queue is full ({limit_rows} rows wait for the model); try again shortly"
        )


class DeadlineExceeded(Unavailable):
    """A request that was not answered within its time."""

    def __init__(self, timeout_seconds: float) -> None:
        super().__init__(
            f"the request was not answered within {timeout_seconds:g} s; "
            "send fewer rows, or start the service with a larger --timeout"
        )


class ShuttingDown(Unavailable):
    """A request that came while the service was stopping."""

    def __init__(self) -> None:
        super().__init__("the service is shutting down; send the request to another one")


class PredictionFailed(MLServeError):
    """The model raised on this input; the cause is in ``__cause__`` and goes to the log alone."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(
            "the model raised an error while it evaluated the input "
            f"({type(error).__name__}); check that the input is what the model was trained on"
        )


class ModelRefused(MLServeError):
    """The model raised MLflow's own exception, whose code and message are for the caller."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(f"the model refused the input: {message}")


class InvalidPrediction(MLServeError):
    """An answer of the model's that cannot be given out."""


class WrongRowCount(InvalidPrediction):
    """A prediction whose number of rows is not that of its input."""

    def __init__(self, found: int, expected: int) -> None:
        super().__init__(f"the model returned {found} rows for {expected} rows of input")


class RowlessPrediction(InvalidPrediction):
    """A prediction without rows from a model that is scored in batches of rows."""

    def __init__(self, type_name: str, expected: int) -> None:
        super().__init__(
            f"the model returned a value of type {type_name} for {expected} rows of input; "
            "it must return a list, an array or a table with one entry a row"
        )


class UnencodablePrediction(InvalidPrediction):
    """A prediction that has no JSON form."""

    def __init__(self, type_name: str) -> None:
        super().__init__(f"the model returned a value of type {type_name}, which has no JSON form")


class InvalidSetting(MLServeError):
    """A flag, an environment variable or a value that is not as the settings say."""


class AddressUnavailable(InvalidSetting):
    """A host and port that this machine cannot listen on, or not now."""

    def __init__(self, host: str, port: int, reason: str, advice: str) -> None:
        super().__init__(f"cannot listen on {host}, port {port}: {reason}; {advice}")


def shorten(name: object) -> str:
    """Return ``name`` as a message shows it: a name of the caller's may be of any length."""
    text = str(name)
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}…"


def nearest(name: str, present: Iterable[str]) -> str | None:
    """Return the name among ``present`` that is most like ``name``, or None if none is."""
    folded = {str(other).casefold(): str(other) for other in present}
    matches = get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return folded[matches[0]] if matches else None


def _missing_name(name: str, present: list[str]) -> str:
    match = nearest(name, present)
    return f'column "{name}" (there is "{match}")' if match else f'column "{name}"'


def _listing(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
