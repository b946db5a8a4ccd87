"""The tag in which a client of MLflow 2 keeps what models a run wrote among its artifacts."""

from __future__ import annotations

import json
from typing import Any, Final

from ..runtimes.errors import shorten
from .errors import InvalidParameter, TooLarge
from .limits import LONGEST_MODEL_HISTORY

TAG: Final = "mlflow.log-model.history"

_KEPT: Final = ("run_id", "utc_time_created", "artifact_path", "model_uuid")
_NEEDED: Final = ("artifact_path", "flavors", "utc_time_created", "run_id")


def add_to_history(history: str | None, model_json: str) -> str:
    """Return the value of the tag once the model is in it; raises `InvalidParameter`.

    Of the model that is said what MLflow says of it there: not the configuration of its flavors.
    """
    models = _decode(history or "[]", f"the tag {TAG}; delete the tag")
    if not isinstance(models, list):
        raise InvalidParameter(f"the tag {TAG} holds no list; delete the tag")
    text = json.dumps([*models, _choose(_decode(model_json, "model_json"))])
    if len(text) > LONGEST_MODEL_HISTORY:
        raise TooLarge(
            f"the tag {TAG} would have {len(text)} characters, and {LONGEST_MODEL_HISTORY} are the "
            "most; log further models in another run"
        )
    return text


def _choose(model: Any) -> dict[str, Any]:
    if not isinstance(model, dict):
        raise InvalidParameter("Malformed model info: found no JSON object in model_json")
    if missing := set(_NEEDED) - set(model):
        raise InvalidParameter(f"Model json is missing mandatory fields: {sorted(missing)}")
    flavors = model["flavors"]
    if not isinstance(flavors, dict):
        raise InvalidParameter("Malformed model info: found no JSON object in flavors")
    kept = {key: value for key, value in model.items() if key in _KEPT}
    return {**kept, "flavors": {name: _without_config(flavors[name]) for name in flavors}}


def _without_config(flavor: Any) -> Any:
    if not isinstance(flavor, dict):
        return flavor
    return {key: value for key, value in flavor.items() if key != "config"}


def _decode(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidParameter(
            f"Malformed model info. \n {shorten(text)} \n is not a valid JSON. Found in {name}"
        ) from None
