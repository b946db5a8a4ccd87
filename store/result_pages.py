"""All results of a search that answers in pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import structs

from .contract import Transport
from .entities import Entity
from .operation import Operation


def fetch_all(
    transport: Transport, operation: Operation[Any, Any], request: Entity, results: str
) -> Iterator[Any]:
    """Yield what the field ``results`` of the answers holds, one page after the other."""
    while True:
        answer = transport.call(operation, request)
        yield from getattr(answer, results)
        if not answer.next_page_token:
            return
        request = structs.replace(request, page_token=answer.next_page_token)
