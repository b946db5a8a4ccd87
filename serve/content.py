"""Which format a request's Content-Type asks for, and its body as UTF-8."""

from __future__ import annotations

from enum import Enum
from functools import lru_cache

from ..runtimes.errors import MalformedRequest, UnsupportedContentType


class BodyFormat(Enum):
    """The formats of a request body, by media type."""

    JSON = "application/json"
    CSV = "text/csv"


_CHARSETS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "utf-16": "utf-16",
    "iso-8859-1": "iso-8859-1",
    "latin-1": "iso-8859-1",
    "iso-8859-15": "iso-8859-15",
    "windows-1252": "windows-1252",
}


@lru_cache(maxsize=128)
def parse_content_type(header: str) -> tuple[BodyFormat, str]:
    """Return the format and the Python codec that a Content-Type header names.

    Media types and charset names are compared without case (RFC 9110, 8.3); a parameter other than
    ``charset`` is refused, as MLflow's server does since 2.0.
    """
    media_type, *parameters = (part.strip() for part in header.split(";"))
    body_format = _FORMATS.get(media_type.lower())
    if body_format is None:
        raise UnsupportedContentType(
            "the request has "
            + (f'the content type "{media_type[:80]}"' if media_type else "no content type")
            + f"; send one of {', '.join(_FORMATS)}"
        )
    codec = "utf-8"
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() != "charset":
            raise UnsupportedContentType(
                f'the content type has the parameter "{name[:80]}"; only charset is read'
            )
        codec = _codec(value.strip().strip('"').lower())
    return body_format, codec


def to_utf8(body: bytes, codec: str) -> bytes:
    """Return ``body``, which is in ``codec``, in UTF-8."""
    try:
        return body.decode(codec).encode()
    except UnicodeDecodeError as error:
        raise MalformedRequest(
            f"the body is not valid {codec} at byte {error.start}; "
            "name its charset in the content type, or send UTF-8"
        ) from None


def _codec(charset: str) -> str:
    if charset not in _CHARSETS:
        raise UnsupportedContentType(
            f'the content type has the charset "{charset[:40]}"; send UTF-8'
        )
    return _CHARSETS[charset]


_FORMATS = {body_format.value: body_format for body_format in BodyFormat}
