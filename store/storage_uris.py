"""The addresses of places where artifacts are: folders of this machine, and object stores."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

from ..runtimes.errors import shorten
from .artifact_paths import UNPRINTABLE, check_folder_path
from .errors import InvalidParameter

OBJECT_STORES: Final = {"s3": "s3", "gs": "gcs", "abfs": "azure", "abfss": "azure", "memory": None}
"""The schemes of object stores, each with the extra that brings its package."""

PROXIED: Final = "mlflow-artifacts"
"""The scheme of what a store keeps at a place that it does not tell."""

EXPECTED: Final = "a folder, or a URI that begins with file:, s3:, gs:, abfs: or memory:"

# One letter before a colon is a drive, and a colon inside a name is no scheme.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(?=/)|(file|mlflow-artifacts):")


def scheme_of(uri: str) -> str:
    """Return the scheme of a URI in lower case, "" for the path of a folder."""
    found = _SCHEME.match(uri)
    return (found[1] or found[2]).lower() if found else ""


def read_file_url(url: str) -> Path:
    """Return the folder of this machine that a file: URL names."""
    parts = _split(url)
    if parts.netloc not in {"", "localhost"}:
        raise InvalidParameter(
            f"{hide_credentials(url)}: found a host, expected a folder of this machine; "
            f"write file://{shorten(parts.path)}"
        )
    if parts.query or parts.fragment:
        raise InvalidParameter(f'{shorten(url)}: found a "?" or a "#", expected %3F or %23')
    return read_path(unquote(parts.path))


def read_path(text: str) -> Path:
    """Return the path of a folder; raises `InvalidParameter` for what is none."""
    if not text or "\0" in text or "://" in text:
        raise InvalidParameter(f"found {hide_credentials(text)!a}, expected {EXPECTED}")
    return Path(text)


def check_object_uri(uri: str) -> str:
    """Return the URI of a folder in an object store, without a slash at its end.

    Credentials in it are refused with `InvalidParameter`, which does not repeat them: a URI is
    written to databases and logs.
    """
    scheme = scheme_of(uri)
    if scheme not in OBJECT_STORES:
        raise InvalidParameter(f"found {_describe(uri)}, expected {EXPECTED}")
    parts = _split(uri)
    user, at, _ = parts.netloc.rpartition("@")
    if at and (":" in user or scheme not in {"abfs", "abfss"}):
        raise InvalidParameter(
            f"{hide_credentials(uri)}: found credentials in the URI, expected none; give them to "
            "the client library of the object store by its own environment variables"
        )
    if "::" in uri or parts.query or parts.fragment:
        raise InvalidParameter(
            f'{hide_credentials(uri)}: found a "?", a "#" or a "::", expected the URI of a folder'
        )
    place = uri[len(scheme) + 1 :].strip("/")
    if not place:
        raise InvalidParameter(f"{scheme}: expected the name of a bucket in the URI")
    check_folder_path(place)
    return f"{scheme}://{place}"


def read_proxied_uri(uri: str) -> str:
    """Return the path in the store that ``mlflow-artifacts:/a`` or ``…://host/a`` names."""
    rest = uri[len(PROXIED) + 1 :]
    if rest.startswith("//"):
        rest = rest[2:].partition("/")[2]
    return check_folder_path(rest.strip("/"))


def join_uri(uri: str, path: str) -> str:
    """Return the URI of ``path`` below a URI; ``path`` is as it is, and not encoded."""
    if not path:
        return uri
    return f"{uri.rstrip('/')}/{quote(path) if scheme_of(uri) == 'file' else path}"


def hide_credentials(uri: str) -> str:
    """Return a URI as a message may show it: without user, password, query and fragment."""
    head, slashes, rest = re.split(r"[?#]", uri, maxsplit=1)[0].partition("//")
    host, slash, path = rest.partition("/")
    user, at, name = host.rpartition("@")
    if at and (":" in user or not head.startswith("abfs")):
        host = f"…@{name}"
    return shorten(f"{head}{slashes}{host}{slash}{path}")


def _split(uri: str) -> SplitResult:
    """Return the parts of a URI that holds nothing but them."""
    try:
        parts = urlsplit(uri)
    except ValueError:  # its text may repeat what is a secret
        raise InvalidParameter(f"{hide_credentials(uri)!a}: found no URI, expected one") from None
    if UNPRINTABLE.search(uri):  # of which the parts hold only some
        raise InvalidParameter(f"{hide_credentials(uri)!a}: found characters that no URI has")
    return parts


def _describe(uri: str) -> str:
    scheme = scheme_of(uri)
    return f"an address that begins with {shorten(scheme)}:" if scheme else "a path"
