"""What README.md shows is what happens: its model is packaged, served and asked."""

from __future__ import annotations

import json
import re
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
PROGRAM, ANSWER = dict(BLOCKS)["python"], dict(BLOCKS)["json"]
SERVE, CURL = [code for language, code in BLOCKS if language == "sh"]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder in which the README's program has packaged its model."""
    folder = tmp_path_factory.mktemp("readme")
    subprocess.run([sys.executable, "-c", PROGRAM], cwd=folder, check=True, timeout=120)
    return folder


@pytest.fixture(scope="module")
def address(folder):
    """The address at which the README's command serves the model."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command, *arguments = shlex.split(SERVE.replace("5000", port))
    service = subprocess.Popen([Path(sys.executable).with_name(command), *arguments], cwd=folder)
    try:
        wait_until_ready(f"http://127.0.0.1:{port}", service)
        yield f"127.0.0.1:{port}"
    finally:
        service.terminate()
        service.wait(30)


def wait_until_ready(url, service, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and service.poll() is None:
        try:
            if httpx.get(f"{url}/health").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(f"the service is not ready after {seconds} s: {service.poll()=}")


def test_the_curl_line_gets_the_answer_that_stands_below_it(address):
    _, url, _, header, _, body = shlex.split(CURL)
    answer = httpx.post(
        url.replace("127.0.0.1:5000", address), content=body, headers=[header.split(": ")]
    )
    assert answer.json() == json.loads(ANSWER)


def test_the_example_that_was_given_is_a_request_that_works(address, folder):
    body = (folder / "iris" / "serving_input_example.json").read_bytes()
    answer = httpx.post(
        f"http://{address}/invocations", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.json() == {"predictions": ["setosa"] * 5}


def test_the_program_is_eight_lines_at_most():
    assert len([line for line in PROGRAM.splitlines() if line]) <= 8


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page):
    links = re.findall(r"\]\((?!\w+:)([^)#]+)", page.read_text())
    assert not [link for link in links if not (page.parent / link).exists()]
