"""Scripts that log, run as programs of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

SECONDS = 120


def environment_of(uri: str, **variables: str) -> dict[str, str]:
    """Return the environment of a program that logs to the store at ``uri``."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "MLSERVE_"))}
    return plain | {"MLSERVE_TRACKING_URI": uri} | variables


def start_script(
    text: str, uri: str, folder: Path, *arguments: str, **variables: str
) -> subprocess.Popen[str]:
    """Start a program whose text this is, in ``folder``, with warnings as errors."""
    file = folder / "script.py"
    file.write_text(textwrap.dedent(text))
    return subprocess.Popen(
        [sys.executable, "-W", "error", file, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
        env=environment_of(uri, **variables),
    )  # fmt: skip


def run_script(
    text: str, uri: str, folder: Path, *arguments: str, code: int | None = 0, **variables: str
) -> tuple[str, str]:
    """Run a program that is to exit with ``code``, or None for any; return what it wrote to both
    its outputs.
    """
    with start_script(text, uri, folder, *arguments, **variables) as process:
        out, err = process.communicate(timeout=SECONDS)
    assert code in {None, process.returncode}, err
    return out, err
