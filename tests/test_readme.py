"""What README.md shows is what happens: its model is packaged, served and asked."""

from __future__ import annotations

import json
import re
import shlex
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
PROGRAM, ANSWER = dict(BLOCKS)["python"], dict(BLOCKS)["json"]
SERVE, CURL = [code for language, code in BLOCKS if language == "sh"]
JSON = "'Content-Type: application/json'"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@contextmanager
def served(command, folder):
    """Run ``command``, which serves on port 5000, on a free one; give the service's address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    name, *arguments = shlex.split(command.replace("5000", address.rpartition(":")[2]))
    service = subprocess.Popen([Path(sys.executable).with_name(name), *arguments], cwd=folder)
    try:
        wait_until_ready(f"http://{address}/health", service)
        yield address
    finally:
        service.terminate()
        service.wait(30)


def wait_until_ready(url, service, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and service.poll() is None:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"the service is not ready after {seconds} s: {service.poll()=}")


def run_curl(line, address):
    """Return the answer to what ``line`` would send, asked of the service at ``address``."""
    curl, url, h, header, d, body = shlex.split(line)
    assert (curl, h, d) == ("curl", "-H", "-d")
    url = url.replace("127.0.0.1:5000", address)
    return httpx.post(url, content=body, headers=[header.split(": ")]).json()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder in which the README's program has packaged its model."""
    folder = tmp_path_factory.mktemp("readme")
    subprocess.run([sys.executable, "-c", PROGRAM], cwd=folder, check=True, timeout=120)
    return folder


@pytest.fixture(scope="module")
def address(folder):
    """The address at which the README's command serves the model."""
    with served(SERVE, folder) as address:
        yield address


def test_the_curl_line_gets_the_answer_that_stands_below_it(address):
    assert run_curl(CURL, address) == json.loads(ANSWER)


def test_the_example_that_was_given_is_a_request_that_works(address, folder):
    (example,) = folder.glob("mlartifacts/**/serving_input_example.json")
    body = example.read_text()
    line = f"curl http://127.0.0.1:5000/invocations -H {JSON} -d {shlex.quote(body)}"
    assert run_curl(line, address) == {"predictions": ["setosa"] * 5}


def test_the_demo_promotes_data_alone_and_answers_the_curl_line_that_it_prints(tmp_path):
    command = [sys.executable, ROOT / "examples" / "churn.py"]
    run = subprocess.run(
        command, cwd=tmp_path, capture_output=True, check=True, text=True, timeout=120
    )
    (line,) = [line for line in run.stdout.splitlines() if line.startswith("curl")]
    serve = "mlserve models serve -m models:/churn/Production -p 5000 --safe-only"
    with served(serve, tmp_path) as address:
        assert run_curl(line, address) == {"predictions": ["Yes"]}


def test_the_program_is_eight_lines_at_most():
    assert len([line for line in PROGRAM.splitlines() if line]) <= 8


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page):
    links = re.findall(r"\]\((?!\w+:)([^)#]+)", page.read_text())
    assert not [link for link in links if not (page.parent / link).exists()]
