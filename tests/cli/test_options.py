"""Each setting has its flag and its row in the docs, both made from its own description."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from mlserve.cli.models import serve
from mlserve.cli.options import settings_options, settings_table, show_default
from mlserve.serve.settings import SETTINGS

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


@click.command()
@settings_options
def shown(**flags: object) -> None:
    click.echo({name: value for name, value in flags.items() if value not in (None, ())})


def flags_given(*arguments: str) -> str:
    result = CliRunner().invoke(shown, arguments)
    assert result.exit_code == 0, result.output
    return result.output.strip()


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_a_flag_of_serve(name):
    option = next(option for option in serve.params if option.name == name)
    assert set(SETTINGS[name].flags) <= set(option.opts)


@pytest.mark.parametrize("name", SETTINGS)
def test_help_tells_what_a_setting_does_and_its_default(name):
    text = " ".join(CliRunner().invoke(serve, ["--help"], terminal_width=1000).output.split())
    assert SETTINGS[name].help in text
    if show_default(name):
        assert f"{SETTINGS[name].help} [default: {show_default(name)}]" in text


def test_what_is_not_given_is_left_to_the_other_sources():
    assert flags_given() == "{}"


def test_a_flag_comes_as_text():
    assert flags_given("-h", "::1", "-p", "80") == "{'host': '::1', 'port': '80'}"


def test_a_switch_can_be_turned_on_and_off():
    assert flags_given("--safe-only") == "{'safe_only': True}"
    assert flags_given("--no-safe-only") == "{'safe_only': False}"


def test_names_may_be_repeated():
    flags = flags_given("--skops-trusted", "a.B", "--skops-trusted", "c.D")
    assert flags == "{'skops_trusted': ('a.B', 'c.D')}"


def test_the_table_in_the_docs_is_that_of_the_settings():
    assert settings_table() in DOCS.read_text(), f"expected in {DOCS.name}:\n{settings_table()}"
