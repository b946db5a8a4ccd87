"""``mlserve build-docker``, and what else makes images: their flags, which MLflow's users know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Final, TypeVar

import click

from ..builder.options import WHEEL_PLATFORMS, BuildOptions, read_platforms, read_python
from ..runtimes.errors import MissingExtra

Command = TypeVar("Command", bound=Callable[..., Any])

AUTO, DOCKER, OCI = "auto", "docker", "oci"
ENV_MANAGERS: Final = ("local", "virtualenv", "uv", "conda")

_BUILD: Final = f"{__package__}.building:build"
_GENERATE: Final = f"{__package__}.building:generate"
_BUILD_BASE: Final = f"{__package__}.building:build_base"

_FOLDER: Final = click.Path(path_type=Path)
_EXISTING: Final = click.Path(path_type=Path, exists=True, file_okay=False)

MODEL_FLAGS: Final = (
    click.option(
        "-m",
        "--model-uri",
        "model",
        required=True,
        metavar="MODEL",
        help="The model: a folder, or a reference such as models:/NAME/STAGE.",
    ),
    click.option(
        "--base",
        metavar="IMAGE",
        help="The image to build on, which has Python.  [default: python:VERSION-slim]",
    ),
    click.option(
        "--python",
        metavar="VERSION",
        help="The Python of the image.  [default: the one that the model was saved with]",
    ),
    click.option(
        "--flavor",
        metavar="NAME",
        help="The flavor to serve, where the model has several.",
    ),
    click.option(
        "--wheels",
        type=_EXISTING,
        metavar="DIR",
        help="A folder of wheels to install from; no index is asked then.",
    ),
    click.option(
        "--platform",
        "platforms",
        multiple=True,
        metavar="PLATFORM[,...]",
        help=f"What the image runs on: {' or '.join(WHEEL_PLATFORMS)}.  [default: linux/amd64]",
    ),
    click.option(
        "--no-cache",
        "is_fresh",
        is_flag=True,
        help="Resolve, install and build anew, without what was kept from earlier builds.",
    ),
)
"""The flags that say what is packed."""

MLFLOW_FLAGS: Final = (
    click.option(
        "--env-manager",
        type=click.Choice(ENV_MANAGERS),
        help="Accepted, and changes nothing: an image has one environment, the model's.",
    ),
    click.option(
        "--mlflow-home",
        metavar="DIR",
        help="Accepted, and changes nothing: no image here holds MLflow.",
    ),
    click.option(
        "--install-java", type=bool, help="Accepted, and changes nothing: no model here needs Java."
    ),
    click.option(
        "--install-mlflow",
        is_flag=True,
        help="Accepted, and changes nothing: no model here needs MLflow.",
    ),
)
"""Flags of MLflow's that have nothing to choose here."""

ENGINE_FLAGS: Final = (
    click.option(
        "-n",
        "--name",
        default="mlserve-model",
        metavar="NAME[:TAG]",
        show_default=True,
        help="What the image is called, with its registry if it is to be pushed.",
    ),
    click.option(
        "-t",
        "--tag",
        "tags",
        multiple=True,
        metavar="NAME[:TAG]",
        help="A further name of the image; may be repeated.",
    ),
    click.option(
        "--engine",
        type=click.Choice((AUTO, DOCKER, OCI)),
        default=AUTO,
        show_default=True,
        help="What builds: a Docker engine, or mlserve itself (oci); auto takes a Docker engine "
        "if one answers.",
    ),
    click.option(
        "-o",
        "--output",
        type=_FOLDER,
        metavar="PATH",
        help="Write the image to a new file NAME.tar, or else to the new folder of an OCI layout; "
        "needs no Docker engine.",
    ),
    click.option(
        "--push", "is_pushed", is_flag=True, help="Push the image to the registries of its names."
    ),
    click.option(
        "--build-arg",
        "build_arguments",
        multiple=True,
        metavar="NAME=VALUE",
        help="An argument for the Docker engine, such as a proxy; may be repeated.",
    ),
    click.option("--network", metavar="NAME", help="The network that the Docker engine builds in."),
)
"""The flags that say how the image is made and where it goes."""


def with_flags(*groups: tuple[Any, ...]) -> Callable[[Command], Command]:
    """Return a decorator that gives a command the flags of all ``groups``, in their order."""

    def decorate(command: Command) -> Command:
        for flag in reversed([flag for group in groups for flag in group]):
            command = flag(command)
        return command

    return decorate


@click.command("build-docker")
@with_flags(MODEL_FLAGS[:1], ENGINE_FLAGS, MODEL_FLAGS[1:], MLFLOW_FLAGS)
def build_docker(**flags: Any) -> None:
    """Build a container image that serves a model, and print its digest.

    With a Docker engine the image is left there; without one it is written to a file or pushed.
    """
    _drop_mlflow_flags(flags)
    click.echo(_call(_BUILD, flags))


@click.command("generate-dockerfile")
@with_flags(MODEL_FLAGS[:1])
@click.option(
    "-d",
    "--output-directory",
    "path",
    type=_FOLDER,
    default="mlserve-dockerfile",
    show_default=True,
    metavar="DIR",
    help="The new folder to write.",
)
@with_flags(MODEL_FLAGS[1:], MLFLOW_FLAGS)
def generate_dockerfile(**flags: Any) -> None:
    """Write a folder from which `docker build` makes the image of a model, and print its path.

    It holds all that goes into the image, so that the build needs no package index.
    """
    _drop_mlflow_flags(flags)
    click.echo(_call(_GENERATE, flags))


@click.command("build-base")
@click.option(
    "-n",
    "--name",
    default="mlserve-base:3.11",
    show_default=True,
    metavar="NAME[:TAG]",
    help="What the image is called.",
)
@click.option("--platform", "platforms", multiple=True, metavar="PLATFORM", help="As build-docker.")
@click.option(
    "--build-arg", "build_arguments", multiple=True, metavar="NAME=VALUE", help="As build-docker."
)
@click.option("--network", metavar="NAME", help="The network that the Docker engine builds in.")
@click.option("--no-cache", "is_fresh", is_flag=True, help="Build anew.")
@click.option("--push", "is_pushed", is_flag=True, help="Push the image to its registry.")
def build_base(**flags: Any) -> None:
    """Build the image that images of models can be built on, and print its digest.

    It is Python's own slim image with the repairs of its distribution and the user that services
    run as; name it in build-docker's --base.
    """
    click.echo(_call(_BUILD_BASE, flags))


def read_options(flags: dict[str, Any], tags: tuple[str, ...] = ()) -> BuildOptions:
    """Return the options that ``flags`` choose, and take them out of it."""
    python = flags.pop("python")
    return BuildOptions(
        tags=tags,
        base=flags.pop("base"),
        python=read_python(python) if python else None,
        platforms=read_platforms(flags.pop("platforms")),
        flavor=flags.pop("flavor"),
        wheels=flags.pop("wheels"),
        is_fresh=flags.pop("is_fresh"),
    )


def _drop_mlflow_flags(flags: dict[str, Any]) -> None:
    for name in ("env_manager", "mlflow_home", "install_java", "install_mlflow"):
        flags.pop(name)


def _call(command: str, flags: dict[str, Any]) -> str:
    try:
        work = resolve_name(command)
    except ModuleNotFoundError as error:
        if error.name in {"docker", "httpx", "uv"}:
            raise MissingExtra("building images", error.name, "build") from error
        if error.name in {"alembic", "fsspec", "sqlalchemy"}:
            raise MissingExtra("building images", error.name, "store") from error
        raise
    return str(work(**flags))
