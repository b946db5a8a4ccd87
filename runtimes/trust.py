"""Whether a model that can run code on loading is loaded: the one place that decides."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from .contract import LoadOptions
from .errors import UntrustedModel

logger = logging.getLogger("mlserve")

SAFE_FORMATS = (
    "save it as skops or ONNX, which hold data alone, "
    "or leave out --safe-only if you vouch for the folder"
)


def vouch(what: str, options: LoadOptions, advice: str = SAFE_FORMATS) -> None:
    """Return if ``what``, which can run code on loading, may be loaded; call it before reading.

    With ``safe_only`` it is refused with `UntrustedModel`, which gives ``advice``; otherwise the
    operator vouches for it by serving the folder, and one warning says so.
    """
    if options.safe_only:
        raise UntrustedModel(what, advice)
    logger.warning(
        "%s can run any code while it loads; serve only folders that you trust, or use --safe-only",
        what,
    )


def vouch_types(what: str, types: Iterable[str], options: LoadOptions) -> None:
    """Return if the operator trusts each of ``types``, which ``what`` would have built.

    What the model itself says about trust is no evidence and is not asked for.
    """
    unknown = sorted(set(types) - set(options.skops_trusted))
    if unknown:
        flags = " ".join(f"--skops-trusted {name}" for name in unknown)
        raise UntrustedModel(
            f"{what} with the types {', '.join(unknown)}", f"if you trust these types, add {flags}"
        )
