"""Results as plain text: tables, sections and times, harmless to a terminal whatever they hold."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from unicodedata import category, east_asian_width

GAP: Final = "  "
CUT: Final = "…"
NARROWEST: Final = 8
"""What a column that is cut keeps at least, in characters of the terminal."""

# Controls, and what turns or hides text: escape sequences, bidirectional marks, zero widths, halves
# of surrogate pairs, separators of lines.
_ESCAPED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_WITHOUT_WIDTH = frozenset({"Mn", "Me"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; one that is whole is never cut, because its cells are copied."""

    title: str
    is_whole: bool = False


def format_table(
    columns: Sequence[Column], rows: Iterable[Sequence[object]], width: int | None = None
) -> str:
    """Return the rows below their titles, aligned; cells are cut to fit ``width``, where given."""
    cells = [[column.title for column in columns]]
    cells += [[printable(value) for value in row] for row in rows]
    widths = [max(map(measure, column)) for column in zip(*cells, strict=True)]
    if width is not None:
        widths = _fit(widths, columns, width)
    return "\n".join(_format_row(row, widths) for row in cells)


def format_section(title: str, pairs: Iterable[tuple[str, object]]) -> str:
    """Return names and values below a title, nothing where there are none."""
    named = [(printable(name), printable(value)) for name, value in pairs]
    if not named:
        return ""
    width = max(measure(name) for name, _ in named)
    lines = [f"  {_pad(name, width)}{GAP}{value}".rstrip() for name, value in named]
    return "\n".join([title, *lines])


def printable(value: object) -> str:
    """Return ``value`` as text in which everything that acts on a terminal is escaped."""
    text = "" if value is None else str(value)
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(one) if category(one) in _ESCAPED else one for one in text)


def measure(text: str) -> int:
    """Return how many characters wide a terminal shows ``text``."""
    if text.isascii():
        return len(text)
    return sum(map(_measure_one, text))


def cut(text: str, width: int) -> str:
    """Return ``text`` if it fits ``width``, else its beginning and a sign that there was more."""
    if measure(text) <= width:
        return text
    kept, room = [], width - 1
    for one in text:
        room -= _measure_one(one)
        if room < 0:
            break
        kept.append(one)
    return "".join(kept) + CUT


def format_time(milliseconds: int | None) -> str:
    """Return a time as ISO 8601 in UTC, to the second."""
    if milliseconds is None:
        return ""
    try:
        moment = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:  # a client may log any number
        return str(milliseconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def format_size(size_bytes: int) -> str:
    """Return a number of bytes in the largest unit of which there is one."""
    size, units = float(size_bytes), ["B", "KiB", "MiB", "GiB"]
    while size >= 1024 and len(units) > 1:
        size, units = size / 1024, units[1:]
    return f"{size:.0f} {units[0]}" if units[0] == "B" else f"{size:.1f} {units[0]}"


def terminal_width() -> int | None:
    """Return the width of the terminal that stdout is, None where it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _escape(one: str) -> str:
    code = ord(one)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _measure_one(one: str) -> int:
    if category(one) in _WITHOUT_WIDTH:
        return 0
    return 2 if east_asian_width(one) in "WF" else 1


def _fit(widths: Sequence[int], columns: Sequence[Column], width: int) -> list[int]:
    """Return widths that fit together, the widest columns cut first, none below its title."""
    least = [
        wide if column.is_whole else min(wide, max(NARROWEST, measure(column.title)))
        for wide, column in zip(widths, columns, strict=True)
    ]
    fitted = [min(wide, max(low, width)) for wide, low in zip(widths, least, strict=True)]
    excess = sum(fitted) + len(GAP) * (len(fitted) - 1) - width
    while excess > 0:
        at = max(range(len(fitted)), key=lambda i: fitted[i] if fitted[i] > least[i] else 0)
        if fitted[at] <= least[at]:
            break
        fitted[at] -= 1
        excess -= 1
    return fitted


def _format_row(cells: Sequence[str], widths: Sequence[int]) -> str:
    fitted = (_pad(cut(cell, width), width) for cell, width in zip(cells, widths, strict=True))
    return GAP.join(fitted).rstrip()


def _pad(text: str, width: int) -> str:
    return text + " " * (width - measure(text))
