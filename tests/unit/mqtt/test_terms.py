"""What a broker grants, and what holds when it says nothing."""

from __future__ import annotations

from malaria.mqtt.properties import PROPERTIES
from malaria.mqtt.terms import LARGEST_PACKET, UNLIMITED, Terms, terms_of


def test_what_is_not_said_has_the_default_of_the_specification() -> None:
    assert terms_of({}) == UNLIMITED
    assert (UNLIMITED.receive_maximum, UNLIMITED.maximum_qos, UNLIMITED.topic_alias_maximum) == (65535, 2, 0)
    assert UNLIMITED.maximum_packet_size == LARGEST_PACKET
    assert UNLIMITED.retain_available


def test_what_is_said_holds() -> None:
    terms = terms_of({"receive_maximum": 9, "retain_available": 0, "server_keep_alive": 0, "reason_string": "hello"})
    assert terms == Terms(receive_maximum=9, retain_available=False, server_keep_alive=0)


def test_every_term_is_a_property_of_connack() -> None:
    assert set(Terms.__slots__) <= {one.name for one in PROPERTIES if "CONNACK" in one.packets}
