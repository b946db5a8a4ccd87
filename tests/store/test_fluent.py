"""Scripts that log by MLflow's functions, in this process and to servers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from mlserve import MlserveClient
from mlserve.store.connections import shared

from .scripts import environment_of, run_script
from .servers import running_mlserve

SCRIPT = Path(__file__).with_name("script_of_mlflow.py")


def find_facts(python: str, module: str, uri: str, folder: Path) -> dict[str, object]:
    """Return what the script of MLflow's users finds with ``module`` in its place."""
    environment = environment_of(uri, MLFLOW_TRACKING_URI=uri)
    if module == "mlflow":
        del environment["MLSERVE_TRACKING_URI"]
    run = subprocess.run(
        [python, SCRIPT, module, f"n-{uuid4().hex}"],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout.partition("FACTS ")[2])


@pytest.fixture(scope="module")
def facts_of_mlflow(mlflow_python, mlflow_server, tmp_path_factory):
    """What the script finds with MLflow itself, on MLflow's own server."""
    return find_facts(mlflow_python, "mlflow", mlflow_server, tmp_path_factory.mktemp("script"))


@pytest.mark.parametrize("kind", ["sqlite", "new_postgres_uri", "mlserve_server", "mlflow_server"])
def test_a_script_of_mlflows_finds_the_same_with_its_import_changed(
    kind, facts_of_mlflow, request, tmp_path
):
    named = f"sqlite:///{tmp_path}/store.db" if kind == "sqlite" else None
    uri = named or request.getfixturevalue(kind)
    assert find_facts(sys.executable, "mlserve", uri, tmp_path) == facts_of_mlflow


@pytest.fixture
def uri(tmp_path):
    yield f"sqlite:///{tmp_path / 'store.db'}"
    shared().close()


@pytest.fixture
def printed(uri, tmp_path):
    """Runs a program, and returns what it printed, as JSON."""

    def run(text, **variables):
        out, _ = run_script(f"import mlserve\n{text}", uri, tmp_path, **variables)
        return json.loads(out)

    return run


def test_a_client_of_a_server_imports_no_database_and_no_pandas(mlserve_server, tmp_path):
    text = """
import json, sys, mlserve
with mlserve.start_run():
    mlserve.log_metric("m", 1)
    mlserve.log_text("a", "b.txt")
mlserve.search_runs(output_format="list")
print(json.dumps(sorted(sys.modules)))
"""
    out, _ = run_script(text, mlserve_server, tmp_path)
    heavy = {"alembic", "fsspec", "numpy", "onnxruntime", "pandas", "sqlalchemy", "starlette"}
    assert not heavy & set(json.loads(out))


@pytest.mark.parametrize(
    ("module", "use", "told"),
    [
        ("sqlalchemy", "mlserve.start_run()", 'install what the extra "store" holds'),
        ("pandas", "mlserve.search_runs()", "search_runs, unless with output_format"),
    ],
)
def test_what_is_not_installed_is_told(uri, tmp_path, module, use, told):
    text = f"import sys, mlserve; sys.modules['{module}'] = None; {use}"
    _, err = run_script(text, uri, tmp_path, code=1)
    assert "MissingExtra" in err
    assert told in err


def test_the_environment_names_the_experiment(printed):
    text = "print(mlserve.start_run().info.experiment_id)"
    first = printed(text, MLSERVE_EXPERIMENT_NAME="mine")
    assert printed(text, MLFLOW_EXPERIMENT_NAME="mine") == first
    assert printed(text, MLFLOW_EXPERIMENT_ID=str(first)) == first
    assert printed(text, MLSERVE_EXPERIMENT_ID=str(first), MLFLOW_EXPERIMENT_ID="0") == first
    assert printed(text) == 0


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"MLSERVE_EXPERIMENT_ID": "99"}, "MLSERVE_EXPERIMENT_ID: there is no experiment 99"),
        ({"MLFLOW_EXPERIMENT_ID": "0", "MLFLOW_EXPERIMENT_NAME": "a"}, "set one of the two alone"),
        ({"MLSERVE_RUN_ID": "0" * 32}, "0" * 32),
        ({"MLSERVE_TRACKING_URI": "./mlruns"}, "found one without a scheme, expected sqlite:///"),
        ({"MLSERVE_TRACKING_URI": "file:///mlruns"}, "one that begins with file:, expected sqlite"),
    ],
)  # fmt: skip
def test_an_environment_that_names_nothing_is_told(uri, tmp_path, variables, told):
    _, err = run_script("import mlserve; mlserve.start_run()", uri, tmp_path, code=1, **variables)
    assert told in err


def test_our_variables_go_before_mlflows(printed, tmp_path):
    text = """
import os
os.environ["MLSERVE_RUN_ID"] = mlserve.MlserveClient().create_run("0", run_name="ours").info.run_id
os.environ["MLFLOW_RUN_ID"] = mlserve.MlserveClient().create_run("0", run_name="theirs").info.run_id
import json
print(json.dumps([mlserve.start_run().info.run_name, mlserve.get_tracking_uri()]))
"""
    name, uri = printed(text, MLFLOW_TRACKING_URI="http://127.0.0.1:1")
    assert (name, uri) == ("ours", f"sqlite:///{tmp_path / 'store.db'}")


def test_a_program_that_a_script_starts_logs_where_it_does(printed, tmp_path):
    text = f"""
import json, subprocess, sys
mlserve.set_tracking_uri("sqlite:///{tmp_path}/other.db")
experiment = mlserve.set_experiment("mine")
code = "import mlserve; print(mlserve.start_run().info.experiment_id)"
run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
print(json.dumps([run.stdout.strip(), len(mlserve.search_runs(output_format="list"))]))
"""
    assert printed(text) == ["1", 1]


def test_a_run_stays_in_its_store_where_another_is_set(printed, uri, tmp_path):
    text = f"""
with mlserve.start_run(run_name="r"):
    mlserve.set_tracking_uri("sqlite:///{tmp_path}/other.db")
    mlserve.log_metric("m", 1)
    mlserve.log_text("a", "b.txt")
print(len(mlserve.search_runs(output_format="list")))
"""
    assert printed(text) == 0
    (run,) = MlserveClient(uri).search_runs(["0"])
    assert (run.info.status, run.data.metrics) == ("FINISHED", {"m": 1.0})


def test_a_store_stays_where_it_was_opened_wherever_the_program_goes(tmp_path):
    text = """
import mlserve, os
with mlserve.start_run():
    os.chdir("/")
    mlserve.log_metric("m", 1)
"""
    run_script(text, "sqlite:///mine.db", tmp_path)
    (run,) = MlserveClient(f"sqlite:///{tmp_path / 'mine.db'}").search_runs(["0"])
    assert run.data.metrics == {"m": 1.0}
    shared().close()


def test_points_are_sent_in_batches_and_none_is_lost(tmp_path):
    text = """
import mlserve
with mlserve.start_run(run_name="r"):
    for step in range(20_000):
        mlserve.log_metric("m", step, step=step)
"""
    with running_mlserve(tmp_path, "--access-log") as uri:
        run_script(text, uri, tmp_path)
        client = MlserveClient(uri)
        (run,) = client.search_runs(["0"])
        points = client.get_metric_history(run.info.run_id, "m")
        shared().close()
    assert [point.step for point in points] == list(range(20_000))
    log = (tmp_path / "server.log").read_text()
    assert 20 <= log.count("runs/log-batch") < 2000


FIGURES = """
class Matplotlib:
    def savefig(self, path, dpi=1):
        open(path, "w").write(f"{path.suffix} {dpi}")

class Plotly:
    def write_html(self, path, include_plotlyjs, auto_open):
        open(path, "w").write(f"html {include_plotlyjs} {auto_open}")

    def write_image(self, path):
        open(path, "w").write("image")
"""


@pytest.mark.parametrize(
    ("call", "written"),
    [
        ('Matplotlib(), "a/f.png"', ".png 1"),
        ('Matplotlib(), "a/f.png", save_kwargs={"dpi": 300}', ".png 300"),
        ('Plotly(), "a/f.html"', "html cdn False"),
        ('Plotly(), "a/f.svg"', "image"),
    ],
)
def test_a_figure_is_saved_by_what_it_can_do(printed, call, written):
    text = f"""{FIGURES}
import json, pathlib
with mlserve.start_run() as run:
    mlserve.log_figure({call})
client = mlserve.MlserveClient()
path, = client.list_artifacts(run.info.run_id, "a")
text = pathlib.Path(client.download_artifacts(run.info.run_id, path.path)).read_text()
print(json.dumps(text))
"""
    assert printed(text) == written


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ('Plotly(), "f.txt"', "found no format of Plotly's"),
        ('object(), "f.png"', "expected a figure of Matplotlib or Plotly"),
        ('Matplotlib(), "../f.png"', "Invalid path"),
    ],
)
def test_what_is_no_figure_is_refused(uri, tmp_path, call, told):
    text = f"import mlserve\n{FIGURES}\nmlserve.log_figure({call})"
    _, err = run_script(text, uri, tmp_path, code=1)
    assert told in err


def test_a_run_belongs_to_the_parent_that_is_named(printed):
    text = """
import json
with mlserve.start_run() as parent:
    pass
with mlserve.start_run(parent_run_id=parent.info.run_id) as child:
    pass
print(json.dumps(mlserve.get_parent_run(child.info.run_id).info.run_id == parent.info.run_id))
"""
    assert printed(text) is True


def test_system_metrics_are_not_offered_and_that_is_told(uri, tmp_path):
    text = "import mlserve; mlserve.start_run(log_system_metrics=True)"
    _, err = run_script(text, uri, tmp_path, code=1)
    assert "UserWarning: mlserve logs no system metrics of runs" in err
