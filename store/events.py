"""What happens in the registry, and the outbox in which webhooks are told of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import Connection, insert, select

from .tables import deliveries, webhooks

if TYPE_CHECKING:
    from .store import Store

MODEL_CREATED: Final = "registered_model.created"
MODEL_RENAMED: Final = "registered_model.renamed"
MODEL_DELETED: Final = "registered_model.deleted"
VERSION_CREATED: Final = "model_version.created"
VERSION_DELETED: Final = "model_version.deleted"
STAGE_CHANGED: Final = "model_version.stage_changed"
ALIAS_CHANGED: Final = "model_version.alias_changed"
APPROVAL_REQUESTED: Final = "approval.requested"
APPROVAL_DECIDED: Final = "approval.decided"

EVENTS: Final = (
    MODEL_CREATED,
    MODEL_RENAMED,
    MODEL_DELETED,
    VERSION_CREATED,
    VERSION_DELETED,
    STAGE_CHANGED,
    ALIAS_CHANGED,
    APPROVAL_REQUESTED,
    APPROVAL_DECIDED,
)
"""All events that a webhook can be told of."""

ACTIVE: Final = "ACTIVE"
"""The status of a webhook that is told; any other is not."""

PENDING: Final = "pending"
"""The state of a delivery that waits to be sent, or to be sent again."""


def announce(
    store: Store, connection: Connection, event: str, facts: Iterable[Mapping[str, Any]]
) -> None:
    """Write to the outbox, for each webhook that wants it, that ``event`` happened.

    It happened once with each of ``facts``. In the transaction of the event itself: what is undone
    is told to nobody.
    """
    now = store.clock()
    receivers = _receivers(connection, event)
    rows = [
        {"webhook_id": receiver, "event": event, "payload": _encode(store, event, now, fact),
         "state": PENDING, "attempts": 0, "due_at": now}
        for fact in facts
        for receiver in receivers
    ]  # fmt: skip
    if rows:
        connection.execute(insert(deliveries), rows)


def split_events(text: str) -> list[str]:
    """Return the events that a webhook's row names."""
    return text.split()


def join_events(events: Iterable[str]) -> str:
    """Return how a webhook's row names ``events``."""
    return " ".join(events)


def _receivers(connection: Connection, event: str) -> list[str]:
    statement = select(webhooks.c.webhook_id, webhooks.c.events).where(webhooks.c.status == ACTIVE)
    return [row.webhook_id for row in connection.execute(statement) if event in row.events.split()]


def _encode(store: Store, event: str, now: int, fact: Mapping[str, Any]) -> str:
    body = {"event": event, "at": now, "actor": store.caller, "data": fact}
    return msgspec.json.encode(body).decode()
