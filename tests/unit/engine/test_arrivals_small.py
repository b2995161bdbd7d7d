"""The header of a small payload, from a user property of MQTT 5 or from topic and order."""

from __future__ import annotations

import pytest

from malaria.engine.template5 import make_template5
from malaria.model.warhead import Warhead
from malaria.mqtt.codec import decode
from malaria.mqtt.packets import PacketType, Protocol, Publish
from malaria.plan.clients import Identity, make_plan
from malaria.plan.streams import delivery_note, streams_of
from malaria.schedule.payload import HEADER_PROPERTY, Header, unpack_header
from malaria.schedule.share import WHOLE

METERS = {"name": "meters", "clients": 2, "interval": "1s", "topic": "m/{client}", "size": 4}
BACKEND = {"name": "backend", "role": "subscribe", "clients": 1, "topic": "m/+"}
ME = Identity("run", 7, 1)


def warhead(protocol: str = "3.1.1", **meters: object) -> Warhead:
    groups = [METERS | meters, BACKEND]
    return Warhead.model_validate({"group": groups, "attack": {"duration": "1s", "protocol": protocol}})


def test_in_mqtt_5_a_user_property_carries_the_header() -> None:
    plan = make_plan(warhead("5"), WHOLE, ME)
    packet = bytes(make_template5(plan.groups[0]).packet(1, 9, 3, 44))
    decoded = decode(packet, 0, len(packet), frozenset({PacketType.PUBLISH}), Protocol.V5)
    assert decoded is not None
    publish = decoded[0]
    assert isinstance(publish, Publish)
    assert len(publish.payload) == 4
    ((name, digits),) = publish.properties["user_property"]
    assert (name, unpack_header(bytes.fromhex(digits))) == (HEADER_PROPERTY, Header(7, 1, 3, 44))
    assert streams_of(plan).by_topic == {}


@pytest.mark.parametrize("size", [20, 500, "100-900"])
def test_a_payload_with_room_has_no_property(size: object) -> None:
    assert not any(group.header_in_property for group in make_plan(warhead("5", size=size), WHOLE, ME).groups)


def test_in_mqtt_3_the_topic_tells_whose_message_it_is() -> None:
    streams = streams_of(make_plan(warhead(), WHOLE, ME))
    numbers = {topic.decode(): number for topic, number in streams.by_topic.items()}
    assert sorted(numbers.values()) == [0, 1]
    assert all(topic.startswith("m/") for topic in numbers)


@pytest.mark.parametrize(
    ("meters", "why"),
    [
        ({}, ""),
        ({"size": 500, "topic": "m/all"}, ""),
        ({"topic": "m/all"}, "the payload is too small for the header, and its topic is not the client's own"),
        ({"topic": "m/{seq}"}, "the payload is too small for the header, and its topic is not the client's own"),
    ],
)
def test_what_cannot_be_told_has_a_reason(meters: dict[str, object], why: str) -> None:
    assert delivery_note(warhead(**meters)) == why
