"""The command ``mlserve``: its groups, imported when they are used, and its exit codes."""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import Any, Final

import click

from ..runtimes.errors import MLServeError
from ..runtimes.exit_codes import exit_code
from .tables import printable

COMMANDS: Final = {
    "build-base": (f"{__package__}.build:build_base", "Build the image to build others on."),
    "build-docker": (f"{__package__}.build:build_docker", "Build the image of a model."),
    "conformance": (
        f"{__package__}.conformance:conformance",
        "Whether a service keeps the contract of a platform.",
    ),
    "experiments": (f"{__package__}.experiments:experiments", "The experiments of a store."),
    "gc": (f"{__package__}.gc:gc", "Delete for good what was deleted."),
    "image": (f"{__package__}.image:image", "What is in an image, and how it came to be."),
    "import-mlflow": (f"{__package__}.import_mlflow:import_mlflow", "Copy what an MLflow holds."),
    "models": (f"{__package__}.models:models", "Serve packaged models, and build their images."),
    "registry": (f"{__package__}.registry:registry", "Registered models and their versions."),
    "runs": (f"{__package__}.runs:runs", "The runs of a store."),
    "server": (f"{__package__}.server:server", "Serve a store of runs and models."),
    "webhooks": (f"{__package__}.webhooks:webhooks", "Who is told what happens in a registry."),
}


class LazyGroup(click.Group):
    """A group whose commands, named "module:attribute" with a line of help, are imported late."""

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = lazy

    def list_commands(self, _: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted([*self._lazy, *self.commands])

    def get_command(self, _: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command ``cmd_name``, imported now, or None if there is none."""
        if cmd_name in self._lazy:
            command: click.Command = resolve_name(self._lazy[cmd_name][0])
            return command
        return self.commands.get(cmd_name)

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        lines = {name: text for name, (_, text) in self._lazy.items()}
        lines |= {name: command.get_short_help_str() for name, command in self.commands.items()}
        with formatter.section("Commands"):
            formatter.write_dl(sorted(lines.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error of ours becomes a message and an exit code."""
        try:
            return super().invoke(ctx)
        except MLServeError as error:
            lines = map(printable, str(error).splitlines())
            click.echo("Error: " + "\n".join(lines), err=True)
            ctx.exit(exit_code(error))


@click.group(cls=LazyGroup, lazy=COMMANDS)
@click.version_option(package_name="mlserve", message="%(version)s")
def main() -> None:
    """Trained models in the MLflow format: as a REST service, a batch job, a container image."""
