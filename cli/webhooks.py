"""``mlserve webhooks``: who is told of what happens in the registry."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ..store.entities import Empty
from ..store.registry_operations import CREATE_WEBHOOK, DELETE_WEBHOOK, LIST_WEBHOOKS
from ..store.registry_requests import CreateWebhook, WebhookId
from .store_options import (
    Session,
    View,
    list_options,
    require_yes,
    result_options,
    say,
    store_options,
    yes_option,
)
from .tables import Column

VIEW = View(
    (
        Column("ID", is_whole=True),
        Column("NAME"),
        Column("STATUS", is_whole=True),
        Column("EVENTS"),
        Column("URL"),
    ),
    lambda one: (one.webhook_id, one.name, one.status, ", ".join(one.events), one.url),
)


@click.group()
def webhooks() -> None:
    """List, make and delete webhooks."""


@webhooks.command("list")
@list_options
def list_webhooks(session: Session) -> None:
    """List webhooks; their secrets are never shown."""
    with session.connected() as transport:
        found = transport.call(LIST_WEBHOOKS, Empty()).webhooks
        session.print_list(found, VIEW)


@webhooks.command()
@click.argument("name")
@click.argument("url")
@click.option(
    "--event",
    "events",
    multiple=True,
    required=True,
    metavar="EVENT",
    help="What to tell of, such as model_version.created; may be given several times.",
)
@click.option("--description", metavar="TEXT", help="What it is for.")
@click.option(
    "--secret",
    envvar="MLSERVE_WEBHOOK_SECRET",
    show_envvar=True,
    metavar="TEXT",
    help="Sign what is sent with this; a variable keeps it out of the list of processes.",
)
@result_options
def create(
    name: str,
    url: str,
    events: Sequence[str],
    description: str | None,
    secret: str | None,
    session: Session,
) -> None:
    """Tell URL of events under the name NAME, and print the webhook's id."""
    request = CreateWebhook(name, url, list(events), secret, description)
    with session.connected() as transport:
        made = transport.call(CREATE_WEBHOOK, request).webhook
    session.print_made(made, made.webhook_id)


@webhooks.command()
@click.argument("webhook_id")
@yes_option
@store_options
def delete(webhook_id: str, yes: bool, session: Session) -> None:
    """Delete the webhook of this id, with what it was still to be told."""
    require_yes(f"Delete the webhook {webhook_id}?", yes=yes)
    with session.connected() as transport:
        transport.call(DELETE_WEBHOOK, WebhookId(webhook_id))
    say(f"deleted webhook {webhook_id}")
