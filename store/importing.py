"""An import: everything that an MLflow holds, copied into a store, however often it is begun.

What is there is whole: artifacts are copied before the records that name them, and the records of
one thing in one transaction. So an import that was cut off goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from ..runtimes.errors import shorten
from .entities import Experiment
from .errors import NotFound, StoreError, StoreUnavailable
from .importing_artifacts import Copier
from .importing_places import Places, find_place
from .importing_records import Contents, Source
from .importing_rows import (
    PENDING,
    UNFINISHED,
    Home,
    find_model_status,
    find_status,
    write_experiment,
    write_logged_model,
    write_run,
)
from .importing_tally import Tally
from .importing_versions import VersionImport
from .store import Store

FILES_AT_ONCE: Final = 8


def import_all(
    source: Source, store: Store, places: Places, watch: Callable[[Tally], None]
) -> Tally:
    """Copy what ``source`` holds into ``store``, and tell ``watch`` after each thing.

    What fails alone is in the answer; raises `StoreUnavailable` where a database or a server does
    not answer any more. Beginning again copies what is missing.
    """
    tally = Tally()
    with ThreadPoolExecutor(FILES_AT_ONCE) as executor:
        for _ in _Import(source, store, places, executor, tally).steps():
            watch(tally)
    return tally


class _Import:
    """One import, as far as it came."""

    def __init__(
        self, source: Source, store: Store, places: Places, executor: Executor, tally: Tally
    ) -> None:
        self._source, self._store, self._places, self._tally = source, store, places, tally
        self._copier = Copier(source, store, places, executor, tally)
        self._homes: dict[str, Home] = {}

    def steps(self) -> Iterator[None]:
        """Copy one thing after the other: what is named before what names it."""
        contents = self._source.contents()
        self._tally.left_out = contents.left_out
        self._tally.total = sum(map(len, (contents.run_ids, contents.model_ids, contents.names)))
        self._import_experiments(contents.experiments)
        yield
        yield from self._each("run", contents.run_ids, self._import_run)
        yield from self._each("logged model", contents.model_ids, self._import_logged_model)
        yield from self._each("registered model", contents.names, self._version_import(contents))

    def _each(
        self, kind: str, names: Sequence[str], work: Callable[[str, str], None]
    ) -> Iterator[None]:
        for name in names:
            what = f"{kind} {name}"
            try:
                work(what, name)
            except StoreUnavailable:
                raise
            except StoreError as error:
                self._tally.fail(what, error)
            except (KeyError, SQLAlchemyError, TypeError, ValueError) as error:
                # The edge of one thing to copy: the source may hold what no release should write.
                self._tally.fail(what, f"it is not as MLflow writes it: {shorten(repr(error))}")
            self._tally.done += 1
            yield

    def _import_experiments(self, experiments: Sequence[Experiment]) -> None:
        for experiment in experiments:
            self._copier.check(experiment)
        for experiment in experiments:
            home, is_new = write_experiment(self._store, experiment)
            self._homes[experiment.experiment_id] = home
            counted = self._tally.copied if is_new else self._tally.skipped
            counted["experiments"] += 1

    def _import_run(self, what: str, run_id: str) -> None:
        status = find_status(self._store, run_id)
        if status is not None and status not in UNFINISHED:
            self._tally.skipped["runs"] += 1
            return
        source = self._source.read_run(run_id)
        info = source.run.info
        home = self._find_home(info.experiment_id)
        if self._copy_artifacts(what, run_id, info.artifact_uri, home.run_uri(run_id)):
            write_run(self._store, source, home)
            self._tally.copied["runs" if status is None else "runs completed"] += 1
            self._tally.copied["metric points"] += len(source.points)

    def _import_logged_model(self, what: str, model_id: str) -> None:
        status = find_model_status(self._store, model_id)
        if status is not None and status != PENDING:
            self._tally.skipped["logged models"] += 1
            return
        source = self._source.read_logged_model(model_id)
        info = source.model.info
        home = self._find_home(info.experiment_id)
        if self._copy_artifacts(what, model_id, info.artifact_uri, home.model_uri(model_id)):
            lost = write_logged_model(self._store, source, home)
            done = "logged models" if status is None else "logged models completed"
            self._tally.copied[done] += 1
            if lost:
                self._tally.fail(what, f"{lost} of its points are of runs that are not copied")

    def _version_import(self, contents: Contents) -> Callable[[str, str], None]:
        expected = {*contents.run_ids, *contents.model_ids}
        versions = VersionImport(self._store, self._places, self._copier, self._tally, expected)
        return lambda _, name: versions.copy(self._source.read_registered_model(name))

    def _copy_artifacts(self, what: str, owner_id: str, uri: str, target_uri: str) -> bool:
        if find_place(uri) == (owner_id, ""):
            return self._copier.copy(what, uri, target_uri)
        self._tally.fail(
            what,
            f"its artifacts are not copied: found them in {uri}, expected …/{owner_id}/artifacts",
        )
        return True

    def _find_home(self, experiment_id: str) -> Home:
        home = self._homes.get(experiment_id)
        if home is None:
            raise NotFound(f"its experiment {experiment_id} came after the import had begun")
        return home
