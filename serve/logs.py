"""Log lines on stderr, as text or JSON, and the line that tells of one request.

Only a command calls `configure_logging`. Headers and query strings are never logged.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO

_PLAIN: Final = re.compile(r"[^\s\"=\x00-\x1f\x7f-\x9f]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

access_logger = logging.getLogger("mlserve.access")


def configure_logging(log_format: str, level: str, stream: TextIO | None = None) -> None:
    """Send all log records of this process to ``stream`` (stderr), Python's warnings among them.

    uvicorn's records go the same way, from warnings upwards.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(FORMATTERS[log_format]())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.getLogger("uvicorn.error").setLevel(max(logging.WARNING, logging.getLogger().level))
    logging.captureWarnings(capture=True)


class TextFormatter(logging.Formatter):
    """One line a record for people: time, level, logger, message, fields; then a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return ``record`` as text; control characters in it are escaped."""
        message = escape_controls(record.getMessage())
        fields = "".join(f" {name}={_quote(value)}" for name, value in fields_of(record).items())
        line = f"{timestamp(record)} {record.levelname} {record.name}: {message}{fields}"
        if not record.exc_info:
            return line
        return "\n".join([line, *indent_lines(self.formatException(record.exc_info))])


class JsonFormatter(logging.Formatter):
    """One JSON object a record for machines, on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return ``record`` as JSON: time, level, logger, message, fields, exception."""
        line: dict[str, Any] = {
            "time": timestamp(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in fields_of(record).items() if name not in line}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


FORMATTERS: Final[Mapping[str, type[logging.Formatter]]] = {
    "text": TextFormatter,
    "json": JsonFormatter,
}


class AccessLog:
    """Logs one line for each request."""

    __slots__ = ()

    def __call__(
        self,
        scope: Mapping[str, Any],
        status: int,
        seconds: float,
        bytes_out: int,
        request_id: str,
    ) -> None:
        """Log the request of the ASGI ``scope`` and how it was answered."""
        client = scope.get("client")
        fields = {
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "seconds": round(seconds, 6),
            "bytes": bytes_out,
            "client": client[0] if client else None,
        }
        extra = {"request_id": request_id, "fields": fields}
        access_logger.info("request", extra=extra)


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return what ``record`` carries beside its message: its ``request_id`` and ``fields``."""
    request_id = getattr(record, "request_id", None)
    named = {} if request_id is None else {"request_id": request_id}
    return named | getattr(record, "fields", {})


def timestamp(record: logging.LogRecord) -> str:
    """Return when ``record`` was made, as RFC 3339 has it, in UTC."""
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def escape_controls(text: str) -> str:
    """Return ``text`` on one line: a caller's line break must not look like a record of ours."""
    return _CONTROL.sub(lambda match: ascii(match[0])[1:-1], text)


def indent_lines(text: str) -> list[str]:
    """Return the lines of ``text`` indented, so that none of them looks like a record of ours."""
    return [f"  {escape_controls(line)}" for line in text.split("\n")]


def _quote(value: object) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
