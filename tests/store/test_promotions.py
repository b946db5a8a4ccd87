"""Promotions: stages and aliases given, taken over and given back, each with its log entry."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlserve.store.errors import InvalidParameter, InvalidState, NotFound
from mlserve.store.lifecycle import Lifecycle, Rule
from mlserve.store.registry_operations import (
    DELETE_ALIAS,
    DELETE_MODEL_VERSION,
    ROLL_BACK,
    SET_ALIAS,
    TRANSITION_STAGE,
)
from mlserve.store.registry_requests import (
    AliasName,
    Rollback,
    SetAlias,
    TransitionStage,
    VersionName,
)
from mlserve.store.store import open_store
from sqlalchemy import text

from .registry import (
    NAME,
    calling,
    move,
    new_registered,
    new_version,
    read_log,
    read_model,
    read_version,
    stages_of,
)
from .tracking import refusal


def roll_back(call, stage="Production", reason="it was bad"):
    return call(ROLL_BACK, Rollback(NAME, stage, reason)).model_version.version


def told(call, since=0):
    """Return what the log says, without when and by whom."""
    return [(entry.version, entry.origin, entry.to) for entry in read_log(call)[since:]]


class TestTransitions:
    def test_a_version_gets_a_stage_in_any_case_of_letters(self, call):
        new_registered(call, versions=1)
        version = move(call, "1", "pRODUCTION")
        assert version.current_stage == "Production"
        assert read_version(call, "1") == version
        assert read_model(call).last_updated_timestamp == version.last_updated_timestamp

    def test_the_first_stage_is_none_for_mlflow(self, call):
        new_registered(call, versions=1)
        move(call, "1", "Staging")
        assert move(call, "1", "None").current_stage == "None"
        assert move(call, "1", "development").current_stage == "None"

    def test_a_stage_may_be_had_by_several_versions(self, call):
        new_registered(call, versions=2)
        for version in "12":
            move(call, version, "Production", archive_existing_versions=False)
        assert stages_of(call, versions="12") == ["Production", "Production"]

    def test_those_that_are_in_the_stage_are_archived_if_asked_for(self, call):
        new_registered(call, versions=4)
        move(call, "1", "Production")
        move(call, "2", "Production")
        move(call, "3", "Staging")
        move(call, "4", "production", archive_existing_versions=True)
        stages = stages_of(call, versions="1234")
        assert stages == ["Archived", "Archived", "Staging", "Production"]

    @pytest.mark.parametrize("stage", ["None", "Development", "archived"])
    def test_others_are_archived_only_from_a_stage_that_versions_are_moved_up_to(self, call, stage):
        new_registered(call, versions=1)
        request = TransitionStage(NAME, "1", stage, archive_existing_versions=True)
        message = refusal(InvalidParameter, call, TRANSITION_STAGE, request)
        assert "is not an Active stage. Valid stages are ['Staging', 'Production']" in message

    def test_an_unknown_stage_is_refused(self, call):
        new_registered(call, versions=1)
        request = TransitionStage(NAME, "1", "Live")
        message = refusal(InvalidParameter, call, TRANSITION_STAGE, request)
        assert message.startswith("Invalid Model Version stage: Live. Value must be one of None, ")

    @pytest.mark.parametrize(("name", "version"), [("nope", "1"), (NAME, "2")])
    def test_a_version_that_is_not_there_is_not_found(self, call, name, version):
        new_registered(call, versions=1)
        request = TransitionStage(name, version, "Staging")
        message = refusal(NotFound, call, TRANSITION_STAGE, request)
        assert message == f"Model Version (name={name}, version={version}) not found"

    def test_a_move_that_the_lifecycle_does_not_allow_is_refused(self, store):
        rules = {"Production": Rule(origins=("Staging",))}
        call = calling(store, lifecycle=Lifecycle(rules=rules))
        new_registered(call, versions=1)
        request = TransitionStage(NAME, "1", "Production")
        assert "the only way to Production" in refusal(
            InvalidState, call, TRANSITION_STAGE, request
        )
        move(call, "1", "Staging")
        assert move(call, "1", "Production").current_stage == "Production"


class TestLog:
    def test_every_move_is_logged_with_who_when_from_where_to_where_and_why(self, store):
        call = calling(store, caller="ann", clock=lambda: 1234)
        new_registered(call, versions=1)
        move(call, "1", "Staging", reason="auc 0.9")
        entry = read_log(call)[-1]
        assert (entry.at, entry.actor, entry.reason) == (1234, "ann", "auc 0.9")
        assert (entry.name, entry.version, entry.kind) == (NAME, "1", "stage")
        assert (entry.origin, entry.to) == ("Development", "Staging")

    def test_versions_that_are_archived_have_entries_of_their_own(self, call):
        new_registered(call, versions=2)
        move(call, "1", "Staging")
        move(call, "2", "Staging", archive_existing_versions=True)
        assert told(call) == [
            ("1", "", "Development"),
            ("2", "", "Development"),
            ("1", "Development", "Staging"),
            ("1", "Staging", "Archived"),
            ("2", "Development", "Staging"),
        ]

    def test_a_move_whose_log_entry_fails_is_not_made(self, store, call):
        new_registered(call, versions=2)
        move(call, "1", "Production")
        with store.database.write() as connection:
            connection.execute(text("ALTER TABLE promotions RENAME TO gone"))
        with pytest.raises(Exception, match="promotions"):
            move(call, "2", "Production", archive_existing_versions=True)
        with store.database.write() as connection:
            connection.execute(text("ALTER TABLE gone RENAME TO promotions"))
        assert stages_of(call, versions="12") == ["Production", "None"]

    def test_moves_at_once_leave_one_in_the_stage(self, call):
        new_registered(call, versions=8)

        def promote(number):
            move(call, str(number), "Production", archive_existing_versions=True)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(promote, range(1, 9)))
        stages = stages_of(call, versions="12345678")
        assert sorted(stages) == ["Archived"] * 7 + ["Production"]
        assert told(call)[-1] == (
            str(stages.index("Production") + 1), "Development", "Production"
        )  # fmt: skip


class TestAliases:
    def test_an_alias_goes_from_one_version_to_another(self, call):
        new_registered(call, versions=2)
        for version in "12":
            call(SET_ALIAS, SetAlias(NAME, "champion", version, reason="better"))
        assert [read_version(call, n).aliases for n in "12"] == [[], ["champion"]]
        assert [(e.kind, e.alias, e.reason) for e in read_log(call)[2:]] == [
            ("alias", "champion", "better")
        ] * 2
        assert told(call, 2) == [("1", "", "1"), ("2", "1", "2")]

    def test_an_alias_that_is_set_again_is_logged_once(self, call):
        new_registered(call, versions=1)
        for _ in range(2):
            call(SET_ALIAS, SetAlias(NAME, "champion", "1"))
        assert len(read_log(call)) == 2

    def test_an_alias_is_deleted_if_there_is_one(self, call):
        new_registered(call, versions=1)
        call(SET_ALIAS, SetAlias(NAME, "champion", "1"))
        for _ in range(2):
            call(DELETE_ALIAS, AliasName(NAME, "champion"))
        assert read_model(call).aliases == []
        assert told(call, 1) == [("1", "", "1"), ("1", "1", "")]

    @pytest.mark.parametrize(
        ("alias", "expected"),
        [
            ("", "Registered model alias name cannot be empty."),
            ("a b", "Names may only contain alphanumerics"),
            ("a/b", "Names may only contain alphanumerics"),
            ("a\n", "Names may only contain alphanumerics"),
            ("latest", "'latest' alias name (case insensitive) is reserved."),
            ("LaTest", "'latest' alias name (case insensitive) is reserved."),
            ("v12", "Version alias name 'v12' is reserved."),
            ("V1", "Version alias name 'V1' is reserved."),
            ("a" * 256, "'Registered model alias name' exceeds the maximum length of 255"),
        ],
        ids=lambda text: ascii(text[:10]),
    )
    def test_an_alias_that_no_reference_could_name_is_refused(self, call, alias, expected):
        new_registered(call, versions=1)
        assert expected in refusal(InvalidParameter, call, SET_ALIAS, SetAlias(NAME, alias, "1"))

    def test_an_alias_of_a_version_that_is_not_there_is_refused(self, call):
        new_registered(call)
        assert refusal(NotFound, call, SET_ALIAS, SetAlias(NAME, "champion", "1"))
        assert refusal(NotFound, call, DELETE_ALIAS, AliasName("nope", "champion"))


class TestRollbacks:
    def test_a_stage_is_given_back_step_by_step(self, call):
        new_registered(call, versions=3)
        for version in "123":
            move(call, version, "Production", archive_existing_versions=True)
        assert [roll_back(call), roll_back(call)] == ["2", "1"]
        assert stages_of(call) == ["Production", "Archived", "Archived"]

    def test_the_log_tells_it_from_other_moves(self, call):
        new_registered(call, versions=2)
        for version in "12":
            move(call, version, "Production", archive_existing_versions=True)
        roll_back(call, reason="it was slow")
        left, back = read_log(call)[-2:]
        assert (left.version, left.kind, left.to) == ("2", "stage", "Archived")
        assert (back.version, back.kind, back.to) == ("1", "rollback", "Production")
        assert left.reason == back.reason == "it was slow"

    def test_a_version_that_got_the_stage_twice_gives_it_to_the_one_between(self, call):
        new_registered(call, versions=2)
        for version in "121":
            move(call, version, "Production", archive_existing_versions=True)
        assert [roll_back(call), roll_back(call)] == ["2", "1"]

    def test_what_is_in_the_stage_beside_it_gets_it_alone(self, call):
        new_registered(call, versions=2)
        for version in "12":
            move(call, version, "Production")
        assert roll_back(call) == "1"
        assert stages_of(call, versions="12") == ["Production", "Archived"]

    def test_deleted_versions_are_left_out(self, call):
        new_registered(call, versions=3)
        for version in "123":
            move(call, version, "Production", archive_existing_versions=True)
        call(DELETE_MODEL_VERSION, VersionName(NAME, "2"))
        assert roll_back(call) == "1"

    def test_gates_and_approvals_are_not_asked_again(self, store, call):
        new_registered(call, versions=2)
        for version in "12":
            move(call, version, "Production", archive_existing_versions=True)
        rules = {"Production": Rule(origins=(), needs_approval=True, needs_example=True)}
        assert roll_back(calling(store, lifecycle=Lifecycle(rules=rules))) == "1"

    def test_without_an_archive_a_version_goes_back_to_the_first_stage(self, store):
        call = calling(store, lifecycle=Lifecycle(("Lab", "Live")))
        new_registered(call, versions=2)
        for version in "12":
            move(call, version, "Live")
        assert roll_back(call, "live") == "1"
        assert stages_of(call, versions="12") == ["Live", "None"]

    def test_where_none_had_the_stage_before_it_is_refused(self, call):
        new_registered(call, versions=1)
        request = Rollback(NAME, "Production", "why")
        assert "no version is in Production" in refusal(InvalidState, call, ROLL_BACK, request)
        move(call, "1", "Production")
        assert "version 1 is in Production, and no" in refusal(
            InvalidState, call, ROLL_BACK, request
        )

    @pytest.mark.parametrize("stage", ["None", "Archived"])
    def test_a_stage_that_nobody_is_moved_up_to_is_refused(self, call, stage):
        new_registered(call, versions=1)
        assert refusal(InvalidParameter, call, ROLL_BACK, Rollback(NAME, stage, "why"))

    def test_a_reason_is_needed(self, call):
        new_registered(call, versions=1)
        request = Rollback(NAME, "Production", " ")
        assert "give a reason" in refusal(InvalidParameter, call, ROLL_BACK, request)

    def test_one_of_an_unknown_model_is_not_found(self, call):
        assert refusal(NotFound, call, ROLL_BACK, Rollback("nope", "Production", "why"))


NUMBERS = count()
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("new")),
        st.tuples(
            st.just("move"),
            st.integers(1, 4),
            st.sampled_from(["None", "Staging", "Production", "Archived"]),
            st.booleans(),
        ),
        st.tuples(st.just("delete"), st.integers(1, 4)),
        st.tuples(st.just("back"), st.sampled_from(["Staging", "Production"])),
    ),
    max_size=20,
)


@pytest.fixture(scope="module")
def one_store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    made = open_store(f"sqlite:///{folder / 'store.db'}", str(folder / "artifacts"))
    yield made
    made.close()


class Stages:
    """A registered model as simple as can be: the stage of each version that there is."""

    def __init__(self):
        self.made, self.now = 0, {}

    def new(self):
        self.made += 1
        self.now[self.made] = "None"

    def move(self, number, stage, archives):
        if archives and stage in {"Staging", "Production"}:
            taken = (n for n, held in self.now.items() if held == stage and n != number)
            self.now |= dict.fromkeys(taken, "Archived")
        self.now[number] = stage


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_the_log_alone_gives_the_stages_of_all_versions(one_store, steps):
    call = calling(one_store)
    name = new_registered(call, f"m{next(NUMBERS)}")
    expected = Stages()
    for kind, *rest in steps:
        _do(call, name, expected, kind, rest)
    replayed = {}
    for entry in read_log(call, name):
        replayed[int(entry.version)] = entry.to
    replayed = {n: "None" if to == "Development" else to for n, to in replayed.items() if to}
    assert replayed == expected.now
    assert stages_of(call, name, map(str, expected.now)) == list(expected.now.values())


def _do(call, name, expected, kind, rest):
    if kind == "new":
        new_version(call, name)
        expected.new()
    elif kind == "back":
        try:
            back = call(ROLL_BACK, Rollback(name, rest[0], "why")).model_version
        except InvalidState:
            return
        left = [n for n, held in expected.now.items() if held == rest[0]]
        present = [n for n in left if read_version(call, str(n), name).current_stage != rest[0]]
        expected.now[int(back.version)] = rest[0]
        assert len(present) == 1
        expected.now[present[0]] = "Archived"
    elif rest[0] in expected.now:
        if kind == "move":
            number, stage, archives = rest
            archives = archives and stage in {"Staging", "Production"}
            move(call, str(number), stage, name, archive_existing_versions=archives)
            expected.move(number, stage, archives)
        else:
            call(DELETE_MODEL_VERSION, VersionName(name, str(rest[0])))
            del expected.now[rest[0]]
