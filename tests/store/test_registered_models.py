"""Registered models: their names, tags and descriptions, renamed and deleted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from mlserve.store.entities import Alias, Tag
from mlserve.store.errors import AlreadyExists, InvalidParameter, NotFound
from mlserve.store.registered_models import load_registered_models
from mlserve.store.registry_operations import (
    CREATE_REGISTERED_MODEL,
    DELETE_REGISTERED_MODEL,
    DELETE_REGISTERED_MODEL_TAG,
    GET_LATEST_VERSIONS,
    GET_REGISTERED_MODEL,
    RENAME_REGISTERED_MODEL,
    SET_ALIAS,
    SET_MODEL_VERSION_TAG,
    SET_REGISTERED_MODEL_TAG,
    UPDATE_REGISTERED_MODEL,
)
from mlserve.store.registry_requests import (
    CreateRegisteredModel,
    DeleteRegisteredModelTag,
    GetLatestVersions,
    RegisteredModelName,
    RenameRegisteredModel,
    SetAlias,
    SetModelVersionTag,
    SetRegisteredModelTag,
    UpdateRegisteredModel,
)
from sqlalchemy import event

from .registry import NAME, move, new_registered, new_version, read_model, read_version
from .tracking import refusal

BAD_NAMES = ["", " ", "a/b", "a:b", ".", "..", "x" * 257, "a\0b", "a\nb", "\ud800"]


def latest(call, *stages):
    found = call(GET_LATEST_VERSIONS, GetLatestVersions(NAME, list(stages))).model_versions
    return [(one.version, one.current_stage) for one in found]


class TestRegisteredModels:
    def test_a_new_one_is_read_as_it_was_made(self, call):
        tags = [Tag("b", "1"), Tag("a", "2"), Tag("b", "3")]
        made = call(CREATE_REGISTERED_MODEL, CreateRegisteredModel("m", tags, "words"))
        model = made.registered_model
        assert (model.name, model.description) == ("m", "words")
        assert model.tags == [Tag("a", "2"), Tag("b", "3")]
        assert model.creation_timestamp == model.last_updated_timestamp > 0
        assert read_model(call, "m") == model

    def test_a_name_is_taken_once(self, call):
        new_registered(call)
        text = refusal(AlreadyExists, call, CREATE_REGISTERED_MODEL, CreateRegisteredModel(NAME))
        assert text == "Registered Model (name=churn) already exists."

    def test_a_name_that_many_want_at_once_is_taken_once(self, call):
        def make(_):
            try:
                call(CREATE_REGISTERED_MODEL, CreateRegisteredModel(NAME))
            except AlreadyExists:
                return 0
            return 1

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(make, range(16))) == 1

    @pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
    def test_a_name_that_no_client_could_refer_to_is_refused(self, call, name):
        assert refusal(InvalidParameter, call, CREATE_REGISTERED_MODEL, CreateRegisteredModel(name))
        assert refusal(InvalidParameter, call, GET_REGISTERED_MODEL, RegisteredModelName(name))

    def test_a_name_of_any_letters_is_taken(self, call):
        name = "Modèle d'été <img> № 1 'x\" @%_"
        new_registered(call, name)
        assert read_model(call, name).name == name

    def test_an_unknown_one_is_not_found(self, call):
        text = refusal(NotFound, call, GET_REGISTERED_MODEL, RegisteredModelName("nope"))
        assert text == "Registered Model with name=nope not found"

    def test_the_newest_version_in_each_stage_is_told(self, call):
        new_registered(call, versions=4)
        move(call, "1", "Production")
        move(call, "2", "Production")
        found = read_model(call).latest_versions
        assert [(one.version, one.current_stage) for one in found] == [
            ("2", "Production"),
            ("4", "None"),
        ]

    def test_a_description_is_changed_and_nothing_else(self, call):
        new_registered(call)
        call(UPDATE_REGISTERED_MODEL, UpdateRegisteredModel(NAME, "words"))
        assert read_model(call).description == "words"
        call(UPDATE_REGISTERED_MODEL, UpdateRegisteredModel(NAME))
        assert read_model(call).description == "words"

    def test_tags_are_set_replaced_and_deleted(self, call):
        new_registered(call)
        for value in ("1", "2"):
            call(SET_REGISTERED_MODEL_TAG, SetRegisteredModelTag(NAME, "k", value))
        assert read_model(call).tags == [Tag("k", "2")]
        for _ in range(2):
            call(DELETE_REGISTERED_MODEL_TAG, DeleteRegisteredModelTag(NAME, "k"))
        assert read_model(call).tags == []

    @pytest.mark.parametrize("key", ["", "a\0", "k" * 251, "../k", "a=b"], ids=ascii)
    def test_the_key_of_a_tag_is_checked(self, call, key):
        new_registered(call)
        request = SetRegisteredModelTag(NAME, key, "v")
        assert refusal(InvalidParameter, call, SET_REGISTERED_MODEL_TAG, request)

    def test_a_tag_of_an_unknown_one_is_refused(self, call):
        request = SetRegisteredModelTag("nope", "k", "v")
        assert refusal(NotFound, call, SET_REGISTERED_MODEL_TAG, request)
        request = DeleteRegisteredModelTag("nope", "k")
        assert refusal(NotFound, call, DELETE_REGISTERED_MODEL_TAG, request)

    def test_a_new_name_carries_all_that_it_has(self, call):
        new_registered(call, versions=2)
        call(SET_REGISTERED_MODEL_TAG, SetRegisteredModelTag(NAME, "k", "v"))
        call(SET_MODEL_VERSION_TAG, SetModelVersionTag(NAME, "2", "k", "w"))
        call(SET_ALIAS, SetAlias(NAME, "champion", "2"))
        answer = call(RENAME_REGISTERED_MODEL, RenameRegisteredModel(NAME, "kept"))
        model = answer.registered_model
        version = read_version(call, "2", "kept")
        assert (model.name, model.tags) == ("kept", [Tag("k", "v")])
        assert model.aliases == [Alias("champion", "2")]
        assert (version.tags, version.aliases) == ([Tag("k", "w")], ["champion"])
        assert version.last_updated_timestamp == model.last_updated_timestamp
        assert refusal(NotFound, call, GET_REGISTERED_MODEL, RegisteredModelName(NAME))
        assert new_version(call, "kept") == "3"

    def test_a_new_name_that_is_taken_changes_nothing(self, call):
        new_registered(call, versions=1)
        new_registered(call, "other")
        request = RenameRegisteredModel(NAME, "other")
        text = refusal(AlreadyExists, call, RENAME_REGISTERED_MODEL, request)
        assert text == "Registered Model (name=other) already exists."
        assert read_version(call, "1").name == NAME

    @pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
    def test_a_new_name_is_checked_like_the_first(self, call, name):
        new_registered(call)
        request = RenameRegisteredModel(NAME, name)
        assert refusal(InvalidParameter, call, RENAME_REGISTERED_MODEL, request)

    def test_a_deleted_one_is_gone_with_its_versions(self, call):
        new_registered(call, versions=2)
        call(SET_ALIAS, SetAlias(NAME, "champion", "2"))
        call(DELETE_REGISTERED_MODEL, RegisteredModelName(NAME))
        assert refusal(NotFound, call, GET_REGISTERED_MODEL, RegisteredModelName(NAME))
        assert refusal(NotFound, call, DELETE_REGISTERED_MODEL, RegisteredModelName(NAME))
        new_registered(call)
        assert read_model(call).latest_versions == []
        assert new_version(call) == "1"


class TestLatestVersions:
    def test_there_is_one_for_each_stage_that_has_any(self, call):
        new_registered(call, versions=3)
        move(call, "1", "Staging")
        assert latest(call) == [("1", "Staging"), ("3", "None")]

    def test_they_are_of_the_stages_that_are_asked_for_in_any_case_of_letters(self, call):
        new_registered(call, versions=3)
        move(call, "1", "Staging")
        move(call, "2", "Production")
        assert latest(call, "STAGING", "production") == [("1", "Staging"), ("2", "Production")]
        assert latest(call, "none") == latest(call, "Development") == [("3", "None")]
        assert latest(call, "Archived") == []

    def test_they_tell_their_aliases(self, call):
        new_registered(call, versions=1)
        call(SET_ALIAS, SetAlias(NAME, "champion", "1"))
        found = call(GET_LATEST_VERSIONS, GetLatestVersions(NAME)).model_versions
        assert found[0].aliases == ["champion"]

    def test_an_unknown_stage_is_refused(self, call):
        new_registered(call)
        request = GetLatestVersions(NAME, ["Live"])
        text = refusal(InvalidParameter, call, GET_LATEST_VERSIONS, request)
        assert "Invalid Model Version stage: Live" in text

    def test_those_of_an_unknown_model_are_not_found(self, call):
        assert refusal(NotFound, call, GET_LATEST_VERSIONS, GetLatestVersions("nope"))


def test_many_models_are_loaded_in_order_with_few_statements(store, call):
    names = [new_registered(call, f"m{i}", versions=1) for i in range(20)]
    statements = []
    with store.database.read() as connection:
        event.listen(connection, "before_cursor_execute", lambda *a: statements.append(a[2]))
        loaded = load_registered_models(connection, [*reversed(names), "nope"])
    assert [model.name for model in loaded] == names[::-1]
    assert all(len(model.latest_versions) == 1 for model in loaded)
    assert len(statements) <= 7
