"""Packages of an optional extra."""

from __future__ import annotations

import pytest

from malaria.errors import OperatorError
from malaria.extras import need_extra


def test_a_package_that_lacks_with_all_around_it_is_named() -> None:
    with pytest.raises(OperatorError, match=r"this needs nobody_has_this.inner"):
        need_extra("nobody_has_this.inner")


def test_what_is_there_is_enough() -> None:
    need_extra("distributed")


def test_what_lacks_is_named_with_the_remedy() -> None:
    with pytest.raises(OperatorError, match="this needs nobody_has_this, which is not installed") as refusal:
        need_extra("nobody_has_this")
    assert "mqtt-malaria[swarm]" in refusal.value.remedy
