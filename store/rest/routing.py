"""The table of operations as routes: which operation a method and a path ask for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from ..errors import InvalidParameter
from ..operation import Operation
from .refusals import WrongMethod

AnyOperation = Operation[Any, Any]

_FIELD = re.compile(r"\{(\w+)\}")
_PREFIX, _AJAX_PREFIX = "/api/", "/ajax-api/"


class Match(NamedTuple):
    """An operation that was asked for, with the fields of its request that the path held."""

    operation: AnyOperation
    fields: Mapping[str, str]


class Routes:
    """Finds operations; each is at its path, and below ``/ajax-api`` where MLflow's page asks."""

    def __init__(self, operations: Iterable[AnyOperation]) -> None:
        self._plain: dict[str, dict[str, AnyOperation]] = {}
        for operation in operations:
            methods = self._plain.setdefault(operation.path, {})
            methods |= dict.fromkeys(operation.methods, operation)
        self._patterns = [
            (_compile(path), self._plain.pop(path)) for path in list(self._plain) if "{" in path
        ]

    def find(self, method: str, path: str) -> Match | None:
        """Return what is asked for at ``path``, percent-encoded as it came, or None if nothing is.

        HEAD asks for what GET does, and a slash at the end changes nothing. Raises `WrongMethod`.
        """
        path = normalize(path)
        methods, fields = self._plain.get(path), {}
        if methods is None:
            for pattern, candidates in self._patterns:
                if found := pattern.fullmatch(path):
                    methods = candidates
                    fields = {name: decode(text) for name, text in found.groupdict().items()}
                    break
            else:
                return None
        operation = methods.get("GET" if method == "HEAD" else method)
        if operation is None:
            raise WrongMethod(method, path, methods)
        return Match(operation, fields)


def normalize(path: str) -> str:
    """Return ``path`` with the one prefix that the table has, and no slash at its end."""
    if path.startswith(_AJAX_PREFIX):
        path = _PREFIX + path[len(_AJAX_PREFIX) :]
    return path.rstrip("/") or "/"


def decode(text: str) -> str:
    """Return ``text`` of a path without its percent-encoding, which is taken off once."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise InvalidParameter("the path holds bytes that are no UTF-8; encode it anew") from None


def _compile(path: str) -> re.Pattern[str]:
    parts = _FIELD.split(path)
    return re.compile(
        "".join(
            f"(?P<{part}>[^/]+)" if number % 2 else re.escape(part)
            for number, part in enumerate(parts)
        )
    )
