"""Who vouches for a model that can run code."""

from __future__ import annotations

from importlib import import_module

import pytest
from mlserve.runtimes.contract import LoadOptions
from mlserve.runtimes.errors import UntrustedModel
from mlserve.runtimes.trust import HARMLESS_TYPES, vouch, vouch_types


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


def test_harmless_types_pass_without_the_operator(caplog):
    vouch_types("model.skops", HARMLESS_TYPES, LoadOptions(safe_only=True))
    assert not caplog.records


@pytest.mark.parametrize("name", sorted(HARMLESS_TYPES))
def test_a_harmless_type_is_where_its_name_says(name):
    module, _, attribute = name.rpartition(".")
    found = getattr(import_module(module), attribute)
    assert (found.__module__, found.__name__) == (module, attribute)


def test_other_types_are_named_with_the_flag_that_trusts_them():
    with pytest.raises(UntrustedModel) as caught:
        vouch_types("model.skops", ["c.D", "a.B", "e.F"], LoadOptions(skops_trusted=("a.B",)))
    assert "model.skops with the types c.D, e.F" in str(caught.value)
    assert "add --skops-trusted c.D --skops-trusted e.F" in str(caught.value)
