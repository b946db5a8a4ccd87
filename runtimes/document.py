"""A parsed JSON or YAML document, read with errors that name the place in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import InvalidModel

_LONGEST_QUOTE = 60


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a document, the file that the document is in and the value's path in it.

    What a method cannot return as its name says is refused with `InvalidModel`.
    """

    value: Any
    file: Path | str
    path: str = ""

    def refusal(self, expected: str, found: str | None = None) -> InvalidModel:
        """Return the error that says what stands here and what should."""
        place = f"{self.file}, {self.path}" if self.path else self.file
        return InvalidModel(place, found or describe(self.value), expected)

    def mapping(self) -> dict[str, Any]:
        """Return the value as a mapping whose keys are strings."""
        if not isinstance(self.value, Mapping):
            raise self.refusal("a mapping")
        for key in self.value:
            if not isinstance(key, str):
                raise self.refusal("keys that are strings", f"the key {describe(key)}")
        return dict(self.value)

    def text(self) -> str:
        """Return the value as a string."""
        if not isinstance(self.value, str):
            raise self.refusal("a string")
        return self.value

    def flag(self) -> bool:
        """Return the value as true or false."""
        if not isinstance(self.value, bool):
            raise self.refusal("true or false")
        return self.value

    def find(self, key: str) -> Node | None:
        """Return the member of this mapping under ``key``, or None if there is none."""
        mapping = self.mapping()
        if key not in mapping:
            return None
        return self._child(key, mapping[key])

    def member(self, key: str) -> Node:
        """Return the member of this mapping under ``key``."""
        found = self.find(key)
        if found is None:
            raise self.refusal(f'the key "{key}"', "no such key")
        return found

    def members(self) -> dict[str, Node]:
        """Return every member of this mapping."""
        return {key: self._child(key, value) for key, value in self.mapping().items()}

    def elements(self) -> list[Node]:
        """Return the elements of this list; their paths hold their names where they have one."""
        if not isinstance(self.value, list):
            raise self.refusal("a list")
        return [
            Node(element, self.file, f"{self.path}[{position}]{_name_of(element)}")
            for position, element in enumerate(self.value)
        ]

    def json(self) -> Node:
        """Return what this string says as JSON, at the same place."""
        try:
            value = json.loads(self.text())
            json.dumps(value, ensure_ascii=False).encode()  # raises for half of a surrogate pair
            return Node(value, self.file, self.path)
        except (ValueError, RecursionError) as error:
            raise self.refusal("JSON", f"a string that is not JSON ({error})") from error

    def _child(self, key: str, value: Any) -> Node:
        return Node(value, self.file, f"{self.path}.{key}" if self.path else key)


def describe(value: Any) -> str:
    """Return a short text that tells a person what ``value`` is."""
    if isinstance(value, Mapping):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if value is None or isinstance(value, str | int | float):
        quoted = json.dumps(value)
        return quoted if len(quoted) <= _LONGEST_QUOTE else f"{quoted[:_LONGEST_QUOTE]}…"
    return f"a value of type {type(value).__name__}"


def _name_of(element: Any) -> str:
    name = element.get("name") if isinstance(element, Mapping) else None
    return f" ({json.dumps(name)})" if isinstance(name, str | int) else ""
