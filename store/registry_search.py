"""The searches for registered models and for their versions.

MLflow keeps prompts among the registered models, told by a tag; a search finds them only where it
asks for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Table, select

from .filter_sql import Clause, Columns, make_clause
from .filters import (
    LISTED_TEXT,
    QUOTED_NUMBER,
    TEXT,
    Comparator,
    Comparison,
    Key,
    Kind,
    Vocabulary,
    parse_filter,
)
from .ordering import OrderWords, by_attribute, complete, make_ordering, parse_order
from .paging import Question, check_size, fetch_page
from .registered_models import load_registered_models
from .registry_requests import (
    ModelVersionsAnswer,
    RegisteredModelsAnswer,
    SearchModelVersions,
    SearchRegisteredModels,
)
from .store import Store
from .tables import model_version_tags, model_versions, registered_model_tags, registered_models
from .version_loading import load_model_versions

MOST_MODELS: Final = 1_000
MOST_VERSIONS: Final = 200_000

_PROMPT: Final = Key(Kind.TAG, "mlflow.prompt.is_prompt")
_FINDS_PROMPTS: Final = {(Comparator.EQUAL, "true"), (Comparator.UNEQUAL, "false")}

MODEL_WORDS: Final = Vocabulary(attributes={"name": LISTED_TEXT}, kinds={Kind.TAG: TEXT})
_MODEL_ORDER_WORDS: Final = OrderWords(
    ("name", "creation_timestamp", "last_updated_timestamp"),
    aliases={"timestamp": "last_updated_timestamp"},
)
_MODELS_LAST: Final = (by_attribute("name"),)
_MODEL_COLUMNS: Final = Columns(
    owner=(registered_models.c.name,),
    attributes={
        "name": registered_models.c.name,
        "creation_timestamp": registered_models.c.creation_time,
        "last_updated_timestamp": registered_models.c.last_update_time,
    },
    tables={Kind.TAG: registered_model_tags},
)

VERSION_WORDS: Final = Vocabulary(
    attributes={
        "name": LISTED_TEXT,
        "run_id": LISTED_TEXT,
        "source_path": TEXT,
        "version_number": QUOTED_NUMBER,
    },
    kinds={Kind.TAG: TEXT},
)
_VERSION_ORDER_WORDS: Final = OrderWords(
    ("name", "version_number", "creation_timestamp", "last_updated_timestamp")
)
_NEWEST_FIRST: Final = (by_attribute("last_updated_timestamp", is_ascending=False),)
_VERSIONS_LAST: Final = by_attribute("name"), by_attribute("version_number", is_ascending=False)
_VERSION_COLUMNS: Final = Columns(
    owner=(model_versions.c.name, model_versions.c.version),
    attributes={
        "name": model_versions.c.name,
        "run_id": model_versions.c.run_id,
        "source_path": model_versions.c.source,
        "version_number": model_versions.c.version,
        "creation_timestamp": model_versions.c.creation_time,
        "last_updated_timestamp": model_versions.c.last_update_time,
    },
    tables={Kind.TAG: model_version_tags},
)


def search_registered_models(
    store: Store, request: SearchRegisteredModels
) -> RegisteredModelsAnswer:
    """Return a page of the registered models that are asked for, by default by their names."""
    size = check_size(request.max_results, MOST_MODELS)
    where = parse_filter(request.filter, MODEL_WORDS).comparisons
    terms = complete(parse_order(request.order_by, _MODEL_ORDER_WORDS), _MODELS_LAST)
    clauses = _make_clauses(where, _MODEL_COLUMNS)
    ordering = make_ordering(terms, _MODEL_COLUMNS)
    question = Question((request.filter, request.order_by), size, request.page_token)
    with store.database.read() as connection:
        page = fetch_page(connection, _MODEL_COLUMNS.owner, clauses, ordering, question)
        found = load_registered_models(connection, [key.name for key in page.keys])
    return RegisteredModelsAnswer(found, page.next_token)


def search_model_versions(store: Store, request: SearchModelVersions) -> ModelVersionsAnswer:
    """Return a page of the versions that are asked for, by default those changed last first."""
    size = check_size(request.max_results, MOST_VERSIONS)
    where = parse_filter(request.filter, VERSION_WORDS).comparisons
    terms = parse_order(request.order_by, _VERSION_ORDER_WORDS) or _NEWEST_FIRST
    clauses = _make_clauses(where, _VERSION_COLUMNS)
    ordering = make_ordering(complete(terms, _VERSIONS_LAST), _VERSION_COLUMNS)
    question = Question((request.filter, request.order_by), size, request.page_token)
    with store.database.read() as connection:
        page = fetch_page(connection, _VERSION_COLUMNS.owner, clauses, ordering, question)
        found = load_model_versions(connection, [(key.name, key.version) for key in page.keys])
    return ModelVersionsAnswer(found, page.next_token)


def _make_clauses(where: Sequence[Comparison], columns: Columns) -> list[Clause]:
    """Return the clauses of ``where``, of which the first about the prompts' tag speaks for all.

    Where it does not ask for prompts, none are found, and what else it says of the tag does not
    matter: models, which it is meant to let through, do not have it.
    """
    about_prompts = [each for each in where if each.key == _PROMPT]
    if any(_finds_prompts(each) for each in about_prompts[:1]):
        return [make_clause(each, columns) for each in where]
    others = [make_clause(each, columns) for each in where if each.key != _PROMPT]
    return [*others, _is_no_prompt(columns.tables[Kind.TAG], columns)]


def _finds_prompts(comparison: Comparison) -> bool:
    return (comparison.comparator, str(comparison.value).lower()) in _FINDS_PROMPTS


def _is_no_prompt(tags: Table, columns: Columns) -> Clause:
    prompts = select(tags.c.name).where(tags.c.key == _PROMPT.name, tags.c.value == "true")
    return columns.attributes["name"].not_in(prompts)
