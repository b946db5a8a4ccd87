"""The part of the client that MLflow's does not have: promotions, approvals and webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from . import registry_operations as operations
from . import registry_requests as requests
from .connections import Connection
from .entities import Approval, Empty, Promotion, Webhook
from .viewing import view_version
from .views import ModelVersion, PagedList

MOST_RESULTS = 1000


class PromotionClient:
    """Who moved which version where, when and why; what waits to be approved; who is told."""

    _registry: Connection

    def search_promotions(
        self,
        name: str,
        version: str | int | None = None,
        max_results: int = MOST_RESULTS,
        page_token: str | None = None,
    ) -> PagedList[Promotion]:
        """Return one page of the log of promotions of a model, or of one of its versions."""
        number = None if version is None else str(version)
        request = requests.SearchPromotions(name, number, max_results, page_token)
        answer = self._registry.call(operations.SEARCH_PROMOTIONS, request)
        return PagedList(answer.promotions, answer.next_page_token)

    def find_model_version(self, name: str, stage: str, at: datetime | int) -> ModelVersion:
        """Return the version that had a stage at a moment, in milliseconds since 1970 or a time."""
        moment = int(at.timestamp() * 1000) if isinstance(at, datetime) else at
        request = requests.FindVersion(name, stage, moment)
        return view_version(self._registry.call(operations.FIND_VERSION, request).model_version)

    def roll_back(self, name: str, stage: str, reason: str) -> ModelVersion:
        """Give a stage back to the version that had it before; return that version."""
        request = requests.Rollback(name, stage, reason)
        return view_version(self._registry.call(operations.ROLL_BACK, request).model_version)

    def request_approval(self, name: str, version: str | int, stage: str, reason: str) -> Approval:
        """Ask that somebody approves of a version for a stage."""
        request = requests.RequestApproval(name, str(version), stage, reason)
        return self._registry.call(operations.REQUEST_APPROVAL, request).approval

    def approve(self, name: str, version: str | int, stage: str, reason: str) -> Approval:
        """Approve of what was asked for a version and a stage."""
        return self._decide(name, version, stage, reason, is_approved=True)

    def reject(self, name: str, version: str | int, stage: str, reason: str) -> Approval:
        """Reject what was asked for a version and a stage."""
        return self._decide(name, version, stage, reason, is_approved=False)

    def search_approvals(self, name: str | None = None, state: str | None = None) -> list[Approval]:
        """Return what was asked for, of one model and in one state or all."""
        request = requests.SearchApprovals(name, state)
        return self._registry.call(operations.SEARCH_APPROVALS, request).approvals

    def create_webhook(
        self,
        name: str,
        url: str,
        events: Sequence[str],
        description: str | None = None,
        secret: str | None = None,
    ) -> Webhook:
        """Have ``url`` told of events, signed with ``secret``."""
        request = requests.CreateWebhook(name, url, list(events), secret, description)
        return self._registry.call(operations.CREATE_WEBHOOK, request).webhook

    def update_webhook(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        secret: str | None = None,
        status: str | None = None,
    ) -> Webhook:
        """Change what is given of a webhook."""
        request = requests.UpdateWebhook(webhook_id, url, list(events or ()), secret, status)
        return self._registry.call(operations.UPDATE_WEBHOOK, request).webhook

    def delete_webhook(self, webhook_id: str) -> None:
        """Delete a webhook."""
        self._registry.call(operations.DELETE_WEBHOOK, requests.WebhookId(webhook_id))

    def list_webhooks(self) -> list[Webhook]:
        """Return all webhooks."""
        return self._registry.call(operations.LIST_WEBHOOKS, Empty()).webhooks

    def _decide(
        self, name: str, version: str | int, stage: str, reason: str, *, is_approved: bool
    ) -> Approval:
        request = requests.DecideApproval(name, str(version), stage, reason, is_approved)
        return self._registry.call(operations.DECIDE_APPROVAL, request).approval
