"""What a person chooses of an image, and the reading of it from texts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..runtimes.errors import InvalidSetting, shorten
from .plan import Platform

WHEEL_PLATFORMS: Final = {
    "linux/amd64": "x86_64-manylinux_2_28",
    "linux/arm64": "aarch64-manylinux_2_28",
}
"""The platforms that images are built for, and the wheels that each takes: those for glibc 2.28,
which every distribution has that still gets repairs."""

DEFAULT_PLATFORM: Final = Platform()


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How an image is built.

    ``base`` and ``python``, a release such as 3.11, are None where the model decides. With
    ``wheels`` no index is asked: what is installed comes from that folder. ``is_fresh`` builds
    without what was kept from earlier builds.
    """

    tags: tuple[str, ...]
    base: str | None = None
    python: str | None = None
    platforms: tuple[Platform, ...] = (DEFAULT_PLATFORM,)
    flavor: str | None = None
    wheels: Path | None = None
    is_fresh: bool = False
    is_pushed: bool = False


def read_platforms(texts: Iterable[str]) -> tuple[Platform, ...]:
    """Return the platforms that ``texts`` list, separated by commas; none is the usual one.

    Raises `InvalidSetting` for a platform that no image can be built for.
    """
    names = [name.strip() for text in texts for name in text.split(",")]
    return tuple(dict.fromkeys(map(_read_platform, names))) or (DEFAULT_PLATFORM,)


def _read_platform(name: str) -> Platform:
    # Docker gives the only arm64 there is a variant, sometimes.
    known = name.removesuffix("/v8") if name == "linux/arm64/v8" else name
    if known not in WHEEL_PLATFORMS:
        raise InvalidSetting(
            f'--platform: found "{shorten(name)}", expected one or more of '
            f"{', '.join(WHEEL_PLATFORMS)}"
        )
    system, _, architecture = known.partition("/")
    return Platform(system, architecture)


def read_python(text: str) -> str:
    """Return the release of Python that ``text`` names, or raise `InvalidSetting`."""
    found = re.fullmatch(r"3\.(\d{1,3})(\.\d+)?", text)
    if found is None or int(found[1]) < 11:
        raise InvalidSetting(f'--python: found "{shorten(text)}", expected 3.11 or later')
    return f"3.{found[1]}"


def read_build_arguments(texts: Iterable[str]) -> dict[str, str]:
    """Return the arguments of a build by their names; raises `InvalidSetting` for no NAME=VALUE."""
    arguments = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            # The value is not repeated: what is passed this way may be a secret.
            raise InvalidSetting(f'--build-arg {shorten(name)}: found no "=", expected NAME=VALUE')
        arguments[name] = value
    return arguments
