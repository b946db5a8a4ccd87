"""The exit code of a program that ends with an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .errors import AddressUnavailable, InvalidSetting, MLServeError

EXIT_CODES: Final[Mapping[type[MLServeError], int]] = {
    MLServeError: 1,
    InvalidSetting: 2,
    AddressUnavailable: 1,
}
"""The exit code of each error, by its nearest class here."""


def exit_code(error: MLServeError) -> int:
    """Return the exit code of a program that ends with ``error``."""
    return next(EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES)
