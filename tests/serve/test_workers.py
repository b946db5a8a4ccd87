"""Several workers: all serve, the dead are replaced, and all end with their supervisor."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack, closing

import pytest
from mlserve.serve.workers import LEAST_DELAY_SECONDS, MOST_DELAY_SECONDS, End, next_delay

from .processes import gated, wait_until


def worker_pids(service) -> set[int]:
    """Return the process ids of the workers, each of which answers one of many connections."""
    with ExitStack() as stack:
        connections = [stack.enter_context(closing(service.connect())) for _ in range(16)]
        for connection in connections:
            connection.request("GET", "/")
        return {int(connection.getresponse().read()) for connection in connections}


def both_workers(service) -> list[int]:
    def found() -> list[int] | None:
        pids = worker_pids(service)
        return sorted(pids) if len(pids) == 2 else None

    service.wait_for("ready")
    return wait_until(found)


def kill_a_worker(service) -> int:
    pid = int(service.get())
    os.kill(pid, signal.SIGKILL)
    return pid


def test_every_worker_serves_and_the_supervisor_does_not(tmp_path):
    with gated(tmp_path, workers=2) as service:
        assert service.wait_for("ready")["workers"] == 2
        assert service.wait_for("ready")["pid"] == service.process.pid
        assert service.process.pid not in both_workers(service)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_all_workers_finish_and_exits_with_0(tmp_path, number):
    with gated(tmp_path, workers=2) as service, closing(service.connect()) as connection:
        both_workers(service)
        connection.request("GET", "/wait")
        wait_until((tmp_path / "waiting").exists)
        service.send(number)
        service.wait_for("stopping")
        (tmp_path / "go").touch()
        assert connection.getresponse().status == 200
        assert service.wait() == 0


def test_a_signal_to_the_whole_group_still_lets_requests_finish(tmp_path):
    with gated(tmp_path, workers=2) as service, closing(service.connect()) as connection:
        both_workers(service)
        connection.request("GET", "/wait")
        wait_until((tmp_path / "waiting").exists)
        os.killpg(service.process.pid, signal.SIGINT)
        wait_until(lambda: service.messages.count("stopping") == 3)
        (tmp_path / "go").touch()
        assert connection.getresponse().status == 200
        assert service.wait() == 0


def test_a_request_cut_off_in_a_worker_makes_the_exit_code_1(tmp_path):
    with gated(tmp_path, workers=2, drain_seconds=0.05) as service:
        with closing(service.connect()) as connection:
            connection.request("GET", "/wait")
            wait_until((tmp_path / "waiting").exists)
            service.send(signal.SIGTERM)
            assert service.wait() == 1
        assert any("cut off 1 requests" in message for message in service.messages)


def test_a_second_signal_ends_the_workers_too(tmp_path):
    with gated(tmp_path, workers=2) as service, closing(service.connect()) as connection:
        connection.request("GET", "/wait")
        wait_until((tmp_path / "waiting").exists)
        service.send(signal.SIGTERM)
        service.wait_for("stopping")
        service.send(signal.SIGTERM)
        assert service.wait() == 128 + signal.SIGTERM


def test_a_signal_before_the_workers_are_ready_ends_all_with_0(tmp_path):
    (tmp_path / "hold-loading").touch()
    with gated(tmp_path, workers=2) as service:
        wait_until((tmp_path / "loading").exists)
        service.send(signal.SIGTERM)
        assert service.wait() == 0


def test_a_killed_worker_is_replaced(tmp_path):
    with gated(tmp_path, workers=2) as service:
        before = both_workers(service)
        killed = kill_a_worker(service)
        service.wait_for("is ready again")
        assert killed in before
        assert killed not in both_workers(service)
        assert "when memory runs out" in service.wait_for("is started again")["message"]


def test_a_worker_that_cannot_be_replaced_yet_leaves_the_others_serving(tmp_path):
    with gated(tmp_path, workers=2) as service:
        both_workers(service)
        (tmp_path / "refuse").touch()
        killed = kill_a_worker(service)
        service.wait_for("found nonsense, expected a mapping")
        assert int(service.get()) != killed
        (tmp_path / "refuse").unlink()
        service.wait_for("is ready again")


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("refuse", "found nonsense, expected a mapping"),
        ("raise", "ZeroDivisionError: the model's own fault"),
        ("die", "it ended with the code 7"),
    ],
)
def test_a_worker_that_was_never_ready_is_the_end_with_1(tmp_path, file, words):
    (tmp_path / file).touch()
    with gated(tmp_path, workers=2) as service:
        assert service.wait() == 1
        assert words in service.wait_for("did not get ready")["message"]


def test_a_model_that_is_refused_leaves_no_traceback(tmp_path):
    (tmp_path / "refuse").touch()
    with gated(tmp_path, workers=2) as service:
        assert service.wait() == 1
        assert not [line for line in service.lines if "Traceback" in line]


def test_an_unforeseen_error_leaves_its_traceback_in_the_log(tmp_path):
    (tmp_path / "raise").touch()
    with gated(tmp_path, workers=2) as service:
        assert "ZeroDivisionError" in service.wait_for("the worker failed")["exception"]


def test_workers_end_with_a_killed_supervisor(tmp_path):
    with gated(tmp_path, workers=2) as service:
        both_workers(service)
        service.send(signal.SIGKILL)
        assert service.wait() == -signal.SIGKILL


def test_workers_that_still_load_end_with_a_killed_supervisor(tmp_path):
    (tmp_path / "hold-loading").touch()
    with gated(tmp_path, workers=2) as service:
        wait_until((tmp_path / "loading").exists)
        service.send(signal.SIGKILL)
        assert service.wait() == -signal.SIGKILL


def test_the_delay_before_a_restart_grows_to_a_limit():
    delays = [0.0]
    for _ in range(12):
        delays.append(next_delay(delays[-1], lived_seconds=1))
    assert delays[1:4] == [LEAST_DELAY_SECONDS, 2 * LEAST_DELAY_SECONDS, 4 * LEAST_DELAY_SECONDS]
    assert delays[-1] == MOST_DELAY_SECONDS


def test_a_worker_that_lived_long_is_restarted_without_much_delay():
    assert next_delay(MOST_DELAY_SECONDS, lived_seconds=3600) == LEAST_DELAY_SECONDS


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (End(-signal.SIGKILL, 1.0), "it was killed, as the system does when memory runs out"),
        (End(-signal.SIGSEGV, 1.0), "it ended on the signal 11 (Segmentation fault)"),
        (End(3, 1.0), "it ended with the code 3"),
        (End(1, 1.0, "no model at x"), "no model at x"),
    ],
)
def test_the_end_of_a_worker_is_told_in_words(end, words):
    assert end.describe() == words
