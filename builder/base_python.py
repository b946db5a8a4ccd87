"""Which Python a base has: what its configuration says, or what lies on its PATH in its layers."""

from __future__ import annotations

import posixpath
import re
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from .base_images import BaseImage
from .errors import InvalidImage, UnusableBase
from .kept_files import KeptFiles
from .plan import BuildPlan

PYTHON_VERSION: Final = "PYTHON_VERSION"
"""The variable in which Python's own images declare their Python."""

_USUAL_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_RELEASE: Final = re.compile(r"python(3\.\d+)")
_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"
_MOST_LINKS: Final = 40

Names = dict[str, str]
"""The paths of an image that matter here; a link has where it leads to, all else nothing."""


def check_python(base: BaseImage, plan: BuildPlan, known: KeptFiles | None = None) -> None:
    """Raise `UnusableBase` unless the base has the Python that the layers of ``plan`` are for.

    ``known`` keeps what was found, by the digests of bases.
    """
    wanted = f"Python {plan.python}"
    found = _find_or_look_up(base, known)
    if found is None:
        raise UnusableBase(plan.base, "no python3 on its PATH", wanted)
    if found != plan.python:
        raise UnusableBase(plan.base, f"Python {found}", f"{wanted}; build with --python {found}")


def _find_or_look_up(base: BaseImage, known: KeptFiles | None) -> str | None:
    if known is None:
        return find_python(base)
    name = base.descriptor.digest.replace(":", "-")
    if file := known.find(name):
        return file.read_text()
    found = find_python(base)

    def note(file: Path) -> str:
        file.write_text(found or "")
        return name

    if found:
        known.add(note)
    return found


def find_python(base: BaseImage) -> str | None:
    """Return the release of the python3 that a base runs, such as 3.11, or None if it has none."""
    environment = base.config.environment
    if declared := re.match(r"3\.\d+", environment.get(PYTHON_VERSION, "")):
        return declared[0]
    names: Names = {}
    for blob in base.blobs:
        try:
            with blob.open() as stream, tarfile.open(fileobj=stream, mode="r|*") as layer:
                add_layer(names, ((e.name, e.linkname if e.issym() else "") for e in layer))
        except tarfile.TarError as error:
            found = f"a layer of type {blob.descriptor.media_type} that cannot be read"
            raise InvalidImage(str(base.name or base.descriptor.digest), found, "a tar") from error
    return python_among(names, environment.get("PATH") or _USUAL_PATH)


def add_layer(names: Names, entries: Iterable[tuple[str, str]]) -> None:
    """Lay the paths of a layer, with where links lead to, over those of the layers below."""
    # A whiteout hides what lies below its own layer, wherever in the layer it stands.
    brought: Names = {}
    for path, link in entries:
        name = posixpath.normpath(path.lstrip("/"))
        folder, base = posixpath.split(name)
        if base == _OPAQUE:
            _hide(names, f"{folder}/")
        elif base.startswith(_WHITEOUT):
            hidden = posixpath.join(folder, base.removeprefix(_WHITEOUT))
            names.pop(hidden, None)
            _hide(names, f"{hidden}/")
        elif link or base.startswith("python3"):
            brought[name] = link
        else:
            names.pop(name, None)
    names.update(brought)


def python_among(names: Names, path: str) -> str | None:
    """Return the release of the first python3 in the folders of ``path``, or None."""
    for folder in path.split(":"):
        found = _follow(names, posixpath.join(folder.lstrip("/"), "python3"))
        if found not in names:
            continue
        if release := _RELEASE.fullmatch(posixpath.basename(found)):
            return release[1]
        # A program without a release in its name has its library beside it.
        library = posixpath.join(posixpath.dirname(posixpath.dirname(found)), "lib")
        for name in sorted(names):
            inside = posixpath.dirname(name) == library
            if inside and (release := _RELEASE.fullmatch(posixpath.basename(name))):
                return release[1]
    return None


def _hide(names: Names, start: str) -> None:
    for name in [name for name in names if name.startswith(start)]:
        del names[name]


def _follow(names: Names, path: str) -> str:
    """Return where ``path`` leads to through links, of folders too."""
    for _ in range(_MOST_LINKS):
        parts = path.split("/")
        for length in range(1, len(parts) + 1):
            start = "/".join(parts[:length])
            if link := names.get(start):
                target = posixpath.join("/", posixpath.dirname(start), link, *parts[length:])
                path = posixpath.normpath(target).lstrip("/")
                break
        else:
            return path
    return path
