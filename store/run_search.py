"""The search for runs. How the database is asked for them is the business of ``run_pages``."""

from __future__ import annotations

from typing import Final

from . import limits
from .errors import InvalidParameter
from .filters import (
    LISTED_TEXT,
    NUMBER,
    OPTIONAL_TEXT,
    TEXT,
    Kind,
    Vocabulary,
    parse_filter,
)
from .ordering import OrderWords, by_attribute, complete, parse_order
from .paging import Question, check_size
from .run_pages import Scope, find_runs
from .runs import load_runs
from .store import Store
from .tracking_requests import RunsAnswer, SearchRuns
from .view_types import read_stages

MOST_RESULTS: Final = 50_000
MOST_EXPERIMENTS: Final = 10_000

WORDS: Final = Vocabulary(
    attributes={
        "run_id": LISTED_TEXT,
        "run_name": TEXT,
        "user_id": TEXT,
        "status": TEXT,
        "artifact_uri": TEXT,
        "start_time": NUMBER,
        "end_time": NUMBER,
    },
    kinds={
        Kind.METRIC: NUMBER,
        Kind.PARAM: OPTIONAL_TEXT,
        Kind.TAG: OPTIONAL_TEXT,
        Kind.DATASET: LISTED_TEXT,
    },
    aliases={
        "created": "start_time",
        "Created": "start_time",
        "run name": "run_name",
        "Run name": "run_name",
        "Run Name": "run_name",
    },
)
ORDER_WORDS: Final = OrderWords(
    tuple(WORDS.attributes), (Kind.METRIC, Kind.PARAM, Kind.TAG), WORDS.aliases
)
_LAST: Final = by_attribute("start_time", is_ascending=False), by_attribute("run_id")


def search_runs(store: Store, request: SearchRuns) -> RunsAnswer:
    """Return a page of the runs that are asked for, by default the newest first."""
    size = check_size(request.max_results, MOST_RESULTS)
    numbers = read_experiment_ids(request.experiment_ids)
    stages = read_stages("run_view_type", request.run_view_type)
    where = parse_filter(request.filter, WORDS).comparisons
    terms = complete(parse_order(request.order_by, ORDER_WORDS), _LAST)
    query = numbers, stages, request.filter, request.order_by
    with store.database.read() as connection:
        question = Question(query, size, request.page_token)
        page = find_runs(connection, Scope(numbers, stages), where, terms, question)
        found = load_runs(connection, [key.run_id for key in page.keys])
    return RunsAnswer(found, page.next_token)


def read_experiment_ids(texts: list[str]) -> list[int]:
    """Return the numbers of experiments, each once."""
    if len(texts) > MOST_EXPERIMENTS:
        raise InvalidParameter(
            f"`experiment_ids`: found {len(texts)}, expected at most {MOST_EXPERIMENTS}"
        )
    return sorted({limits.parse_experiment_id(text) for text in texts})
