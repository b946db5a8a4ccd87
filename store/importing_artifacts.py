"""Artifacts copied from a source to the store: what is there in the same size stays."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import suppress
from pathlib import Path

from ..runtimes.errors import InvalidSetting, shorten
from .artifact_storage import open_artifacts
from .contract import Artifacts
from .entities import Experiment, FileInfo
from .errors import InvalidParameter, NotFound, StoreError
from .importing_places import Places
from .importing_records import Source
from .importing_tally import Tally
from .storage_uris import scheme_of
from .store import Store


class Copier:
    """Copies folders of artifacts, several files at a time; a file is written whole or not at all.

    What it copied and what it could not is in ``tally``.
    """

    def __init__(
        self, source: Source, store: Store, places: Places, executor: Executor, tally: Tally
    ) -> None:
        self._source, self._store, self._places = source, store, places
        self._executor, self._tally = executor, tally

    def check(self, experiment: Experiment) -> None:
        """Raise where the artifacts of an experiment cannot be reached at all from here.

        Raises `InvalidSetting` where they are in a folder of this machine that is not there, and
        what opening them raises.
        """
        location = self._places.absolute(experiment.artifact_location)
        place = self._places.find(location) or location
        if scheme_of(place) in {"", "file"}:
            folder = Path(self._places.absolute(place))
            if not folder.exists() and not folder.parent.exists():
                start = location.rpartition("/")[0]
                raise InvalidSetting(
                    f"the artifacts of the experiment {shorten(experiment.name)} are under "
                    f"{shorten(start)}: {folder.parent} is not there; say where they are now with "
                    f"--artifacts-at {shorten(start)}=FOLDER, an empty folder if they are lost"
                )
        with suppress(InvalidParameter):  # each of its runs will tell
            self.open(location)

    def open(self, uri: str) -> Artifacts:
        """Return the artifacts of the source under ``uri``, where they are now."""
        moved = self._places.find(uri)
        if moved is not None:
            return open_artifacts(moved)
        return self._source.artifacts(self._places.absolute(uri))

    def copy(self, what: str, uri: str, target_uri: str) -> bool:
        """Copy the artifacts of ``what``; false means that another time they may be copied.

        What never can be, such as a name of a file that no store takes, is passed over and noted.
        """
        waiting: dict[str, Future[int]] = {}
        is_copied = True
        try:
            source, target = self.open(uri), self._store.artifacts(target_uri)
            there = {file.path: file.file_size for file in _walk(target)}
            for file in self._files(what, source):
                if file.path not in there or there[file.path] != file.file_size:
                    waiting[file.path] = self._executor.submit(_copy, source, target, file.path)
        except StoreError as error:
            self._tally.fail(what, error)
            is_copied = isinstance(error, InvalidParameter)
        for path, future in waiting.items():
            is_copied &= self._add(f"{what}, {path}", future)
        return is_copied

    def _files(self, what: str, source: Artifacts) -> Iterator[FileInfo]:
        """Yield the files of the source once each, around those that no store takes."""
        found = set()
        try:
            for file in _walk(source):
                found.add(file.path)
                yield file
        except (InvalidParameter, NotFound) as error:  # such as a link that leads out of the folder
            self._tally.fail(what, f"{error}; no such artifact is copied")
            yield from (file for file in _list(source) if file.path not in found)

    def _add(self, what: str, future: Future[int]) -> bool:
        try:
            self._tally.copied["bytes"] += future.result()
        except StoreError as error:
            self._tally.fail(what, error)
            return isinstance(error, InvalidParameter | NotFound)
        self._tally.copied["files"] += 1
        return True


def _walk(artifacts: Artifacts) -> Iterator[FileInfo]:
    try:
        artifacts.list_folder()
    except NotFound:  # nothing was ever logged there
        return
    yield from artifacts.walk()


def _list(artifacts: Artifacts, path: str = "") -> Iterator[FileInfo]:
    for entry in artifacts.list_folder(path):
        if entry.is_dir:
            yield from _list(artifacts, entry.path)
        else:
            yield entry


def _copy(source: Artifacts, target: Artifacts, path: str) -> int:
    with source.read(path) as stream:
        return target.write(path, stream)
