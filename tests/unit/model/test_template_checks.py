"""Texts that go into MQTT packets: refused by key, without quoting a secret."""

from __future__ import annotations

import pytest

from malaria.model.faults import KeyPathError
from malaria.model.placeholders import OF_CLIENT
from malaria.model.template_checks import check_carried, check_template_of, check_text


def test_a_template_of_known_placeholders_passes() -> None:
    check_text("username", "meter-{index:05d}", OF_CLIENT)


def test_a_text_that_mqtt_cannot_carry_is_refused_by_its_key() -> None:
    with pytest.raises(KeyPathError) as caught:
        check_carried(("will", "payload"), "a\0b")
    assert caught.value.path == ("will", "payload")


@pytest.mark.parametrize(("key", "quoted"), [("username", True), ("password", False), ("psk", False)])
def test_a_secret_is_not_quoted(key: str, quoted: bool) -> None:
    with pytest.raises(KeyPathError) as caught:
        check_template_of(key, "top-secret-{", OF_CLIENT)
    assert ("top-secret" in str(caught.value)) is quoted
