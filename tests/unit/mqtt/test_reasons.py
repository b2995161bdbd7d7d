"""Return and reason codes in words."""

from __future__ import annotations

from malaria.mqtt.packets import Connack, Protocol
from malaria.mqtt.reasons import REASON_CODES, RETURN_CODES, connack_reason, reason_text, reason_with_details


def test_every_code_of_the_specification_has_words() -> None:
    assert sorted(RETURN_CODES) == [0, 1, 2, 3, 4, 5]
    assert set(REASON_CODES) == {0, 1, 2, 4, 0x10, 0x11, 0x18, 0x19, *range(0x80, 0xA3)}
    assert connack_reason(Connack(False, 5), Protocol.V311) == "not authorised"
    assert connack_reason(Connack(False, 0x87), Protocol.V5) == "not authorised"


def test_a_code_that_does_not_exist_is_named_by_its_number() -> None:
    assert "77" in connack_reason(Connack(False, 77), Protocol.V311)
    assert "119, which MQTT 5 does not know" in reason_text(119)


def test_a_broker_of_3_1_1_answers_an_mqtt_5_client_in_its_own_words() -> None:
    said = connack_reason(Connack(False, 1), Protocol.V5)
    assert said == "unacceptable protocol version (MQTT 3.1.1 is what it speaks)"


def test_what_the_broker_adds_is_told() -> None:
    properties = {"reason_string": "too many", "server_reference": "b.example:1883"}
    assert reason_with_details(0x9C, properties) == "use another server (too many); it refers to b.example:1883"
