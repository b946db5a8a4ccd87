"""The search for experiments."""

from __future__ import annotations

from typing import Final

from .experiments import load_experiments
from .filter_sql import Columns, make_clause
from .filters import IDENTIFIER, OPTIONAL_TEXT, TEXT, WHOLE_NUMBER, Kind, Vocabulary, parse_filter
from .ordering import OrderWords, by_attribute, complete, make_ordering, parse_order
from .paging import Question, check_size, fetch_page
from .store import Store
from .tables import experiment_tags, experiments
from .tracking_requests import ExperimentsAnswer, SearchExperiments
from .view_types import read_stages

MOST_RESULTS: Final = 50_000

WORDS: Final = Vocabulary(
    attributes={
        "name": TEXT,
        "experiment_id": IDENTIFIER,
        "creation_time": WHOLE_NUMBER,
        "last_update_time": WHOLE_NUMBER,
    },
    kinds={Kind.TAG: OPTIONAL_TEXT},
)
_ORDER_WORDS: Final = OrderWords(tuple(WORDS.attributes))
_NEWEST_FIRST: Final = (
    by_attribute("creation_time", is_ascending=False),
    by_attribute("experiment_id"),
)
_LAST: Final = (by_attribute("experiment_id", is_ascending=False),)
_COLUMNS: Final = Columns(
    owner=(experiments.c.experiment_id,),
    attributes={name: experiments.c[name] for name in WORDS.attributes},
    tables={Kind.TAG: experiment_tags},
)


def search_experiments(store: Store, request: SearchExperiments) -> ExperimentsAnswer:
    """Return a page of the experiments that are asked for, by default the newest first."""
    size = check_size(request.max_results, MOST_RESULTS)
    stages = read_stages("view_type", request.view_type)
    where = parse_filter(request.filter, WORDS).comparisons
    terms = complete(parse_order(request.order_by, _ORDER_WORDS) or _NEWEST_FIRST, _LAST)
    query = stages, request.filter, request.order_by
    clauses = [make_clause(comparison, _COLUMNS) for comparison in where]
    clauses.append(experiments.c.lifecycle_stage.in_(stages))
    ordering = make_ordering(terms, _COLUMNS)
    with store.database.read() as connection:
        question = Question(query, size, request.page_token)
        page = fetch_page(connection, _COLUMNS.owner, clauses, ordering, question)
        found = load_experiments(connection, [key.experiment_id for key in page.keys])
    return ExperimentsAnswer(found, page.next_token)
