"""The trees of an image, made on this machine: its packages, mlserve itself, the model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Final

from ..runtimes.errors import InvalidModel
from ..runtimes.modelfolder import MLMODEL, model_file
from ..store.fetching import LocatedModel
from ..store.manifest import FileDigest, Manifest, check_tree, copy_file
from .bytecode import compile_folder, is_compilable
from .contract import Tell
from .plan import APP, SITE
from .requirements import LOCK_FILE, Requirements
from .trees import TreeCache, key_of
from .wheels import Target, install, installed_versions, resolve

PACKAGE: Final = Path(__file__).parents[1]
"""The very mlserve that runs here."""

PACKAGE_NAME: Final = "mlserve"

DOCKERFILE_BASE: Final = PACKAGE / "Dockerfile.base"
"""How the base that images can be built on is made."""

PACKED_ROOMS: Final = ("runtimes", "serve")
_ROOT_FILES: Final = ("__init__.py", "py.typed")
_COMPILER: Final = "marshal 2"


@dataclass(frozen=True, slots=True)
class Workshop:
    """Makes trees; those that later builds can use too are kept in ``cache``."""

    cache: TreeCache
    tell: Tell

    def requirements(self, requirements: Requirements, target: Target) -> Path:
        """Return a folder with the lock of ``requirements`` and the packages that it names.

        Raises `UnresolvedRequirements`.
        """
        lock = self._lock(requirements, target)
        key = key_of(["site", lock, str(target), self._compiler(target.python)])
        return self.cache.get(key, partial(self._install, lock, target, requirements.folder))

    def app(self, python: str) -> Path:
        """Return a folder with mlserve: the rooms that a service consists of."""
        files = {name: (PACKAGE / name).read_bytes() for name in _app_files()}
        contents = (f"{name}\n{content.hex()}" for name, content in files.items())
        key = key_of(["app", version("mlserve"), python, self._compiler(python), *contents])
        return self.cache.get(key, partial(self._copy_app, files, python))

    def _lock(self, requirements: Requirements, target: Target) -> str:
        preferred = installed_versions()
        wheels = [file.name for file in target.wheels.iterdir()] if target.wheels else ["index"]
        installed = sorted(f"{name}=={number}" for name, number in preferred.items())
        hashes = [f"{name} {one}" for name, every in requirements.hashes.items() for one in every]
        groups = (requirements.lines, hashes, [str(target)], sorted(wheels), installed)
        key = key_of(["lock", *("\n".join(group) for group in groups)])
        is_local = any("/" in line for line in requirements.lines)
        if is_local:  # what a path leads to may change
            return resolve(requirements, target, preferred)

        def make(folder: Path) -> None:
            self.tell(f"resolving {len(requirements.lines)} requirements for {target}")
            (folder / LOCK_FILE).write_text(resolve(requirements, target, preferred))

        return (self.cache.get(key, make) / LOCK_FILE).read_text()

    def _install(self, lock: str, target: Target, model: Path, folder: Path) -> None:
        self.tell(f"installing {lock.count('==')} packages")
        (folder / LOCK_FILE).write_text(lock)
        site = folder / Path(SITE).name
        install(folder / LOCK_FILE, site, target, model)
        self._compile(site, SITE, target.python)

    def _copy_app(self, files: dict[str, bytes], python: str, folder: Path) -> None:
        for name, content in files.items():
            file = folder / PACKAGE_NAME / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        _write_metadata(folder)
        self._compile(folder, APP, python)

    def _compile(self, folder: Path, target: str, python: str) -> None:
        if is_compilable(python):
            self.tell(f"compiling {target}")
            compile_folder(folder, target)
        else:
            self.tell(
                f"{target} is not compiled, and a container starts slower: this machine's Python "
                f"is not {python}"
            )

    def _compiler(self, python: str) -> str:
        return _COMPILER if is_compilable(python) else ""


def stage_model(model: LocatedModel, folder: Path) -> Manifest | None:
    """Make ``folder`` hold the model, and return its manifest, or None if that is known already.

    A model of the cache was verified and never changes, so it is only linked to. Raises
    `InvalidModel` for a folder with links to folders, or out of itself, or with pipes.
    """
    if model.digest is not None:
        folder.symlink_to(model.folder.resolve(), target_is_directory=True)
        return None
    folder.mkdir()
    names = sorted(_files_below(model.folder))
    check_tree(names)
    return Manifest({name: _copy(model.folder, name, folder / name) for name in names})


def stage_links(trees: dict[str, Path], folder: Path) -> None:
    """Make ``folder`` show each tree under its name, without copying it."""
    folder.mkdir(parents=True)
    for name, tree in trees.items():
        (folder / name).symlink_to(tree.resolve(), target_is_directory=True)


def _files_below(folder: Path) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        if links := [name for name in folders if (Path(place) / name).is_symlink()]:
            found = f"the link {links[0]} to a folder"
            raise InvalidModel(folder / MLMODEL, found, "files; give a copy of it (cp -rL)")
        yield from ((Path(place) / name).relative_to(folder).as_posix() for name in files)


def _copy(folder: Path, name: str, copy: Path) -> FileDigest:
    copy.parent.mkdir(parents=True, exist_ok=True)
    with model_file(folder, name).open("rb") as source, copy.open("wb") as sink:
        return copy_file(source, sink)


def _app_files() -> Iterator[str]:
    """Yield the files of mlserve that a service needs, in order."""
    yield from _ROOT_FILES
    for room in PACKED_ROOMS:
        for file in sorted((PACKAGE / room).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                yield file.relative_to(PACKAGE).as_posix()


def _write_metadata(folder: Path) -> None:
    """Say which mlserve it is, where ``importlib.metadata`` looks."""
    release = version("mlserve")
    info = folder / f"{PACKAGE_NAME}-{release}.dist-info"
    info.mkdir()
    text = f"Metadata-Version: 2.1\nName: {PACKAGE_NAME}\nVersion: {release}\n"
    (info / "METADATA").write_text(text)
