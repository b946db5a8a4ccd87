"""Settings: read from flags, variables and a file, in that order, each value checked."""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path

import mlserve
import pytest
from mlserve.runtimes.errors import InvalidSetting
from mlserve.serve.configuration import OTHER_VARIABLES, build_settings
from mlserve.serve.kinds import LABEL
from mlserve.serve.locating import Located
from mlserve.serve.settings import SETTINGS, Settings

MODEL = {"model": "churn"}
VARIABLE = re.compile(r'"(MLSERVE_[A-Z_]*[A-Z])"')


def build(flags=None, environment=None, config=None) -> Settings:
    return build_settings(MODEL | (flags or {}), environment or {}, config)


def write(folder: Path, text: str) -> Path:
    path = folder / "serve.toml"
    path.write_text(text)
    return path


def test_the_defaults_are_those_of_the_fields():
    assert build() == Settings(model=Path("churn"))


def test_a_flag_goes_before_a_variable_and_a_variable_before_the_file(tmp_path):
    config = write(tmp_path, "port = 1\nworkers = 2\nthreads = 3\n")
    environment = {"MLSERVE_PORT": "4", "MLSERVE_WORKERS": "5"}
    settings = build({"port": "6"}, environment, config)
    assert (settings.port, settings.workers, settings.threads) == (6, 5, 3)


def test_a_variable_names_the_file_where_no_flag_does(tmp_path):
    config = write(tmp_path, "port = 1\n")
    assert build(environment={"MLSERVE_CONFIG": str(config)}).port == 1


@pytest.mark.parametrize(
    ("variable", "field", "value"),
    [
        ("MLFLOW_HOST", "host", "0.0.0.0"),
        ("MLFLOW_PORT", "port", 8080),
        ("MLFLOW_MODELS_WORKERS", "workers", 3),
        ("MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT", "timeout_seconds", 5.0),
    ],
)
def test_a_variable_of_mlflows_counts_below_ours(variable, field, value, tmp_path):
    other = '"127.0.0.9"' if field == "host" else "7"
    config = write(tmp_path, f"{SETTINGS[field].key} = {other}\n")
    settings = build(environment={variable: str(value)}, config=config)
    assert getattr(settings, field) == value
    ours = build(environment={variable: "1", SETTINGS[field].variable: str(value)})
    assert getattr(ours, field) == value


def test_a_setting_has_one_name_everywhere():
    setting = SETTINGS["max_wait_ms"]
    assert (setting.flag, setting.variable, setting.key) == (
        "--max-wait-ms",
        "MLSERVE_MAX_WAIT_MS",
        "max_wait_ms",
    )


def test_no_two_settings_share_a_flag():
    flags = [flag for setting in SETTINGS.values() for flag in setting.flags]
    assert len(flags) == len(set(flags))


@pytest.mark.parametrize("name", SETTINGS)
def test_every_default_is_a_value_that_the_setting_takes(name):
    default = next(one.default for one in dataclasses.fields(Settings) if one.name == name)
    if default not in (dataclasses.MISSING, None):
        assert SETTINGS[name].kind.read(default) == default


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"port": "70000"}, '--port: found "70000", expected a whole number from 0 to 65535'),
        ({"port": "http"}, '--port: found "http", expected a whole number from 0 to 65535'),
        ({"port": "5e3"}, '--port: found "5e3", expected a whole number from 0 to 65535'),
        ({"workers": "0"}, '--workers: found "0", expected a whole number from 1 to 1024'),
        ({"timeout_seconds": "0"}, '--timeout: found "0", expected a number from 0.001 to 86400'),
        ({"max_wait_ms": "nan"}, '--max-wait-ms: found "nan", expected a number from 0 to 60000'),
        ({"max_wait_ms": "-1"}, '--max-wait-ms: found "-1", expected a number from 0 to 60000'),
        ({"host": " "}, '--host: found " ", expected a text that is not empty'),
        ({"log_format": "xml"}, '--log-format: found "xml", expected text or json'),
        ({"log_level": "loud"}, '--log-level: found "loud", expected debug, info, warning or erro'),
    ],
)
def test_a_value_that_does_not_fit_names_the_flag_and_what_was_expected(flags, message):
    with pytest.raises(InvalidSetting, match=re.escape(message)):
        build(flags)


@pytest.mark.parametrize("value", ["maybe", "2"])
def test_a_switch_takes_yes_or_no_alone(value):
    with pytest.raises(InvalidSetting, match=r"MLSERVE_SAFE_ONLY: found .*, expected true or fal"):
        build(environment={"MLSERVE_SAFE_ONLY": value})


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("TRUE", True), ("on", True), ("0", False), ("no", False)]
)
def test_a_switch_is_read_from_words(text, value):
    assert build(environment={"MLSERVE_ACCESS_LOG": text}).access_log is value


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("port = true", "True"),
        ("port = 80.5", "80.5"),
        ('port = "x"', '"x"'),
        ("timeout = false", "False"),
        ("host = 1", "1"),
        ("safe_only = 1", "1"),
        ("skops_trusted = 1", "1"),
        ("skops_trusted = [1]", "[1]"),
    ],
)
def test_a_value_of_the_wrong_type_in_the_file_names_the_file_and_the_key(tmp_path, line, found):
    config = write(tmp_path, line)
    with pytest.raises(InvalidSetting) as caught:
        build(config=config)
    key = line.partition(" ")[0]
    assert str(caught.value).startswith(f"{config}, {key}: found {found}, expected ")


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"flags": {"skops_trusted": ("a.B", "c.D,e.F")}}, ("a.B", "c.D", "e.F")),
        ({"environment": {"MLSERVE_SKOPS_TRUSTED": "a.B, c.D,"}}, ("a.B", "c.D")),
    ],
)
def test_names_are_repeated_or_separated_by_commas(values, names):
    assert build(**values).skops_trusted == names


def test_names_are_a_list_in_the_file(tmp_path):
    config = write(tmp_path, 'skops_trusted = ["a.B", "c.D"]')
    assert build(config=config).skops_trusted == ("a.B", "c.D")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("MLSERVE_PROT", "MLSERVE_PORT"),
        ("MLSERVE_TIME_OUT", "MLSERVE_TIMEOUT"),
        ("MLSERVE_MAX_WAIT", "MLSERVE_MAX_WAIT_MS"),
        ("MLSERVE_TRACKING_URL", "MLSERVE_TRACKING_URI"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest_one(name, nearest):
    with pytest.raises(InvalidSetting) as caught:
        build(environment={name: "1"})
    assert str(caught.value) == (f"the variable {name} is not a setting; did you mean {nearest}?")


def test_an_unknown_key_is_refused_with_the_nearest_one(tmp_path):
    config = write(tmp_path, "max_batch_size = 1")
    with pytest.raises(
        InvalidSetting, match=r"the key max_batch_size .* did you mean max_batch_row"
    ):
        build(config=config)


def test_the_prefix_alone_makes_no_variable_like_another():
    with pytest.raises(InvalidSetting, match="MLSERVE_ZZZ is not a setting; known are MLSERVE_ACC"):
        build(environment={"MLSERVE_ZZZ": "1"})


def test_a_key_like_no_other_is_refused_with_the_list(tmp_path):
    config = write(tmp_path, "zzz = 1")
    with pytest.raises(InvalidSetting, match="known are model_uri, host, port"):
        build(config=config)


@pytest.mark.parametrize("name", [*OTHER_VARIABLES - {"MLSERVE_CONFIG"}, "MLSERVE_STORE_URI"])
def test_a_variable_of_another_command_is_left_alone(name):
    assert build(environment={name: "x"}) == build()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MLSERVE_PORT", "tcp://10.0.0.1:80"),
        ("MLSERVE_SERVICE_HOST", "10.0.0.1"),
        ("MLSERVE_SERVICE_PORT", "80"),
        ("MLSERVE_SERVICE_PORT_HTTP", "80"),
        ("MLSERVE_PORT_80_TCP", "tcp://10.0.0.1:80"),
        ("MLSERVE_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("MLSERVE_CHURN_PORT", "tcp://10.0.0.1:80"),
        ("MLSERVE_CHURN_SERVICE_HOST", "10.0.0.1"),
        ("MLFLOW_PORT", "tcp://10.0.0.1:80"),
    ],
)
def test_a_variable_that_kubernetes_sets_for_a_service_is_left_alone(name, value):
    assert build(environment={name: value}) == build()


def test_an_empty_variable_counts_as_absent():
    assert build(environment={"MLSERVE_PORT": "", "MLSERVE_PROT": ""}) == build()


def test_a_service_without_a_model_is_refused_with_the_ways_to_name_one():
    with pytest.raises(InvalidSetting, match=r"-m or --model-uri, MLSERVE_MODEL_URI, or model_uri"):
        build_settings({}, {})


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("churn", "churn"),
        ("/models/churn", "/models/churn"),
        ("file:///models/my%20churn", "/models/my churn"),
        ("file://localhost/models/churn", "/models/churn"),
        ("file:/models/churn", "/models/churn"),
        ("file:models/churn", "models/churn"),
        ("churn:v2", "churn:v2"),
        ("C:/models/churn", "C:/models/churn"),
    ],
)
def test_a_model_is_a_path_or_a_file_url(text, path):
    assert build({"model": text}).model == Path(path)


@pytest.mark.parametrize(
    "address", ["models:/churn/3", "runs:/1f/model", "s3://bucket/churn", "https://host/churn"]
)
def test_a_model_at_another_kind_of_address_is_found_by_what_is_handed_in(address):
    with pytest.raises(InvalidSetting, match="--model-uri: found an address that begins"):
        build({"model": address})
    settings = build_settings(
        {"model": address}, {}, locate=lambda text: Located(Path("cache"), text, "7")
    )
    assert (settings.model, settings.model_name, settings.model_version) == (
        Path("cache"),
        address,
        "7",
    )


def test_a_name_and_a_version_that_are_given_go_before_those_of_the_model():
    settings = build_settings(
        {"model": "models:/churn/3", "model_name": "risk"},
        {"MLSERVE_MODEL_VERSION": "blue"},
        locate=lambda _: Located(Path("cache"), "churn", "3"),
    )
    assert (settings.model_name, settings.model_version) == ("risk", "blue")


def test_only_the_model_that_counts_is_looked_for(tmp_path):
    looked_for = []

    def locate(text):
        looked_for.append(text)
        return Located(Path("cache"))

    config = write(tmp_path, 'model_uri = "models:/a/1"')
    variables = {"MLSERVE_MODEL_URI": "models:/b/1"}
    build_settings({"model": "models:/c/1"}, variables, config, locate)
    build_settings({}, variables, config, locate)
    build_settings({}, {}, config, locate)
    assert looked_for == ["models:/c/1", "models:/b/1", "models:/a/1"]


def test_a_model_is_not_looked_for_when_a_setting_is_wrong():
    with pytest.raises(InvalidSetting, match="--port"):
        build_settings({"model": "models:/a/1", "port": "x"}, {}, locate=pytest.fail)


def test_a_model_that_cannot_be_found_names_the_setting_that_named_it(tmp_path):
    def locate(text):
        raise InvalidSetting(f"{text}: no")

    config = write(tmp_path, 'model_uri = "models:/a/1"')
    variables = {"MLSERVE_MODEL_URI": "models:/b/1"}
    with pytest.raises(InvalidSetting, match=f"{config}, model_uri: models:/a/1: no"):
        build_settings({}, {}, config, locate)
    with pytest.raises(InvalidSetting, match="MLSERVE_MODEL_URI: models:/b/1: no"):
        build_settings({}, variables, config, locate)


def test_every_variable_of_ours_may_stand_in_the_environment_of_a_service():
    root = Path(mlserve.__file__).parent
    sources = [file for room in ("cli", "store") for file in (root / room).rglob("*.py")]
    found = {name for file in sources for name in VARIABLE.findall(file.read_text())}
    assert {"MLSERVE_CACHE_DIR", "MLSERVE_TRACKING_URI"} <= found
    for name in found:
        assert build(environment={name: "1"}) == build()


def test_a_file_url_of_another_machine_is_refused():
    with pytest.raises(InvalidSetting, match="found the host elsewhere"):
        build({"model": "file://elsewhere/churn"})


@pytest.mark.parametrize("address", ["file://[/churn", "s3://[/churn"])
def test_an_address_that_is_no_url_is_refused(address):
    with pytest.raises(InvalidSetting, match="--model-uri: "):
        build({"model": address})


def test_the_model_is_called_as_its_folder_unless_it_is_named(tmp_path):
    assert build({"model": str(tmp_path / "churn" / ".." / "plan")}).model_name == "plan"
    assert build({"model_name": "risk"}).model_name == "risk"


def test_a_folder_whose_name_is_no_utf_8_gives_a_name_that_can_be_shown(tmp_path):
    assert build({"model": str(tmp_path / os.fsdecode(b"caf\xe9"))}).model_name == "caf?"


@pytest.mark.parametrize("field", [name for name, one in SETTINGS.items() if one.kind is LABEL])
def test_a_label_that_is_no_utf_8_becomes_one_that_can_be_shown(field):
    assert getattr(build({field: os.fsdecode(b"caf\xe9")}), field) == "caf?"


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InvalidSetting, match="No such file"):
        build(config=tmp_path / "none.toml")


@pytest.mark.parametrize("content", [b"port = ", b"\xff"])
def test_a_file_that_is_no_toml_is_refused(tmp_path, content):
    config = tmp_path / "serve.toml"
    config.write_bytes(content)
    with pytest.raises(InvalidSetting, match="expected a TOML file"):
        build(config=config)
