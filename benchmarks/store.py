"""Measures the store's server against MLflow's own, each with a SQLite file, in one run.

    python benchmarks/store.py [--rounds 5] [--seconds 2] [--mlflow-python .venv-mlflow/bin/python]

Both servers have one worker and share one core; wrk has the other, and they take turns. Prints
medians of the rounds and ratios, then how a search grows with the runs, and 50 clients at once.
"""

import argparse
import json
import statistics
import sys
import tempfile
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path

from load import measure
from servers import Server, running
from store_growth import measure_growth
from store_writers import measure_writers

API = "/api/2.0/mlflow"
RUNS = 300
METRICS = 1000


def main():
    """Measure and print."""
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        root = Path(folder)
        servers = [mlserve(root)]
        if arguments.mlflow_python.exists():
            servers.append(mlflow(arguments.mlflow_python.absolute(), root))
        for server in servers:
            stack.enter_context(running(server, root / f"{server.name}.log"))
        report_starts(servers)
        tasks = {server.name: write_tasks(root / server.name, fill(server)) for server in servers}
        samples = {}
        for _ in range(arguments.rounds):
            for name in next(iter(tasks.values())):
                for server in servers:
                    script, requests, path = tasks[server.name][name]
                    is_peer = server is not servers[0]
                    found = measure(
                        server.base + path, script, 8, arguments.seconds, forgives=is_peer
                    )
                    server.settle()
                    samples.setdefault((name, server.name), []).append(found.per_second / requests)
        print()
        report(servers, samples)
        report_memory(servers)
    measure_growth(arguments.rounds)
    measure_writers()


def parse_arguments():
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--mlflow-python", type=Path, default=Path(".venv-mlflow/bin/python"))
    return parser.parse_args()


def mlserve(root):
    """Return our server with a new SQLite file."""
    command = [sys.executable, "-m", "mlserve", "server", "--port", "PORT",
               "--backend-store-uri", f"sqlite:///{root}/mlserve.db",
               "--artifacts-destination", f"{root}/mlserve-artifacts"]  # fmt: skip
    return Server("mlserve", command, b'{"max_results":1}', path=f"{API}/experiments/search")


def mlflow(python, root):
    """Return MLflow's own server with a new SQLite file."""
    command = [str(python), "-m", "mlflow", "server", "--port", "PORT", "--workers", "1",
               "--backend-store-uri", f"sqlite:///{root}/mlflow.db",
               "--artifacts-destination", f"{root}/mlflow-artifacts"]  # fmt: skip
    return Server("mlflow", command, b'{"max_results":1}', path=f"{API}/experiments/search")


def fill(server):
    """Log runs into ``server`` and register a model; return a run's id to log to."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)

    def ask(path, **fields):
        headers = {"content-type": "application/json"}
        connection.request("POST", f"{API}/{path}", json.dumps(fields), headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{server.name}, {path}: {body[:300]}")
        return json.loads(body)

    for i in range(RUNS):
        run = ask("runs/create", experiment_id="0", start_time=i)["run"]["info"]["run_id"]
        ask("runs/log-batch", run_id=run,
            metrics=[{"key": "auc", "value": i / RUNS, "timestamp": i, "step": 0},
                     {"key": "loss", "value": 1 - i / RUNS, "timestamp": i, "step": 0}],
            params=[{"key": "depth", "value": str(i % 5)}, {"key": "seed", "value": str(i)}],
            tags=[{"key": "team", "value": f"t{i % 3}"}])  # fmt: skip
    ask("registered-models/create", name="churn")
    model = ask("logged-models", experiment_id="0", name="churn", source_run_id=run)["model"]
    model_id = model["info"]["model_id"]
    for _ in range(3):
        ask("model-versions/create", name="churn", source=f"models:/{model_id}", run_id=run,
            model_id=model_id)  # fmt: skip
    ask("model-versions/transition-stage", name="churn", version="2", stage="Production",
        archive_existing_versions=True)  # fmt: skip
    connection.close()
    return run


def write_tasks(folder, run):
    """Return, by name, the wrk script of each task, how many requests one takes, and a path."""
    folder.mkdir()
    search = {
        "experiment_ids": ["0"],
        "filter": "metrics.auc > 0.5 and params.depth = '3'",
        "order_by": ["metrics.auc DESC"],
        "max_results": 100,
    }
    latest = {"name": "churn", "stages": ["Production"]}
    uri = f"{API}/model-versions/get-download-uri?name=churn&version=2"
    texts = {
        "a run created": (post("runs/create", {"experiment_id": "0", "start_time": 1}), 1),
        "a metric logged": (post("runs/log-metric", METRIC % run), 1),
        f"a batch of {METRICS:,} metrics": (post("runs/log-batch", BATCH % (METRICS, run)), 1),
        f"a search among {RUNS} runs, filtered and ordered": (post("runs/search", search), 1),
        "models:/churn/Production resolved": (
            post("registered-models/get-latest-versions", latest) + RESOLVE % uri, 2,
        ),
    }  # fmt: skip
    tasks = {}
    for number, (name, (text, requests)) in enumerate(texts.items()):
        script = folder / f"{number}.lua"
        script.write_text(text)
        tasks[name] = (script, requests, "/")
    return tasks


def post(path, body):
    """Return the wrk script that posts ``body``: a document, or the Lua that makes it."""
    made = body if isinstance(body, str) else f"return [[{json.dumps(body)}]]"
    return (
        # No point is logged twice, nor by two runs of the script: that would be quicker.
        f"local path, turn = '{API}/{path}', (os.time() % 100000) * 100000\n"
        "local headers = {['Content-Type'] = 'application/json'}\n"
        f"local function body() {made} end\n"
        "function request() turn = turn + 1\n"
        "  return wrk.format('POST', path, headers, body()) end\n"
    )


METRIC = """
  return '{"run_id":"%s","key":"m","value":' .. turn .. ',"timestamp":' .. turn .. ',"step":' ..
    turn .. '}'
"""
BATCH = """
  local points = {}
  for i = 1, %d do
    points[i] = '{"key":"k' .. i %% 10 .. '","value":' .. i .. ',"timestamp":' .. turn ..
      ',"step":' .. i .. '}'
  end
  return '{"run_id":"%s","metrics":[' .. table.concat(points, ',') .. ']}'
"""
RESOLVE = """
local first = request
function request()
  if turn %% 2 == 0 then return first() end
  turn = turn + 1
  return wrk.format('GET', '%s', headers)
end
"""


def report_starts(servers):
    """Print how long each server took to its first answer."""
    print("| server | seconds to first answer | MiB then |\n| --- | ---: | ---: |")
    for server in servers:
        print(f"| {server.name} | {server.seconds_to_answer:.2f} | {server.mib_at_start:.0f} |")


def report(servers, samples):
    """Print a Markdown table of the times a second, and our ratio to MLflow."""
    names = [server.name for server in servers]
    print_row("times a second", *names, "ratio")
    print_row("---", *["---:"] * len(names), "---:")
    for task in dict.fromkeys(task for task, _ in samples):
        found = [statistics.median(samples[task, name]) for name in names]
        ratio = f"{found[0] / found[1]:.1f}" if len(found) > 1 and found[1] else ""
        print_row(task, *(f"{value:,.1f}" for value in found), ratio)


def print_row(*cells):
    """Print one row of a Markdown table."""
    print(f"| {' | '.join(cells)} |")


def report_memory(servers):
    """Print each server's memory after all load."""
    print("\n| server | MiB after all load |\n| --- | ---: |")
    for server in servers:
        print(f"| {server.name} | {server.memory_mib():.0f} |")


if __name__ == "__main__":
    main()
