"""One serving process: ready when it listens, and an end in which nothing accepted is lost."""

from __future__ import annotations

import signal
import socket
import threading
from contextlib import closing
from http.client import RemoteDisconnected

import pytest
from mlserve.runtimes.errors import AddressUnavailable
from mlserve.serve.listening import bind_socket, service_url

from .processes import gated, wait_until


def is_refused(address) -> bool:
    try:
        socket.create_connection(address, timeout=10).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass
    return False


def ask_and_wait(service, folder):
    """Return a connection whose request the service has taken and not answered yet."""
    connection = service.connect()
    connection.request("GET", "/wait")
    wait_until((folder / "waiting").exists)
    return connection


def test_the_ready_line_tells_what_is_served_where(tmp_path):
    with gated(tmp_path, model_name="churn") as service:
        ready = service.wait_for("ready")
        assert ready["model"] == "churn"
        assert ready["flavor"] == "gated-0"
        assert ready["workers"] == 1
        assert ready["pid"] == service.process.pid == int(service.get())
        assert ready["url"].startswith("http://127.0.0.1:")
        assert ready["seconds"] > 0


def test_it_listens_on_the_host_that_it_is_told(tmp_path):
    with gated(tmp_path, host="0.0.0.0") as service:
        assert service.wait_for("ready")["url"].startswith("http://0.0.0.0:")
        assert service.get() == str(service.process.pid)


def test_nobody_listens_before_the_model_is_loaded(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    (tmp_path / "hold-loading").touch()
    with gated(tmp_path, port=address[1]) as service:
        wait_until((tmp_path / "loading").exists)
        assert is_refused(address)
        (tmp_path / "hold-loading").unlink()
        assert service.get() == str(service.process.pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_an_accepted_request_finish_and_exits_with_0(tmp_path, number):
    with gated(tmp_path) as service, closing(ask_and_wait(service, tmp_path)) as connection:
        service.send(number)
        service.wait_for("stopping")
        (tmp_path / "go").touch()
        response = connection.getresponse()
        assert (response.status, response.headers["connection"]) == (200, "close")
        assert response.read() == str(service.process.pid).encode()
        assert service.wait() == 0


def test_a_stopping_service_refuses_new_connections(tmp_path):
    with gated(tmp_path) as service, closing(ask_and_wait(service, tmp_path)) as connection:
        service.send(signal.SIGTERM)
        wait_until(lambda: is_refused(service.address))
        (tmp_path / "go").touch()
        assert connection.getresponse().status == 200


def test_an_idle_connection_does_not_keep_the_service_from_stopping(tmp_path):
    with gated(tmp_path) as service, closing(service.connect()) as connection:
        connection.request("GET", "/")
        connection.getresponse().read()
        service.send(signal.SIGTERM)
        assert connection.sock.recv(1) == b""
        assert service.wait() == 0


def test_the_application_is_closed_at_the_end(tmp_path):
    with gated(tmp_path) as service:
        service.wait_for("ready")
        service.send(signal.SIGTERM)
        assert service.wait() == 0
    assert (tmp_path / "closed").exists()


def test_a_request_that_outlasts_the_drain_is_cut_off_and_the_exit_code_is_1(tmp_path):
    with gated(tmp_path, drain_seconds=0.05) as service:
        with closing(ask_and_wait(service, tmp_path)):
            service.send(signal.SIGTERM)
            assert service.wait() == 1
        assert "cut off 1 requests" in service.messages[-1]
        assert "--drain-seconds" in service.messages[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_the_service_at_once(tmp_path, number):
    with gated(tmp_path) as service, closing(ask_and_wait(service, tmp_path)):
        service.send(signal.SIGTERM)
        service.wait_for("stopping")
        service.send(number)
        assert service.wait() == 128 + number


def test_a_signal_before_the_service_is_ready_ends_it_at_once_with_0(tmp_path):
    (tmp_path / "hold-loading").touch()
    with gated(tmp_path) as service:
        wait_until((tmp_path / "loading").exists)
        service.send(signal.SIGTERM)
        assert service.wait() == 0


def test_a_thread_that_never_ends_does_not_keep_the_process(tmp_path):
    (tmp_path / "thread").touch()
    with gated(tmp_path) as service:
        service.wait_for("ready")
        service.send(signal.SIGTERM)
        assert service.wait() == 0


def test_an_application_that_does_not_start_is_the_end_with_1(tmp_path):
    (tmp_path / "no-start").touch()
    with gated(tmp_path) as service:
        assert service.wait() == 1
        assert "no start today" in service.messages


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_that_another_program_has_is_a_clear_error(tmp_path, workers):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with gated(tmp_path, port=port, workers=workers) as service:
            assert service.wait() == 1
            [message] = service.messages
            assert f"cannot listen on 127.0.0.1, port {port}: Address already in use" in message
            assert "choose another --port (0: any)" in message


@pytest.mark.parametrize(
    ("host", "advice"),
    [
        ("no-such-host.invalid", "choose another --host"),
        ("192.0.2.1", "no interface of this machine has that address"),
        ("bad host name", "choose another --host"),
        ("a" * 70 + ".invalid", "choose another --host"),
    ],
)
def test_a_host_that_is_not_this_machine_is_a_clear_error(host, advice):
    with pytest.raises(AddressUnavailable, match=advice):
        bind_socket(host, 0)


def test_a_bound_socket_does_not_listen_yet():
    with bind_socket("127.0.0.1", 0) as listener:
        assert is_refused(listener.getsockname())


def test_a_url_puts_an_ipv6_address_in_brackets():
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        listener = bind_socket("::1", 0)
    except AddressUnavailable:
        pytest.skip("this machine has no IPv6 loopback")
    with listener:
        assert service_url(listener) == f"http://[::1]:{listener.getsockname()[1]}"


def test_requests_that_arrive_while_the_service_stops_are_answered_whole_or_not_at_all(tmp_path):
    outcomes = set()

    def ask(service):
        while "refused" not in outcomes:
            try:
                outcomes.add("whole" if service.get() == str(service.process.pid) else "part")
            except ConnectionRefusedError:
                outcomes.add("refused")
            except (ConnectionError, RemoteDisconnected):
                outcomes.add("closed")

    with gated(tmp_path) as service:
        service.wait_for("ready")
        clients = [threading.Thread(target=ask, args=(service,)) for _ in range(4)]
        for client in clients:
            client.start()
        wait_until(lambda: "whole" in outcomes)
        service.send(signal.SIGTERM)
        assert service.wait() == 0
        for client in clients:
            client.join()
    assert outcomes <= {"whole", "refused", "closed"}
