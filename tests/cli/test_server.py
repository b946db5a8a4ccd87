"""`mlserve server` from its first line to its exit code, and the secrets of its accounts."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from mlserve.cli.server import server
from mlserve.store.rest.settings import ServerSettings

from ..store.receiver import running_receiver
from ..store.rest.clients import API, DEADLINE_SECONDS, PROXY
from ..store.rest.programs import running_server, url_of

MOST_KIB = 150 * 1024


@pytest.fixture
def uri(tmp_path) -> str:
    return f"sqlite:///{tmp_path / 'store.db'}"


def client_of(program) -> httpx.Client:
    return httpx.Client(base_url=url_of(program), timeout=DEADLINE_SECONDS)


def peak_memory(program) -> int:
    status = Path(f"/proc/{program.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])


def hash_secret(*arguments: str, stdin: str = "") -> tuple[str, str]:
    command = [sys.executable, "-m", "mlserve", "server", "hash-secret", *arguments]
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout, done.stderr


def test_a_store_is_served_until_a_signal(uri, tmp_path):
    with running_server("--backend-store-uri", uri) as program, client_of(program) as client:
        assert client.get("/health").text == "OK"
        made = client.post(f"{API}/experiments/create", json={"name": "a"})
        assert made.status_code == 200
        assert client.put(f"{PROXY}/a", content=b"x").status_code == 200
        program.send(signal.SIGTERM)
        assert program.wait() == 0
        assert program.process.stdout.read() == ""
    assert (tmp_path / "mlartifacts" / "a").read_bytes() == b"x"


def test_what_was_accepted_before_a_signal_is_answered(uri):
    with running_server("--backend-store-uri", uri) as program:
        with closing(socket.create_connection(program.address, 60)) as connection:
            head = f"PUT {PROXY}/a HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n"
            connection.sendall(f"{head}a".encode())
            with client_of(program) as client:
                client.get("/health")  # answered after the upload was begun
            program.send(signal.SIGTERM)
            program.wait_for("stopping")
            connection.sendall(b"b")
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        assert program.wait() == 0


def test_a_server_stays_small(uri):
    with running_server("--backend-store-uri", uri) as program, client_of(program) as client:
        content = (bytes(2**20) for _ in range(100))
        assert client.put(f"{PROXY}/large", content=content).status_code == 200
        assert len(client.get(f"{PROXY}/large").content) == 100 * 2**20
        for i in range(50):
            client.post(f"{API}/runs/create", json={"experiment_id": "0", "run_name": f"{i}"})
        client.post(f"{API}/runs/search", json={"experiment_ids": ["0"]})
        assert peak_memory(program) < MOST_KIB


def test_accounts_are_made_by_the_command_and_let_in(uri, tmp_path):
    alice, _ = hash_secret("alice", "--role", "admin", stdin="pässword\n")
    ci, told = hash_secret("ci", "--role", "reader", "--token")
    path = tmp_path / "accounts.toml"
    path.write_text(alice + ci)
    token = told.split()[-1]
    assert token not in ci
    with (
        running_server("--backend-store-uri", uri, "--auth", str(path)) as program,
        client_of(program) as client,
    ):
        create = {"url": f"{API}/experiments/create", "json": {"name": "a"}}
        assert client.post(**create).status_code == 401
        bearer = {"authorization": f"Bearer {token}"}
        assert client.post(**create, headers=bearer).status_code == 403
        assert client.get(f"{API}/experiments/get?experiment_id=0", headers=bearer).is_success
        basic = httpx.BasicAuth(b"alice", "pässword".encode())
        assert client.post(**create, auth=basic).status_code == 200
        assert not [line for line in program.lines if token in line or "pässword" in line]


def test_a_server_without_accounts_listens_on_loopback_alone(uri):
    for host in ("0.0.0.0", "::"):
        with running_server("--backend-store-uri", uri, "--host", host) as program:
            assert program.wait() == 2
            told = "".join(program.lines)
            assert "--auth" in told
            assert "--without-auth" in told


def test_a_server_without_accounts_listens_elsewhere_where_it_is_told_to(uri):
    arguments = ("--backend-store-uri", uri, "--host", "0.0.0.0", "--without-auth")
    with running_server(*arguments) as program:
        port = program.address[1]
        assert httpx.get(f"http://127.0.0.1:{port}/health").text == "OK"


def test_variables_configure_the_server_and_flags_go_before_them(uri, tmp_path):
    with (
        running_server(
            "--artifacts-destination",
            str(tmp_path / "here"),
            MLSERVE_SERVER_BACKEND_STORE_URI=uri,
            MLSERVE_SERVER_ARTIFACTS_DESTINATION=str(tmp_path / "there"),
            MLSERVE_SERVER_ALLOWED_HOSTS="mlserve.example, other.example",
            MLSERVE_SERVER_ACCESS_LOG="true",
        ) as program,
        client_of(program) as client,
    ):
        path = f"{API}/experiments/get?experiment_id=0"
        assert client.get(path, headers={"host": "other.example"}).status_code == 200
        assert client.put(f"{PROXY}/a", content=b"x").status_code == 200
        assert program.wait_for("request")["path"]
    assert (tmp_path / "here" / "a").exists()


def test_the_variables_of_mlflow_count_too(uri, tmp_path):
    with (
        running_server(
            MLFLOW_BACKEND_STORE_URI=uri, MLFLOW_ARTIFACTS_DESTINATION=str(tmp_path / "there")
        ) as program,
        client_of(program) as client,
    ):
        assert client.put(f"{PROXY}/a", content=b"x").status_code == 200
    assert (tmp_path / "there" / "a").exists()


def test_what_kubernetes_says_of_services_is_no_setting(uri):
    links = {
        "MLSERVE_SERVER_PORT": "tcp://10.0.0.1:80",
        "MLSERVE_SERVER_SERVICE_HOST": "10.0.0.1",
        "MLSERVE_SERVER_PORT_80_TCP_ADDR": "10.0.0.1",
        "MLFLOW_PORT": "tcp://10.0.0.2:80",
    }
    with running_server("--backend-store-uri", uri, **links) as program:
        program.wait_for("ready")


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "told"),
    [
        (["--backend-store-uri", "mysql://h/d"], {}, 2, "expected sqlite:///FILE"),
        (["--port", "x"], {}, 2, "is not a valid integer"),
        (["--nonsense"], {}, 2, "No such option"),
        ([], {"MLSERVE_SERVER_ALOWED_HOSTS": "x"}, 2, "did you mean MLSERVE_SERVER_ALLOWED_HOSTS?"),
        ([], {"MLSERVE_SERVER_LOG_LEVEL": "loud"}, 2, "loud"),
        (["--auth", "none.toml"], {}, 2, "none.toml"),
        (["--lifecycle", "none.toml"], {}, 2, "none.toml"),
        (["--direct-urls"], {}, 2, "expected --artifacts-destination s3:"),
        (["--backend-store-uri", "postgresql://127.0.0.1:1/none"], {}, 1, "does not answer"),
    ],
)
def test_what_is_wrong_is_told_and_the_exit_code_says_whose_fault_it_is(
    uri, arguments, variables, code, told
):
    if "--backend-store-uri" not in arguments:
        arguments = ["--backend-store-uri", uri, *arguments]
    with running_server(*arguments, **variables) as program:
        assert program.wait() == code
        assert told in "".join(program.lines)
        assert "Traceback" not in "".join(program.lines)


def test_a_port_that_is_taken_is_told(uri):
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        with running_server("--backend-store-uri", uri, "--port", port) as program:
            assert program.wait() == 1
            assert "another program listens there" in "".join(program.lines)


def test_the_stages_of_a_file_are_those_of_the_server(uri, tmp_path):
    path = tmp_path / "lifecycle.toml"
    path.write_text('stages = ["New", "Live"]')
    with (
        running_server("--backend-store-uri", uri, "--lifecycle", str(path)) as program,
        client_of(program) as client,
    ):
        client.post(f"{API}/registered-models/create", json={"name": "churn"})
        body = {"name": "churn", "version": "1", "stage": "Production"}
        answer = client.post(f"{API}/model-versions/transition-stage", json=body)
        assert answer.status_code == 400
        assert "New, Live" in answer.json()["message"]


def create_webhook(client, url) -> httpx.Response:
    body = {"name": "chat", "url": url, "events": ["model_version.alias_changed"]}
    return client.post("/api/2.0/mlserve/webhooks", json=body)


def test_webhooks_are_called_at_private_addresses_that_are_named(uri):
    with (
        running_receiver() as receiver,
        running_server("--backend-store-uri", uri, "--webhook-hosts", "127.0.0.1") as program,
        client_of(program) as client,
    ):
        receiver.hold.set()
        assert create_webhook(client, receiver.url).status_code == 200
        make_version(client)
        body = {"name": "churn", "alias": "champion", "version": "1"}
        assert client.post(f"{API}/registered-models/alias", json=body).status_code == 200
        assert b"champion" in receiver.take().body


def test_webhooks_are_not_made_for_private_addresses_that_nobody_named(uri):
    with running_server("--backend-store-uri", uri) as program, client_of(program) as client:
        answer = create_webhook(client, "http://127.0.0.1:1/in")
        assert answer.status_code == 400
        assert "127.0.0.1" in answer.json()["message"]


def make_version(client) -> None:
    run = client.post(f"{API}/runs/create", json={"experiment_id": "0"}).json()["run"]["info"]
    path = f"0/{run['run_id']}/artifacts/model"
    assert client.put(f"{PROXY}/{path}/MLmodel", content=b"flavors: {}").status_code == 200
    client.post(f"{API}/registered-models/create", json={"name": "churn"})
    source = f"mlflow-artifacts:/{path}"
    body = {"name": "churn", "source": source, "run_id": run["run_id"]}
    assert client.post(f"{API}/model-versions/create", json=body).status_code == 200


def test_every_setting_has_a_flag_and_a_variable():
    flags = {param.name: param for param in server.params}
    assert flags.keys() == {field.name for field in fields(ServerSettings)}
    for name, flag in flags.items():
        assert flag.envvar[0] == f"MLSERVE_SERVER_{name.upper()}"
        assert f"--{name.replace('_', '-')}" in flag.opts
        assert flag.help


@pytest.mark.parametrize("arguments", [["a:b"], [""], ["a\nb"]])
def test_a_name_that_no_account_can_have_is_refused(arguments):
    done = CliRunner().invoke(server, ["hash-secret", *arguments], input="pw\n")
    assert done.exit_code != 0
    assert "expected a name" in str(done.exception)


def test_an_empty_password_is_refused():
    done = CliRunner().invoke(server, ["hash-secret", "alice"], input="\n")
    assert "empty password" in str(done.exception)
