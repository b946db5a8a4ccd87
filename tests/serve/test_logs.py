"""Log lines: one a record, as text for people or JSON for machines, without secrets."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import warnings
from collections.abc import Iterator

import pytest
from mlserve.serve.logs import AccessLog, configure_logging, escape_controls

logger = logging.getLogger("mlserve.test")

SCOPE = {
    "method": "POST",
    "path": "/invocations",
    "query_string": b"token=hidden",
    "headers": [(b"authorization", b"Bearer hidden")],
    "client": ("10.0.0.1", 5555),
}


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root, uvicorn = logging.getLogger(), logging.getLogger("uvicorn.error")
    handlers, level, uvicorn_level = root.handlers[:], root.level, uvicorn.level
    root.handlers.clear()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    uvicorn.setLevel(uvicorn_level)
    logging.captureWarnings(capture=False)


def capture(log_format: str = "json", level: str = "info") -> io.StringIO:
    stream = io.StringIO()
    configure_logging(log_format, level, stream)
    return stream


def only_record(stream: io.StringIO) -> dict:
    [line] = stream.getvalue().splitlines()
    return json.loads(line)


def test_a_json_line_has_time_level_logger_and_message():
    stream = capture()
    logger.warning("%d rows", 3)
    record = only_record(stream)
    assert record.pop("time").endswith("Z")
    assert record == {"level": "warning", "logger": "mlserve.test", "message": "3 rows"}


def test_a_text_line_has_time_level_logger_and_message():
    stream = capture("text")
    logger.warning("%d rows", 3)
    time, rest = stream.getvalue().split(" ", 1)
    assert time.endswith("Z")
    assert rest == "WARNING mlserve.test: 3 rows\n"


def test_the_time_is_rfc_3339_in_utc():
    stream = capture("json")
    record = logger.makeRecord("mlserve.test", logging.INFO, "", 0, "x", (), None)
    record.created = 1700000000.25
    logger.handle(record)
    assert only_record(stream)["time"] == "2023-11-14T22:13:20.250Z"


def test_a_request_id_and_fields_are_keys_of_their_own():
    stream = capture()
    logger.info("ready", extra={"request_id": "r-1", "fields": {"workers": 2, "level": "x"}})
    record = only_record(stream)
    assert (record["request_id"], record["workers"], record["level"]) == ("r-1", 2, "info")


def test_fields_follow_the_message_in_text():
    stream = capture("text")
    logger.info("ready", extra={"request_id": "r-1", "fields": {"model": 'my "churn"'}})
    assert stream.getvalue().endswith('ready request_id=r-1 model="my \\"churn\\""\n')


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_traceback_goes_to_the_log(log_format):
    stream = capture(log_format)
    try:
        int("nought")
    except ValueError:
        logger.exception("failed")
    assert "Traceback" in stream.getvalue()
    assert "ValueError: invalid literal" in stream.getvalue()


def test_a_traceback_stays_on_the_line_of_its_json_record():
    stream = capture()
    logger.error("failed", exc_info=ZeroDivisionError("by nought"))
    assert only_record(stream)["exception"] == "ZeroDivisionError: by nought"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_line_break_in_a_message_does_not_start_a_line(log_format):
    stream = capture(log_format)
    logger.info("a\n2026-01-01T00:00:00Z INFO mlserve: forged\r\x1b[2J\u2028")
    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()


def test_control_characters_are_spelt_out():
    assert escape_controls("a\nb\x1b\x85é") == "a\\nb\\x1b\\x85é"


@pytest.mark.parametrize(("level", "count"), [("info", 2), ("warning", 1), ("error", 0)])
def test_what_is_below_the_level_is_not_logged(level, count):
    stream = capture(level=level)
    logger.info("said")
    logger.warning("said")
    assert stream.getvalue().count("said") == count


def test_uvicorn_speaks_in_the_same_format_from_warnings_upwards():
    stream = capture(level="debug")
    logging.getLogger("uvicorn.error").info("not said")
    logging.getLogger("uvicorn.error").warning("said")
    assert only_record(stream)["logger"] == "uvicorn.error"


def test_a_warning_of_a_library_becomes_a_record():
    stream = capture()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old model", UserWarning, stacklevel=1)
    assert "old model" in only_record(stream)["message"]


def test_an_access_line_tells_of_a_request_and_its_answer():
    stream = capture()
    AccessLog()(SCOPE, 200, 0.0123456789, 42, "r-1")
    record = only_record(stream)
    del record["time"]
    assert record == {
        "level": "info",
        "logger": "mlserve.access",
        "message": "request",
        "request_id": "r-1",
        "method": "POST",
        "path": "/invocations",
        "status": 200,
        "seconds": 0.012346,
        "bytes": 42,
        "client": "10.0.0.1",
    }


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_an_access_line_tells_no_header_and_no_query(log_format):
    stream = capture(log_format)
    AccessLog()(SCOPE, 200, 0.01, 42, "r-1")
    assert "hidden" not in stream.getvalue()


def test_a_path_cannot_forge_a_field():
    stream = capture("text")
    AccessLog()(SCOPE | {"path": "/a status=500\nb"}, 404, 0.01, 0, "r-1")
    assert ' path="/a status=500\\nb" status=404 ' in stream.getvalue()


def test_a_request_without_a_client_address_is_logged():
    stream = capture()
    AccessLog()(SCOPE | {"client": None}, 200, 0.01, 0, "r-1")
    assert only_record(stream)["client"] is None


def test_importing_sets_up_no_logging():
    code = "import logging, mlserve.serve.logs; assert not logging.getLogger().handlers"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
