"""What docs/tracking.md shows is what happens, and what it says is there is there."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
from pathlib import Path

import mlserve
import pytest

from .scripts import run_script

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tracking.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)
THERE, ABSENT = PAGE.partition("## Which of MLflow's names")[2].split("\nNot there:\n")

# Arguments of MLflow's for services that mlserve does not speak to; the page names them.
LEFT_OUT = {"trace_location", "env_pack", "deployment_job_id"}

LIST = """
import inspect, json, mlflow

def parameters(function):
    return [name for name in inspect.signature(function).parameters if name != "self"]

client = mlflow.MlflowClient
print(json.dumps({
    "names": mlflow.__all__,
    "functions": {
        name: parameters(getattr(mlflow, name))
        for name in mlflow.__all__ if inspect.isfunction(getattr(mlflow, name, None))
    },
    "methods": {
        name: parameters(method) for name, method in inspect.getmembers(client, inspect.isfunction)
        if not name.startswith("_")
    },
}))
"""


@pytest.fixture(scope="module")
def mlflow(mlflow_python):
    """The names of MLflow, and the parameters of its functions and its client's methods."""
    command = [mlflow_python, "-c", LIST]
    run = subprocess.run(command, capture_output=True, check=True, text=True, timeout=300, cwd="/")
    return json.loads(run.stdout)


def names_in(table):
    """Return what stands in backticks in the rows of a table."""
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[2])}


@pytest.mark.parametrize(("program", "output"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_prints_what_stands_below_it(program, output, tmp_path):
    printed, _ = run_script(program, "sqlite:///mlserve.db", tmp_path)
    assert [line.rstrip() for line in printed.splitlines()] == [
        line.rstrip() for line in output.splitlines()
    ]


def test_there_is_an_example_of_each_kind():
    assert len(EXAMPLES) == PAGE.count("```python") == 3


def test_every_name_of_mlflows_is_told_to_be_there_or_not(mlflow):
    there, absent = names_in(THERE) - {"MlserveClient"}, names_in(ABSENT) - {"StoreError"}
    assert there | absent >= set(mlflow["names"])
    assert there == set(mlflow["names"]) & set(mlserve.__all__)
    assert not absent & set(mlserve.__all__)


def test_a_function_has_mlflows_parameters_in_their_order(mlflow):
    different = {
        name: expected
        for name, expected in mlflow["functions"].items()
        if name in mlserve.__all__ and not begins_with(getattr(mlserve, name), expected)
    }
    assert not different


def test_a_method_of_the_client_has_mlflows_parameters_in_their_order(mlflow):
    webhooks = {name for name in mlflow["methods"] if "webhook" in name}
    different = {
        name: expected
        for name, expected in mlflow["methods"].items()
        if name not in webhooks
        and hasattr(mlserve.MlserveClient, name)
        and not begins_with(getattr(mlserve.MlserveClient, name), expected)
    }
    assert not different


def begins_with(function, expected):
    """Return whether the parameters of ``function`` begin with these."""
    found = [name for name in inspect.signature(function).parameters if name != "self"]
    wanted = [name for name in expected if name not in LEFT_OUT]
    return found[: len(wanted)] == wanted
