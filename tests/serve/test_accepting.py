"""Workers take connections in fair shares, and none waits for one that is stuck."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from mlserve.serve.accepting import Acceptor, Shares
from mlserve.serve.listening import bind_socket


@pytest.fixture
def two_workers(tmp_path: Path) -> tuple[Shares, Shares]:
    path = tmp_path / "connections"
    path.touch()
    return Shares(path, 2, 0), Shares(path, 2, 1)


def test_a_worker_alone_is_never_ahead(two_workers):
    first, _ = two_workers
    first.publish(1000)
    assert not first.is_ahead()


def test_a_worker_with_more_connections_is_ahead(two_workers):
    first, second = two_workers
    first.publish(3)
    second.publish(1)
    assert first.is_ahead()
    assert not second.is_ahead()


def test_a_small_lead_among_many_connections_is_none(two_workers):
    first, second = two_workers
    first.publish(104)
    second.publish(100)
    assert not first.is_ahead()


def test_a_worker_that_has_withdrawn_is_not_waited_for(two_workers):
    first, second = two_workers
    first.publish(3)
    second.publish(0)
    second.withdraw()
    assert not first.is_ahead()


async def accept_three(shares: Shares) -> int:
    """Return how many of three connections an acceptor takes within a few turns."""
    accepted: list[socket.socket] = []
    three = asyncio.Event()

    def connect(connection: socket.socket) -> None:
        accepted.append(connection)
        if len(accepted) == 3:
            three.set()

    listener = bind_socket("127.0.0.1", 0)
    acceptor = Acceptor(listener, shares, connect, lambda: len(accepted))
    acceptor.start()
    clients = [socket.create_connection(listener.getsockname()) for _ in range(3)]
    await asyncio.wait_for(three.wait(), 60)
    acceptor.close()
    for connection in (*accepted, *clients):
        connection.close()
    return len(accepted)


def test_connections_are_taken_even_where_the_other_worker_takes_none(two_workers):
    first, second = two_workers
    second.publish(0)
    assert asyncio.run(accept_three(first)) == 3


def test_a_closed_acceptor_is_not_waited_for(two_workers):
    first, second = two_workers
    asyncio.run(accept_three(first))
    second.publish(7)
    assert not second.is_ahead()
