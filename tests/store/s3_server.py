"""A real S3 server over HTTP, moto's, in a thread of the tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count

import boto3
import pytest
from moto.server import ThreadedMotoServer

_numbers = count()


@pytest.fixture(scope="session")
def s3_environment() -> Iterator[dict[str, str]]:
    """The variables by which a process speaks to the server; those of this process are set."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    variables = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }
    before = dict(os.environ)
    os.environ |= variables
    yield variables
    os.environ.clear()
    os.environ |= before
    server.stop()


@pytest.fixture
def bucket(s3_environment) -> str:
    """A new, empty bucket."""
    name = f"bucket-{next(_numbers)}"
    client(s3_environment).create_bucket(Bucket=name)
    return name


def client(environment: dict[str, str]):
    """Return a client of boto3's, which is not the one that mlserve uses."""
    return boto3.client("s3", endpoint_url=environment["AWS_ENDPOINT_URL"])
