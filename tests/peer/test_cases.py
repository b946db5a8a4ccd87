"""Both services answer every request made by hand alike, but for declared differences."""

from __future__ import annotations

from collections import Counter

import pytest

from .differences import DIFFERENCES, explain
from .sections import SECTIONS

# What the libraries of a model warn of is theirs, and the same in both services.
pytestmark = pytest.mark.filterwarnings("ignore")
CASES = {case.name: case for section in SECTIONS for case in section()}


def test_no_two_cases_have_one_name():
    names = Counter(case.name for section in SECTIONS for case in section())
    assert not [name for name, count in names.items() if count > 1]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_both_answer_the_cases_alike_but_for_declared_differences(ask, section):
    exchanges = [ask(case.model, case.request) for case in section()]
    unexplained = [e for e in exchanges if not (e.is_same or explain(e))]
    assert not unexplained, "\n\n".join(map(str, unexplained[:10]))


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda d: f"{d.key}: {d.witness}")
def test_each_declared_difference_is_there(ask, difference):
    case = CASES[difference.witness]
    exchange = ask(case.model, case.request)
    assert not exchange.is_same, str(exchange)
    assert explain(exchange) == {difference.key}, str(exchange)
