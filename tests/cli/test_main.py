"""The command as a whole: quick to answer, and clear about how it ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
from mlserve.runtimes import errors
from mlserve.runtimes.exit_codes import exit_code

ROOT = Path(__file__).parents[2]
SCRIPT = str(Path(sysconfig.get_path("scripts")) / "mlserve")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MLSERVE_", "MLFLOW_"))}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, env=environment
    )


def modules_after(code: str) -> set[str]:
    done = run(sys.executable, "-c", f"{code}; import sys, json; print(json.dumps([*sys.modules]))")
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("command", [[SCRIPT], [sys.executable, "-m", "mlserve"]], ids=str)
def test_the_version_stands_alone_on_stdout(command):
    done = run(*command, "--version")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert (done.stdout, done.stderr, done.returncode) == (f"{version}\n", "", 0)


@pytest.mark.parametrize("command", [[SCRIPT], [sys.executable, "-m", "mlserve"]], ids=str)
def test_help_names_the_program_and_its_groups(command):
    done = run(*command, "--help")
    assert done.stdout.startswith("Usage: mlserve [OPTIONS] COMMAND")
    assert "models" in done.stdout
    assert done.returncode == 0


def test_help_imports_neither_the_commands_nor_the_server():
    modules = modules_after(
        "from mlserve.cli.main import main; main(['--help'], standalone_mode=False)"
    )
    assert "mlserve.cli.models" not in modules
    assert not modules & {
        "numpy",
        "starlette",
        "uvicorn",
        "onnxruntime",
        "asyncio",
        "mlserve.serve",
    }


def test_the_supervisor_of_workers_imports_nothing_that_only_they_need():
    modules = modules_after("import mlserve.cli.models, mlserve.serve.workers")
    assert not modules & {
        "numpy",
        "starlette",
        "uvicorn",
        "uvloop",
        "onnxruntime",
        "orjson",
        "yaml",
    }


@pytest.mark.parametrize("arguments", [["nonsense"], ["models", "nonsense"], ["--nonsense"]])
def test_wrong_usage_exits_with_2(arguments):
    done = run(SCRIPT, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "nonsense" in done.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ModelNotFound(Path("x"), "it is not there"), 1),
        (errors.AddressUnavailable("h", 1, "taken", "try another"), 1),
        (errors.InvalidSetting("--port"), 2),
        (errors.MLServeError("anything else"), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_decides_the_exit_code(error, code):
    assert exit_code(error) == code
