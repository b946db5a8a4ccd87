"""The kinds of value that a setting can take, each with how it is read and what it expects."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

Number = TypeVar("Number", int, float)

_PATH = re.compile(r"/[^\s{}?#%]*")
_SWITCH_WORDS = dict.fromkeys(("1", "true", "yes", "on"), True) | dict.fromkeys(
    ("0", "false", "no", "off"), False
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value.

    ``read`` turns a string, or what TOML made of one, into the value, and raises TypeError or
    ValueError where it is not what ``expected`` says; ``metavar`` stands for it beside a flag.
    """

    expected: str
    read: Callable[[object], Any]
    metavar: str = ""


def whole_number(least: int, most: int) -> Kind:
    """Return the kind of the whole numbers from ``least`` to ``most``."""

    def read(value: object) -> int:
        if isinstance(value, (bool, float)):
            raise TypeError
        return _within(int(str(value)), least, most)

    return Kind(f"a whole number from {least} to {most}", read, "N")


def number(least: float, most: float, metavar: str) -> Kind:
    """Return the kind of the numbers from ``least`` to ``most``; ``metavar`` is their unit."""

    def read(value: object) -> float:
        if isinstance(value, bool):
            raise TypeError
        return _within(float(str(value)), least, most)

    return Kind(f"a number from {least:g} to {most:g}", read, metavar)


def choice(*choices: str) -> Kind:
    """Return the kind that is one of ``choices``, in either case."""

    def read(value: object) -> str:
        word = _read_text(value).lower()
        if word not in choices:
            raise ValueError
        return word

    return Kind(f"{', '.join(choices[:-1])} or {choices[-1]}", read, "|".join(choices))


def several(*choices: str) -> Kind:
    """Return the kind of names that are each one of ``choices``, in either case, without order."""

    def read(value: object) -> tuple[str, ...]:
        names = {name.lower() for name in _read_names(value)}
        if not names.issubset(choices):
            raise ValueError
        return tuple(sorted(names))

    listed = f"{', '.join(choices[:-1])} or {choices[-1]}"
    return Kind(f"names, separated by commas, each {listed}", read, "NAMES")


def _within(value: Number, least: float, most: float) -> Number:
    if not least <= value <= most:
        raise ValueError
    return value


def _read_label(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value.strip()


def _read_text(value: object) -> str:
    text = _read_label(value)
    if not text:
        raise ValueError
    return text


def _read_switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    try:
        return _SWITCH_WORDS[_read_text(value).lower()]
    except KeyError as error:
        raise ValueError from error


def _read_names(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(name.strip() for name in value.split(",") if name.strip())
    if not isinstance(value, Iterable):
        raise TypeError
    return tuple(name for part in value for name in _read_names(_read_label(part)))


def _read_model(value: object) -> str:
    return str(value) if isinstance(value, Path) else _read_text(value)


def _read_path(value: object) -> str:
    path = _read_text(value)
    if not _PATH.fullmatch(path):
        raise ValueError
    return path


TEXT: Final = Kind("a text that is not empty", _read_text, "TEXT")
LABEL: Final = Kind("a text", _read_label, "TEXT")
SWITCH: Final = Kind("true or false", _read_switch)
NAMES: Final = Kind("names, separated by commas", _read_names, "NAME")
PATH: Final = Kind("a path that begins with /, without spaces and {}?#%", _read_path, "PATH")
MODEL: Final = Kind("a folder or a reference to a model", _read_model, "MODEL")
