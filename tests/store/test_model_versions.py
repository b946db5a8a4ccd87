"""Versions of registered models: their numbers, manifests, tags, aliases, and deletion."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from mlserve.store.entities import Tag
from mlserve.store.errors import InvalidParameter, NotFound
from mlserve.store.manifest import manifest_of, verify
from mlserve.store.registry_operations import (
    CREATE_MODEL_VERSION,
    DELETE_MODEL_VERSION,
    DELETE_MODEL_VERSION_TAG,
    GET_DOWNLOAD_URI,
    GET_MANIFEST,
    GET_MODEL_VERSION,
    GET_VERSION_BY_ALIAS,
    SET_ALIAS,
    SET_MODEL_VERSION_TAG,
    UPDATE_MODEL_VERSION,
)
from mlserve.store.registry_requests import (
    AliasName,
    CreateModelVersion,
    DeleteModelVersionTag,
    SetAlias,
    SetModelVersionTag,
    UpdateModelVersion,
    VersionName,
)
from mlserve.store.version_loading import load_model_versions
from sqlalchemy import event

from .registry import (
    NAME,
    move,
    new_registered,
    new_version,
    read_log,
    read_model,
    read_version,
    run_with_model,
)
from .tracking import new_run, refusal

BAD_VERSIONS = ["", "one", "1.0", " 1", "٣", "1_0", "0x1"]
NO_VERSIONS = ["0", "-1", "3", "99999999999999999999", "9" * 5000]


def by_alias(call, alias):
    return call(GET_VERSION_BY_ALIAS, AliasName(NAME, alias)).model_version.version


class TestModelVersions:
    def test_a_new_one_is_read_as_it_was_made(self, call):
        new_registered(call)
        run_id = new_run(call)
        source = f"runs:/{run_id}/model"
        request = CreateModelVersion(
            NAME, source, run_id, None, [Tag("k", "v")], "http://run", "words"
        )
        version = call(CREATE_MODEL_VERSION, request).model_version
        assert (version.version, version.current_stage, version.status) == ("1", "None", "READY")
        assert (version.source, version.run_id) == (source, run_id)
        assert (version.description, version.run_link) == ("words", "http://run")
        assert (version.tags, version.aliases) == ([Tag("k", "v")], [])
        assert version.creation_timestamp == version.last_updated_timestamp
        assert read_model(call).last_updated_timestamp == version.creation_timestamp
        assert read_version(call, "1") == version

    def test_one_of_an_unknown_model_is_refused(self, call):
        request = CreateModelVersion("nope", "s3://b/m")
        text = refusal(NotFound, call, CREATE_MODEL_VERSION, request)
        assert text == "Registered Model with name=nope not found"

    def test_numbers_count_up_and_are_never_given_again(self, call):
        new_registered(call, versions=2)
        call(DELETE_MODEL_VERSION, VersionName(NAME, "2"))
        assert new_version(call) == "3"
        call(DELETE_MODEL_VERSION, VersionName(NAME, "3"))
        assert new_version(call) == "4"

    def test_many_that_are_made_at_once_get_consecutive_numbers(self, call):
        new_registered(call)
        run_id = new_run(call)
        with ThreadPoolExecutor(20) as pool:
            made = pool.map(lambda _: int(new_version(call, run_id=run_id)), range(20))
            assert sorted(made) == list(range(1, 21))
        assert [entry.version for entry in read_log(call)] == [str(n) for n in range(1, 21)]

    def test_one_whose_tags_are_refused_leaves_no_gap(self, call):
        new_registered(call)
        request = CreateModelVersion(NAME, "s3://b/m", tags=[Tag("../k", "v")])
        assert refusal(InvalidParameter, call, CREATE_MODEL_VERSION, request)
        assert new_version(call) == "1"

    @pytest.mark.parametrize("version", NO_VERSIONS, ids=lambda text: text[:25])
    def test_an_unknown_one_is_not_found(self, call, version):
        new_registered(call, versions=1)
        for operation in (GET_MODEL_VERSION, GET_DOWNLOAD_URI, GET_MANIFEST, DELETE_MODEL_VERSION):
            text = refusal(NotFound, call, operation, VersionName(NAME, version))
            assert text.startswith("Model Version (name=churn, version=")

    @pytest.mark.parametrize("version", BAD_VERSIONS, ids=ascii)
    def test_what_is_no_number_is_refused(self, call, version):
        new_registered(call, versions=1)
        text = refusal(InvalidParameter, call, GET_MODEL_VERSION, VersionName(NAME, version))
        assert text == f"Parameter 'version' must be an integer, got '{version}'."

    def test_a_description_is_changed_and_nothing_else(self, call):
        new_registered(call, versions=1)
        call(UPDATE_MODEL_VERSION, UpdateModelVersion(NAME, "1", "words"))
        assert read_version(call, "1").description == "words"
        call(UPDATE_MODEL_VERSION, UpdateModelVersion(NAME, "1"))
        assert read_version(call, "1").description == "words"

    def test_tags_are_set_replaced_and_deleted(self, call):
        new_registered(call, versions=2)
        for value in ("1", "2"):
            call(SET_MODEL_VERSION_TAG, SetModelVersionTag(NAME, "2", "k", value))
        assert [read_version(call, n).tags for n in "12"] == [[], [Tag("k", "2")]]
        for _ in range(2):
            call(DELETE_MODEL_VERSION_TAG, DeleteModelVersionTag(NAME, "2", "k"))
        assert read_version(call, "2").tags == []

    def test_a_deleted_one_is_gone_with_its_aliases_and_its_log_stays(self, call):
        new_registered(call, versions=2)
        move(call, "2", "Production", reason="good")
        call(SET_ALIAS, SetAlias(NAME, "champion", "2"))
        call(DELETE_MODEL_VERSION, VersionName(NAME, "2"))
        assert refusal(NotFound, call, GET_MODEL_VERSION, VersionName(NAME, "2"))
        assert read_model(call).aliases == []
        told = [(entry.version, entry.origin, entry.to) for entry in read_log(call)[2:]]
        assert told == [
            ("2", "Development", "Production"),
            ("2", "", "2"),
            ("2", "2", ""),
            ("2", "Production", ""),
        ]


class TestAliases:
    def test_an_alias_names_a_version(self, call):
        new_registered(call, versions=2)
        call(SET_ALIAS, SetAlias(NAME, "Champion-1_b", "1"))
        assert by_alias(call, "Champion-1_b") == "1"
        assert read_version(call, "1").aliases == ["Champion-1_b"]

    def test_latest_is_the_newest_version(self, call):
        new_registered(call, versions=3)
        move(call, "1", "Production")
        assert by_alias(call, "latest") == by_alias(call, "LATEST") == "3"

    def test_there_is_no_latest_of_a_model_without_versions(self, call):
        new_registered(call)
        text = refusal(NotFound, call, GET_VERSION_BY_ALIAS, AliasName(NAME, "latest"))
        assert text == "Latest version not found for model churn."

    def test_an_unknown_alias_is_told_as_mlflow_does(self, call):
        new_registered(call)
        text = refusal(InvalidParameter, call, GET_VERSION_BY_ALIAS, AliasName(NAME, "zz"))
        assert text == "Registered model alias zz not found."

    def test_an_alias_of_an_unknown_model_is_not_found(self, call):
        assert refusal(NotFound, call, GET_VERSION_BY_ALIAS, AliasName("nope", "zz"))


class TestManifests:
    def test_a_version_has_the_digests_of_its_files_when_it_was_made(self, store, call):
        new_registered(call)
        run_id, uri = run_with_model(store, call)
        new_version(call, run_id=run_id)
        answer = call(GET_MANIFEST, VersionName(NAME, "1"))
        sha256 = hashlib.sha256(b"0123").hexdigest()
        assert (answer.artifact_uri, answer.files["weights"]) == (uri, (sha256, 4))
        manifest = manifest_of(answer.files)
        assert manifest.digest == answer.digest
        verify(manifest, store.artifacts(uri))

    def test_a_version_without_files_yet_has_none_and_is_ready(self, call):
        new_registered(call, versions=1)
        answer = call(GET_MANIFEST, VersionName(NAME, "1"))
        assert (answer.digest, answer.files) == (None, {})
        assert read_version(call, "1").status == "READY"

    def test_a_copy_has_the_manifest_of_its_original(self, store, call):
        new_registered(call)
        new_registered(call, "copies")
        run_id, uri = run_with_model(store, call)
        new_version(call, run_id=run_id)
        store.artifacts(uri).delete("weights")
        new_version(call, "copies", source=f"models:/{NAME}/1")
        copied = call(GET_MANIFEST, VersionName("copies", "1"))
        assert copied == call(GET_MANIFEST, VersionName(NAME, "1"))
        assert "weights" in copied.files


def test_many_versions_are_loaded_in_order_with_few_statements(store, call):
    new_registered(call, versions=20)
    keys = [(NAME, number) for number in range(25, 0, -1)]
    statements = []
    with store.database.read() as connection:
        event.listen(connection, "before_cursor_execute", lambda *a: statements.append(a[2]))
        loaded = load_model_versions(connection, keys)
    assert [version.version for version in loaded] == [str(n) for n in range(20, 0, -1)]
    assert len(statements) == 2


def test_more_versions_than_a_statement_has_parameters_are_loaded(store, call):
    new_registered(call, versions=1)
    keys = [(NAME, number) for number in range(70_000, 0, -1)]
    with store.database.read() as connection:
        assert [one.version for one in load_model_versions(connection, keys)] == ["1"]
