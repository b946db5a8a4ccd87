"""A server that is killed in the middle of its work: what it acknowledged is there, whole."""

from __future__ import annotations

import asyncio
import signal
from collections import defaultdict
from itertools import count
from pathlib import Path

import httpx
import pytest

from .clients import API, DEADLINE_SECONDS, PROXY
from .programs import running_server, url_of

WRITERS, ACKNOWLEDGED = 200, 600
TAGS, POINTS, BYTES = 7, 40, 150_000


class Writers:
    """Many clients that write until the server is gone; ``done`` holds what was acknowledged."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._numbers = count()
        self.done: dict[str, list[str]] = defaultdict(list)
        self.enough = asyncio.Event()

    async def prepare(self) -> None:
        """Make what versions are versions of."""
        await self._post("registered-models/create", name="churn")
        run_id = await self._create_run("batch-source", [])
        path = f"0/{run_id}/artifacts/model"
        answer = await self._client.put(f"{PROXY}/{path}/MLmodel", content=b"flavors: {}")
        assert answer.status_code == 200
        self._source = {"source": f"mlflow-artifacts:/{path}", "run_id": run_id}

    async def write(self, kind: str) -> None:
        """Write one thing after another."""
        try:
            while True:
                name = await getattr(self, kind)(f"{kind}-{next(self._numbers)}")
                self.done[kind].append(name)
                if sum(map(len, self.done.values())) >= ACKNOWLEDGED:
                    self.enough.set()
        except httpx.TransportError:
            pass  # the server is gone

    async def _post(self, path: str, **body: object) -> dict:
        answer = await self._client.post(f"{API}/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def run(self, name: str) -> str:
        tags = [{"key": f"t{i}", "value": name} for i in range(TAGS)]
        return await self._create_run(name, tags)

    async def _create_run(self, name: str, tags: list) -> str:
        made = await self._post("runs/create", experiment_id="0", run_name=name, tags=tags)
        return made["run"]["info"]["run_id"]

    async def batch(self, name: str) -> str:
        run_id = await self._create_run(name, [])
        metrics = [{"key": f"m{i}", "value": i, "timestamp": i, "step": 0} for i in range(POINTS)]
        params = [{"key": f"p{i}", "value": name} for i in range(POINTS)]
        await self._post("runs/log-batch", run_id=run_id, metrics=metrics, params=params)
        return run_id

    async def file(self, name: str) -> str:
        content = bytes([len(name)]) * BYTES
        answer = await self._client.put(f"{PROXY}/files/{name}", content=content)
        assert answer.status_code == 200, answer.text
        return name

    async def experiment(self, name: str) -> str:
        tags = [{"key": f"t{i}", "value": name} for i in range(TAGS)]
        return (await self._post("experiments/create", name=name, tags=tags))["experiment_id"]

    async def version(self, name: str) -> str:
        tags = [{"key": f"t{i}", "value": name} for i in range(TAGS)]
        made = await self._post("model-versions/create", name="churn", tags=tags, **self._source)
        return made["model_version"]["version"]


async def write_until_killed(url: str, kill) -> dict[str, list[str]]:
    limits = httpx.Limits(max_connections=WRITERS, max_keepalive_connections=WRITERS)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=DEADLINE_SECONDS) as client:
        writers = Writers(client)
        await writers.prepare()
        kinds = ["run", "batch", "file", "experiment", "version"] * (WRITERS // 5)
        async with asyncio.TaskGroup() as group:
            for kind in kinds:
                group.create_task(writers.write(kind))
            await writers.enough.wait()
            kill()
    return writers.done


@pytest.fixture
def arguments(database_uri, tmp_path) -> list[str]:
    return ["--backend-store-uri", database_uri, "--artifacts-destination", str(tmp_path / "files")]


def pages(client, method, path, key, **asked):
    found, token = [], None
    while token != "":
        body = asked | ({"page_token": token} if token else {})
        sent = {"json": body} if method == "POST" else {"params": body}
        answer = client.request(method, f"{API}/{path}", **sent).json()
        found += answer.get(key, [])
        token = answer.get("next_page_token", "")
    return found


def test_what_was_acknowledged_before_a_kill_is_there_and_nothing_is_half_there(
    arguments, tmp_path
):
    with running_server(*arguments) as server:
        kill = lambda: server.send(signal.SIGKILL)  # noqa: E731 - what ends the writers
        done = asyncio.run(write_until_killed(url_of(server), kill))
        assert server.wait() == -signal.SIGKILL
    assert len(done) == 5
    with (
        running_server(*arguments) as server,
        httpx.Client(base_url=url_of(server), timeout=DEADLINE_SECONDS) as client,
    ):
        check_runs(client, done)
        check_experiments(client, done)
        check_versions(client, done)
        check_files(client, done, tmp_path / "files" / "files")
        answer = client.post(f"{API}/runs/create", json={"experiment_id": "0"})
        assert answer.status_code == 200
        server.send(signal.SIGTERM)
        assert server.wait() == 0


def check_runs(client, done):
    runs = pages(client, "POST", "runs/search", "runs", experiment_ids=["0"], max_results=5000)
    by_id = {run["info"]["run_id"]: run["data"] for run in runs}
    assert set(done["run"]) | set(done["batch"]) <= by_id.keys()
    for run in runs:
        data, name = run["data"], run["info"]["run_name"]
        tags = [tag for tag in data["tags"] if tag["key"].startswith("t")]
        assert len(tags) == (TAGS if name.startswith("run") else 0)
        sizes = len(data.get("metrics", [])), len(data.get("params", []))
        assert sizes in {(0, 0), (POINTS, POINTS)}
    for run_id in done["batch"]:
        assert len(by_id[run_id]["metrics"]) == POINTS


def check_experiments(client, done):
    found = pages(client, "POST", "experiments/search", "experiments", max_results=5000)
    made = {one["experiment_id"]: one for one in found if one["name"] != "Default"}
    assert set(done["experiment"]) <= made.keys()
    assert {len(one["tags"]) for one in made.values()} == {TAGS}


def check_versions(client, done):
    versions = pages(client, "GET", "model-versions/search", "model_versions")
    numbers = sorted(int(version["version"]) for version in versions)
    assert numbers == list(range(1, len(numbers) + 1))
    assert set(map(int, done["version"])) <= set(numbers)
    assert {len(version["tags"]) for version in versions} == {TAGS}


def check_files(client, done, folder: Path):
    listed = client.get(PROXY, params={"path": "files"}).json()["files"]
    assert {one["file_size"] for one in listed} == {BYTES}
    assert set(done["file"]) <= {one["path"] for one in listed}
    for one in listed:
        content = (folder / one["path"]).read_bytes()
        assert content == bytes([len(one["path"])]) * BYTES
