"""The part of the client that is about registered models and their versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import registry_operations as operations
from . import registry_requests as requests
from .connections import Connection
from .errors import InvalidParameter
from .viewing import make_tags, view_registered_model, view_version
from .views import ModelVersion, PagedList, RegisteredModel

MOST_MODELS = 100
MOST_VERSIONS = 10_000


class RegistryClient:
    """Registered models and versions, under the names of MLflow's client.

    A version's number may be given as a number or as a text.
    """

    _registry: Connection

    def create_registered_model(
        self, name: str, tags: Mapping[str, Any] | None = None, description: str | None = None
    ) -> RegisteredModel:
        """Make a registered model without versions; raises `AlreadyExists`."""
        request = requests.CreateRegisteredModel(name, make_tags(tags), description)
        answer = self._registry.call(operations.CREATE_REGISTERED_MODEL, request)
        return view_registered_model(answer.registered_model)

    def get_registered_model(self, name: str) -> RegisteredModel:
        """Return the registered model of this name; raises `NotFound`."""
        request = requests.RegisteredModelName(name)
        answer = self._registry.call(operations.GET_REGISTERED_MODEL, request)
        return view_registered_model(answer.registered_model)

    def rename_registered_model(self, name: str, new_name: str) -> RegisteredModel:
        """Give a registered model another name."""
        request = requests.RenameRegisteredModel(name, new_name)
        answer = self._registry.call(operations.RENAME_REGISTERED_MODEL, request)
        return view_registered_model(answer.registered_model)

    def update_registered_model(self, name: str, description: str | None = None) -> RegisteredModel:
        """Change the description of a registered model."""
        request = requests.UpdateRegisteredModel(name, description)
        answer = self._registry.call(operations.UPDATE_REGISTERED_MODEL, request)
        return view_registered_model(answer.registered_model)

    def delete_registered_model(self, name: str) -> None:
        """Delete a registered model with all its versions."""
        request = requests.RegisteredModelName(name)
        self._registry.call(operations.DELETE_REGISTERED_MODEL, request)

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int = MOST_MODELS,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[RegisteredModel]:
        """Return one page of the registered models that ``filter_string`` matches."""
        request = requests.SearchRegisteredModels(
            filter_string, max_results, list(order_by or ()), page_token
        )
        answer = self._registry.call(operations.SEARCH_REGISTERED_MODELS, request)
        found = map(view_registered_model, answer.registered_models)
        return PagedList(found, answer.next_page_token)

    def set_registered_model_tag(self, name: str, key: str, value: Any) -> None:
        """Set a tag of a registered model."""
        request = requests.SetRegisteredModelTag(name, key, str(value))
        self._registry.call(operations.SET_REGISTERED_MODEL_TAG, request)

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Delete a tag of a registered model."""
        request = requests.DeleteRegisteredModelTag(name, key)
        self._registry.call(operations.DELETE_REGISTERED_MODEL_TAG, request)

    def set_registered_model_alias(
        self, name: str, alias: str, version: str | int, reason: str | None = None
    ) -> None:
        """Give ``alias`` to a version, and take it from the one that had it.

        ``reason`` goes into mlserve's log of promotions.
        """
        request = requests.SetAlias(name, alias, str(version), reason)
        self._registry.call(operations.SET_ALIAS, request)

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Delete an alias."""
        self._registry.call(operations.DELETE_ALIAS, requests.AliasName(name, alias))

    def get_model_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        """Return the version that has ``alias``."""
        request = requests.AliasName(name, alias)
        answer = self._registry.call(operations.GET_VERSION_BY_ALIAS, request)
        return view_version(answer.model_version)

    def get_latest_versions(
        self, name: str, stages: Sequence[str] | None = None
    ) -> list[ModelVersion]:
        """Return the latest version in each of the stages, or in every one."""
        request = requests.GetLatestVersions(name, list(stages or ()))
        answer = self._registry.call(operations.GET_LATEST_VERSIONS, request)
        return [view_version(version) for version in answer.model_versions]

    def create_model_version(  # noqa: PLR0913, PLR0917 - MLflow's arguments
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        await_creation_for: int | None = None,
        model_id: str | None = None,
    ) -> ModelVersion:
        """Register the model at ``source`` as the next version of a registered model.

        ``await_creation_for`` is there for MLflow's scripts: a version is ready when it is made.
        """
        del await_creation_for
        request = requests.CreateModelVersion(
            name, source, run_id, model_id, make_tags(tags), run_link, description
        )
        answer = self._registry.call(operations.CREATE_MODEL_VERSION, request)
        return view_version(answer.model_version)

    def get_model_version(self, name: str, version: str | int) -> ModelVersion:
        """Return a version; raises `NotFound`."""
        request = requests.VersionName(name, str(version))
        answer = self._registry.call(operations.GET_MODEL_VERSION, request)
        return view_version(answer.model_version)

    def get_model_version_download_uri(self, name: str, version: str | int) -> str:
        """Return the URI of the folder of a version's model."""
        request = requests.VersionName(name, str(version))
        return self._registry.call(operations.GET_DOWNLOAD_URI, request).artifact_uri

    def update_model_version(
        self, name: str, version: str | int, description: str | None = None
    ) -> ModelVersion:
        """Change the description of a version."""
        request = requests.UpdateModelVersion(name, str(version), description)
        answer = self._registry.call(operations.UPDATE_MODEL_VERSION, request)
        return view_version(answer.model_version)

    def delete_model_version(self, name: str, version: str | int) -> None:
        """Delete a version; its number is not used again."""
        request = requests.VersionName(name, str(version))
        self._registry.call(operations.DELETE_MODEL_VERSION, request)

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int = MOST_VERSIONS,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[ModelVersion]:
        """Return one page of the versions that ``filter_string`` matches."""
        request = requests.SearchModelVersions(
            filter_string, max_results, list(order_by or ()), page_token
        )
        answer = self._registry.call(operations.SEARCH_MODEL_VERSIONS, request)
        return PagedList(map(view_version, answer.model_versions), answer.next_page_token)

    def set_model_version_tag(
        self,
        name: str,
        version: str | int | None = None,
        key: str | None = None,
        value: Any = None,
        stage: str | None = None,
    ) -> None:
        """Set a tag of a version, or of the latest one in ``stage``."""
        number = self._number(name, version, stage)
        request = requests.SetModelVersionTag(name, number, key or "", str(value))
        self._registry.call(operations.SET_MODEL_VERSION_TAG, request)

    def delete_model_version_tag(
        self,
        name: str,
        version: str | int | None = None,
        key: str | None = None,
        stage: str | None = None,
    ) -> None:
        """Delete a tag of a version, or of the latest one in ``stage``."""
        number = self._number(name, version, stage)
        request = requests.DeleteModelVersionTag(name, number, key or "")
        self._registry.call(operations.DELETE_MODEL_VERSION_TAG, request)

    def transition_model_version_stage(
        self,
        name: str,
        version: str | int,
        stage: str,
        archive_existing_versions: bool = False,
        reason: str | None = None,
    ) -> ModelVersion:
        """Move a version to a stage, and those that are there to Archived if that is asked for.

        ``reason`` goes into mlserve's log of promotions.
        """
        request = requests.TransitionStage(
            name, str(version), stage, archive_existing_versions, reason
        )
        answer = self._registry.call(operations.TRANSITION_STAGE, request)
        return view_version(answer.model_version)

    def _number(self, name: str, version: str | int | None, stage: str | None) -> str:
        if (version is None) == (stage is None):
            raise InvalidParameter("expected either a version or a stage; give one of the two")
        if version is not None:
            return str(version)
        found = self.get_latest_versions(name, [str(stage)])
        if not found:
            raise InvalidParameter(f"{name}: there is no version in the stage {stage}")
        return max(found, key=lambda one: int(one.version)).version
