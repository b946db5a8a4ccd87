"""Load from wrk, one thread on a core of its own: requests a second and latencies."""

import re
import subprocess
from dataclasses import dataclass

from servers import LOAD_CORE

_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


@dataclass(frozen=True)
class Measurement:
    """One run: answers a second, and latencies in milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float


def write_script(path, body):
    """Write the wrk script that posts ``body``."""
    text = body.decode().replace("\\", "\\\\").replace("'", "\\'")
    path.write_text(
        f"wrk.method = 'POST'\nwrk.body = '{text}'\n"
        "wrk.headers['Content-Type'] = 'application/json'\n"
    )
    return path


def measure(url, script, connections, seconds, *, forgives=False):
    """Return what ``connections`` clients got in ``seconds``.

    A bad answer is an error, unless ``forgives`` lets it count: a peer that fails under load.
    """
    command = ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s",
               "--timeout", "60s", "--latency", "-s", str(script), url]  # fmt: skip
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if not forgives and ("Non-2xx" in text or "Socket errors" in text):
        raise RuntimeError(f"{url}: bad answers under load\n{text}")
    per_second = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
    return Measurement(per_second, _percentile(text, "50%"), _percentile(text, "99%"))


def _percentile(text, name):
    number, unit = re.search(rf"{name}\s+([\d.]+)([a-z]+)", text).groups()
    return float(number) * _UNITS[unit]
