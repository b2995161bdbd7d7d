"""Return codes in words."""

from __future__ import annotations

from malaria.mqtt.reasons import CONNACK_REASONS, connack_reason


def test_every_code_of_the_specification_has_words() -> None:
    assert sorted(CONNACK_REASONS) == [0, 1, 2, 3, 4, 5]
    assert connack_reason(5) == "not authorised"


def test_a_code_that_does_not_exist_is_named_by_its_number() -> None:
    assert "77" in connack_reason(77)
