"""The entry point of an image: ``python3 -m mlserve.serve.container serve``.

It needs no command line: all it is told is in the environment, by the platform and by variables.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

from ..runtimes.errors import InvalidSetting, MLServeError
from ..runtimes.exit_codes import exit_code
from ..runtimes.modelfolder import MLMODEL
from .configuration import build_settings
from .launch import run_service
from .logs import configure_logging
from .platforms import DEFAULTS, join_environment, read_platform
from .settings import Settings

SERVE: Final = "serve"

logger = logging.getLogger("mlserve")


def main() -> None:
    """Serve the model of this container until told to stop."""
    # The first process of a container has no signal handlers but its own, and a stop that comes
    # before the service has them would be lost.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end_at_once)
    sys.exit(run(sys.argv[1:], os.environ))


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Serve as ``environment`` says and return the exit code; what is wrong is told on stderr."""
    try:
        _check_arguments(arguments)
        settings = container_settings(environment)
    except MLServeError as error:
        sys.stderr.write(f"Error: {error}\n")
        return exit_code(error)
    configure_logging(settings.log_format, settings.log_level)
    try:
        return run_service(settings)
    except MLServeError as error:
        logger.error("%s", error)  # noqa: TRY400 - a message for the operator, without traceback
        return exit_code(error)
    except Exception:  # the edge of the program: the model's own code may raise anything
        logger.exception("the service failed")
        return 1


def container_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings in a container: variables of ours, what its platform asks for, a file.

    Raises `InvalidSetting`.
    """
    platform = read_platform(environment)
    defaults = {
        **DEFAULTS,
        "contracts": platform.contracts,
        "model": find_model(platform.models),
    }
    return build_settings({}, join_environment(platform, environment), defaults=defaults)


def find_model(folders: Iterable[Path]) -> Path:
    """Return the first of ``folders`` that holds a model, or whose one folder with a model does.

    Where none does, it is the first of them: loading it says what is missing there.
    """
    candidates = list(folders)
    for folder in candidates:
        with contextlib.suppress(OSError):  # one that may not be read holds nothing for us
            nested = sorted(folder.glob(f"*/{MLMODEL}"))
            if (folder / MLMODEL).is_file():
                return folder
            if len(nested) == 1:
                return nested[0].parent
    return candidates[0]


def _check_arguments(arguments: Sequence[str]) -> None:
    if list(arguments) not in ([], [SERVE]):
        raise InvalidSetting(
            f'found the arguments "{" ".join(arguments)}", expected {SERVE} or none: an image '
            "serves its model; settings are variables, such as MLSERVE_WORKERS"
        )


def _end_at_once(_: int, __: FrameType | None) -> None:
    os._exit(0)


if __name__ == "__main__":
    main()
