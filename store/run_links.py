"""What a run is linked to: its datasets, and the logged models that went in or came out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, tuple_

from . import limits
from .entities import Dataset, DatasetInput, Empty, ModelInput, ModelOutput, Tag
from .key_values import set_values
from .membership import select_among
from .model_history import TAG, add_to_history
from .run_states import lock_active_run, share_active_run
from .store import Store
from .tables import datasets, run_dataset_tags, run_datasets, run_models, run_tags
from .tracking_requests import LogInputs, LogModel, LogOutputs
from .upserts import insert_new, insert_or_update

_IN: Final = "in"
_OUT: Final = "out"

_SELECT_DATASETS: Final = (
    select(
        run_datasets.c.run_id,
        run_datasets.c.dataset_id,
        *(datasets.c[name] for name in Dataset.__struct_fields__),
    )
    .join(datasets, datasets.c.dataset_id == run_datasets.c.dataset_id)
    .order_by(run_datasets.c.run_id, run_datasets.c.dataset_id)
)
_SELECT_TAGS: Final = select(run_dataset_tags).order_by(*run_dataset_tags.primary_key)
_SELECT_MODELS: Final = select(
    run_models.c.run_id, run_models.c.direction, run_models.c.model_id, run_models.c.step
).order_by(run_models.c.run_id, run_models.c.direction, run_models.c.step, run_models.c.model_id)
_SELECT_IDS: Final = select(datasets.c.name, datasets.c.digest, datasets.c.dataset_id).where(
    datasets.c.experiment_id == bindparam("experiment_id"),
    tuple_(datasets.c.name, datasets.c.digest).in_(bindparam("keys", expanding=True)),
)
_SELECT_HISTORY: Final = select(run_tags.c.value).where(
    run_tags.c.run_id == bindparam("run_id"), run_tags.c.key == TAG
)


class Links:
    """What some runs are linked to, by the ids of the runs."""

    def __init__(self) -> None:
        self.datasets: defaultdict[str, list[DatasetInput]] = defaultdict(list)
        self.model_inputs: defaultdict[str, list[ModelInput]] = defaultdict(list)
        self.model_outputs: defaultdict[str, list[ModelOutput]] = defaultdict(list)


def log_inputs(store: Store, request: LogInputs) -> Empty:
    """Say what datasets and logged models went into an active run; saying it again adds nothing."""
    run_id = limits.find_run_id(request)
    given = _read_datasets(request.datasets)
    models = {_check_model_id(model.model_id): 0 for model in request.models}
    limits.check_count("models", models)
    with store.database.write() as connection:
        experiment_id = share_active_run(connection, run_id)
        if given:
            _link_datasets(connection, run_id, experiment_id, given)
        _link_models(connection, run_id, _IN, models)
    return Empty()


def log_outputs(store: Store, request: LogOutputs) -> Empty:
    """Say what logged models came out of an active run; the last step that is said counts."""
    run_id = limits.find_run_id(request)
    models = {
        _check_model_id(model.model_id): limits.check_integer("step", model.step)
        for model in request.models
    }
    limits.check_count("models", models)
    with store.database.write() as connection:
        share_active_run(connection, run_id)
        _link_models(connection, run_id, _OUT, models)
    return Empty()


def log_model(store: Store, request: LogModel) -> Empty:
    """Add a model to the tag in which a client of MLflow 2 keeps those that a run wrote."""
    run_id = limits.find_run_id(request)
    model_json = limits.require("model_json", request.model_json)
    with store.database.write() as connection:
        lock_active_run(connection, run_id)
        history = connection.scalar(_SELECT_HISTORY, {"run_id": run_id})
        set_values(connection, run_tags, run_id, {TAG: add_to_history(history, model_json)})
    return Empty()


def load_links(connection: Connection, run_ids: Sequence[str]) -> Links:
    """Return what runs are linked to: datasets in the order they came, models by their steps."""
    links = Links()
    rows = select_among(connection, _SELECT_DATASETS, run_datasets.c.run_id, run_ids)
    tags = _load_dataset_tags(connection, run_ids) if rows else {}
    for run_id, dataset_id, *fields in rows:
        entry = DatasetInput(tags=tags.get((run_id, dataset_id), []), dataset=Dataset(*fields))
        links.datasets[run_id].append(entry)
    for run_id, direction, model_id, step in select_among(
        connection, _SELECT_MODELS, run_models.c.run_id, run_ids
    ):
        if direction == _IN:
            links.model_inputs[run_id].append(ModelInput(model_id))
        else:
            links.model_outputs[run_id].append(ModelOutput(model_id, step))
    return links


def _load_dataset_tags(
    connection: Connection, run_ids: Sequence[str]
) -> Mapping[tuple[str, int], list[Tag]]:
    tags: defaultdict[tuple[str, int], list[Tag]] = defaultdict(list)
    rows = select_among(connection, _SELECT_TAGS, run_dataset_tags.c.run_id, run_ids)
    for run_id, dataset_id, key, value in rows:
        tags[run_id, dataset_id].append(Tag(key, value))
    return tags


def _link_datasets(
    connection: Connection,
    run_id: str,
    experiment_id: int,
    given: Mapping[tuple[str, str], DatasetInput],
) -> None:
    """Add the datasets that the experiment has not yet, the uses of all, and the tags of these."""
    keys = sorted(given)
    rows = [
        {"experiment_id": experiment_id}
        | {name: getattr(given[key].dataset, name) for name in Dataset.__struct_fields__}
        for key in keys
    ]
    connection.execute(insert_new(connection, datasets), rows)
    found = connection.execute(_SELECT_IDS, {"experiment_id": experiment_id, "keys": keys})
    ids = {(name, digest): dataset_id for name, digest, dataset_id in found}
    uses: list[dict[str, Any]] = [{"run_id": run_id, "dataset_id": ids[key]} for key in keys]
    uses.sort(key=lambda use: use["dataset_id"])
    connection.execute(insert_new(connection, run_datasets), uses)
    tags = sorted((ids[key], tag.key, tag.value) for key in keys for tag in given[key].tags)
    if tags:
        columns = [column.name for column in run_dataset_tags.c]
        named = [dict(zip(columns, (run_id, *tag), strict=True)) for tag in tags]
        connection.execute(insert_new(connection, run_dataset_tags), named)


def _link_models(
    connection: Connection, run_id: str, direction: str, models: Mapping[str, int]
) -> None:
    if models:
        rows = [
            {
                "run_id": run_id,
                "direction": direction,
                "model_id": model_id,
                "step": models[model_id],
            }
            for model_id in sorted(models)
        ]
        connection.execute(insert_or_update(connection, run_models), rows)


def _read_datasets(entries: Sequence[DatasetInput]) -> dict[tuple[str, str], DatasetInput]:
    """Return datasets by name and digest, the first of each; raises `InvalidParameter`."""
    limits.check_count("datasets", entries)
    given: dict[tuple[str, str], DatasetInput] = {}
    for entry in entries:
        dataset = entry.dataset
        for name, value, longest in (
            ("name", limits.require("name", dataset.name), limits.LONGEST_DATASET_NAME),
            ("digest", limits.require("digest", dataset.digest), limits.LONGEST_DIGEST),
            ("source_type", dataset.source_type, limits.LONGEST_SOURCE_TYPE),
            ("source", dataset.source, limits.LONGEST_SOURCE),
            ("schema", dataset.schema or "", limits.LONGEST_SCHEMA),
            ("profile", dataset.profile or "", limits.LONGEST_PROFILE),
        ):
            limits.check_text(name, value, longest)
        for tag in entry.tags:
            limits.check_text("key", limits.require("key", tag.key), limits.LONGEST_KEY)
            limits.check_text("value", tag.value, limits.LONGEST_INPUT_TAG)
        given.setdefault((dataset.name, dataset.digest), entry)
    return given


def _check_model_id(model_id: str) -> str:
    limits.require("model_id", model_id)
    return limits.check_text("model_id", model_id, limits.LONGEST_MODEL_ID)
