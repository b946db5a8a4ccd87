"""Which part of a file a request asks for (RFC 9110, 14), and what kind of file it is."""

from __future__ import annotations

import re
from mimetypes import MimeTypes
from typing import Final, NamedTuple
from urllib.parse import quote

from .refusals import RangeOutside

_RANGE: Final = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)", re.IGNORECASE | re.ASCII)
_MOST_DIGITS: Final = 20
_PLAIN_NAME: Final = re.compile(r"[\w.+-]+", re.ASCII)

# What MLflow's server calls text, by the ending of a name or, without one, by the name.
_TEXT: Final = frozenset(
    {
        *("txt", "log", "err", "cfg", "conf", "cnf", "cf", "ini", "properties", "prop", "hocon"),
        *("toml", "yaml", "yml", "xml", "json", "js", "py", "py3", "csv", "tsv", "md", "rst"),
        *("ipynb", "MLmodel", "MLproject"),
    }
)
_TYPES: Final = MimeTypes()  # Python's own, as those of a machine differ from another's


class Span(NamedTuple):
    """The bytes of a file from ``start`` on; ``is_part`` says that a range was asked for."""

    start: int
    length: int
    is_part: bool = False


def find_span(text: str | None, size: int) -> Span:
    """Return the part that the Range header ``text`` asks for of a file of ``size`` bytes.

    Several ranges, or what is none, are answered with the whole file, as the RFC allows. Raises
    `RangeOutside`.
    """
    found = _RANGE.fullmatch(text.strip()) if text else None
    if found is None or max(map(len, found.groups())) > _MOST_DIGITS:
        return Span(0, size)
    first, last = found.groups()
    if first and last and int(first) > int(last):
        return Span(0, size)
    if not first and not last:
        return Span(0, size)
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last) + 1, size) if first and last else size
    if start >= end:
        raise RangeOutside(found[0], size)
    return Span(start, end - start, is_part=True)


def content_type(name: str) -> str:
    """Return the content type of a file, as MLflow's server guesses it by its ``name``."""
    _, dot, ending = name.rpartition(".")
    if (ending if dot else name) in _TEXT:
        return "text/plain; charset=utf-8"
    guessed, encoding = _TYPES.guess_type(f"./{name}")
    return "application/octet-stream" if guessed is None or encoding else guessed


def content_disposition(name: str) -> str:
    """Return the header that has a browser save a file, not show it (RFC 6266)."""
    if _PLAIN_NAME.fullmatch(name):
        return f"attachment; filename={name}"
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"
