"""The operations on registered models and their versions: one table for server and client."""

from __future__ import annotations

from typing import Any

from . import registry_requests as registry
from .entities import Empty
from .operation import OURS, Operation, Role, read, write

# Registered models

CREATE_REGISTERED_MODEL = write(
    "POST registered-models/create",
    registry.CreateRegisteredModel,
    registry.RegisteredModelAnswer,
    "registered_models:create_registered_model",
)
GET_REGISTERED_MODEL = read(
    "GET registered-models/get",
    registry.RegisteredModelName,
    registry.RegisteredModelAnswer,
    "registered_models:get_registered_model",
)
RENAME_REGISTERED_MODEL = write(
    "POST registered-models/rename",
    registry.RenameRegisteredModel,
    registry.RegisteredModelAnswer,
    "registered_models:rename_registered_model",
)
UPDATE_REGISTERED_MODEL = write(
    "PATCH registered-models/update",
    registry.UpdateRegisteredModel,
    registry.RegisteredModelAnswer,
    "registered_models:update_registered_model",
    is_repeatable=True,
)
DELETE_REGISTERED_MODEL = write(
    "DELETE registered-models/delete",
    registry.RegisteredModelName,
    Empty,
    "registered_models:delete_registered_model",
)
SEARCH_REGISTERED_MODELS = read(
    "GET registered-models/search",
    registry.SearchRegisteredModels,
    registry.RegisteredModelsAnswer,
    "registry_search:search_registered_models",
)
GET_LATEST_VERSIONS = read(
    "POST|GET registered-models/get-latest-versions",
    registry.GetLatestVersions,
    registry.ModelVersionsAnswer,
    "registered_models:get_latest_versions",
)
SET_REGISTERED_MODEL_TAG = write(
    "POST registered-models/set-tag",
    registry.SetRegisteredModelTag,
    Empty,
    "registered_models:set_registered_model_tag",
    is_repeatable=True,
)
DELETE_REGISTERED_MODEL_TAG = write(
    "DELETE registered-models/delete-tag",
    registry.DeleteRegisteredModelTag,
    Empty,
    "registered_models:delete_registered_model_tag",
)
SET_ALIAS = write(
    "POST registered-models/alias",
    registry.SetAlias,
    Empty,
    "promotions:set_alias",
    is_repeatable=True,
)
GET_VERSION_BY_ALIAS = read(
    "GET registered-models/alias",
    registry.AliasName,
    registry.ModelVersionAnswer,
    "model_versions:get_version_by_alias",
)
DELETE_ALIAS = write(
    "DELETE registered-models/alias", registry.AliasName, Empty, "promotions:delete_alias"
)

# Model versions

CREATE_MODEL_VERSION = write(
    "POST model-versions/create",
    registry.CreateModelVersion,
    registry.ModelVersionAnswer,
    "model_versions:create_model_version",
)
GET_MODEL_VERSION = read(
    "GET model-versions/get",
    registry.VersionName,
    registry.ModelVersionAnswer,
    "model_versions:get_model_version",
)
GET_DOWNLOAD_URI = read(
    "GET model-versions/get-download-uri",
    registry.VersionName,
    registry.DownloadUriAnswer,
    "model_versions:get_download_uri",
)
UPDATE_MODEL_VERSION = write(
    "PATCH model-versions/update",
    registry.UpdateModelVersion,
    registry.ModelVersionAnswer,
    "model_versions:update_model_version",
    is_repeatable=True,
)
DELETE_MODEL_VERSION = write(
    "DELETE model-versions/delete",
    registry.VersionName,
    Empty,
    "model_versions:delete_model_version",
)
SEARCH_MODEL_VERSIONS = read(
    "GET model-versions/search",
    registry.SearchModelVersions,
    registry.ModelVersionsAnswer,
    "registry_search:search_model_versions",
)
SET_MODEL_VERSION_TAG = write(
    "POST model-versions/set-tag",
    registry.SetModelVersionTag,
    Empty,
    "model_versions:set_model_version_tag",
    is_repeatable=True,
)
DELETE_MODEL_VERSION_TAG = write(
    "DELETE model-versions/delete-tag",
    registry.DeleteModelVersionTag,
    Empty,
    "model_versions:delete_model_version_tag",
)
TRANSITION_STAGE = write(
    "POST model-versions/transition-stage",
    registry.TransitionStage,
    registry.ModelVersionAnswer,
    "promotions:transition_stage",
)

# What MLflow's API does not have

GET_MANIFEST = read(
    "GET model-versions/manifest",
    registry.VersionName,
    registry.ManifestAnswer,
    "model_versions:get_manifest",
    base=OURS,
)
FIND_VERSION = read(
    "GET model-versions/at",
    registry.FindVersion,
    registry.ModelVersionAnswer,
    "promotion_log:find_version",
    base=OURS,
)
SEARCH_PROMOTIONS = read(
    "GET promotions",
    registry.SearchPromotions,
    registry.PromotionsAnswer,
    "promotion_log:search_promotions",
    base=OURS,
)
ROLL_BACK = write(
    "POST promotions/rollback",
    registry.Rollback,
    registry.ModelVersionAnswer,
    "promotions:roll_back",
    base=OURS,
)
REQUEST_APPROVAL = write(
    "POST approvals/request",
    registry.RequestApproval,
    registry.ApprovalAnswer,
    "approvals:request_approval",
    base=OURS,
)
DECIDE_APPROVAL = write(
    "POST approvals/decide",
    registry.DecideApproval,
    registry.ApprovalAnswer,
    "approvals:decide_approval",
    base=OURS,
    role=Role.APPROVER,
)
SEARCH_APPROVALS = read(
    "GET approvals",
    registry.SearchApprovals,
    registry.ApprovalsAnswer,
    "approvals:search_approvals",
    base=OURS,
)
CREATE_WEBHOOK = write(
    "POST webhooks",
    registry.CreateWebhook,
    registry.WebhookAnswer,
    "webhooks:create_webhook",
    base=OURS,
    role=Role.ADMIN,
)
UPDATE_WEBHOOK = write(
    "PATCH webhooks/{webhook_id}",
    registry.UpdateWebhook,
    registry.WebhookAnswer,
    "webhooks:update_webhook",
    base=OURS,
    role=Role.ADMIN,
)
DELETE_WEBHOOK = write(
    "DELETE webhooks/{webhook_id}",
    registry.WebhookId,
    Empty,
    "webhooks:delete_webhook",
    base=OURS,
    role=Role.ADMIN,
)
LIST_WEBHOOKS = write(
    "GET webhooks",
    Empty,
    registry.WebhooksAnswer,
    "webhooks:list_webhooks",
    base=OURS,
    role=Role.ADMIN,
)

OPERATIONS: tuple[Operation[Any, Any], ...] = tuple(
    value for value in list(globals().values()) if isinstance(value, Operation)
)
