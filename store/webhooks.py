"""Webhooks: where to tell of events in the registry. Their secrets are written, never given out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from sqlalchemy import Connection, Row, delete, insert, select, update

from ..runtimes.errors import nearest, shorten
from .entities import Empty, Webhook
from .errors import InvalidParameter, NotFound
from .events import ACTIVE, EVENTS, join_events, split_events
from .limits import check_text, require
from .registry_names import check_words
from .registry_requests import (
    CreateWebhook,
    UpdateWebhook,
    WebhookAnswer,
    WebhookId,
    WebhooksAnswer,
)
from .tables import webhooks
from .webhook_hosts import read_target

if TYPE_CHECKING:
    from .store import Store

DISABLED: Final = "DISABLED"

_STATUSES = (ACTIVE, DISABLED)
_LONGEST_NAME = 256
_LONGEST_SECRET = 1000


def create_webhook(store: Store, request: CreateWebhook) -> WebhookAnswer:
    """Make a webhook, which is told of its events from now on."""
    name = check_text("name", require("name", request.name), _LONGEST_NAME)
    read_target(request.url, store.webhook_hosts)
    now = store.clock()
    webhook_id = uuid4().hex
    row = {
        "webhook_id": webhook_id,
        "name": name,
        "url": request.url,
        "events": join_events(_check_events(request.events)),
        "secret": _check_secret(request.secret),
        "description": check_words("description", request.description) or None,
        "status": ACTIVE,
        "creation_time": now,
        "last_update_time": now,
    }
    with store.database.write() as connection:
        connection.execute(insert(webhooks).values(row))
        return WebhookAnswer(_build(_require(connection, webhook_id)))


def update_webhook(store: Store, request: UpdateWebhook) -> WebhookAnswer:
    """Change what is given of a webhook; a secret of "" leaves it without one."""
    changes: dict[str, Any] = {"last_update_time": store.clock()}
    if request.url is not None:
        read_target(request.url, store.webhook_hosts)
        changes["url"] = request.url
    if request.events:
        changes["events"] = join_events(_check_events(request.events))
    if request.secret is not None:
        changes["secret"] = _check_secret(request.secret)
    if request.status is not None:
        changes["status"] = _check_status(request.status)
    with store.database.write() as connection:
        _require(connection, request.webhook_id)
        is_this = webhooks.c.webhook_id == request.webhook_id
        connection.execute(update(webhooks).where(is_this).values(changes))
        return WebhookAnswer(_build(_require(connection, request.webhook_id)))


def delete_webhook(store: Store, request: WebhookId) -> Empty:
    """Delete a webhook with all that it has not been told yet."""
    with store.database.write() as connection:
        _require(connection, request.webhook_id)
        connection.execute(delete(webhooks).where(webhooks.c.webhook_id == request.webhook_id))
    return Empty()


def list_webhooks(store: Store, request: Empty) -> WebhooksAnswer:  # noqa: ARG001 - as all work
    """Return all webhooks, the oldest first."""
    statement = select(webhooks).order_by(webhooks.c.creation_time, webhooks.c.webhook_id)
    with store.database.read() as connection:
        return WebhooksAnswer([_build(row) for row in connection.execute(statement)])


def _check_events(events: Sequence[str]) -> list[str]:
    if not events:
        raise InvalidParameter(f"events: found none, expected some of {', '.join(EVENTS)}")
    for event in events:
        if event not in EVENTS:
            match = nearest(event, EVENTS) if len(event) <= _LONGEST_NAME else None
            advice = f"did you mean {match}?" if match else f"expected some of {', '.join(EVENTS)}"
            raise InvalidParameter(f"events: found {shorten(event)}; {advice}")
    return sorted(set(events))


def _check_secret(secret: str | None) -> str | None:
    return check_text("secret", secret, _LONGEST_SECRET) if secret else None


def _check_status(status: str) -> str:
    if status not in _STATUSES:
        raise InvalidParameter(
            f"status: found {shorten(status)}, expected one of {', '.join(_STATUSES)}"
        )
    return status


def _require(connection: Connection, webhook_id: str) -> Row[Any]:
    statement = select(webhooks).where(webhooks.c.webhook_id == webhook_id)
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise NotFound(f"Webhook with ID {shorten(webhook_id)} not found.")
    return row


def _build(row: Row[Any]) -> Webhook:
    return Webhook(
        webhook_id=row.webhook_id,
        name=row.name,
        url=row.url,
        events=split_events(row.events),
        description=row.description,
        status=row.status,
        creation_timestamp=row.creation_time,
        last_updated_timestamp=row.last_update_time,
    )
