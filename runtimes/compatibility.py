"""Whether a model saved by another release of a package may be loaded with the installed one."""

from __future__ import annotations

import logging
import platform
import re

from .contract import LoadOptions
from .errors import IncompatibleVersion
from .modelspec import ModelSpec

logger = logging.getLogger("mlserve")


def compare_versions(
    package: str,
    recorded: str,
    installed: str,
    *,
    pickled: bool,
    parts: int = 3,
    allow_mismatch: bool = False,
) -> str | None:
    """Return a warning that names both versions where they differ, or None where they agree.

    The first ``parts`` numbers of the versions count. Raises `IncompatibleVersion` where the
    first one differs and the model is ``pickled``, as a pickle is bound to the code that wrote
    it, unless ``allow_mismatch``.
    """
    ours, theirs = _release(installed, parts), _release(recorded, parts)
    if ours == theirs:
        return None
    if pickled and not allow_mismatch and ours[:1] != theirs[:1]:
        raise IncompatibleVersion(package, recorded, installed)
    return (
        f"the model was saved with {package} {recorded}, and {installed} is installed; "
        "its predictions may differ, or fail"
    )


def check_version(
    package: str,
    recorded: object,
    installed: str,
    *,
    pickled: bool,
    parts: int = 3,
    allow_mismatch: bool = False,
) -> None:
    """Log the warning of `compare_versions`, where there is one.

    Raises `IncompatibleVersion` as that does; a model that records no version passes.
    """
    if not recorded:
        return
    warning = compare_versions(
        package,
        str(recorded),
        installed,
        pickled=pickled,
        parts=parts,
        allow_mismatch=allow_mismatch,
    )
    if warning:
        logger.warning("%s", warning)


def check_python(spec: ModelSpec, options: LoadOptions) -> None:
    """Log a warning where a pickle in ``spec`` was written by another minor version of Python.

    Raises `IncompatibleVersion` for another major version, unless the operator allows it.
    """
    check_version(
        "Python",
        spec.flavors.get("python_function", {}).get("python_version"),
        platform.python_version(),
        pickled=True,
        parts=2,
        allow_mismatch=options.allow_version_mismatch,
    )


def _release(version: str, parts: int) -> tuple[int, ...]:
    """Return the leading numbers of ``version``, zeros where it has fewer."""
    match = re.match(r"\s*v?(?:\d+!)?(\d+(?:\.\d+)*)", version)
    numbers = [int(number) for number in match[1].split(".")] if match else []
    return tuple((numbers + [0] * parts)[:parts]) if numbers else ()
