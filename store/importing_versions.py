"""Imported registered models: where the files of their versions are now, and what they are."""

from __future__ import annotations

from collections.abc import Collection
from hashlib import sha256

from .artifact_paths import join_paths
from .entities import ModelVersion
from .errors import InvalidParameter, NotFound, StoreError, StoreUnavailable
from .importing_artifacts import Copier
from .importing_places import Places, find_place
from .importing_records import SourceRegisteredModel, SourceVersion
from .importing_registry import (
    Stored,
    find_artifact_uri,
    find_versions,
    write_registered_model,
    write_version,
)
from .importing_tally import Tally
from .manifest import Manifest, make_manifest
from .storage_uris import PROXIED, hide_credentials, scheme_of
from .store import Store


class VersionImport:
    """Copies registered models into ``store``, after the runs and logged models that they name.

    ``expected`` are the ids of those that the source has.
    """

    def __init__(
        self, store: Store, places: Places, copier: Copier, tally: Tally, expected: Collection[str]
    ) -> None:
        self._store, self._places, self._copier = store, places, copier
        self._tally, self._expected = tally, expected

    def copy(self, source: SourceRegisteredModel) -> None:
        """Copy a registered model with those of its versions that are not there."""
        name = source.model.name
        is_new = write_registered_model(self._store, source)
        (self._tally.copied if is_new else self._tally.skipped)["registered models"] += 1
        there = find_versions(self._store, name)
        for one in source.versions:
            what = f"registered model {name}, version {one.version.version}"
            try:
                self._copy_version(what, source, one, there)
            except StoreUnavailable:
                raise
            except StoreError as error:
                self._tally.fail(what, error)

    def _copy_version(
        self, what: str, source: SourceRegisteredModel, one: SourceVersion, there: dict[int, int]
    ) -> None:
        version = one.version
        made = there.get(int(version.version))
        if made is not None:
            if made != version.creation_timestamp:
                raise InvalidParameter("the store has another version of this number")
            self._tally.skipped["versions"] += 1
            return
        storage_uri = self._find_files(what, one)
        if storage_uri is None:
            return
        stage = self._find_stage(what, version)
        manifest = self._make_manifest(what, storage_uri)
        # "models:" and "runs:" mean the same here; a place at the source does not.
        is_place = scheme_of(version.source) not in {"models", "runs"}
        stored = Stored(storage_uri if is_place else version.source, storage_uri, manifest)
        write_version(self._store, source.model, version, stage, stored)
        self._tally.copied["versions"] += 1

    def _find_files(self, what: str, one: SourceVersion) -> str | None:
        """Return where the files of a version are in the store; None if that failed for now."""
        place = find_place(one.storage_uri)
        if place and (root := find_artifact_uri(self._store, place.owner_id)):
            return join_paths(root, place.path)
        if place and place.owner_id in self._expected:
            raise NotFound(f"{place.owner_id}, whose artifacts it is of, is not copied")
        moved = self._places.find(one.storage_uri)
        if moved is None and scheme_of(one.storage_uri) != PROXIED:
            shown = hide_credentials(one.storage_uri)
            raise InvalidParameter(
                f"its files are in {shown}, and of no run that is copied; if they are to be "
                f"copied too, say where they are with --artifacts-at {shown}={shown}"
            )
        uri = _own_uri(one.version)
        return uri if self._copier.copy(what, one.storage_uri, uri) else None

    def _find_stage(self, what: str, version: ModelVersion) -> str:
        lifecycle = self._store.lifecycle
        try:
            return lifecycle.find_stage(version.current_stage)
        except InvalidParameter as error:
            self._tally.fail(what, f"it is in {lifecycle.first}: {error}")
            return lifecycle.first

    def _make_manifest(self, what: str, uri: str) -> Manifest | None:
        try:
            manifest = make_manifest(self._store.artifacts(uri))
        except NotFound:
            manifest = None
        if manifest is None or not manifest.files:
            self._tally.fail(what, "the source has none of its files; only the record is copied")
            return None
        return manifest


def _own_uri(version: ModelVersion) -> str:
    """Return a place for the files of a version that are of no run."""
    name = sha256(version.name.encode()).hexdigest()[:32]
    return f"{PROXIED}:/imported/{name}/{version.version}"
