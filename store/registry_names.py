"""What names of registered models and aliases, and what numbers of versions, are taken."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import Final

from ..runtimes.errors import shorten
from .entities import Tag
from .errors import InvalidParameter
from .limits import check_key, check_text, invalid, missing

LATEST: Final = "latest"
"""What stands for the newest version, and is therefore no alias."""

LONGEST_TEXT: Final = 100_000
"""Of a tag's value, a description or a reason, in characters."""

LONGEST_NAME: Final = 256
LONGEST_ALIAS: Final = 255

_ALIAS = re.compile(r"[\w-]*")
_VERSION_ALIAS = re.compile(r"[vV]\d+")
_VERSION = re.compile(r"-?[0-9]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check_model_name(name: str, parameter: str = "name") -> None:
    """Raise `InvalidParameter` unless ``name`` can be that of a registered model."""
    check_text(parameter, name, LONGEST_NAME)
    if not name.strip():
        raise missing(parameter)
    if "/" in name or ":" in name:
        raise InvalidParameter(
            f"Invalid model name '{shorten(name)}'. Names cannot contain '/' or ':'."
        )
    if _CONTROL.search(name):
        raise invalid(parameter, name, "Names cannot contain control characters.")
    if name in {".", ".."} or posixpath.normpath(name) != name:
        raise invalid(
            parameter,
            name,
            "Names may be treated as files in certain cases, and must not resolve to other names "
            "when treated as such.",
        )


def check_alias(alias: str) -> None:
    """Raise `InvalidParameter` unless ``alias`` is one, if only one that nothing may have."""
    if not alias:
        raise InvalidParameter("Registered model alias name cannot be empty.")
    check_text("Registered model alias name", alias, LONGEST_ALIAS)
    if _ALIAS.fullmatch(alias) is None:
        raise InvalidParameter(
            f"Invalid alias name: '{shorten(alias)}'. Names may only contain alphanumerics, "
            "underscores (_), and dashes (-)."
        )


def check_new_alias(alias: str) -> None:
    """Raise `InvalidParameter` unless a version can be given ``alias``."""
    check_alias(alias)
    if alias.casefold() == LATEST:
        raise InvalidParameter("'latest' alias name (case insensitive) is reserved.")
    if _VERSION_ALIAS.fullmatch(alias):
        raise InvalidParameter(f"Version alias name '{shorten(alias)}' is reserved.")


def read_version(text: str) -> int:
    """Return the number of a version; one that no version can have is 0."""
    if _VERSION.fullmatch(text) is None:
        raise InvalidParameter(f"Parameter 'version' must be an integer, got '{shorten(text)}'.")
    return int(text) if len(text) <= 9 else 0


def read_key(name: str, version: str) -> int:
    """Return the number of the version that ``name`` and ``version`` name."""
    check_model_name(name)
    return read_version(version)


def read_tags(tags: Iterable[Tag]) -> dict[str, str]:
    """Return the values of tags by their keys, the last of each; raises as `check_tag`."""
    read = {}
    for tag in tags:
        check_tag(tag.key, tag.value)
        read[tag.key] = tag.value
    return read


def check_tag(key: str, value: str) -> None:
    """Raise `InvalidParameter` unless a model or a version can have this tag."""
    check_key("key", key)
    check_text("value", value, LONGEST_TEXT)


def check_words(parameter: str, text: str | None) -> str:
    """Return ``text``, a description or the like, "" where there is none."""
    return check_text(parameter, text or "", LONGEST_TEXT)


def check_reason(reason: str, purpose: str) -> None:
    """Raise `InvalidParameter` where no reason is given for ``purpose``."""
    if not check_words("reason", reason).strip():
        raise InvalidParameter(f"found no reason, expected one for {purpose}; give a reason")
