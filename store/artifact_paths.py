"""The paths of artifacts: relative, and never read as anything but what they say.

Pure checks of text. Links on a disk are the business of ``local_artifacts``.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from ..runtimes.errors import shorten
from .errors import InvalidParameter

TEMPORARY_PREFIX: Final = ".mlserve-writing-"
"""How the name of a file begins that is being written; no artifact has such a name."""

MOST_BYTES: Final = 1000
"""Of a path; object stores end at 1,024, and the path of the store itself comes before."""

_MOST_BYTES_A_PART: Final = 255
_MOST_ENCODINGS: Final = 5
# Control characters end up in headers, and lone surrogates in no encoding at all.
UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DRIVE: Final = re.compile(r"[A-Za-z]:")


def check_file_path(path: str) -> str:
    """Return ``path``, which names a file under a root; raises `InvalidParameter` if it may not."""
    if not path:
        raise _refusal(path, "nothing", "the path of a file")
    return check_folder_path(path)


def check_folder_path(path: str) -> str:
    """Return ``path``, a file or folder under a root; "" is the root itself.

    What would be another path once percent signs are decoded, however often, is refused with
    `InvalidParameter` as what is wrong as it stands: others may decode it.
    """
    if path:
        _check(path, path)
        for form in _decoded_forms(path):
            _check(path, form)
            if form.count("/") != path.count("/"):
                raise _refusal(path, 'an encoded "/"', '"/" itself between its parts')
    return path


def join_paths(*paths: str) -> str:
    """Return the path that leads through all ``paths``, of which any may be empty."""
    return "/".join(filter(None, paths))


def _decoded_forms(path: str) -> list[str]:
    forms = [path]
    while (form := unquote(forms[-1], errors="surrogateescape")) != forms[-1]:
        if len(forms) > _MOST_ENCODINGS:
            raise _refusal(path, "percent signs encoded many times", "a path that is not encoded")
        forms.append(form)
    return forms[1:]


def _check(path: str, form: str) -> None:
    """Refuse ``path`` for what ``form``, itself or a decoded form of it, holds."""
    if found := UNPRINTABLE.search(form):
        raise _refusal(path, f"the character U+{ord(found[0]):04X}", "printable characters")
    if len(form.encode()) > MOST_BYTES:
        raise _refusal(path, f"{len(form.encode())} bytes", f"at most {MOST_BYTES}")
    for sign, name in (("\\", "a backslash"), ("#", 'a "#"')):
        if sign in form:
            raise _refusal(path, name, "a path without one")
    if form.startswith("/") or _DRIVE.match(form):
        raise _refusal(path, "an absolute path", "one relative to the root of the artifacts")
    for part in form.split("/"):
        _check_part(path, part)


def _check_part(path: str, part: str) -> None:
    if not part:
        raise _refusal(path, "an empty part", 'single "/" between the parts, and none at the end')
    if part.strip(" ") in {".", ".."}:
        raise _refusal(path, f'the part "{part}"', "names of files and folders alone")
    if len(part.encode()) > _MOST_BYTES_A_PART:
        raise _refusal(path, f"a part of {len(part.encode())} bytes", "at most 255")
    if part.startswith(TEMPORARY_PREFIX):
        raise _refusal(path, "the name of a temporary file", f"none that is {TEMPORARY_PREFIX}…")


def _refusal(path: str, found: str, expected: str) -> InvalidParameter:
    shown = shorten(path).encode("unicode_escape").decode()
    return InvalidParameter(f'Invalid path "{shown}": found {found}, expected {expected}')
