"""The log of promotions: read in pages, and asked which version had a stage at a moment."""

from __future__ import annotations

from itertools import chain, count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlserve.store.errors import InvalidParameter, NoSuchVersion, NotFound
from mlserve.store.registry_operations import (
    DELETE_MODEL_VERSION,
    DELETE_REGISTERED_MODEL,
    FIND_VERSION,
    RENAME_REGISTERED_MODEL,
    SEARCH_PROMOTIONS,
)
from mlserve.store.registry_requests import (
    FindVersion,
    RegisteredModelName,
    RenameRegisteredModel,
    SearchPromotions,
    VersionName,
)
from mlserve.store.store import open_store

from .registry import NAME, calling, move, new_registered, new_version, read_log
from .tracking import new_run, refusal


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self):
        self.now = 0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def timed(store, clock):
    """Does operations at the moment that the clock is set to."""
    return calling(store, clock=clock)


def find(call, at, stage="Production", name=NAME):
    return call(FIND_VERSION, FindVersion(name, stage, at)).model_version.version


def refuse(call, at, stage="Production", name=NAME, kind=NoSuchVersion):
    return refusal(kind, call, FIND_VERSION, FindVersion(name, stage, at))


def promote_in_turn(call, clock, *versions):
    """Move versions to Production at 10, 20, 30, …, each taking the place of the one before."""
    for version in versions:
        clock.now += 10
        move(call, version, "Production", archive_existing_versions=True)


class TestTimeTravel:
    def test_the_version_that_had_the_stage_is_found(self, timed, clock):
        new_registered(timed, versions=2)
        promote_in_turn(timed, clock, "1", "2")
        assert [find(timed, at) for at in (10, 19, 20, 10**12)] == ["1", "1", "2", "2"]

    def test_a_version_that_was_archived_since_is_told_as_it_is_now(self, timed, clock):
        new_registered(timed, versions=2)
        promote_in_turn(timed, clock, "1", "2")
        found = timed(FIND_VERSION, FindVersion(NAME, "production", 15)).model_version
        assert (found.version, found.current_stage) == ("1", "Archived")

    def test_of_several_versions_the_last_that_got_the_stage_is_found(self, timed, clock):
        new_registered(timed, versions=2)
        for clock.now, version in ((10, "2"), (20, "1")):
            move(timed, version, "Production")
        assert [find(timed, at) for at in (15, 25)] == ["2", "1"]
        clock.now = 30
        move(timed, "1", "Archived")
        assert find(timed, 35) == "2"

    def test_where_none_had_the_stage_what_there_was_is_told(self, timed, clock):
        new_registered(timed, versions=2)
        clock.now = 10
        move(timed, "2", "Staging")
        promote_in_turn(timed, clock, "1")
        assert refuse(timed, 15) == (
            "models:/churn/Production?at=1970-01-01T00:00:00.015Z: no version was in Production "
            "then; Development had 1; Staging had 2"
        )

    def test_the_first_stage_has_new_versions(self, timed, clock):
        clock.now = 5
        new_registered(timed, versions=2)
        promote_in_turn(timed, clock, "2")
        assert find(timed, 5, "None") == "2"
        assert find(timed, 15, "Development") == "1"
        assert "no version was in Development then" in refuse(timed, 4, "None")

    def test_a_new_name_of_the_model_changes_nothing(self, timed, clock):
        new_registered(timed, versions=2)
        promote_in_turn(timed, clock, "1", "2")
        timed(RENAME_REGISTERED_MODEL, RenameRegisteredModel(NAME, "kept"))
        found = timed(FIND_VERSION, FindVersion("kept", "Production", 15)).model_version
        assert (found.name, found.version) == ("kept", "1")
        found = timed(FIND_VERSION, FindVersion(NAME, "Production", 15)).model_version
        assert (found.name, found.version) == ("kept", "1")

    def test_a_name_means_the_model_that_had_it_then(self, timed, clock):
        new_registered(timed, versions=1)
        promote_in_turn(timed, clock, "1")
        timed(RENAME_REGISTERED_MODEL, RenameRegisteredModel(NAME, "old"))
        clock.now = 20
        new_registered(timed, versions=1)
        promote_in_turn(timed, clock, "1")
        found = [
            timed(FIND_VERSION, FindVersion(NAME, "Production", at)).model_version.name
            for at in (15, 35)
        ]
        assert found == ["old", NAME]

    def test_a_version_that_was_deleted_since_is_named(self, timed, clock):
        new_registered(timed, versions=2)
        promote_in_turn(timed, clock, "1", "2")
        clock.now = 30
        timed(DELETE_MODEL_VERSION, VersionName(NAME, "1"))
        assert "version 1 was in Production, and was deleted since" in refuse(timed, 15)
        timed(DELETE_REGISTERED_MODEL, RegisteredModelName(NAME))
        assert "version 2 was in Production, and was deleted since" in refuse(timed, 25)
        clock.now = 40
        new_registered(timed, versions=1)
        assert "version 2 was in Production, and was deleted since" in refuse(timed, 25)

    def test_a_deleted_version_has_no_stage_from_then_on(self, timed, clock):
        new_registered(timed, versions=1)
        promote_in_turn(timed, clock, "1")
        clock.now = 20
        timed(DELETE_MODEL_VERSION, VersionName(NAME, "1"))
        assert "no version was in Production then" in refuse(timed, 20)

    def test_an_unknown_model_is_not_found(self, call):
        message = refuse(call, 5, name="nope", kind=NotFound)
        assert message == "Registered Model with name=nope not found"

    @pytest.mark.parametrize("at", [-1, 2**53, 2**70])
    def test_a_moment_that_no_calendar_has_is_refused(self, call, at):
        new_registered(call)
        assert refuse(call, at, kind=InvalidParameter)

    def test_an_unknown_stage_is_refused(self, call):
        new_registered(call)
        assert "Invalid Model Version stage: Live" in refuse(call, 5, "Live", kind=InvalidParameter)


class TestSearch:
    def test_the_newest_entry_comes_first(self, timed, clock):
        new_registered(timed, versions=2)
        promote_in_turn(timed, clock, "1", "2")
        found = timed(SEARCH_PROMOTIONS, SearchPromotions(NAME)).promotions
        assert [(entry.version, entry.to) for entry in found] == [
            ("2", "Production"),
            ("1", "Archived"),
            ("1", "Production"),
            ("2", "Development"),
            ("1", "Development"),
        ]

    def test_pages_hold_every_entry_once(self, call):
        new_registered(call, versions=5)
        whole = call(SEARCH_PROMOTIONS, SearchPromotions(NAME)).promotions
        pages, token = [], None
        while token is not None or not pages:
            request = SearchPromotions(NAME, max_results=2, page_token=token)
            answer = call(SEARCH_PROMOTIONS, request)
            pages.append(answer.promotions)
            token = answer.next_page_token
        assert [len(page) for page in pages] == [2, 2, 1]
        assert list(chain(*pages)) == whole

    def test_those_of_one_version_are_found(self, call):
        new_registered(call, versions=2)
        move(call, "2", "Staging")
        found = call(SEARCH_PROMOTIONS, SearchPromotions(NAME, "2")).promotions
        assert [(entry.version, entry.to) for entry in found] == [
            ("2", "Staging"),
            ("2", "Development"),
        ]

    def test_entries_outlive_the_name_and_the_model(self, call):
        new_registered(call, versions=1)
        call(RENAME_REGISTERED_MODEL, RenameRegisteredModel(NAME, "kept"))
        move(call, "1", "Staging", "kept")
        assert [entry.name for entry in read_log(call, "kept")] == [NAME, "kept"]
        call(DELETE_REGISTERED_MODEL, RegisteredModelName("kept"))
        assert [entry.to for entry in read_log(call, "kept")] == ["Development", "Staging", ""]

    @pytest.mark.parametrize(
        ("fields", "kind"),
        [
            ({"max_results": 0}, InvalidParameter),
            ({"max_results": 10_001}, InvalidParameter),
            ({"page_token": "'"}, InvalidParameter),
            ({"page_token": "9" * 30}, InvalidParameter),
            ({"version": "one"}, InvalidParameter),
        ],
    )
    def test_what_is_asked_for_wrongly_is_refused(self, call, fields, kind):
        new_registered(call)
        assert refusal(kind, call, SEARCH_PROMOTIONS, SearchPromotions(NAME, **fields))

    def test_that_of_an_unknown_model_is_not_found(self, call):
        assert refusal(NotFound, call, SEARCH_PROMOTIONS, SearchPromotions("nope"))


NUMBERS = count()
MOVES = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.sampled_from(["Staging", "Production", "Archived"]),
        st.booleans(),
        st.integers(0, 3),
    ),
    max_size=12,
)


@pytest.fixture(scope="module")
def one_store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    made = open_store(f"sqlite:///{folder / 'store.db'}", str(folder / "artifacts"))
    yield made
    made.close()


@settings(max_examples=40, deadline=None)
@given(moves=MOVES)
def test_every_moment_is_as_it_was_when_it_passed(one_store, moves):
    clock = Clock()
    call = calling(one_store, clock=clock)
    name = new_registered(call, f"m{next(NUMBERS)}")
    run_id = new_run(call)
    for _ in range(3):
        new_version(call, name, run_id=run_id)
    holders, seen = [], {}
    for version, stage, archives, wait in moves:
        seen[clock.now] = holders[-1:]
        clock.now += wait
        archiving = archives and stage != "Archived"
        move(call, str(version), stage, name, archive_existing_versions=archiving)
        kept = [] if archiving and stage == "Production" else holders
        holders = [one for one in kept if one != str(version)]
        holders += [str(version)] if stage == "Production" else []
        seen[clock.now] = holders[-1:]
    for at, expected in seen.items():
        try:
            found = [find(call, at, name=name)]
        except NoSuchVersion:
            found = []
        assert found == expected
