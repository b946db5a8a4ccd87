"""Settings gathered from flags, environment variables and a TOML file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from ..runtimes.errors import InvalidSetting, nearest
from .locating import Locate, Located, locate_folder
from .settings import PREFIX, SETTINGS, Setting, Settings

CONFIG_VARIABLE: Final = "MLSERVE_CONFIG"

OTHER_VARIABLES: Final = frozenset(
    {
        CONFIG_VARIABLE,
        "MLSERVE_ARTIFACTS_DESTINATION",
        "MLSERVE_CACHE_DIR",
        "MLSERVE_CACHE_MB",
        "MLSERVE_EXPERIMENT_ID",
        "MLSERVE_EXPERIMENT_NAME",
        "MLSERVE_HTTP_REQUEST_MAX_RETRIES",
        "MLSERVE_LIFECYCLE",
        "MLSERVE_REGISTRY_URI",
        "MLSERVE_RUN_ID",
        "MLSERVE_TRACKING_PASSWORD",
        "MLSERVE_TRACKING_TOKEN",
        "MLSERVE_TRACKING_URI",
        "MLSERVE_TRACKING_USERNAME",
        "MLSERVE_WEBHOOK_SECRET",
    }
)
"""Variables of ours that are no settings of a service, and may stand in its environment."""

OTHER_PREFIXES: Final = (
    "MLSERVE_BATCH_",
    "MLSERVE_BUILD_",
    "MLSERVE_DEPLOY_",
    "MLSERVE_SERVER_",
    "MLSERVE_STORE_",
)
"""How the variables of other rooms begin."""

_SERVICE_LINK = re.compile(
    r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_SERVICE_ADDRESS = re.compile(r"(tcp|udp|sctp)://")


def build_settings(
    flags: Mapping[str, object],
    environment: Mapping[str, str],
    config: Path | None = None,
    locate: Locate = locate_folder,
    defaults: Mapping[str, object] = MappingProxyType({}),
) -> Settings:
    """Return the settings: flags first, then variables, then the file ``config``, then defaults.

    ``flags`` holds, by field name, those that were given; ``defaults`` those that go before the
    fields' own. MLflow's own variables count below ours.
    Once all else is read, ``locate`` finds the model, whose name and version count where none was
    given. Raises `InvalidSetting` for what is unknown or not as expected, and what ``locate``
    raises.
    """
    if config is None and environment.get(CONFIG_VARIABLE):
        config = Path(environment[CONFIG_VARIABLE])
    values = {name: _read(SETTINGS[name], defaults[name], name) for name in defaults}
    values |= {} if config is None else _read_file(config)
    values |= _read_variables(environment)
    values |= {name: _read(SETTINGS[name], flags[name], SETTINGS[name].flag) for name in flags}
    model = SETTINGS["model"]
    if "model" not in values:
        raise InvalidSetting(
            f"no model was named; give its folder with {' or '.join(model.flags)}, "
            f"{model.variable}, or {model.key} in a configuration file"
        )
    located = _locate(values["model"], _source_of_model(flags, environment, config), locate)
    values["model"] = located.folder
    for field, label in (("model_name", located.name), ("model_version", located.version)):
        values[field] = values.get(field) or label
    return Settings(**values)


def _source_of_model(
    flags: Mapping[str, object], environment: Mapping[str, str], config: Path | None
) -> str:
    model = SETTINGS["model"]
    if "model" in flags:
        return model.flag
    return model.variable if environment.get(model.variable) else f"{config}, {model.key}"


def _locate(text: str, source: str, locate: Locate) -> Located:
    try:
        return locate(text)
    except InvalidSetting as error:
        raise InvalidSetting(f"{source}: {error}") from None


def _read(setting: Setting, value: object, source: str) -> Any:
    try:
        return setting.kind.read(value)
    except (TypeError, ValueError):
        found = f'"{value}"' if isinstance(value, str) else repr(value)
        raise InvalidSetting(f"{source}: found {found}, expected {setting.kind.expected}") from None


def _read_variables(environment: Mapping[str, str]) -> dict[str, Any]:
    ours = {setting.variable for setting in SETTINGS.values()}
    present = {
        name: value
        for name, value in environment.items()
        if value and not is_service_link(name, value)
    }
    for name in present:
        if name.startswith(PREFIX) and not name.startswith(OTHER_PREFIXES):
            _require_known("the variable", name, sorted(ours | OTHER_VARIABLES), PREFIX)
    return {
        field: _read(setting, present[variable], variable)
        for field, setting in SETTINGS.items()
        for variable in _first_present(setting, present)
    }


def _first_present(setting: Setting, present: Mapping[str, str]) -> list[str]:
    names = filter(None, (setting.variable, setting.mlflow_variable))
    return [name for name in names if name in present][:1]


def is_service_link(name: str, value: str) -> bool:
    """Whether Kubernetes set the variable, to tell of a Service called mlserve or mlserve-….

    One of them is MLSERVE_PORT=tcp://10.0.0.1:80; a Service called mlflow brings MLFLOW_PORT.
    """
    is_address = name.endswith("_PORT") and _SERVICE_ADDRESS.match(value) is not None
    return is_address or _SERVICE_LINK.fullmatch(name) is not None


def _read_file(path: Path) -> dict[str, Any]:
    fields = {setting.key: field for field, setting in SETTINGS.items()}
    document = _parse_toml(path)
    for key in document:
        _require_known(f"{path}: the key", key, list(fields))
    return {
        fields[key]: _read(SETTINGS[fields[key]], value, f"{path}, {key}")
        for key, value in document.items()
    }


def _parse_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidSetting(f"the configuration file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"{path}: found {error}, expected a TOML file") from error


def _require_known(what: str, name: str, known: Sequence[str], prefix: str = "") -> None:
    if name not in known:
        match = nearest(name.removeprefix(prefix), [one.removeprefix(prefix) for one in known])
        advice = f"did you mean {prefix}{match}?" if match else f"known are {', '.join(known)}"
        raise InvalidSetting(f"{what} {name} is not a setting; {advice}")
