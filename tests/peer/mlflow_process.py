"""MLflow's scoring app of every model, asked by lines on stdin: a program for MLflow's interpreter.

    mlflow_process.py FOLDER

It saves the models into FOLDER and writes one line of JSON, the list of their names. From then on
each line read is a request, {"model", "path", "method", "headers", "body"}, and each line written
its answer, {"status", "content_type", "body"}; bodies are base64. The line {"answer"} asks what
MLflow's client makes of an answer. The program ends with its input.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any, TextIO

warnings.simplefilter("ignore")
os.environ["MLFLOW_UV_AUTO_DETECT"] = "false"
os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "true"

import cloudpickle  # noqa: E402
import httpx  # noqa: E402
import mlflow  # noqa: E402
import model_answers  # type: ignore[import-not-found]  # noqa: E402
import saved_models  # type: ignore[import-not-found]  # noqa: E402
from mlflow.deployments import PredictionsResponse  # noqa: E402
from mlflow.pyfunc.scoring_server import init  # noqa: E402


def client_of(folder: Path) -> httpx.AsyncClient:
    """Return a client of the scoring app for the model in ``folder``, with no socket between."""
    app = init(mlflow.pyfunc.load_model(str(folder)))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://mlflow")


async def answer(clients: dict[str, httpx.AsyncClient], asked: dict[str, Any]) -> dict[str, Any]:
    response = await clients[asked["model"]].request(
        asked["method"],
        asked["path"],
        content=base64.b64decode(asked["body"]),
        headers=[(name, value) for name, value in asked["headers"]],
    )
    return {
        "status": response.status_code,
        "content_type": response.headers.get("content-type", ""),
        "body": base64.b64encode(response.content).decode(),
    }


def read_predictions(asked: dict[str, Any]) -> dict[str, Any]:
    """Return what MLflow's client makes of an answer: the one column of its predictions."""
    response = PredictionsResponse.from_json(asked["answer"])
    column = response.get_predictions("dataframe").iloc[:, 0]
    return {"predictions": column.astype(object).where(column.notna(), None).tolist()}


async def serve(clients: dict[str, httpx.AsyncClient], answers: TextIO) -> None:
    print(json.dumps(list(clients)), file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        told = read_predictions(asked) if "answer" in asked else await answer(clients, asked)
        print(json.dumps(told), file=answers, flush=True)


def main(folder: Path) -> None:
    # What models and libraries print must not get between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.chdir(folder)
    for module in (saved_models, model_answers):
        cloudpickle.register_pickle_by_value(module)
    saved_models.save_all(folder)
    clients = {path.parent.name: client_of(path.parent) for path in folder.glob("*/MLmodel")}
    with contextlib.suppress(BrokenPipeError):
        asyncio.run(serve(clients, answers))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
