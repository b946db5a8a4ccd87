"""``mlserve models``: what is done with a packaged model."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Final

import click

from ..runtimes.errors import InvalidSetting, MLServeError
from ..runtimes.exit_codes import exit_code
from ..serve.configuration import CONFIG_VARIABLE, build_settings
from ..serve.launch import run_service
from ..serve.locating import Located, is_elsewhere, locate_folder
from ..serve.logs import configure_logging
from .main import LazyGroup
from .options import settings_options

LOCAL: Final = "local"

COMMANDS: Final = {
    "build-docker": (f"{__package__}.build:build_docker", "Build the image of a model."),
    "generate-dockerfile": (
        f"{__package__}.build:generate_dockerfile",
        "Write what `docker build` makes the image of a model from.",
    ),
}

_LOCATE: Final = f"{__package__}.locating:locate_in_store"

logger = logging.getLogger("mlserve")


@click.group(cls=LazyGroup, lazy=COMMANDS)
def models() -> None:
    """Serve packaged models, and build their images."""


@models.command()
@settings_options
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help=f"A TOML file of settings, by their keys; {CONFIG_VARIABLE} may name it too.",
)
@click.option(
    "--env-manager",
    default=LOCAL,
    metavar="NAME",
    help="Where the model's libraries come from; only local, this very environment, is served.",
)
@click.option("--no-conda", is_flag=True, help="The same as --env-manager local.")
@click.option("--install-mlflow", is_flag=True, help="Not needed: no model here needs MLflow.")
@click.pass_context
def serve(
    context: click.Context,
    /,
    config: Path | None,
    env_manager: str,
    no_conda: bool,
    install_mlflow: bool,
    **flags: Any,
) -> None:
    """Serve a model over REST, as MLflow's scoring server does.

    Every flag but the last three is also a variable, MLSERVE_PORT for --port, and a key of the
    configuration file, port. A flag goes before a variable, and a variable before the file.
    """
    _require_local(LOCAL if no_conda else env_manager)
    settings = build_settings(_given(flags), os.environ, config, _locate)
    configure_logging(settings.log_format, settings.log_level)
    if install_mlflow:
        logger.info("--install-mlflow changes nothing: no model here needs MLflow")
    try:
        code = run_service(settings)
    except MLServeError as error:
        logger.error("%s", error)  # noqa: TRY400 - a message for the operator, without traceback
        code = exit_code(error)
    except Exception:  # the edge of the command: the model's own code may raise anything
        logger.exception("the service failed")
        code = 1
    context.exit(code)


def _locate(text: str) -> Located:
    """Return the model that a text names; a folder is found without importing the store."""
    if not is_elsewhere(text):
        return locate_folder(text)
    if sys.stderr.isatty():  # a log may be JSON
        click.echo("fetching the model", err=True)
    located: Located = resolve_name(_LOCATE)(text, os.environ)
    return located


def _require_local(env_manager: str) -> None:
    if env_manager != LOCAL:
        raise InvalidSetting(
            f"--env-manager: found {env_manager}, expected {LOCAL}, the only one served yet; "
            "install the model's requirements into this environment and leave the flag out"
        )


def _given(flags: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in flags.items() if value not in (None, ())}
