"""Flags and a table for readers, both made from the settings' own descriptions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

import click

from ..serve.kinds import NAMES, SWITCH
from ..serve.settings import SETTINGS, Setting, Settings

Command = TypeVar("Command", bound=Callable[..., Any])

DEFAULTS = {one.name: SETTINGS[one.name].default or one.default for one in fields(Settings)}


def settings_options(command: Command) -> Command:
    """Return ``command`` with a flag for every setting; one that is not given is None.

    The values come as text: `build_settings` reads them, as it reads variables.
    """
    for name in reversed(list(SETTINGS)):
        command = _option(name, SETTINGS[name])(command)
    return command


def _option(name: str, setting: Setting) -> Callable[[Command], Command]:
    declared = [name, *setting.flags]
    text = f"{setting.help}{_default_note(name)}"
    if setting.kind is SWITCH:
        declared = [name, f"{setting.flag}/--no-{setting.flag.removeprefix('--')}"]
        return click.option(*declared, default=None, help=text)
    return click.option(
        *declared,
        multiple=setting.kind is NAMES,
        default=None,
        help=text,
        metavar=setting.kind.metavar,
    )


def _default_note(name: str) -> str:
    shown = show_default(name)
    return f"  [default: {shown}]" if shown else ""


def show_default(name: str) -> str:
    """Return the default of the setting ``name`` as readers see it, empty where there is none."""
    value = DEFAULTS[name]
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value in (None, ()) else str(value)


def settings_table() -> str:
    """Return the settings as a Markdown table: flag, variable, default and meaning."""
    head = "| flag | variable | default | meaning |\n| --- | --- | --- | --- |\n"
    return head + "".join(_table_row(name, setting) for name, setting in SETTINGS.items())


def _table_row(name: str, setting: Setting) -> str:
    flags = ", ".join(f"`{flag}`" for flag in setting.flags)
    variables = [setting.variable, *filter(None, [setting.mlflow_variable])]
    named = ", ".join(f"`{variable}`" for variable in variables)
    meaning = f"{setting.help} Takes {setting.kind.expected}."
    return f"| {flags} | {named} | {show_default(name)} | {meaning} |\n"
