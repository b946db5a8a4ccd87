"""Webhooks: made, changed and deleted, and the outbox that is written with each event."""

from __future__ import annotations

import msgspec
import pytest
from mlserve.store.entities import Empty
from mlserve.store.errors import AlreadyExists, InvalidParameter, NotFound
from mlserve.store.events import EVENTS
from mlserve.store.lifecycle import Lifecycle, Rule
from mlserve.store.registry_operations import (
    CREATE_REGISTERED_MODEL,
    CREATE_WEBHOOK,
    DECIDE_APPROVAL,
    DELETE_ALIAS,
    DELETE_MODEL_VERSION,
    DELETE_REGISTERED_MODEL,
    DELETE_WEBHOOK,
    LIST_WEBHOOKS,
    RENAME_REGISTERED_MODEL,
    REQUEST_APPROVAL,
    SET_ALIAS,
    UPDATE_WEBHOOK,
)
from mlserve.store.registry_requests import (
    AliasName,
    CreateRegisteredModel,
    CreateWebhook,
    DecideApproval,
    RegisteredModelName,
    RenameRegisteredModel,
    RequestApproval,
    SetAlias,
    UpdateWebhook,
    VersionName,
    WebhookId,
)
from mlserve.store.tables import deliveries, webhooks
from mlserve.store.webhook_hosts import HostRules
from sqlalchemy import select

from .registry import NAME, calling, move, new_registered
from .tracking import refusal

URL = "https://hooks.example.com/in"


def new_webhook(call, *events, url=URL, **fields):
    request = CreateWebhook("ci", url, list(events or EVENTS), **fields)
    return call(CREATE_WEBHOOK, request).webhook


def listed(call):
    return call(LIST_WEBHOOKS, Empty()).webhooks


def outbox(store):
    """Return the events in the outbox with what they tell."""
    with store.database.read() as connection:
        rows = connection.execute(select(deliveries).order_by(deliveries.c.delivery_id)).all()
    bodies = [msgspec.json.decode(row.payload) for row in rows]
    assert [body["event"] for body in bodies] == [row.event for row in rows]
    return [(body["event"], body["data"]) for body in bodies]


class TestWebhooks:
    def test_a_new_one_is_read_as_it_was_made(self, call):
        made = new_webhook(call, "model_version.created", description="tells CI")
        assert (made.name, made.url, made.status) == ("ci", URL, "ACTIVE")
        assert (made.events, made.description) == (["model_version.created"], "tells CI")
        assert listed(call) == [made]

    def test_its_secret_is_kept_and_never_told(self, store, call):
        made = new_webhook(call, secret="very secret")
        with store.database.read() as connection:
            assert connection.scalar(select(webhooks.c.secret)) == "very secret"
        answers = [made, *listed(call)]
        answers.append(call(UPDATE_WEBHOOK, UpdateWebhook(made.webhook_id, URL)).webhook)
        assert "secret" not in msgspec.json.encode(answers).decode()

    def test_what_is_given_is_changed_and_nothing_else(self, store, call):
        made = new_webhook(call, "approval.decided", secret="old")
        other = "https://other.example.com/"
        change = UpdateWebhook(made.webhook_id, other, status="DISABLED")
        changed = call(UPDATE_WEBHOOK, change).webhook
        assert (changed.url, changed.status) == (other, "DISABLED")
        assert changed.events == made.events
        call(UPDATE_WEBHOOK, UpdateWebhook(made.webhook_id, events=["approval.requested"]))
        assert listed(call)[0].events == ["approval.requested"]
        call(UPDATE_WEBHOOK, UpdateWebhook(made.webhook_id, secret=""))
        with store.database.read() as connection:
            assert connection.scalar(select(webhooks.c.secret)) is None

    def test_a_deleted_one_is_gone_with_what_it_was_not_told_yet(self, store, call):
        made = new_webhook(call)
        new_registered(call)
        call(DELETE_WEBHOOK, WebhookId(made.webhook_id))
        assert (listed(call), outbox(store)) == ([], [])

    def test_an_unknown_one_is_not_found(self, call):
        for operation, request in (
            (DELETE_WEBHOOK, WebhookId("nope")),
            (UPDATE_WEBHOOK, UpdateWebhook("nope", URL)),
        ):
            message = refusal(NotFound, call, operation, request)
            assert message == "Webhook with ID nope not found."

    @pytest.mark.parametrize(
        ("fields", "told"),
        [
            ({"name": ""}, "Missing value for required parameter 'name'"),
            ({"name": "x" * 257}, "exceeds the maximum length"),
            ({"url": "ftp://h.example"}, "expected http"),
            ({"url": "http://127.0.0.1/"}, "private address"),
            ({"url": "http://169.254.169.254/latest"}, "no address that webhooks call"),
            ({"events": []}, "expected some of registered_model.created"),
            ({"events": ["model_version.create"]}, "did you mean model_version.created?"),
            ({"events": ["x" * 10_000]}, "expected some of"),
            ({"secret": "s\0"}, "NUL"),
        ],
    )
    def test_what_is_not_as_expected_is_refused(self, call, fields, told):
        request = CreateWebhook(**{"name": "ci", "url": URL, "events": [EVENTS[0]]} | fields)
        message = refusal(InvalidParameter, call, CREATE_WEBHOOK, request)
        assert told in message
        assert len(message) < 600

    def test_a_change_is_checked_likewise(self, call):
        made = new_webhook(call)
        for fields in ({"url": "http://[::1]/"}, {"events": ["x"]}, {"status": "ON"}):
            request = UpdateWebhook(made.webhook_id, **fields)
            assert refusal(InvalidParameter, call, UPDATE_WEBHOOK, request)
        assert listed(call) == [made]

    def test_a_private_host_is_taken_where_the_operator_allows_it(self, store):
        allowing = calling(store, webhook_hosts=HostRules(allowed=("127.0.0.1",)))
        assert new_webhook(allowing, url="http://127.0.0.1:9/").status == "ACTIVE"


class TestOutbox:
    def test_every_event_is_told(self, store):
        rules = {"Production": Rule(needs_approval=True)}
        call = calling(store, lifecycle=Lifecycle(rules=rules, self_approval=True))
        new_webhook(call)
        new_registered(call, versions=1)
        call(REQUEST_APPROVAL, RequestApproval(NAME, "1", "Production", "good"))
        call(DECIDE_APPROVAL, DecideApproval(NAME, "1", "Production", "yes", True))
        move(call, "1", "Production", reason="go")
        call(SET_ALIAS, SetAlias(NAME, "champion", "1"))
        call(RENAME_REGISTERED_MODEL, RenameRegisteredModel(NAME, "kept"))
        call(DELETE_MODEL_VERSION, VersionName("kept", "1"))
        call(DELETE_REGISTERED_MODEL, RegisteredModelName("kept"))
        told = outbox(store)
        assert {event for event, _ in told} == set(EVENTS)
        assert [data for event, data in told if event == "model_version.stage_changed"] == [
            {"name": NAME, "version": "1", "reason": "go", "from": "Development",
             "to": "Production"}
        ]  # fmt: skip
        assert [data for event, data in told if event == "model_version.alias_changed"] == [
            {"name": NAME, "version": "1", "reason": "", "alias": "champion", "from": "", "to": "1"}
        ]

    def test_each_webhook_is_told_of_its_own_events(self, store, call):
        new_webhook(call, "registered_model.created")
        new_webhook(call, "registered_model.created", "model_version.created")
        disabled = new_webhook(call)
        call(UPDATE_WEBHOOK, UpdateWebhook(disabled.webhook_id, status="DISABLED"))
        new_registered(call, versions=1)
        events = [event for event, _ in outbox(store)]
        assert events == ["registered_model.created"] * 2 + ["model_version.created"]

    def test_versions_that_are_archived_are_told_of_too(self, store, call):
        new_registered(call, versions=2)
        move(call, "1", "Production")
        new_webhook(call, "model_version.stage_changed")
        move(call, "2", "Production", archive_existing_versions=True)
        told = [(data["version"], data["to"]) for _, data in outbox(store)]
        assert told == [("1", "Archived"), ("2", "Production")]

    def test_what_did_not_happen_is_told_to_nobody(self, store, call):
        new_registered(call, versions=1)
        new_webhook(call)
        request = CreateRegisteredModel(NAME)
        assert refusal(AlreadyExists, call, CREATE_REGISTERED_MODEL, request)
        call(DELETE_ALIAS, AliasName(NAME, "none"))
        assert outbox(store) == []
