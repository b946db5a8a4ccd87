"""The store and the experiment that a script logs to where it names none."""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from pathlib import Path
from threading import Lock

from ..runtimes.errors import shorten
from .client import MlserveClient
from .errors import AlreadyExists, InvalidParameter, InvalidState, NotFound
from .tracking_uri import URI_VARIABLES, find_tracking_uri
from .views import Experiment

DEFAULT_EXPERIMENT_ID = "0"

# Our variables, then MLflow's: the first pair of which one is set says where to log.
_EXPERIMENT_VARIABLES = tuple(
    (f"{prefix}_EXPERIMENT_ID", f"{prefix}_EXPERIMENT_NAME") for prefix in ("MLSERVE", "MLFLOW")
)
_RUN_VARIABLES = ("MLSERVE_RUN_ID", "MLFLOW_RUN_ID")


class CurrentExperiment:
    """The experiment that a script has chosen; programs that it starts log there too.

    They learn of it, and of the tracking URI, by the environment.
    """

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        self._environment = environment
        self._lock = Lock()
        self._chosen: str | None = None

    @property
    def chosen(self) -> str | None:
        """The id of the experiment that was chosen, if one was."""
        return self._chosen

    def set_tracking_uri(self, uri: str | Path | None) -> None:
        """Have clients and runs that are made from now on log to the store at ``uri``."""
        if uri:
            self._environment[URI_VARIABLES[0]] = str(uri)
        else:
            self._environment.pop(URI_VARIABLES[0], None)

    def get_tracking_uri(self) -> str:
        """Return the URI of the store that is logged to."""
        return find_tracking_uri(self._environment)

    def is_tracking_uri_set(self) -> bool:
        """Return whether the store is another than the default one."""
        return any(self._environment.get(variable) for variable in URI_VARIABLES)

    def client(self) -> MlserveClient:
        """Return a client of the store that is logged to."""
        return MlserveClient(self.get_tracking_uri())

    def choose(self, name: str | None, experiment_id: str | None) -> Experiment:
        """Log to the experiment of this name, made if it is new, or of this id."""
        if (name is None) == (experiment_id is None):
            raise InvalidParameter(
                "Must specify exactly one of: `experiment_id` or `experiment_name`."
            )
        client = self.client()
        with self._lock:
            found = (
                _find_or_create(client, name)
                if name is not None
                else client.get_experiment(str(experiment_id))
            )
            if found.lifecycle_stage != "active":
                raise InvalidState(
                    f"Cannot set a deleted experiment '{shorten(found.name)}' as the active "
                    "experiment; restore it, or choose another name"
                )
            self._chosen = found.experiment_id
            own_id, own_name = _EXPERIMENT_VARIABLES[0]
            self._environment[own_id] = found.experiment_id
            self._environment.pop(own_name, None)
        return found

    def find_id(self, client: MlserveClient) -> str:
        """Return the id of the experiment to log to: chosen, named by the environment, or 0."""
        if self._chosen is not None:
            return self._chosen
        for variables in _EXPERIMENT_VARIABLES:
            number, name = (self._environment.get(variable) or None for variable in variables)
            if name is not None:
                return _find_by_name(client, name, number, variables)
            if number is not None:
                return _find_by_id(client, number, variables[0])
        return DEFAULT_EXPERIMENT_ID

    def take_run_id(self) -> str | None:
        """Return the id of the run that the environment says to go on with, which it then forgets.

        So one run goes on with it, and those after are new.
        """
        taken = [self._environment.pop(variable, None) for variable in _RUN_VARIABLES]
        return next(filter(None, taken), None)


def _find_or_create(client: MlserveClient, name: str) -> Experiment:
    found = client.get_experiment_by_name(name)
    if found is not None:
        return found
    try:
        return client.get_experiment(client.create_experiment(name))
    except AlreadyExists:  # another process was faster
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return found


def _find_by_name(
    client: MlserveClient, name: str, number: str | None, variables: tuple[str, str]
) -> str:
    found = _find_or_create(client, name).experiment_id
    if number is not None and number != found:
        raise InvalidParameter(
            f"{variables[0]}: found {shorten(number)}, and the experiment "
            f"'{shorten(name)}' that {variables[1]} names is {found}; set one of the two alone"
        )
    return found


def _find_by_id(client: MlserveClient, number: str, variable: str) -> str:
    try:
        return client.get_experiment(number).experiment_id
    except NotFound as error:
        raise InvalidParameter(
            f"{variable}: there is no experiment {shorten(number)} in the store; "
            "set the id of one that is there"
        ) from error


CURRENT = CurrentExperiment()
"""What the functions of the fluent API log to."""
