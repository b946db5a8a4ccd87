"""What becomes of runs and their points when a program ends, however it does."""

from __future__ import annotations

import pytest
from mlserve import MlserveClient
from mlserve.store.connections import shared

from .scripts import SECONDS, run_script, start_script

PRELUDE = """
import mlserve, os, signal, sys, threading, time

def log(n=300):
    for step in range(n):
        mlserve.log_metric("m", step, step=step)

"""


@pytest.fixture
def uri(tmp_path):
    yield f"sqlite:///{tmp_path / 'store.db'}"
    shared().close()


@pytest.fixture
def runs_after(uri, tmp_path):
    """Runs a program to its end, and returns its runs by name with the points that each has."""

    def run(text, code=0):
        run_script(PRELUDE + text, uri, tmp_path, code=code)
        return read_runs(uri)

    return run


def read_runs(uri):
    client = MlserveClient(uri)
    return {
        run.info.run_name: (run.info.status, len(client.get_metric_history(run.info.run_id, "m")))
        for run in client.search_runs(["0"])
    }


BLOCK = 'with mlserve.start_run(run_name="r"):\n    log()\n    '
BARE = 'mlserve.start_run(run_name="r")\nlog()\n'


@pytest.mark.parametrize(
    ("text", "code", "status"),
    [
        (BLOCK + "pass", 0, "FINISHED"),
        (BLOCK + "raise ValueError", 1, "FAILED"),
        (BLOCK + "sys.exit(3)", 3, "FAILED"),
        (BLOCK + "sys.exit()", 0, "FAILED"),
        # Python exits with 1 instead of by SIGINT where code is compiled while it ends.
        (BLOCK + "raise KeyboardInterrupt", None, "FAILED"),
        (BLOCK + "os.kill(os.getpid(), signal.SIGTERM)", 143, "KILLED"),
        (BLOCK + "os.kill(os.getpid(), signal.SIGINT)", None, "FAILED"),
        (BARE, 0, "FINISHED"),
        (BARE + "mlserve.end_run()", 0, "FINISHED"),
        (BARE + 'mlserve.end_run("KILLED")', 0, "KILLED"),
        (BARE + "raise ValueError", 1, "FAILED"),
        (BARE + "sys.exit(0)", 0, "FINISHED"),
        (BARE + "sys.exit(3)", 3, "FAILED"),
        (BARE + 'sys.exit("went wrong")', 1, "FAILED"),
        (BARE + "raise KeyboardInterrupt", None, "FAILED"),
        (BARE + "os.kill(os.getpid(), signal.SIGTERM)", 143, "KILLED"),
        (BARE + "mlserve.end_run()\nraise ValueError", 1, "FINISHED"),
        (BARE + "try:\n    sys.exit(3)\nexcept SystemExit:\n    log()", 0, "FINISHED"),
        (BARE + "try:\n    raise ValueError\nexcept ValueError:\n    pass", 0, "FINISHED"),
    ],
)
def test_a_run_is_marked_as_its_program_ended(runs_after, text, code, status):
    found = runs_after(text, code)
    assert {name: state for name, (state, _) in found.items()} == {"r": status}
    assert found["r"][1] >= 300


@pytest.mark.parametrize("end", ["", "raise ValueError"])
def test_all_runs_that_are_open_are_ended(runs_after, end):
    text = """
mlserve.start_run(run_name="outer")
log(5)
mlserve.start_run(run_name="inner", nested=True)
log(7)
"""
    status = "FAILED" if end else "FINISHED"
    found = runs_after(text + end, 1 if end else 0)
    assert found == {"outer": (status, 5), "inner": (status, 7)}


def test_an_exception_ends_the_inner_run_and_what_catches_it_goes_on(runs_after):
    text = """
with mlserve.start_run(run_name="outer"):
    try:
        with mlserve.start_run(run_name="inner", nested=True):
            log(3)
            raise ValueError
    except ValueError:
        log(4)
"""
    assert runs_after(text) == {"outer": ("FINISHED", 4), "inner": ("FAILED", 3)}


@pytest.mark.parametrize(
    ("work", "status"), [("log(9)", "FINISHED"), ("log(9); raise ValueError", "FAILED")]
)
def test_the_run_of_a_thread_ends_too(runs_after, work, status):
    text = f"""
def work():
    mlserve.start_run(run_name="t")
    {work}

with mlserve.start_run(run_name="main"):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    log(2)
"""
    assert runs_after(text) == {"main": ("FINISHED", 2), "t": (status, 9)}


def test_each_thread_has_an_active_run_of_its_own(runs_after):
    text = """
def work(name):
    with mlserve.start_run(run_name=name):
        log(100)

threads = [threading.Thread(target=work, args=(f"t{i}",)) for i in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert mlserve.active_run() is None
"""
    assert runs_after(text) == {f"t{i}": ("FINISHED", 100) for i in range(8)}


def test_what_a_program_was_watched_with_is_taken_away_with_its_last_run(runs_after):
    text = """
before = sys.exit, threading.excepthook, signal.getsignal(signal.SIGTERM)
with mlserve.start_run(run_name="r"):
    with mlserve.start_run(nested=True, run_name="s"):
        pass
    assert sys.exit is not before[0]
assert before == (sys.exit, threading.excepthook, signal.getsignal(signal.SIGTERM))
"""
    assert set(runs_after(text)) == {"r", "s"}


def test_a_handler_of_the_program_for_sigterm_stays(runs_after):
    text = """
def handle(*_):
    mlserve.end_run("FAILED")
    os._exit(5)

signal.signal(signal.SIGTERM, handle)
mlserve.start_run(run_name="r")
log(10)
os.kill(os.getpid(), signal.SIGTERM)
"""
    assert runs_after(text, 5) == {"r": ("FAILED", 10)}


def test_a_program_that_waits_is_ended_by_sigterm(uri, tmp_path):
    text = PRELUDE + 'mlserve.start_run(run_name="r")\nlog(10)\nprint("ready", flush=True)\n'
    with start_script(text + f"time.sleep({SECONDS})", uri, tmp_path) as process:
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        assert process.wait(SECONDS) == 143
    assert read_runs(uri) == {"r": ("KILLED", 10)}


def test_a_forked_child_logs_to_the_run_and_does_not_end_it(runs_after):
    text = """
with mlserve.start_run(run_name="r") as run:
    log(10)
    child = os.fork()
    if child == 0:
        mlserve.log_metric("m", 1000, step=1000)
        sys.exit()
    assert os.waitpid(child, 0)[1] == 0
    assert mlserve.get_run(run.info.run_id).info.status == "RUNNING"
    mlserve.log_metric("m", 2000, step=2000)
"""
    assert runs_after(text) == {"r": ("FINISHED", 12)}


def test_a_forked_child_ends_the_run_that_it_started_itself(runs_after):
    text = """
mlserve.start_run(run_name="parent")
log(10)
child = os.fork()
if child == 0:
    mlserve.start_run(run_name="child", nested=True)
    log(5)
    raise ValueError
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
log(10)
"""
    found = runs_after(text)
    assert found["child"] == ("FAILED", 5)
    assert found["parent"][0] == "FINISHED"


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children_of_multiprocessing_lose_no_points(runs_after, method):
    text = f"""
import multiprocessing

def work(run_id, n):
    for step in range(20):
        mlserve.log_metric("m", step, step=100 * n + step, run_id=run_id)

def own():
    mlserve.start_run(run_name="own")
    log(3)
    raise ValueError

if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    with mlserve.start_run(run_name="r") as run:
        log(1)
        children = [context.Process(target=work, args=(run.info.run_id, n)) for n in (1, 2)]
        children.append(context.Process(target=own))
        [child.start() for child in children]
        [child.join() for child in children]
        assert [child.exitcode for child in children] == [0, 0, 1]
"""
    nested = "nested=True" if method == "fork" else ""
    text = text.replace('run_name="own"', f'run_name="own", {nested}')
    assert runs_after(text) == {"r": ("FINISHED", 41), "own": ("FAILED", 3)}


def test_points_that_a_store_refuses_are_told_where_the_run_ends(uri, tmp_path):
    text = """
with mlserve.start_run() as run:
    mlserve.MlserveClient().delete_run(run.info.run_id)
    mlserve.log_metric("m", 1)
"""
    _, err = run_script(PRELUDE + text, uri, tmp_path, code=1)
    assert "must be in the 'active' state" in err
    assert "1 points of the run" in err


def test_an_exception_of_the_program_is_what_is_raised_where_points_are_refused(uri, tmp_path):
    text = """
with mlserve.start_run() as run:
    mlserve.MlserveClient().delete_run(run.info.run_id)
    mlserve.log_metric("m", 1)
    raise KeyError("mine")
"""
    _, err = run_script(PRELUDE + text, uri, tmp_path, code=1)
    assert err.splitlines()[-2] == "KeyError: 'mine'"
    assert "could not be ended" in err.splitlines()[-1]


def test_points_that_are_refused_at_the_very_end_are_told(uri, tmp_path):
    text = """
run = mlserve.start_run()
mlserve.MlserveClient().delete_run(run.info.run_id)
mlserve.log_metric("m", 1)
"""
    _, err = run_script(PRELUDE + text, uri, tmp_path)
    assert "must be in the 'active' state" in err


def test_what_is_logged_after_the_run_was_ended_with_the_program_is_there(runs_after):
    text = """
import atexit
atexit.register(lambda: mlserve.log_metric("m", 1, run_id=run.info.run_id))
run = mlserve.start_run(run_name="r")
log(10)
"""
    assert runs_after(text) == {"r": ("FINISHED", 11)}
