"""What MLflow's own Dockerfile puts into an image, put into one for the same base and engine."""

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

# MLflow's first steps install itself alone; those for a model follow, anew for each version of it.
SERVER = ("gunicorn[gevent]",)
DOCKERFILE = """\
FROM {base}
COPY site /opt/mlflow/site
COPY model /opt/ml/model
ENV PYTHONPATH=/opt/mlflow/site __pyfunc_model_path__=/opt/ml/model
ENTRYPOINT ["python3", "-m", "uvicorn", "--host", "0.0.0.0", "--port", "8080",\
 "mlflow.pyfunc.scoring_server.app:app"]
"""


@dataclass
class Environment:
    """What MLflow's Dockerfile installs with pip, and how long it took: itself, then the rest."""

    site: Path
    mlflow_seconds: float
    model_seconds: float


def release_of(python):
    """Return the release of MLflow that an interpreter has."""
    code = "import mlflow; print(mlflow.__version__)"
    return _output(python, "-c", code).strip()


def requirements_of(python, flavor, model):
    """Return what a model lists, or else what MLflow writes down for its flavor."""
    if (listed := model / "requirements.txt").exists():
        return listed.read_text().split()
    code = f"import mlflow.{flavor} as f; print(*f.get_default_pip_requirements())"
    return _output(python, "-c", code).split()


def install(folder, release, requirements):
    """Install MLflow and then what a model needs, as its Dockerfile does: without a cache."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    mlflow_seconds = _pip(folder, f"mlflow=={release}")
    model_seconds = _pip(folder, *requirements, *SERVER)
    (site,) = (folder / "lib").glob("python3.*/site-packages")
    return Environment(site, mlflow_seconds, model_seconds)


def build(docker, environment, model, context, base, name):
    """Make an image of an environment and a model, which does without nginx."""
    context.mkdir()
    environment.site.rename(context / "site")
    shutil.copytree(model, context / "model")
    (context / "Dockerfile").write_text(DOCKERFILE.format(base=base))
    subprocess.run([*docker, "build", "-q", "-t", name, context], check=True, capture_output=True)
    shutil.rmtree(context)


def _pip(folder, *packages):
    command = [folder / "bin" / "python", "-m", "pip", "install", "-q", "--no-cache-dir"]
    started = time.perf_counter()
    subprocess.run([*command, "--disable-pip-version-check", *packages], check=True)
    return time.perf_counter() - started


def _output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
