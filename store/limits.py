"""What the store takes: the characters of keys, the lengths of texts, the size of a batch.

The limits are MLflow's, and so are the words of the messages as far as MLflow has some.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from ..runtimes.errors import shorten
from .entities import Metric, Param, Tag
from .errors import InvalidParameter
from .tracking_requests import OfRun

MOST_METRICS: Final = 1000
MOST_PARAMS: Final = 100
MOST_TAGS: Final = 100
MOST_ENTRIES: Final = 1000
"""Of a batch: each kind, and all together."""
MOST_LINKS: Final = 1000
"""Of datasets, or of logged models, among the inputs or outputs that are logged at once."""

LONGEST_KEY: Final = 250
LONGEST_PARAM: Final = 6000
LONGEST_RUN_TAG: Final = 8000
LONGEST_EXPERIMENT_TAG: Final = 20_000
LONGEST_EXPERIMENT_NAME: Final = 500
LONGEST_RUN_NAME: Final = 250
LONGEST_MODEL_HISTORY: Final = 1_000_000
LONGEST_USER: Final = 256
LONGEST_ARTIFACT_LOCATION: Final = 2048
LONGEST_MODEL_ID: Final = 34
LONGEST_MODEL_TEXT: Final = 500
"""The name of a logged model, and its type."""
LONGEST_MODEL_VALUE: Final = 100_000
"""Of a param or a tag of a logged model; MLflow sets no limit."""
LONGEST_DATASET_NAME: Final = 500
LONGEST_DIGEST: Final = 36
LONGEST_SOURCE_TYPE: Final = 36
LONGEST_SOURCE: Final = 65_535
LONGEST_SCHEMA: Final = 1_048_575
LONGEST_PROFILE: Final = 16_777_215
LONGEST_INPUT_TAG: Final = 500

LARGEST_INTEGER: Final = 2**63 - 1
"""That a database keeps in 64 bits."""

_MOST_BITS_SHOWN: Final = 128
_KEY: Final = re.compile(r"[/\w.\- :]*")
_UNSTORABLE: Final = re.compile(r"[\x00\ud800-\udfff]")
_INTEGER: Final = re.compile(r"-?[0-9]+", re.ASCII)


def require(name: str, value: str | None) -> str:
    """Return ``value``, a text with something in it; an absent one and "" are refused."""
    if value is None or value == "":
        raise missing(name)
    return check_text(name, value)


def missing(name: str) -> InvalidParameter:
    """Return the error of a parameter that is needed and not there, in MLflow's words."""
    return InvalidParameter(
        f"Missing value for required parameter '{name}'. "
        "See the API docs for more information about request parameters."
    )


def invalid(name: str, value: object, reason: str) -> InvalidParameter:
    """Return the error of a parameter whose value is not taken, in MLflow's words."""
    return InvalidParameter(
        f"Invalid value {_show(value)} for parameter '{name}' supplied: {reason}"
    )


def is_storable(text: str) -> bool:
    """Say whether every database keeps ``text``: it has no NUL character and no lone surrogate."""
    return _UNSTORABLE.search(text) is None


def check_text(name: str, value: str, longest: int | None = None) -> str:
    """Return ``value``, a text that every database keeps, of at most ``longest`` characters."""
    if not isinstance(value, str):
        raise invalid(name, value, f"found {type(value).__name__}, expected a text")
    if not is_storable(value):
        raise invalid(name, value, "it holds a NUL character or a lone surrogate; leave it out")
    if longest is not None and len(value) > longest:
        raise InvalidParameter(
            f"'{name}' exceeds the maximum length of {longest} characters: found {len(value)}"
        )
    return value


def cut_text(name: str, value: str, longest: int) -> str:
    """Return ``value`` without what is beyond ``longest`` characters, as MLflow's server does."""
    return check_text(name, value)[:longest]


def check_integer(name: str, value: int, least: int = -LARGEST_INTEGER - 1) -> int:
    """Return ``value``, a whole number that fits into 64 bits and is not below ``least``."""
    if type(value) is not int:
        raise invalid(name, value, f"found {type(value).__name__}, expected a whole number")
    if not least <= value <= LARGEST_INTEGER:
        raise invalid(name, value, f"expected a whole number from {least} to {LARGEST_INTEGER}")
    return value


def check_key(name: str, key: object, title: str | None = None) -> str:
    """Return the key of a metric, param or tag, which can be the path of a file as it stands.

    ``title`` is what the message calls a key that is too long.
    """
    if key is None or key == "":
        raise missing(name)
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise invalid(
            name,
            key,
            "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), "
            "spaces ( ), colon(:) and slashes (/).",
        )
    path = posixpath.normpath(key)
    if path != key or path == "." or path.startswith(("..", "/")):
        raise invalid(
            name,
            key,
            "Names may be treated as files in certain cases, and must not resolve to other names "
            f"when treated as such. This name would resolve to '{shorten(path)}'",
        )
    return check_text(title or name, key, LONGEST_KEY)


def read_params(params: Iterable[Param], path: str = "params[{}].") -> dict[str, str]:
    """Return the params of a run by key; values are cut to their longest, as MLflow does."""
    read: dict[str, str] = {}
    twice: dict[str, None] = {}
    for index, param in enumerate(params):
        place = path.format(index)
        key = check_key(f"{place}key", param.key, "Param key")
        if key in read:
            twice[key] = None
        read[key] = cut_text(f"{place}value", param.value, LONGEST_PARAM)
    if twice:
        raise InvalidParameter(
            f"Duplicate parameter keys have been submitted: {[shorten(key) for key in twice]}. "
            "Please ensure the request contains only one param value per param key."
        )
    return read


def read_tags(tags: Iterable[Tag], path: str = "tags[{}].") -> dict[str, str]:
    """Return the tags of a run by key, the last of a key; values are cut as those of params."""
    read = {}
    for index, tag in enumerate(tags):
        place = path.format(index)
        key = check_key(f"{place}key", tag.key)
        read[key] = cut_text(f"{place}value", tag.value, LONGEST_RUN_TAG)
    return read


def check_batch(metrics: Sequence[Metric], params: Sequence[Param], tags: Sequence[Tag]) -> None:
    """Refuse a batch that is too large, with MLflow's words."""
    for name, most, found in (
        ("metrics", MOST_METRICS, len(metrics)),
        ("params", MOST_PARAMS, len(params)),
        ("tags", MOST_TAGS, len(tags)),
        ("metrics, params, and tags", MOST_ENTRIES, len(metrics) + len(params) + len(tags)),
    ):
        if found > most:
            raise InvalidParameter(
                f"A batch logging request can contain at most {most} {name}. Got {found} {name}. "
                f"Please split up {name} across multiple requests and try again."
            )


def check_count(name: str, entries: Collection[object]) -> None:
    """Refuse more links of a run than one request may hold."""
    if len(entries) > MOST_LINKS:
        raise InvalidParameter(
            f"A request can contain at most {MOST_LINKS} {name}. Got {len(entries)} {name}. "
            f"Please split up {name} across multiple requests and try again."
        )


def find_run_id(request: OfRun) -> str:
    """Return the id of the run that ``request`` names, by its new or its old name."""
    return require("run_id", request.run_id or request.run_uuid)


def parse_experiment_id(text: str) -> int:
    """Return the number of an experiment; one too large to be there becomes -1, which is none."""
    require("experiment_id", text)
    if not _INTEGER.fullmatch(text):
        raise InvalidParameter(
            f"Invalid experiment ID '{shorten(text)}'. Experiment ID must be a valid integer."
        )
    return int(text) if len(text) < len(str(LARGEST_INTEGER)) else -1


def _show(value: object) -> str:
    """Return a value as JSON has it; of what is large or no scalar, no more than its kind."""
    if isinstance(value, int) and value.bit_length() > _MOST_BITS_SHOWN:
        return f"of {value.bit_length()} bits"
    if isinstance(value, str):
        return json.dumps(shorten(value))
    if value is None or isinstance(value, int | float):
        return json.dumps(value)
    return f"of type {type(value).__name__}"
