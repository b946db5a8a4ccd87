"""YAML as mlserve reads it: plain data alone, bounded in size and depth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from .errors import InvalidModel

MAX_BYTES = 8 * 2**20
MAX_EXPANDED = 2 * MAX_BYTES
MAX_DEPTH = 100

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# A tag that does not fit its value makes PyYAML's constructors raise nearly anything.
_BROKEN = (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError)


def parse_yaml(text: bytes, file: Path | str) -> Any:
    """Return the plain data that ``text`` holds: mappings, lists, strings, numbers, dates.

    Refused with `InvalidModel`: what is not YAML, tags that make objects, more than `MAX_BYTES`,
    nesting over `MAX_DEPTH`, an alias of what encloses it, and aliases that would stand for more
    than `MAX_EXPANDED` characters if they were written out.
    """
    if len(text) > MAX_BYTES:
        raise InvalidModel(file, f"more than {MAX_BYTES} bytes", "a file of plain settings")
    try:
        # Before the loader, which recurses, and crashes where the nesting is deep.
        _check_events(yaml.parse(text, Loader=_Loader), file)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - the safe one, in C where there is one
    except _BROKEN as error:
        raise InvalidModel(file, f"text that is not YAML ({_reason(error)})", "YAML") from error


def format_yaml(data: Mapping[str, Any], file: Path | str) -> bytes:
    """Return ``data`` as YAML in MLflow's layout: block style, keys sorted."""
    try:
        return yaml.safe_dump(dict(data), default_flow_style=False, encoding="utf-8")
    except (yaml.YAMLError, TypeError) as error:
        raise InvalidModel(
            file, f"a value that YAML cannot hold ({_reason(error)})", "plain data"
        ) from error


def _check_events(events: Iterable[yaml.Event], file: Path | str) -> None:
    anchored: dict[str, int] = {}
    open_sizes = [0]
    open_anchors: list[str | None] = []
    for event in events:
        match event:
            case yaml.CollectionStartEvent():
                open_sizes.append(1)
                open_anchors.append(event.anchor)
                if len(open_anchors) > MAX_DEPTH:
                    raise InvalidModel(file, f"more than {MAX_DEPTH} levels of nesting", "fewer")
                continue
            case yaml.CollectionEndEvent():
                size, anchor = open_sizes.pop(), open_anchors.pop()
            case yaml.ScalarEvent():
                size, anchor = 1 + len(event.value), event.anchor
            case yaml.AliasEvent():
                size, anchor = _aliased_size(event.anchor, anchored, file), None
            case _:
                continue
        if anchor is not None:
            anchored[anchor] = size
        open_sizes[-1] += size
        if open_sizes[-1] > MAX_EXPANDED:
            raise InvalidModel(file, "aliases that stand for too much", "plain settings")


def _aliased_size(anchor: str | None, anchored: Mapping[str, int], file: Path | str) -> int:
    if anchor is None or anchor not in anchored:
        raise InvalidModel(file, f"the alias *{anchor}", "an alias of something complete before it")
    return anchored[anchor]


def _reason(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f", line {mark.line + 1}" if mark else ""
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return f"{problem}{place}"
