"""The part of the client that is about logged models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..runtimes.errors import shorten
from . import tracking_operations as operations
from . import tracking_requests as requests
from .connections import Connection
from .errors import InvalidParameter
from .viewing import make_params, make_tags, view_logged_model
from .views import LoggedModel, PagedList

_STATUSES = {"READY": "LOGGED_MODEL_READY", "FAILED": "LOGGED_MODEL_UPLOAD_FAILED"}


class LoggedModelClient:
    """Logged models, under the names of MLflow's client."""

    _tracking: Connection

    def create_logged_model(
        self,
        experiment_id: str,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """Make a logged model, to which files are to be written; its status is PENDING."""
        request = requests.CreateLoggedModel(
            experiment_id=str(experiment_id),
            name=name,
            model_type=model_type,
            source_run_id=source_run_id,
            params=make_params(params),
            tags=make_tags(tags),
        )
        return view_logged_model(self._tracking.call(operations.CREATE_LOGGED_MODEL, request).model)

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """Return the logged model of this id; raises `NotFound`."""
        request = requests.LoggedModelId(model_id)
        return view_logged_model(self._tracking.call(operations.GET_LOGGED_MODEL, request).model)

    def finalize_logged_model(self, model_id: str, status: str) -> LoggedModel:
        """Say that all files of a logged model are written, READY, or that they are not, FAILED."""
        name = str(getattr(status, "value", status))
        if name not in _STATUSES:
            raise InvalidParameter(f"status: found {shorten(name)}, expected READY or FAILED")
        request = requests.FinalizeLoggedModel(model_id, _STATUSES[name])
        answer = self._tracking.call(operations.FINALIZE_LOGGED_MODEL, request)
        return view_logged_model(answer.model)

    def delete_logged_model(self, model_id: str) -> None:
        """Delete a logged model."""
        request = requests.LoggedModelId(model_id)
        self._tracking.call(operations.DELETE_LOGGED_MODEL, request)

    def set_logged_model_tags(self, model_id: str, tags: Mapping[str, Any]) -> None:
        """Set tags of a logged model."""
        request = requests.SetLoggedModelTags(model_id, make_tags(tags))
        self._tracking.call(operations.SET_LOGGED_MODEL_TAGS, request)

    def delete_logged_model_tag(self, model_id: str, key: str) -> None:
        """Delete a tag of a logged model."""
        request = requests.DeleteLoggedModelTag(model_id, key)
        self._tracking.call(operations.DELETE_LOGGED_MODEL_TAG, request)

    def log_model_params(self, model_id: str, params: Mapping[str, Any]) -> None:
        """Log params of a logged model."""
        request = requests.LogLoggedModelParams(model_id, make_params(params))
        self._tracking.call(operations.LOG_LOGGED_MODEL_PARAMS, request)

    def search_logged_models(
        self,
        experiment_ids: Sequence[str],
        filter_string: str | None = None,
        datasets: Sequence[Mapping[str, Any]] | None = None,
        max_results: int | None = None,
        order_by: Sequence[Mapping[str, Any]] | None = None,
        page_token: str | None = None,
    ) -> PagedList[LoggedModel]:
        """Return one page of the logged models that ``filter_string`` matches.

        ``datasets`` says of which datasets the metrics in the filter are; ``order_by`` has dicts
        with ``field_name`` and ``ascending``.
        """
        request = requests.SearchLoggedModels(
            experiment_ids=[str(one) for one in experiment_ids],
            filter=filter_string,
            datasets=[_make(requests.DatasetChoice, "datasets", one) for one in datasets or ()],
            max_results=max_results,
            order_by=[_make(requests.LoggedModelOrder, "order_by", one) for one in order_by or ()],
            page_token=page_token,
        )
        answer = self._tracking.call(operations.SEARCH_LOGGED_MODELS, request)
        return PagedList(map(view_logged_model, answer.models), answer.next_page_token)


def _make(kind: type[Any], name: str, fields: Mapping[str, Any]) -> Any:
    try:
        return kind(**fields)
    except TypeError:
        raise InvalidParameter(
            f"{name}: found the keys {shorten(', '.join(map(str, fields)))}, expected "
            f"{', '.join(kind.__struct_fields__)}"
        ) from None
