"""Requirements become a lock, and a lock a tree of packages, by uv and for any platform.

Where packages are found is uv's own configuration, which no lock and no image repeats.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from uv import find_uv_bin

from .errors import UnresolvedRequirements
from .locks import keep_hashes
from .options import WHEEL_PLATFORMS
from .plan import Platform
from .requirements import Requirements

_SECONDS: Final = 1800
_METADATA: Final = "*.dist-info"
_LONGEST_REASON: Final = 1000
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/@\s]+@")
_BLAMED: Final = (
    re.compile(r"[Bb]ecause (?:only )?([\w.-]+)(?:\[[^]]*\])?(?:[=<>!~]+\S+)? (?:was|has|depends)"),
    re.compile(r"no versions? of ([\w.-]+)"),
    re.compile(r"you require ([\w.-]+)"),
    re.compile(r"[`'\"]([\w.-]+)(?:[=<>!~@ ][^`'\"]*)?[`'\"]"),
)
# What an installer leaves behind that tells of this machine, and not of the package.
_TRACES: Final = frozenset({"direct_url.json", "uv_cache.json", "uv_build.json"})


@dataclass(frozen=True, slots=True)
class Target:
    """What packages are installed for; with ``wheels`` they come from that folder alone."""

    platform: Platform
    python: str
    wheels: Path | None = None

    def __str__(self) -> str:
        return f"{self.platform} with Python {self.python}"

    @property
    def arguments(self) -> list[str]:
        """What uv is told of it."""
        wheels = ["--no-index", "--find-links", str(self.wheels.absolute())] if self.wheels else []
        return [
            *("--python", sys.executable, "--python-version", self.python),
            *("--python-platform", WHEEL_PLATFORMS[str(self.platform)]),
            *("--only-binary", ":all:", "--no-progress", "--color", "never"),
            *wheels,
        ]


def installed_versions() -> dict[str, str]:
    """Return the packages of this environment, which an image gets too where it may."""
    folders = (folder for place in reversed(sys.path) for folder in Path(place).glob(_METADATA))
    pairs = (folder.name.removesuffix(_METADATA[1:]).partition("-") for folder in folders)
    return {name: version for name, _, version in pairs if version}


def resolve(requirements: Requirements, target: Target, preferred: Mapping[str, str]) -> str:
    """Return the lock of all that ``requirements`` lead to: releases and hashes, and no index.

    Where several releases fit it is the ``preferred`` one, or else the newest. Raises
    `UnresolvedRequirements`.
    """
    with tempfile.TemporaryDirectory(prefix="mlserve-lock-") as folder:
        lock = Path(folder) / "lock.txt"
        # What an output file holds already, uv keeps if it can.
        lock.write_text("".join(f"{name}=={version}\n" for name, version in preferred.items()))
        arguments = ["pip", "compile", "-", "--output-file", str(lock), *target.arguments]
        arguments += ["--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate"]
        _run(arguments, target, requirements.folder, "\n".join(requirements.lines))
        return keep_hashes(lock.read_text(), requirements.hashes)


def install(lock: Path, site: Path, target: Target, folder: Path) -> None:
    """Install what ``lock`` names into the new folder ``site``.

    A path in the lock is relative to ``folder``. Raises `UnresolvedRequirements`.
    """
    arguments = ["pip", "install", "--target", str(site), "--requirements", str(lock.absolute())]
    arguments += ["--no-deps", "--require-hashes", "--link-mode", "copy", *target.arguments]
    _run(arguments, target, folder, "")
    _remove_traces(site)


def _run(arguments: list[str], target: Target, folder: Path, text: str) -> None:
    command = [find_uv_bin(), *arguments]
    done = subprocess.run(  # noqa: S603 - uv, with arguments and no shell
        command,
        input=text,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        raise explain(done.stderr, str(target))


def explain(output: str, target: str) -> UnresolvedRequirements:
    """Return the error for what uv wrote when it gave up: which package, and why."""
    text = _CREDENTIALS.sub("", output.strip())
    lines = [re.sub(r"^(error|cause|hint): ?", "", line.strip()) for line in text.splitlines()]
    reason = " ".join(line for line in lines if line) or "uv gave no reason"
    blamed = next((found[1] for pattern in _BLAMED if (found := pattern.search(reason))), "")
    if len(reason) > _LONGEST_REASON:
        reason = f"{reason[:_LONGEST_REASON]}…"
    return UnresolvedRequirements(blamed or "what the model needs", target, reason)


def _remove_traces(site: Path) -> None:
    """Remove what differs from one machine to the next; nothing in an image calls a script."""
    (site / ".lock").unlink(missing_ok=True)
    shutil.rmtree(site / "bin", ignore_errors=True)
    for record in sorted(site.glob("*.dist-info/RECORD")):
        for name in _TRACES:
            record.with_name(name).unlink(missing_ok=True)
        lines = record.read_text().splitlines()
        record.write_text("".join(f"{line}\n" for line in _kept(lines)))


def _kept(lines: Iterable[str]) -> list[str]:
    return sorted(
        line
        for line in lines
        if not line.startswith(("bin/", "../../bin/"))
        and line.split(",")[0].rpartition("/")[2] not in _TRACES
    )
