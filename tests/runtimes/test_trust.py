"""Who vouches for a model that can run code."""

from __future__ import annotations

import pytest
from mlserve.runtimes.contract import LoadOptions
from mlserve.runtimes.errors import UntrustedModel
from mlserve.runtimes.trust import vouch, vouch_types


def test_what_is_served_by_path_is_loaded_with_one_warning(caplog):
    vouch("model.pkl (pickle)", LoadOptions())
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("mlserve", "WARNING")
    assert "model.pkl (pickle)" in record.getMessage()


def test_safe_only_refuses_it_and_names_the_safe_ways(caplog):
    with pytest.raises(UntrustedModel, match=r"model\.pkl \(pickle\).*skops or ONNX"):
        vouch("model.pkl (pickle)", LoadOptions(safe_only=True))
    assert not caplog.records


def test_types_that_the_operator_trusts_pass():
    vouch_types("model.skops", ["a.B"], LoadOptions(skops_trusted=("a.B", "c.D")))


def test_other_types_are_named_with_the_flag_that_trusts_them():
    with pytest.raises(UntrustedModel) as caught:
        vouch_types("model.skops", ["c.D", "a.B", "e.F"], LoadOptions(skops_trusted=("a.B",)))
    assert "model.skops with the types c.D, e.F" in str(caught.value)
    assert "add --skops-trusted c.D --skops-trusted e.F" in str(caught.value)
