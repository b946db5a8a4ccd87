"""Approvals: asked for, given by somebody else, and used up by the move that they allow."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from mlserve.store.errors import (
    AlreadyExists,
    ApprovalNeeded,
    InvalidParameter,
    InvalidState,
    NotFound,
)
from mlserve.store.lifecycle import Lifecycle, Rule
from mlserve.store.registry_operations import (
    DECIDE_APPROVAL,
    DELETE_MODEL_VERSION,
    RENAME_REGISTERED_MODEL,
    REQUEST_APPROVAL,
    SEARCH_APPROVALS,
    TRANSITION_STAGE,
)
from mlserve.store.registry_requests import (
    DecideApproval,
    RenameRegisteredModel,
    RequestApproval,
    SearchApprovals,
    TransitionStage,
    VersionName,
)

from .registry import NAME, calling, move, new_registered, read_log, read_version
from .tracking import refusal

RULES = {"Production": Rule(needs_approval=True)}
TO_PRODUCTION = TransitionStage(NAME, "1", "Production")


@pytest.fixture
def ann(store):
    """Does operations as Ann, in a store whose stage Production asks for an approval."""
    return calling(store, caller="ann", lifecycle=Lifecycle(rules=RULES))


@pytest.fixture
def ben(store):
    return calling(store, caller="ben", lifecycle=Lifecycle(rules=RULES))


def ask(call, version="1", stage="Production", reason="auc 0.9"):
    return call(REQUEST_APPROVAL, RequestApproval(NAME, version, stage, reason)).approval


def decide(call, is_approved=True, version="1", reason="I looked"):
    request = DecideApproval(NAME, version, "production", reason, is_approved)
    return call(DECIDE_APPROVAL, request).approval


def states(call, **fields):
    found = call(SEARCH_APPROVALS, SearchApprovals(**fields)).approvals
    return [(one.version, one.state) for one in found]


class TestApprovals:
    def test_a_stage_that_asks_for_one_is_not_given_without(self, ann):
        new_registered(ann, versions=1)
        message = refusal(ApprovalNeeded, ann, TRANSITION_STAGE, TO_PRODUCTION)
        assert "mlserve registry request churn 1 Production --reason" in message
        assert read_version(ann, "1").current_stage == "None"
        assert len(read_log(ann)) == 1

    def test_a_request_is_not_enough(self, ann):
        new_registered(ann, versions=1)
        ask(ann)
        assert refusal(ApprovalNeeded, ann, TRANSITION_STAGE, TO_PRODUCTION)

    def test_an_approval_allows_the_move(self, ann, ben):
        new_registered(ann, versions=1)
        asked, decided = ask(ann), decide(ben)
        assert (asked.state, asked.requested_by, asked.reason) == ("pending", "ann", "auc 0.9")
        assert (decided.state, decided.decided_by) == ("approved", "ben")
        assert (decided.decision_reason, decided.id) == ("I looked", asked.id)
        assert move(ann, "1", "Production").current_stage == "Production"

    def test_an_approval_is_used_up_by_the_move(self, ann, ben):
        new_registered(ann, versions=1)
        ask(ann)
        decide(ben)
        move(ann, "1", "Production")
        assert states(ann) == [("1", "used")]
        move(ann, "1", "Production")
        move(ann, "1", "Staging")
        assert refusal(ApprovalNeeded, ann, TRANSITION_STAGE, TO_PRODUCTION)

    def test_of_moves_at_once_one_uses_it(self, ann, ben):
        new_registered(ann, versions=1)
        ask(ann)
        decide(ben)

        def promote(_):
            move(ann, "1", "Production")

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(promote, range(4)))
        assert states(ann) == [("1", "used")]

    def test_an_approval_is_for_one_version_and_one_stage(self, ann, ben):
        new_registered(ann, versions=2)
        ask(ann)
        decide(ben)
        request = TransitionStage(NAME, "2", "Production")
        assert refusal(ApprovalNeeded, ann, TRANSITION_STAGE, request)
        assert states(ann) == [("1", "approved")]

    def test_who_asked_cannot_approve(self, ann):
        new_registered(ann, versions=1)
        ask(ann)
        request = DecideApproval(NAME, "1", "Production", "mine", True)
        message = refusal(InvalidState, ann, DECIDE_APPROVAL, request)
        assert "ann asked for this approval" in message
        assert "self_approval = true" in message
        assert states(ann) == [("1", "pending")]

    def test_who_asked_can_approve_where_the_lifecycle_says_so(self, store):
        alone = calling(store, lifecycle=Lifecycle(rules=RULES, self_approval=True))
        new_registered(alone, versions=1)
        ask(alone)
        assert decide(alone).state == "approved"

    def test_who_asked_can_take_it_back(self, ann):
        new_registered(ann, versions=1)
        ask(ann)
        assert decide(ann, is_approved=False).state == "rejected"

    def test_what_was_rejected_may_be_asked_for_again(self, ann, ben):
        new_registered(ann, versions=1)
        ask(ann)
        decide(ben, is_approved=False)
        assert refusal(ApprovalNeeded, ann, TRANSITION_STAGE, TO_PRODUCTION)
        ask(ann)
        assert states(ann) == [("1", "pending"), ("1", "rejected")]

    def test_there_is_one_request_at_a_time(self, ann, ben):
        new_registered(ann, versions=1)
        ask(ann)
        request = RequestApproval(NAME, "1", "Production", "again")
        assert "pending" in refusal(AlreadyExists, ben, REQUEST_APPROVAL, request)
        decide(ben)
        assert "approved" in refusal(AlreadyExists, ben, REQUEST_APPROVAL, request)

    def test_a_stage_that_needs_none_and_one_that_is_had_are_refused(self, ann, ben):
        new_registered(ann, versions=1)
        request = RequestApproval(NAME, "1", "Staging", "why")
        assert "asks for no approval" in refusal(InvalidState, ann, REQUEST_APPROVAL, request)
        ask(ann)
        decide(ben)
        move(ann, "1", "Production")
        request = RequestApproval(NAME, "1", "Production", "why")
        assert "is in Production already" in refusal(InvalidState, ann, REQUEST_APPROVAL, request)

    def test_reasons_are_needed(self, ann, ben):
        new_registered(ann, versions=1)
        request = RequestApproval(NAME, "1", "Production", " ")
        assert "give a reason" in refusal(InvalidParameter, ann, REQUEST_APPROVAL, request)
        ask(ann)
        decision = DecideApproval(NAME, "1", "Production", "", True)
        assert "give a reason" in refusal(InvalidParameter, ben, DECIDE_APPROVAL, decision)

    def test_what_is_not_there_is_not_found(self, ann, ben):
        new_registered(ann, versions=1)
        request = RequestApproval(NAME, "2", "Production", "why")
        assert refusal(NotFound, ann, REQUEST_APPROVAL, request)
        decision = DecideApproval(NAME, "1", "Production", "why", True)
        assert "no pending request" in refusal(NotFound, ben, DECIDE_APPROVAL, decision)

    def test_requests_are_found_by_model_and_state(self, ann, ben):
        new_registered(ann, versions=3)
        for version in "123":
            ask(ann, version)
        decide(ben, version="2")
        assert states(ann, state="pending") == [("3", "pending"), ("1", "pending")]
        assert states(ann, name=NAME, state="approved") == [("2", "approved")]
        assert states(ann, name="other") == []
        request = SearchApprovals(state="new")
        assert "pending, approved, rejected" in refusal(
            InvalidParameter, ann, SEARCH_APPROVALS, request
        )

    def test_an_approval_goes_with_its_version(self, ann, ben):
        new_registered(ann, versions=1)
        ask(ann)
        decide(ben)
        ann(RENAME_REGISTERED_MODEL, RenameRegisteredModel(NAME, "kept"))
        assert states(ann, name="kept") == [("1", "approved")]
        ann(DELETE_MODEL_VERSION, VersionName("kept", "1"))
        assert states(ann) == []
