"""``mlserve server``: the store over HTTP, and the secrets of those who may use it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Final, TypeVar

import click

from ..runtimes.errors import InvalidSetting, nearest
from ..serve.configuration import is_service_link
from ..store.operation import Role
from ..store.rest.settings import ServerSettings

Command = TypeVar("Command", bound=Callable[..., Any])

PREFIX: Final = "MLSERVE_SERVER_"

_RUN: Final = f"{__package__}.store_launch:run_store_server"
_HASHES: Final = f"{ServerSettings.__module__.rpartition('.')[0]}.secret_hashes"
_NAMES: Final = re.compile(r"[\s,]+")
_DEFAULTS: Final = {one.name: one.default for one in fields(ServerSettings)}


class Flag(click.Option):
    """A flag that is a variable too, but for one that Kubernetes set to tell of a Service."""

    def resolve_envvar_value(self, _: click.Context) -> str | None:
        """Return the value of the first variable that has one."""
        for name in self.envvar or ():
            value = os.environ.get(name)
            if value and not is_service_link(name, value):
                return value
        return None


def _flag(names: str, text: str, *, mlflow: str | None = None, **options: Any) -> Any:
    """Return the flag of one setting; its name is the field's, and MLflow's variable counts too."""
    flags = names.split()
    key = max(flags, key=len).removeprefix("--").partition("/")[0].replace("-", "_")
    variables = [PREFIX + key.upper(), *filter(None, [mlflow])]
    default = _DEFAULTS[key]
    shown = default is not None and default != () and default is not False
    return click.option(
        *flags,
        key,
        cls=Flag,
        envvar=variables,
        help=text,
        default=default,
        show_default=shown,
        **options,
    )


_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_MIB: Final = click.IntRange(0, 2**30)

FLAGS: Final = (
    _flag(
        "-h --host",
        "The address to listen on; 0.0.0.0 is every address of the machine.",
        mlflow="MLFLOW_HOST",
    ),
    _flag(
        "-p --port",
        "The port to listen on; 0 takes one that is free.",
        mlflow="MLFLOW_PORT",
        type=click.IntRange(0, 65535),
    ),
    _flag(
        "--backend-store-uri",
        "The database: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME.",
        mlflow="MLFLOW_BACKEND_STORE_URI",
        metavar="URI",
    ),
    _flag(
        "--artifacts-destination",
        "Where artifacts are kept: a folder, or s3://BUCKET/PATH, gs://…, abfs://….  [default: the "
        "folder mlartifacts beside a SQLite file, else in the working directory]",
        mlflow="MLFLOW_ARTIFACTS_DESTINATION",
        metavar="URI",
    ),
    _flag(
        "--auth",
        "A TOML file of accounts; without it, whoever reaches the server may do everything.",
        type=_FILE,
    ),
    _flag(
        "--without-auth",
        "Listen beyond this machine although there are no accounts.",
        is_flag=True,
    ),
    _flag(
        "--allowed-hosts",
        "Names by which the server is called, separated by commas; * stands for anything.  "
        "[default: the host listened on and private addresses; loopback names always are]",
        mlflow="MLFLOW_SERVER_ALLOWED_HOSTS",
        metavar="NAMES",
        callback=lambda _, __, value: _read_names(value),
    ),
    _flag(
        "--lifecycle",
        "A TOML file of the stages of versions, and what a move to one asks for.",
        type=_FILE,
    ),
    _flag(
        "--webhook-hosts",
        "Hosts that webhooks may call although their addresses are private, separated by commas; "
        "* stands for anything.",
        metavar="NAMES",
        callback=lambda _, __, value: _read_names(value),
    ),
    _flag(
        "--webhook-hosts-only",
        "Let webhooks call the hosts of --webhook-hosts and no others.",
        is_flag=True,
    ),
    _flag(
        "--max-body-mb",
        "Size of a request in MiB, over which it gets status 413; artifacts have their own.",
        type=click.IntRange(1, 2**20),
    ),
    _flag(
        "--max-artifact-mb",
        "Size of an uploaded artifact in MiB, over which it gets status 413; 0 is no limit.",
        type=_MIB,
    ),
    _flag(
        "--direct-urls",
        "Let clients that ask for it send files to S3 in parts, and get them from it, by signed "
        "addresses past the server: they have to reach S3, and need no credentials for it.",
        is_flag=True,
    ),
    _flag(
        "--drain-seconds",
        "Seconds that accepted requests have to finish when the server is told to stop.",
        type=click.FloatRange(0, 86_400),
    ),
    _flag("--access-log/--no-access-log", "Log a line for each request."),
    _flag(
        "--log-format",
        "How log lines are written.",
        type=click.Choice(["text", "json"], case_sensitive=False),
    ),
    _flag(
        "--log-level",
        "The least important messages that are logged.",
        type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
    ),
)


def _with_flags(command: Command) -> Command:
    for flag in reversed(FLAGS):
        command = flag(command)
    return command


def _read_names(value: object) -> tuple[str, ...]:
    return tuple(filter(None, _NAMES.split(value))) if isinstance(value, str) else ()


@click.group(invoke_without_command=True)
@_with_flags
@click.pass_context
def server(context: click.Context, /, **values: Any) -> None:
    """Serve a store of runs and models, as MLflow's tracking server does.

    Every flag is also a variable, MLSERVE_SERVER_PORT for --port; a flag goes before a variable.
    """
    if context.invoked_subcommand is None:
        _refuse_unknown_variables()
        run: Callable[[ServerSettings], int] = resolve_name(_RUN)
        context.exit(run(ServerSettings(**values)))


def _refuse_unknown_variables() -> None:
    known = [PREFIX + one.name.upper() for one in fields(ServerSettings)]
    for name, value in os.environ.items():
        if name.startswith(PREFIX) and name not in known and not is_service_link(name, value):
            match = nearest(name, known)
            advice = f"did you mean {match}?" if match else f"known are {', '.join(known)}"
            raise InvalidSetting(f"the variable {name} is not a setting; {advice}")


@server.command("hash-secret")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice([role.name.lower() for role in Role]),
    default=Role.WRITER.name.lower(),
    show_default=True,
    help="What the account may do; each role may do what those before it may.",
)
@click.option("--token", is_flag=True, help="Make a token for a program, not hash a password.")
def hash_secret(name: str, role: str, *, token: bool) -> None:
    """Print the lines that a file for --auth has for the account NAME.

    Asks for a password, or reads it from stdin where that is no terminal. With --token, a new token
    is shown on stderr, once.
    """
    hashes: Any = resolve_name(_HASHES)
    if token:
        secret = hashes.make_token()
        click.echo(f"the token, which is shown this once: {secret}", err=True)
        line = f'tokens = ["{hashes.hash_token(secret)}"]'
    else:
        line = f'password = "{hashes.hash_password(_ask_password())}"'
    click.echo(f'[users.{_toml_key(name)}]\nrole = "{role}"\n{line}')


def _ask_password() -> str:
    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise InvalidSetting("found an empty password, expected one that is hard to guess")
    return str(password)


def _toml_key(name: str) -> str:
    if not name or ":" in name or not name.isprintable():
        raise InvalidSetting("NAME: expected a name without colons and control characters")
    if re.fullmatch(r"[A-Za-z0-9_-]+", name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
