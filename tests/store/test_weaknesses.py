"""Known weaknesses of servers of this kind, one test each, against a real server.

Each row of `ATTACKS` names the weakness as it was published, or the kind of it, and what is sent.
A file outside of everything holds a secret; no answer may ever hold it, none may be a 5xx, and the
server answers afterwards as before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from .servers import running_mlserve

SECRET = "the secret of another program"
API = "/api/2.0/mlflow"
PROXY = "/api/2.0/mlflow-artifacts/artifacts"


@dataclass(frozen=True)
class Target:
    """A server, the folder of its files, and the file that it must never give out."""

    address: str
    folder: Path
    secret: Path

    def send(self, method, path, body=None, headers=None):
        """Return status, headers and body of the answer to a request that no client has tidied."""
        url = urlsplit(self.address)
        connection = HTTPConnection(url.hostname, url.port, timeout=30)
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        sent = {"content-type": "application/json"} if data is not None else {}
        connection.request(method, path, data, sent | (headers or {}))
        answer = connection.getresponse()
        found = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        connection.close()
        return found

    def ask(self, path, **fields):
        """Return the answer to a request that is in order."""
        status, _, body = self.send("POST", f"{API}/{path}", fields)
        assert status == 200, body
        return json.loads(body)

    def new_run(self):
        """Return the id of a new run with one artifact, and where its artifacts are."""
        info = self.ask("runs/create", experiment_id="0")["run"]["info"]
        path = info["artifact_uri"].partition(":/")[2]
        assert self.send("PUT", f"{PROXY}/{path}/a.txt", b"a")[0] == 200
        return info["run_id"], path


@pytest.fixture(scope="module")
def target(tmp_path_factory) -> Iterator[Target]:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.txt").write_text(SECRET)
    folder = tmp_path_factory.mktemp("server")
    with running_mlserve(folder) as address:
        yield Target(address, folder, outside / "secret.txt")


def climb(target):
    """Return the relative path that leads from the folder of artifacts to the secret."""
    return "../" * 12 + str(target.secret).lstrip("/")


def read_through_a_version(target, source, **more):
    """Register a version with ``source``, and read the secret as one of its files."""
    name = f"m{abs(hash((source, str(more))))}"
    target.ask("registered-models/create", name=name)
    answers = [target.send("POST", f"{API}/model-versions/create",
                           {"name": name, "source": source, **more})]  # fmt: skip
    query = f"name={name}&version=1&path={target.secret.name}"
    answers.append(target.send("GET", f"/model-versions/get-artifact?{query}"))
    answers.append(target.send("GET", f"{API}/model-versions/get-download-uri?{query}"))
    assert answers[0][0] in {400, 403}
    return answers


def read_through_a_location(target, location):
    """Make an experiment at ``location``, and read the secret as an artifact of a run in it."""
    name = f"e{abs(hash(location))}"
    answers = [target.send("POST", f"{API}/experiments/create",
                           {"name": name, "artifact_location": location})]  # fmt: skip
    assert answers[0][0] in {400, 403}
    return answers


def as_artifact_of_a_run(spell: Callable[[Target], str]):
    """Return the attack that asks for the secret by its path in a run."""

    def attack(target):
        run, path = target.new_run()
        spelt = spell(target)
        answers = [
            target.send("GET", f"/get-artifact?run_id={run}&path={spelt}"),
            target.send("GET", f"{API}/artifacts/list?run_id={run}&path={spelt}"),
            target.send("GET", f"{PROXY}/{path}/{spelt}"),
            target.send("GET", f"{PROXY}?path={path}/{spelt}"),
            target.send("PUT", f"{PROXY}/{path}/{spelt}", b"overwritten"),
            target.send("DELETE", f"{PROXY}/{path}/{spelt}"),
        ]
        assert not {200, 206} & {answers[0][0], answers[2][0], answers[4][0], answers[5][0]}
        return answers

    return attack


def percent(text, *, again=False):
    once = text.replace(".", "%2e").replace("/", "%2f")
    return once.replace("%", "%25") if again else once


def of_a_run(source):
    """Return the attack by a version of this source, for a run that is there."""

    def attack(target):
        run, path = target.new_run()
        text = source.format(
            run=run, path=path, folder=target.secret.parent, secret=target.secret,
            climb=climb(target).rpartition("/")[0],
        )  # fmt: skip
        return read_through_a_version(target, text, run_id=run)

    return attack


def of_nothing(source):
    def attack(target):
        return read_through_a_version(target, source.format(folder=target.secret.parent))

    return attack


def at_location(location):
    def attack(target):
        return read_through_a_location(target, location.format(folder=target.secret.parent))

    return attack


def upload_to(path):
    """Return the attack that writes a file where no artifact belongs."""

    def attack(target):
        answers = [target.send("PUT", f"{PROXY}/{path}", b"x")]
        assert 400 <= answers[0][0] < 500
        return answers

    return attack


def rebind(target):
    """Ask as a browser would whose DNS was turned to this machine."""
    answers = [
        target.send("POST", f"{API}/runs/create", {}, {"host": "evil.example"}),
        target.send("GET", f"{API}/experiments/get", None, {"host": "evil.example:80"}),
    ]
    assert {status for status, _, _ in answers} == {403}
    return answers


def forge(target):
    """Write as a page of another site can: a form's content type, and that site's origin."""
    answers = [
        target.send("POST", f"{API}/runs/create", b'{"experiment_id":"0"}',
                    {"content-type": "text/plain", "origin": "http://evil.example"}),
        target.send("POST", f"{API}/experiments/delete", {"experiment_id": "0"},
                    {"origin": "http://evil.example"}),
    ]  # fmt: skip
    assert {status for status, _, _ in answers} == {403}
    return answers


def script_in_an_artifact(target):
    run, path = target.new_run()
    page = b"<html><script>alert(1)</script></html>"
    assert target.send("PUT", f"{PROXY}/{path}/page.html", page)[0] == 200
    answers = [
        target.send("GET", f"{PROXY}/{path}/page.html"),
        target.send("GET", f"/get-artifact?run_id={run}&path=page.html"),
    ]
    for status, headers, _ in answers:
        assert status == 200
        assert headers["content-disposition"].startswith("attachment")
        assert headers["x-content-type-options"] == "nosniff"
    return answers


def script_in_names(target):
    name = "<script>alert(1)</script>"
    target.ask("experiments/create", name=name, tags=[{"key": "k", "value": name}])
    answers = [target.send("GET", f"{API}/experiments/get-by-name?experiment_name=%3Cscript%3E"
                           "alert(1)%3C/script%3E")]  # fmt: skip
    headers = answers[0][1]
    assert headers["content-type"].startswith("application/json")
    assert headers["x-content-type-options"] == "nosniff"
    return answers


def script_in_an_error(target):
    """Send the content type of a request, and its path, back as a page."""
    answers = [
        target.send("POST", f"{API}/runs/create", b"{", {"content-type": "<script>alert(1)"}),
        target.send("GET", "/<script>alert(1)</script>"),
    ]
    for status, headers, _ in answers:
        assert 400 <= status < 500
        assert headers["content-type"].startswith("application/json")
    return answers


def sql_in_a_search(target):
    texts = ["' OR 1=1 --", "tags.`x`; DROP TABLE runs; --` = '1'", "metrics.m > 1 UNION SELECT 1",
             "params.x = '1'' OR ''1''=''1'"]  # fmt: skip
    answers = [
        target.send("POST", f"{API}/runs/search", {"experiment_ids": ["0"], field: value})
        for text in texts
        for field, value in (("filter", text), ("order_by", [text]), ("page_token", text))
    ]
    run, _ = target.new_run()
    found = target.ask("runs/search", experiment_ids=["0"])["runs"]
    assert run in {one["info"]["run_id"] for one in found}
    return answers


def bomb(body):
    def attack(target):
        return [target.send("POST", f"{API}/runs/log-batch", body)]

    return attack


def bombs_among_artifacts(target):
    """Upload what blows up whoever reads it; the server reads none of it."""
    run, path = target.new_run()
    laughs = "a: &a [x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(12)
    )
    assert target.send("PUT", f"{PROXY}/{path}/m/MLmodel", laughs.encode())[0] == 200
    name = "bombs"
    target.ask("registered-models/create", name=name)
    source = f"mlflow-artifacts:/{path}/m"
    return [
        target.send("POST", f"{API}/model-versions/create",
                    {"name": name, "source": source, "run_id": run}),
        target.send("POST", f"{API}/runs/log-model", {"run_id": run, "model_json": laughs}),
    ]  # fmt: skip


def link_among_artifacts(target):
    """Read through a symbolic link that somebody put among the artifacts."""
    _, path = target.new_run()
    folder = target.folder / "artifacts" / path
    (folder / "file").symlink_to(target.secret)
    (folder / "folder").symlink_to(target.secret.parent)
    answers = [
        target.send("GET", f"{PROXY}/{path}/file"),
        target.send("GET", f"{PROXY}/{path}/folder/{target.secret.name}"),
        target.send("PUT", f"{PROXY}/{path}/folder/new.txt", b"x"),
        target.send("GET", f"{PROXY}?path={path}/folder"),
    ]
    assert not {200, 206} & {status for status, _, _ in answers[:3]}
    assert target.secret.name.encode() not in answers[3][2]
    return answers


ATTACKS = {
    "CVE-2023-1177: a version whose source is any folder": of_nothing("{folder}"),
    "CVE-2023-1177, as a URL": of_nothing("file://{folder}"),
    "a version whose source is a folder, for a run that is there": of_a_run("file://{folder}"),
    "CVE-2023-2356: a source that climbs": of_a_run("mlflow-artifacts:/{path}/{climb}"),
    "CVE-2023-2780: a source with backslashes": of_a_run(r"file:///{path}\..\..\..\..\etc"),
    "CVE-2024-1558: a source with a fragment": of_a_run("/models/artifacts#{folder}"),
    "CVE-2024-3573: a local source that looks like none": of_nothing("file:{folder}"),
    "a source on localhost": of_nothing("file://localhost{folder}"),
    "a source with dots": of_a_run("runs:/{run}/../{climb}"),
    "a source whose dots are encoded": of_a_run("mlflow-artifacts:/{path}/%2e%2e/%2e%2e/etc"),
    "a source that another machine chose": of_nothing("http://127.0.0.1:1/model"),
    "a source of the cloud's metadata": of_nothing("https://169.254.169.254/latest/meta-data"),
    "CVE-2024-1483: a location with a fragment": at_location("http:///#/../../..{folder}"),
    "CVE-2024-1594: a location that is a folder with a fragment": at_location("file:#{folder}"),
    "CVE-2024-2928: dots in the fragment of a location": at_location(
        "mlflow-artifacts:/#/../../..{folder}"
    ),
    "dots in the query of a location": at_location("mlflow-artifacts:/?x=/../../..{folder}"),
    "CVE-2024-3848: a location with dots behind a fragment": at_location("s3://b#/../../{folder}"),
    "a location that is a folder": at_location("{folder}"),
    "a location that is a URL of a folder": at_location("file://{folder}"),
    "dots in a path": as_artifact_of_a_run(climb),
    "CVE-2023-6831: encoded dots": as_artifact_of_a_run(lambda t: percent(climb(t))),
    "CVE-2024-1560: twice encoded dots": as_artifact_of_a_run(
        lambda t: percent(climb(t), again=True)
    ),
    "CVE-2024-1593: dots behind a semicolon": as_artifact_of_a_run(lambda t: f";/{climb(t)}"),
    "an absolute path": as_artifact_of_a_run(lambda t: f"/{t.secret}"),
    "a path with backslashes": as_artifact_of_a_run(lambda t: climb(t).replace("/", "%5C")),
    "a path with NUL": as_artifact_of_a_run(lambda t: f"a.txt%00{climb(t)}"),
    "CVE-2023-6018: an upload over any file": upload_to("../../../tmp/written-by-mlserve"),
    "an upload to a drive": upload_to("C:%5Cwritten"),
    "CVE-2025-14279: DNS rebinding": rebind,
    "CVE-2023-43472: a request forged by another site": forge,
    "CVE-2023-6568: markup in the content type": script_in_an_error,
    "stored markup in an artifact": script_in_an_artifact,
    "stored markup in names and tags": script_in_names,
    "SQL in a search": sql_in_a_search,
    "a body that nests without end": bomb(b'{"metrics":' + b"[" * 200_000),
    "a body that is larger than any": bomb(b" " * (33 << 20) + b"{}"),
    "a number without end": bomb(b'{"run_id":"x","metrics":[{"timestamp":' + b"9" * 100_000),
    "bombs in YAML": bombs_among_artifacts,
    "a link out of the artifacts": link_among_artifacts,
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_it_is_refused_and_the_server_goes_on(attack, target):
    for status, _, body in attack(target):
        assert status < 500, body
        assert SECRET.encode() not in body
    assert target.secret.read_text() == SECRET
    assert target.send("GET", "/health")[2] == b"OK"
