"""Measures the service against an echo, a handwritten handler and MLflow, in one interleaved run.

    python benchmarks/serve.py [--rounds 5] [--seconds 2] [--mlflow-python .venv-mlflow/bin/python]

Servers share one core and wrk has the other; all are up at once and take turns, so that a change of
the machine's speed falls on each alike. Prints medians of the rounds and ratios.
"""

import argparse
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

from load import Measurement, measure, write_script
from models import save_onnx, save_sklearn, split_body, train
from servers import echo, handwritten, mlflow, mlserve, running

CONNECTIONS = (1, 32, 128)
ROWS = (1, 100, 10_000)
PEERS = ("echo", "handwritten", "mlflow")


def main():
    """Measure and print."""
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        root = Path(folder)
        pipeline, features = train()
        save_sklearn(pipeline, features, root / "sklearn")
        save_onnx(pipeline, features, root / "onnx")
        table = features.sample(max(ROWS), replace=True, random_state=0)
        bodies = {rows: split_body(table.head(rows)).encode() for rows in arguments.rows}
        single = split_body(table.head(1)).encode()
        servers = [
            echo(single),
            handwritten(root / "onnx", single),
            mlserve("mlserve onnx", root / "onnx", single),
            mlserve("mlserve sklearn", root / "sklearn", single),
        ]
        if arguments.mlflow_python.exists():
            servers.append(
                mlflow(str(arguments.mlflow_python.absolute()), root / "sklearn", single)
            )
        for server in servers:
            stack.enter_context(running(server, root / f"{server.name}.log"))
        scripts = {rows: write_script(root / f"{rows}.lua", b) for rows, b in bodies.items()}
        results = run(servers, scripts, arguments)
        report(servers, results)


def parse_arguments():
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--rows", type=int, nargs="*", default=ROWS)
    parser.add_argument("--connections", type=int, nargs="*", default=CONNECTIONS)
    parser.add_argument("--mlflow-python", type=Path, default=Path(".venv-mlflow/bin/python"))
    return parser.parse_args()


def run(servers, scripts, arguments):
    """Return the median measurement of each (rows, connections, server)."""
    samples = {}
    for _ in range(arguments.rounds):
        for rows, script in scripts.items():
            for connections in arguments.connections:
                if rows >= 10_000 and connections > 32:
                    continue
                seconds = arguments.seconds * (3 if rows >= 10_000 else 1)
                for server in servers:
                    sample = measure(server.url, script, connections, seconds)
                    server.settle()
                    samples.setdefault((rows, connections, server.name), []).append(sample)
    return {key: median(values) for key, values in samples.items()}


def median(samples):
    """Return the measurement whose every figure is the median of ``samples``."""
    return Measurement(
        *(
            statistics.median(getattr(sample, name) for sample in samples)
            for name in ("per_second", "p50_ms", "p99_ms")
        )
    )


def report(servers, results):
    """Print a Markdown table a row count, with ratios to the echo and to MLflow."""
    print("| server | seconds to first answer | MiB then | MiB after all load |")
    print("| --- | ---: | ---: | ---: |")
    for server in servers:
        print(
            f"| {server.name} | {server.seconds_to_answer:.2f} "
            f"| {server.mib_at_start:.0f} | {server.memory_mib():.0f} |"
        )
    header = ["connections", "server", "requests/s", "p50 ms", "p99 ms"]
    header += [f"of {peer}" for peer in PEERS]
    for rows in dict.fromkeys(key[0] for key in results):
        print(f"\nBodies of {rows:,} row{'s' * (rows > 1)}:\n")
        print_row(header)
        print_row(["---:", "---", *["---:"] * (len(header) - 2)])
        for (of_rows, connections, name), found in results.items():
            if of_rows == rows:
                peers = [results.get((rows, connections, peer)) for peer in PEERS]
                print_row([connections, name, *figures(found), *ratios(found, peers)])


def figures(found):
    """Return the figures of a measurement as text."""
    return f"{found.per_second:,.1f}", f"{found.p50_ms:.2f}", f"{found.p99_ms:.2f}"


def ratios(found, peers):
    """Return the answers a second of ``found`` over those of each of ``peers`` that was there."""
    return [f"{found.per_second / peer.per_second:.2f}" if peer else "" for peer in peers]


def print_row(cells):
    """Print one row of a Markdown table."""
    print(f"| {' | '.join(map(str, cells))} |")


if __name__ == "__main__":
    main()
