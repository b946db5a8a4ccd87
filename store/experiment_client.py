"""The part of the client that is about experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import tracking_operations as operations
from . import tracking_requests as requests
from .connections import Connection
from .errors import NotFound
from .viewing import make_tags, view_experiment
from .views import Experiment, PagedList, ViewType

MOST_RESULTS = 1000


class ExperimentClient:
    """Experiments, under the names of MLflow's client."""

    _tracking: Connection

    def create_experiment(
        self,
        name: str,
        artifact_location: str | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> str:
        """Make an experiment and return its id."""
        request = requests.CreateExperiment(name, artifact_location, make_tags(tags))
        return self._tracking.call(operations.CREATE_EXPERIMENT, request).experiment_id

    def get_experiment(self, experiment_id: str) -> Experiment:
        """Return the experiment of this id; raises `NotFound`."""
        request = requests.ExperimentId(str(experiment_id))
        return view_experiment(self._tracking.call(operations.GET_EXPERIMENT, request).experiment)

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """Return the experiment of this name, active or deleted, or None."""
        request = requests.GetExperimentByName(name)
        try:
            found = self._tracking.call(operations.GET_EXPERIMENT_BY_NAME, request)
        except NotFound:
            return None
        return view_experiment(found.experiment)

    def search_experiments(
        self,
        view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int | None = MOST_RESULTS,
        filter_string: str | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Experiment]:
        """Return one page of the experiments that ``filter_string`` matches."""
        request = requests.SearchExperiments(
            max_results=MOST_RESULTS if max_results is None else max_results,
            page_token=page_token,
            filter=filter_string,
            order_by=list(order_by or ()),
            view_type=ViewType.to_string(view_type).upper(),
        )
        answer = self._tracking.call(operations.SEARCH_EXPERIMENTS, request)
        return PagedList(map(view_experiment, answer.experiments), answer.next_page_token)

    def rename_experiment(self, experiment_id: str, new_name: str) -> None:
        """Give an experiment another name."""
        request = requests.UpdateExperiment(str(experiment_id), new_name)
        self._tracking.call(operations.UPDATE_EXPERIMENT, request)

    def delete_experiment(self, experiment_id: str) -> None:
        """Mark an experiment as deleted; it can be restored."""
        request = requests.ExperimentId(str(experiment_id))
        self._tracking.call(operations.DELETE_EXPERIMENT, request)

    def restore_experiment(self, experiment_id: str) -> None:
        """Make a deleted experiment active again."""
        request = requests.ExperimentId(str(experiment_id))
        self._tracking.call(operations.RESTORE_EXPERIMENT, request)

    def set_experiment_tag(self, experiment_id: str, key: str, value: Any) -> None:
        """Set a tag of an experiment; the value becomes a text."""
        request = requests.SetExperimentTag(str(experiment_id), key, str(value))
        self._tracking.call(operations.SET_EXPERIMENT_TAG, request)

    def delete_experiment_tag(self, experiment_id: str, key: str) -> None:
        """Delete a tag of an experiment."""
        request = requests.DeleteExperimentTag(str(experiment_id), key)
        self._tracking.call(operations.DELETE_EXPERIMENT_TAG, request)
