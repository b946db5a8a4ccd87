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

HARMLESS_TYPES = frozenset(
    {
        # What the cells of an array are: building one parses a name, or takes it from an array.
        "numpy.dtype",
        # The class itself, as a column selector's dtype: its instances hold and do nothing.
        "builtins.object",
        # How columns were chosen while fitting: a pattern and dtypes, matched by pandas.
        "sklearn.compose._column_transformer.make_column_selector",
        # A dict whose keys are attributes too; voting and stacking keep their estimators in one.
        "sklearn.utils._bunch.Bunch",
        # An estimator and the curve on its scores, in plain Python, as the trusted estimators are.
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        # Functions that compute scores of columns from arrays alone.
        "sklearn.feature_selection._univariate_selection.chi2",
        "sklearn.feature_selection._univariate_selection.f_classif",
        "sklearn.feature_selection._univariate_selection.f_regression",
        # What a search over params has done its splits and scores with: numbers, in plain Python.
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.model_selection._split.KFold",
        "sklearn.model_selection._split.StratifiedKFold",
        # The arrays of the last training step, which no prediction reads.
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        # Two of a family of loss functions whose others skops trusts.
        "sklearn._loss.loss.HalfTweedieLoss",
        "sklearn._loss.loss.HalfTweedieLossIdentity",
    }
)
"""Types in skops files that every model may hold, beside those that skops trusts by itself.

skops may build any of them from any data, and call it with any; so none may run code that the
file names, touch a file, or index memory unchecked. Trees, in estimators or of neighbors, are
left out for the last: compiled code follows the indices that a file says without checking them.
"""


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
    """Return if each of ``types``, which ``what`` would have built, is harmless or trusted.

    It is the operator who trusts: what the model itself says is no evidence and is not asked for.
    """
    unknown = sorted(set(types) - HARMLESS_TYPES - set(options.skops_trusted))
    if unknown:
        flags = " ".join(f"--skops-trusted {name}" for name in unknown)
        raise UntrustedModel(
            f"{what} with the types {', '.join(unknown)}", f"if you trust these types, add {flags}"
        )
