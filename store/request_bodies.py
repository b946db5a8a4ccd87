"""Requests as JSON, as they are sent and as they are checked."""

from __future__ import annotations

from typing import Any

import msgspec

from .entities import Entity
from .errors import InvalidParameter


def request_fields(request: Entity) -> dict[str, Any]:
    """Return what a request says, by field; defaults too, where a server may have others."""
    return {
        name: value
        for name in request.__struct_fields__
        if (value := getattr(request, name)) is not None and value != []
    }


def encode_request(fields: dict[str, Any]) -> bytes:
    """Return the JSON of a request's fields; raises `InvalidParameter` where there is none."""
    try:
        return msgspec.json.encode(fields)
    except (TypeError, UnicodeEncodeError, OverflowError, RecursionError) as error:
        raise InvalidParameter(
            f"Invalid value for a parameter supplied: {error}; give texts without lone surrogates, "
            "numbers, booleans, lists and dicts alone"
        ) from None
