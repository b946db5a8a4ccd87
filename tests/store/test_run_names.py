"""The names that runs and logged models get."""

from __future__ import annotations

import random
import re

from mlserve.store.run_names import make_name


def test_a_name_is_made_of_two_words_and_a_number():
    for _ in range(1000):
        name = make_name()
        assert re.fullmatch(r"[a-z]+-[a-z]+-\d{1,3}", name)
        assert len(name) <= 20


def test_the_same_source_gives_the_same_names():
    names = [[make_name(source) for _ in range(5)] for source in map(random.Random, (1, 1))]
    assert names[0] == names[1]


def test_names_seldom_meet():
    assert len({make_name() for _ in range(1000)}) > 990
