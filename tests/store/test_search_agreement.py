"""Searches for runs find what the filter means, read in Python, in the order that is asked for."""

from __future__ import annotations

from math import inf

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from mlserve.store.filters import (
    EQUALITY,
    LISTS,
    PATTERNS,
    PRESENCE,
    RANGE,
    Comparison,
    Key,
    Kind,
    parse_filter,
)
from mlserve.store.ordering import Term, by_attribute, complete
from mlserve.store.paging import Question
from mlserve.store.run_pages import Scope, find_runs
from mlserve.store.run_search import WORDS

from .searching import Made, holds, in_order, write_runs
from .tracking import new_experiment

KEYS = ("a", "b c", "mlflow.x")
# One that ends in a backslash would go on to the next quote, in MLflow as here.
TEXTS = some.text(alphabet="aAbé%_\\'\u017f\u212a ", max_size=3).filter(
    lambda text: text[-1:] != "\\"
)
NUMBERS = some.sampled_from([-1.5, -1.0, 0.0, 0.25, 1e-9, 1.0, 2.5, 1e30, -1e300])
TIMES = some.integers(0, 4)
LAST = (by_attribute("start_time", is_ascending=False), by_attribute("run_id"))
AS_RUNS = some.builds(
    Made,
    run_name=TEXTS,
    status=some.sampled_from(["RUNNING", "FINISHED", "FAILED"]),
    user_id=some.sampled_from(["me", "you"]),
    start_time=TIMES,
    end_time=some.none() | TIMES,
    metrics=some.dictionaries(some.sampled_from(KEYS), NUMBERS | some.just(float("nan"))),
    params=some.dictionaries(some.sampled_from(KEYS), TEXTS),
    tags=some.dictionaries(some.sampled_from(KEYS), TEXTS),
)
SETTINGS = settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def quoted(text: str) -> str:
    return f'"{text}"' if "'" in text else f"'{text}'"


@some.composite
def comparisons(draw) -> Comparison:
    """A comparison that the grammar has words for."""
    kind = draw(some.sampled_from([Kind.METRIC, Kind.PARAM, Kind.TAG, Kind.ATTRIBUTE]))
    if kind is Kind.METRIC:
        comparator = draw(some.sampled_from(sorted(EQUALITY | RANGE)))
        return Comparison(Key(kind, draw(some.sampled_from(KEYS))), comparator, draw(NUMBERS))
    if kind is Kind.ATTRIBUTE and draw(some.booleans()):
        key = Key(kind, draw(some.sampled_from(["start_time", "end_time"])))
        comparator = draw(some.sampled_from(sorted(EQUALITY | RANGE)))
        value = some.integers(-1, 5) | some.sampled_from([-1e30, 1.5, 2.0, 1e400, 2**63, -(2**70)])
        return Comparison(key, comparator, draw(value))
    if kind is Kind.ATTRIBUTE:
        key = Key(kind, draw(some.sampled_from(["run_name", "status", "user_id", "run_id"])))
        listed = LISTS if key.name == "run_id" else frozenset()
        comparator = draw(some.sampled_from(sorted(EQUALITY | PATTERNS | listed)))
    else:
        key = Key(kind, draw(some.sampled_from(KEYS)))
        comparator = draw(some.sampled_from(sorted(EQUALITY | PATTERNS | PRESENCE)))
    if comparator in PRESENCE:
        return Comparison(key, comparator, None)
    values = TEXTS | some.sampled_from(["FINISHED", "me", "%E%", "0%", "a%"])
    if comparator in LISTS:
        return Comparison(key, comparator, tuple(draw(some.lists(values, min_size=1, max_size=3))))
    return Comparison(key, comparator, draw(values))


@some.composite
def orders(draw) -> list[Term]:
    """Terms of an order, each with a key of its own."""
    keys = [Key(kind, name) for kind in (Kind.METRIC, Kind.PARAM, Kind.TAG) for name in KEYS]
    keys += [Key(Kind.ATTRIBUTE, name) for name in WORDS.attributes]
    chosen = draw(some.lists(some.sampled_from(keys), unique=True, max_size=3))
    return [Term(key, draw(some.booleans())) for key in chosen]


def written(comparison: Comparison) -> str:
    """Return a comparison in the words of the grammar."""
    key = f"{comparison.key.kind}.`{comparison.key.name}`"
    value = comparison.value
    if value is None:
        return f"{key} {comparison.comparator}"
    if isinstance(value, tuple):
        return f"{key} {comparison.comparator} ({', '.join(map(quoted, value))})"
    if isinstance(value, str):
        return f"{key} {comparison.comparator} {quoted(value)}"
    return f"{key} {comparison.comparator} {'1e400' if value == inf else repr(value)}"


@SETTINGS
@given(some.lists(comparisons(), min_size=1, max_size=4))
def test_a_filter_that_is_written_and_read_again_is_the_same(wanted):
    read = parse_filter(" AND ".join(map(written, wanted)), WORDS)
    assert read.comparisons == tuple(wanted)


@SETTINGS
@given(
    made=some.lists(AS_RUNS, max_size=8),
    where=some.lists(comparisons(), max_size=3),
    terms=orders(),
    size=some.integers(1, 4),
    few=some.integers(0, 5),
)
def test_all_pages_together_are_what_the_filter_means(shared_store, made, where, terms, size, few):
    experiment = new_experiment(lambda operation, request: operation.run(shared_store, request))
    write_runs(shared_store, made, experiment)
    expected = in_order([run for run in made if all(holds(run, each) for each in where)], terms)
    scope, found, token = Scope([int(experiment)], ["active"]), [], None
    while True:
        with shared_store.database.read() as connection:
            question = Question((), size, token)
            page = find_runs(connection, scope, where, complete(terms, LAST), question, few)
        found += [key.run_id for key in page.keys]
        token = page.next_token
        if token is None:
            break
        assert len(page.keys) == size
    assert found == [run.run_id for run in expected]
