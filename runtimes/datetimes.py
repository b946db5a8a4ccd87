"""Moments in time, read from ISO 8601 text or from nanoseconds into naive UTC datetime64[ns]."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from .columns import Tensor
from .fields import Field, convert_each

DTYPE = np.dtype("datetime64[ns]")
MISSING = frozenset((None, "", "NaT"))

_NANOSECONDS = 1_000_000_000
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC, as every moment here
_NOT_A_TIME = -(2**63)
_LARGEST = 2**63 - 1
_TEXTS = frozenset((str, type(None)))
# What stands for the fields that a text leaves out: January, the 1st, at midnight.
_LEAST = (1, 1, 1, 0, 0, 0)

_DATE = r"(\d{4})(?:-(\d\d)(?:-(\d\d)"
_TIME = r"(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9})0*)?)?)?"
_ZONE = r" ?(Z|[+-]\d\d(?::?\d\d)?)?"
_MOMENT = re.compile(rf"{_DATE}{_TIME}{_ZONE})?)?)?", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)()()()()()", re.ASCII)

# Many moments at once, one a line: what numpy parses the same way, once an offset of 0 is gone.
_PLAIN = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|\+00:00)?)?"
_PLAIN_LINES = re.compile(rf"(?:(?:{_PLAIN}|NaT)\n)*+", re.ASCII)
_NO_OFFSET = re.compile(r"Z|\+00:00")
# numpy wraps around, silently, outside the years that 64 bits of nanoseconds reach.
_FIRST_SAFE_YEAR, _FIRST_UNSAFE_YEAR = "1678", "2262"


def cast_datetimes(values: Sequence[Any], field: Field) -> Tensor:
    """Return ISO 8601 texts and integers, which count nanoseconds since 1970, as datetime64[ns].

    A moment with an offset becomes naive UTC; None, "" and "NaT" become NaT.
    """
    if _TEXTS.issuperset(map(type, values)):
        moments = _parse_plain(["NaT" if value is None else value for value in values])
        if moments is not None:
            return moments
    return np.array(convert_each(values, field, to_nanoseconds), np.int64).view(DTYPE)


def to_nanoseconds(value: Any) -> int:
    """Return the nanoseconds from 1970 to ``value``, or what stands for NaT where it is missing.

    Raises ValueError or TypeError for what is no moment that datetime64[ns] holds.
    """
    if type(value) is int:
        nanoseconds = value
    elif value in MISSING:
        return _NOT_A_TIME
    elif type(value) is str:
        nanoseconds = _parse(value)
    else:
        raise TypeError
    if not _NOT_A_TIME < nanoseconds <= _LARGEST:
        raise OverflowError
    return nanoseconds


def to_naive_utc(moment: dt.datetime) -> dt.datetime:
    """Return ``moment`` without its time zone, in UTC where it had one."""
    return moment.astimezone(dt.UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _parse_plain(texts: list[str]) -> Tensor | None:
    """Return the moments in ``texts``, or None where one needs a closer look."""
    lines = "\n".join([*texts, ""])
    if not _PLAIN_LINES.fullmatch(lines):
        return None
    present = [text for text in texts if text != "NaT"]
    if present and (min(present) < _FIRST_SAFE_YEAR or max(present) >= _FIRST_UNSAFE_YEAR):
        return None
    plain = _NO_OFFSET.sub("", lines).splitlines()
    if len(plain) != len(texts):  # one text was of two lines
        return None
    try:
        return np.array(plain, DTYPE)
    except ValueError:
        return None


def _parse(text: str) -> int:
    match = _MOMENT.fullmatch(text.strip()) or _COMPACT.fullmatch(text)
    if match is None:
        raise ValueError
    *fields, fraction, zone = match.groups()
    year, month, day, hour, minute, second = (
        int(digits) if digits else least for digits, least in zip(fields, _LEAST, strict=True)
    )
    moment = dt.datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - as _EPOCH
    passed = moment - _EPOCH - _parse_offset(zone)
    whole = passed.days * 86_400 + passed.seconds
    return whole * _NANOSECONDS + int((fraction or "").ljust(9, "0"))


def _parse_offset(zone: str | None) -> dt.timedelta:
    if not zone or zone == "Z":
        return dt.timedelta()
    digits = zone[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > 23 or minutes > 59:
        raise ValueError
    offset = dt.timedelta(hours=hours, minutes=minutes)
    return offset if zone[0] == "+" else -offset
