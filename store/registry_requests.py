"""What the operations on registered models take and give: MLflow's REST, and behind it our own."""

from __future__ import annotations

import msgspec

from .entities import (
    Approval,
    Entity,
    ModelVersion,
    Promotion,
    RegisteredModel,
    Tag,
    Webhook,
)

# Registered models


class CreateRegisteredModel(Entity, frozen=True):
    name: str
    tags: list[Tag] = []
    description: str | None = None


class RegisteredModelName(Entity, frozen=True):
    """Names a registered model, to get or delete it."""

    name: str


class RegisteredModelAnswer(Entity, frozen=True):
    registered_model: RegisteredModel


class RenameRegisteredModel(Entity, frozen=True):
    name: str
    new_name: str


class UpdateRegisteredModel(Entity, frozen=True):
    name: str
    description: str | None = None


class SearchRegisteredModels(Entity, frozen=True):
    filter: str | None = None
    max_results: int = 100
    order_by: list[str] = []
    page_token: str | None = None


class RegisteredModelsAnswer(Entity, frozen=True):
    registered_models: list[RegisteredModel] = []
    next_page_token: str | None = None


class GetLatestVersions(Entity, frozen=True):
    name: str
    stages: list[str] = []


class SetRegisteredModelTag(Entity, frozen=True):
    name: str
    key: str
    value: str = ""


class DeleteRegisteredModelTag(Entity, frozen=True):
    name: str
    key: str


class SetAlias(Entity, frozen=True):
    name: str
    alias: str
    version: str
    reason: str | None = None


class AliasName(Entity, frozen=True):
    """Names an alias of a registered model, to get its version or delete it."""

    name: str
    alias: str


# Model versions


class CreateModelVersion(Entity, frozen=True):
    name: str
    source: str
    run_id: str | None = None
    model_id: str | None = None
    tags: list[Tag] = []
    run_link: str | None = None
    description: str | None = None


class VersionName(Entity, frozen=True):
    """Names a version of a registered model."""

    name: str
    version: str


class ModelVersionAnswer(Entity, frozen=True):
    model_version: ModelVersion


class ModelVersionsAnswer(Entity, frozen=True):
    model_versions: list[ModelVersion] = []
    next_page_token: str | None = None


class UpdateModelVersion(Entity, frozen=True):
    name: str
    version: str
    description: str | None = None


class SearchModelVersions(Entity, frozen=True):
    filter: str | None = None
    max_results: int = 200_000
    order_by: list[str] = []
    page_token: str | None = None


class SetModelVersionTag(Entity, frozen=True):
    name: str
    version: str
    key: str
    value: str = ""


class DeleteModelVersionTag(Entity, frozen=True):
    name: str
    version: str
    key: str


class TransitionStage(Entity, frozen=True):
    """Moves a version to a stage; ``reason`` is mlserve's own."""

    name: str
    version: str
    stage: str
    archive_existing_versions: bool = False
    reason: str | None = None


class DownloadUriAnswer(Entity, frozen=True):
    artifact_uri: str


# mlserve's own: the log of promotions, approvals, manifests, webhooks


class FindVersion(Entity, frozen=True):
    """Asks which version had ``stage`` at the moment ``at``, in milliseconds since 1970."""

    name: str
    stage: str
    at: int


class SearchPromotions(Entity, frozen=True):
    name: str
    version: str | None = None
    max_results: int = 1000
    page_token: str | None = None


class PromotionsAnswer(Entity, frozen=True):
    promotions: list[Promotion] = []
    next_page_token: str | None = None


class Rollback(Entity, frozen=True):
    """Gives ``stage`` back to the version that had it before the one that has it now."""

    name: str
    stage: str
    reason: str


class RequestApproval(Entity, frozen=True):
    name: str
    version: str
    stage: str
    reason: str


class DecideApproval(Entity, frozen=True):
    """Approves or rejects what is pending for a version and a stage."""

    name: str
    version: str
    stage: str
    reason: str
    is_approved: bool


class SearchApprovals(Entity, frozen=True):
    name: str | None = None
    state: str | None = None


class ApprovalAnswer(Entity, frozen=True):
    approval: Approval


class ApprovalsAnswer(Entity, frozen=True):
    approvals: list[Approval] = []


class ManifestAnswer(Entity, frozen=True):
    """The files of a version by their paths, each with its SHA-256 and its size in bytes.

    ``digest`` is the SHA-256 of the manifest itself. Both are absent where nothing was recorded.
    """

    artifact_uri: str
    digest: str | None = None
    files: dict[str, tuple[str, int]] = {}


class CreateWebhook(Entity, frozen=True):
    name: str
    url: str
    events: list[str]
    secret: str | None = None
    description: str | None = None


class UpdateWebhook(Entity, frozen=True):
    webhook_id: str
    url: str | None = None
    events: list[str] = []
    secret: str | None = None
    status: str | None = None


class WebhookId(Entity, frozen=True):
    webhook_id: str


class WebhookAnswer(Entity, frozen=True):
    webhook: Webhook


class WebhooksAnswer(Entity, frozen=True):
    webhooks: list[Webhook] = msgspec.field(default_factory=list)
