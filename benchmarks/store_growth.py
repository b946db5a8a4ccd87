"""What a page of a search costs over 1,000 runs and over 100,000, in one process, in turns."""

import statistics
import tempfile
import time
from pathlib import Path

from mlserve.store.store import open_store
from mlserve.store.tables import latest_metrics, params, runs
from mlserve.store.tracking_operations import SEARCH_RUNS
from mlserve.store.tracking_requests import SearchRuns
from sqlalchemy import insert

SIZES = (1_000, 100_000)
SEARCHES = {
    "the newest 100": {},
    "filtered and ordered by a metric": {
        "filter": "metrics.auc > 0.3 and params.depth = '3'",
        "order_by": ["metrics.auc DESC"],
    },
}


def measure_growth(rounds):
    """Print the milliseconds of a page of 100 runs for each size and each search."""
    with tempfile.TemporaryDirectory() as folder:
        stores = {size: _filled(Path(folder) / str(size), size) for size in SIZES}
        print(f"\n| ms a page of 100 | {' | '.join(f'{n:,} runs' for n in SIZES)} | ratio |")
        print("| --- | ---: | ---: | ---: |")
        for name, fields in SEARCHES.items():
            request = SearchRuns(experiment_ids=["0"], max_results=100, **fields)
            times = {size: [] for size in SIZES}
            for _ in range(rounds * 4):
                for size, store in stores.items():
                    started = time.perf_counter()
                    found = SEARCH_RUNS.run(store, request).runs
                    times[size].append((time.perf_counter() - started) * 1000)
                    assert len(found) == 100
            small, large = (statistics.median(times[size]) for size in SIZES)
            print(f"| {name} | {small:.2f} | {large:.2f} | {large / small:.1f} |")


def _filled(folder, size):
    """Return a store with ``size`` runs in its default experiment."""
    folder.mkdir()
    store = open_store(f"sqlite:///{folder}/store.db")
    names = [f"{i:032x}" for i in range(size)]
    with store.database.write() as connection:
        connection.execute(
            insert(runs),
            [{"run_id": name, "experiment_id": 0, "run_name": name, "user_id": "", "status":
              "FINISHED", "start_time": i, "artifact_uri": "", "lifecycle_stage": "active"}
             for i, name in enumerate(names)],
        )  # fmt: skip
        connection.execute(
            insert(latest_metrics),
            [{"run_id": name, "key": key, "timestamp": 0, "step": 0, "value": i % 1000 / 1000,
              "is_nan": False} for i, name in enumerate(names) for key in ("auc", "loss")],
        )  # fmt: skip
        connection.execute(
            insert(params),
            [{"run_id": name, "key": key, "value": str(i // 7 % 5)}
             for i, name in enumerate(names) for key in ("depth", "seed")],
        )  # fmt: skip
    return store
