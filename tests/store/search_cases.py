"""What is searched, and for what: the same in a real MLflow and here.

Times and values are few, so that there are ties.
"""

from __future__ import annotations

from typing import Any

PROMPT = "tag.`mlflow.prompt.is_prompt`"
VALUES = ["x", "X", "x1", "a%b", "a_b", "50%", "", "it's", "b\\c", "ü", "x\nz"]
NUMBERS = [0.0, -1.5, 0.25, 1e-9, 1e30, float("nan"), float("inf"), 2.5]
DATASETS = [("iris", "abc", "train"), ("wine", "def", None), ("Iris", "abd", "test")]


def make_run(i: int) -> dict[str, Any]:
    """Return a run that differs from the others in what it has."""
    metrics = {"m": NUMBERS[i % 8], "val loss": i % 5 / 4} if i % 4 else {"m": float(i % 3)}
    return {
        "run_name": f"Run-{i:02}" if i % 2 else f"run {i:02}",
        "status": ["RUNNING", "FINISHED", "FAILED", "KILLED"][i % 4],
        "user_id": ["me", "you"][i % 2],
        "start_time": i // 3,
        "end_time": i if i % 3 else None,
        "metrics": metrics if i % 7 else {},
        "params": {"p": VALUES[i % 11], "q": str(i % 3)} if i % 5 else {"q": "9"},
        "tags": {"t": VALUES[i * 3 % 11], "mlflow.x": "1"} if i % 6 else {},
        "datasets": DATASETS[i % 3 : i % 3 + i % 4],
        "lifecycle_stage": "deleted" if i % 8 == 5 else "active",
    }


RUNS = [make_run(i) for i in range(24)]

EXPERIMENTS = [
    {"name": "Default", "tags": {}, "lifecycle_stage": "active"},
    {"name": "alpha", "tags": {"team": "a"}, "lifecycle_stage": "active"},
    {"name": "Alpha-2", "tags": {"team": "b", "x y": "1"}, "lifecycle_stage": "active"},
    {"name": "beta%", "tags": {}, "lifecycle_stage": "deleted"},
    {"name": "_beta", "tags": {"team": "A"}, "lifecycle_stage": "active"},
]

LOGGED_MODELS = [
    {"name": "tree", "model_type": "clf", "params": {"depth": "3"}, "tags": {"a": "1"},
     "metrics": [["acc", 0.5, 1, 0, "iris", "abc"], ["acc", 0.9, 2, 0, "wine", "def"]]},
    {"name": "Tree", "model_type": "", "params": {"depth": "4"}, "tags": {"a": "2"},
     "metrics": [["acc", 0.7, 5, 1, "iris", "abc"], ["acc", 0.1, 5, 2, "iris", "abx"]]},
    {"name": "line", "model_type": "reg", "params": {}, "tags": {}, "metrics": []},
    {"name": "line2", "model_type": "reg", "params": {"depth": "30"}, "tags": {"b": "1"},
     "metrics": [["acc", 0.6, 1, 1, None, None], ["f1", 0.2, 1, 1, "wine", "def"]]},
]  # fmt: skip

REGISTERED = [
    {"name": "churn", "tags": {"k": "v", "n": "1"}, "versions": [
        {"source": "s3://b/one", "run_id": "a" * 32, "tags": {"v": "1"}},
        {"source": "s3://b/Two", "run_id": "b" * 32, "tags": {"v": "2"}},
        {"source": "s3://b/three", "run_id": "a" * 32, "tags": {}}]},
    {"name": "Churn%", "tags": {"k": "V"}, "versions": [
        {"source": "s3://c/one", "run_id": "c" * 32, "tags": {"v": "1"}}]},
    {"name": "hello", "tags": {"mlflow.prompt.is_prompt": "true"}, "versions": [
        {"source": "p", "run_id": "d" * 32, "tags": {"mlflow.prompt.is_prompt": "true"}}]},
    {"name": "not_one", "tags": {"mlflow.prompt.is_prompt": "false"}, "versions": []},
]  # fmt: skip

RUN_FILTERS = [
    "", "metrics.m > 0.25", "metrics.m >= 0.25", "metrics.m < 1", "metric.m <= -1.5",
    "metrics.m = 0", "metrics.m != 0", "metrics.m != 2.5", "metrics.`val loss` > .2",
    "metrics.m > -1e-5 AND metrics.m<1e3", 'metrics."val loss" = 0.5', "metrics.m < 1e400",
    "metrics.none > 1", "metrics.m > 1.", "params.p = 'x'", "param.p != 'x'",
    "parameters.p LIKE 'x%'", "parameter.p ilike 'X%'", "params.p like '%\\%'",
    "params.p LIKE 'a_b'", "params.p LIKE 'x_z'", "params.p = \"it's\"", "params.p = ''",
    "params.p = 'b\\c'", "params.p LIKE '%\\%'", "params.p LIKE 'b\\\\c'", "params.p ILIKE 'Ü'",
    "params.p IS NULL", "params.p is not null", "tags.t = 'x' and params.q = '1'",
    "tag.`mlflow.x` = '1'", "tags.mlflow.x = '1'", "tags.\"mlflow.x\" != '2'", "tags.t IS NULL",
    "tags.t != 'x'", "tags.nothing != 'x'", "run_name = 'run 04'", "attributes.run_name != 'x'",
    "run_name LIKE 'Run%'", "run.run_name ILIKE 'RUN%'", "attribute.`run name` = 'run 04'",
    "attributes.\"Run name\" LIKE '%1_'", "status = 'FINISHED'", "attr.status != 'FINISHED'",
    "status LIKE 'F%'", "user_id = 'me'", "artifact_uri LIKE '%/artifacts'", "start_time > 3",
    "attributes.start_time <= 3.5", "start_time = 2.0", "start_time != 2.5", "created < 2",
    "Created >= 5", "end_time > 10", "end_time != 4", "end_time != 4.5", "start_time > -1",
    "start_time < 1e30", "run_id IN ('a', 'b')",
    "run_id NOT IN ('a', \"b\")", "run_id != 'a'", "run_id LIKE '%'", "datasets.name = 'iris'",
    "dataset.name ILIKE 'IRIS'", "dataset.name != 'iris'", "datasets.digest LIKE 'ab%'",
    "datasets.context = 'train'", "datasets.context IN ('train', 'test')",
    "datasets.name NOT IN ('iris')", "datasets.context NOT IN ('train')",
    "datasets.name = 'iris' AND datasets.context = 'test'", "params.p = 'a and b'",
    "tags.t='x'and params.q='0'", "metrics.m >0\n and\tmetrics.m<3",
    # What cannot be read.
    "bad filter", "metrics.m > 1 OR metrics.m < 0", "(metrics.m > 1)", "metrics.m > 'a'",
    "metrics.m > a", "metrics.m == 1", "metrics.m <> 1", "metrics.m > +1", "metrics.m > 0x1",
    "metrics.m LIKE 'a'", "metrics.m IS NULL", "metrics.m IN (1)", "params.p > 'a'",
    "params.p = 5", "params.p = x", "params.p IN ('a')", "params.p = 'x", 'params.p = "x',
    "tags.t NOT LIKE 'a'", "run_name IN ('a')", "run_name IS NULL", "status > 'a'",
    "start_time = '5'", "start_time LIKE '5'", "run_id IN ()", "run_id IN (1)", "run_id IN 'a'",
    "run_id > 'a'", "lifecycle_stage = 'active'", "experiment_id = '0'", "foo.bar = 'x'",
    "METRICS.m > 1", "datasets.source = 'x'", "datasets.name IS NULL", "datasets.name > 'a'",
    "metrics.m > 1;", "metrics.m > 1; metrics.m < 2", "metrics.m > 1, metrics.m < 2",
    "NOT metrics.m > 1", "metrics.m BETWEEN 1 AND 2", "1 < metrics.m", "'a' = params.p",
    "metrics.m > metrics.n", "metrics.m > 1 -- all", "metrics.m > 1 /* all */", "   ", ";",
    "metrics.m > 1 AND (params.p = 'a')", "metrics.m >", "metrics.m", "run name = 'x'",
]  # fmt: skip

RUN_ORDERS = [
    ["metrics.m DESC"], ["metrics.m"], ["metrics.m ASC"], ["metric.`val loss` desc"],
    ['metrics."val loss" asc', "params.q DESC"], ["params.p"], ["params.p DESC"], ["tags.t"],
    ["tag.t DESC", "metrics.m"], ["start_time"], ["attributes.start_time ASC"], ["created DESC"],
    ["end_time"], ["end_time DESC"], ["run_name"], ["attributes.run_name DESC"], ["status"],
    ["user_id", "status DESC"], ["attribute.run_id"], ["run_id DESC"], ["artifact_uri"],
    ["params.none", "end_time"], ["metrics.none DESC"], ["Created"],
    # What cannot be read, or means nothing.
    ["metrics.m DESC", "metrics.m"], ["start_time", "created"], ["metrics.m DOWN"], ["foo.bar"],
    ["nothing"], ["datasets.name"], [""], ["metrics.m DESC NULLS LAST"], ["metrics.m, params.p"],
]  # fmt: skip

EXPERIMENT_FILTERS = [
    "", "name = 'alpha'", "name != 'alpha'", "name LIKE '%a'", "name ILIKE 'alpha%'",
    "attribute.name = 'alpha'", "experiment_id = '1'", "experiment_id IN ('1', '3')",
    "experiment_id NOT IN ('0')", "experiment_id != '77'", "creation_time > 5",
    "last_update_time < 5", "creation_time >= 0 and name LIKE 'Alpha%'", "tags.team = 'a'",
    "tag.team ILIKE 'a'", "tags.`x y` = '1'", "tags.team IS NULL", "tags.team IS NOT NULL",
    "tags.team != 'a'", "name LIKE 'beta_'", "name LIKE '\\_%'",
    "experiment_id = 'x'", "experiment_id LIKE '1'", "experiment_id = 1", "name IN ('alpha')",
    "creation_time = '5'", "creation_time > 5.0", "creation_time LIKE '5'", "foo = 'a'",
    "metrics.m > 1", "tags.team > 'a'", "name IS NULL", "bad filter", "name = 'a' OR name = 'b'",
]  # fmt: skip

EXPERIMENT_ORDERS = [
    ["name"], ["name DESC"], ["experiment_id"], ["experiment_id DESC"], ["creation_time"],
    ["attribute.last_update_time DESC", "name"], ["tags.team"], ["foo"],
]  # fmt: skip

MODEL_FILTERS = [
    "", "name = 'churn'", "name != 'churn'", "name LIKE 'ch%'", "name ILIKE 'ch%'",
    "name IN ('churn', 'hello')", "name NOT IN ('churn')", "tags.k = 'v'", "tag.k ILIKE 'v'",
    "tags.k != 'v'", "tags.k = 'v' AND tags.n = '1'", f"{PROMPT} != 'true'", f"{PROMPT} = 'true'",
    f"{PROMPT} = 'false'", f"{PROMPT} != 'false'", f"{PROMPT} = 'TRUE'",
    f"name LIKE '%h%' AND {PROMPT} != 'true'", f"tags.k = 'v' AND {PROMPT} = 'true'",
    "name > 'a'", "tags.k IN ('v')", "foo = 'x'", "run_id = 'x'", "name = 5", "metrics.m > 1",
    "bad filter", "creation_timestamp > 1",
]  # fmt: skip

MODEL_ORDERS = [
    ["name"], ["name DESC"], ["timestamp"], ["last_updated_timestamp DESC", "name DESC"],
    ["timestamp", "last_updated_timestamp"], ["foo"], ["tags.k"],
]  # fmt: skip

VERSION_FILTERS = [
    "", "name = 'churn'", "name = 'churn' AND version_number > 1", "version_number <= 2",
    "version_number = '1'", "version_number != 1", "run_id = '" + "a" * 32 + "'",
    f"run_id IN ('{'a' * 32}', '{'c' * 32}')", f"run_id NOT IN ('{'a' * 32}')",
    "name IN ('churn')", "source_path LIKE '%/one'", "source_path ILIKE '%/TWO'", "tags.v = '1'",
    "tags.v != '1'", f"{PROMPT} = 'true'", f"{PROMPT} != 'true'", "name != 'churn'",
    "version_number > 99999999999", "version_number > 1.0", "version_number LIKE '1'",
    "version_number = 'x'", "source_path IN ('a')", "source_path > 'a'", "foo = 'x'",
    "tags.v IS NULL", "bad filter", "metrics.m > 1",
]  # fmt: skip

VERSION_ORDERS = [
    ["name"], ["name DESC"], ["version_number"], ["version_number DESC", "name"],
    ["creation_timestamp"], ["last_updated_timestamp"], ["name", "name DESC"], ["foo"],
]  # fmt: skip

LOGGED_MODEL_FILTERS = [
    "", "name = 'tree'", "name != 'tree'", "name LIKE 'l%'", "name ILIKE 'tree'",
    "name IN ('tree', 'line')", "name NOT IN ('tree')", "model_type = 'reg'",
    "metrics.acc > 0.6", "metrics.acc = 0.1", "metrics.acc != 0.5", "params.depth LIKE '3%'",
    "params.depth IN ('3', '4')", "tags.a = '1'", "tags.a NOT IN ('1')", "attributes.name = 'tree'",
    "creation_timestamp > 5", "creation_time < 5", "last_updated_timestamp > 5",
    "metrics.acc > 0.5 AND params.depth = '4'", "experiment_id = '0'", "experiment_id = '7'",
    "metrics.acc LIKE 'a'", "name > 'a'", "bad filter", "name = 'a' OR name = 'b'",
    "foo.bar = 'x'", "params.depth IS NULL", "datasets.name = 'iris'",
]  # fmt: skip

LOGGED_MODEL_ORDERS = [
    [{"field_name": "name"}], [{"field_name": "name", "ascending": False}],
    [{"field_name": "creation_time"}], [{"field_name": "creation_timestamp", "ascending": False}],
    [{"field_name": "metrics.acc"}], [{"field_name": "metrics.acc", "ascending": False}],
    [{"field_name": "metrics.acc", "dataset_name": "iris"}],
    [{"field_name": "metrics.acc", "dataset_name": "iris", "dataset_digest": "abc"}],
    [{"field_name": "metrics.f1"}, {"field_name": "model_id"}],
    [{"field_name": "params.depth"}], [{"field_name": "foo"}],
]  # fmt: skip

IRIS = {"dataset_name": "iris"}
LOGGED_MODEL_DATASETS = [[IRIS], [{"dataset_name": "wine", "dataset_digest": "def"}, IRIS], [{}]]


def asked(text: str = "", order_by: list[Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"filter": text, "order_by": order_by or [], **fields}


def each(texts: list[str], orders: list[list[Any]], **fields: Any) -> list[dict[str, Any]]:
    """Return a search for each filter, and one for each order."""
    return [*(asked(text, **fields) for text in texts), *(asked("", by, **fields) for by in orders)]


SEARCHES = {
    "runs": [
        *each(RUN_FILTERS, RUN_ORDERS),
        *each(["metrics.m > 0", ""], [["metrics.m DESC"]], view_type="ALL"),
        *each(["", "params.q = '1'"], [], view_type="DELETED_ONLY"),
        asked("metrics.m > 0 and tags.t != 'x'", ["metrics.m DESC", "params.p"]),
    ],
    "experiments": [
        *each(EXPERIMENT_FILTERS, EXPERIMENT_ORDERS),
        *each([""], [], view_type="ALL"),
        *each([""], [], view_type="DELETED_ONLY"),
    ],
    "registered_models": each(MODEL_FILTERS, MODEL_ORDERS),
    "model_versions": each(VERSION_FILTERS, VERSION_ORDERS),
    "logged_models": [
        *each(LOGGED_MODEL_FILTERS, LOGGED_MODEL_ORDERS, datasets=None),
        *(asked(datasets=datasets) for datasets in LOGGED_MODEL_DATASETS),
        *(asked("metrics.acc > 0.6", datasets=datasets) for datasets in LOGGED_MODEL_DATASETS[:2]),
    ],
}
