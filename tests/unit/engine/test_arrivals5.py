"""Deliveries in MQTT 5: properties passed over, topic aliases followed, kept messages told apart."""

from __future__ import annotations

from typing import Any

import pytest

from engine_rig import World, world
from malaria.mqtt.codec import decode, encode
from malaria.mqtt.packets import Ack, PacketType, Protocol, Publish
from malaria.mqtt.session import SessionPhase
from malaria.schedule.payload import pack_header

V5 = Protocol.V5
METER = {"role": "publish", "clients": 1, "interval": "1s", "size": "20", "topic": "t", "qos": 1, "protocol": "5"}
LISTENER = {"role": "subscribe", "clients": 1, "topic": "t", "qos": 2, "protocol": "5"}


def payload(w: World, sequence: int, size: int = 20) -> bytes:
    return pack_header(w.engine.plan.identity.tag, 0, sequence, w.now_ns - w.epoch_ns) + bytes(size - 20)


def message(w: World, sequence: int, qos: int = 1, retain: bool = False, **properties: Any) -> bytes:
    """What our publisher would send, as the broker forwards it."""
    topic = properties.pop("topic", "t")
    made = Publish(topic, payload(w, sequence), qos, retain, packet_id=sequence + 1 if qos else None,
                   properties=properties)  # fmt: skip
    return encode(made, V5)


def answers(stream: bytes) -> list[Ack]:
    found: list[Ack] = []
    at = 0
    while at < len(stream):
        one = decode(stream, at, len(stream), frozenset(PacketType), V5)
        assert one is not None
        if isinstance(one[0], Ack):
            found.append(one[0])
        at = one[1]
    return found


LONG = {"user_property": (("name", "x" * 200),)}


@pytest.mark.parametrize("properties", [{}, {"subscription_identifier": (1,)}, LONG, "mixed"])
@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("cut", [1, 37, 60, 2000])
def test_deliveries_are_followed_whatever_their_properties(properties: Any, qos: int, cut: int) -> None:
    with world(METER, LISTENER) as w:
        w.connect_all()
        w.publish()
        subscriber = w.sockets[0]  # subscribers connect first
        order = [*range(12), 11, 13, 12]
        various = [{}, {"content_type": "a"}, LONG, {"subscription_identifier": (300, 2)}]
        stream = b"".join(
            message(w, q, qos, **(various[i % 4] if properties == "mixed" else properties)) for i, q in enumerate(order)
        )
        before = len(subscriber.sent)
        for at in range(0, len(stream), cut):
            w.say(subscriber, stream[at : at + cut])
        counts = w.meter.counts
        repeated = 0 if qos == 2 else 1  # at QoS 2 the id is known: the repeat is not delivered at all
        assert (counts.arrived, counts.delivered, counts.duplicated, counts.reordered) == (15, 14, repeated, 1)
        assert (counts.foreign, counts.malformed) == (0, 0)
        kind = {1: PacketType.PUBACK, 2: PacketType.PUBREC}.get(qos)
        assert answers(bytes(subscriber.sent[before:])) == ([] if kind is None else [Ack(kind, q + 1) for q in order])


def test_one_length_with_topics_and_properties_that_differ_is_no_run() -> None:
    """Frames of equal length, some with a byte more of topic and one less of properties."""
    listener = LISTENER | {"filters": ["#"]}
    listener.pop("topic")
    with world(METER, listener) as w:
        w.connect_all()
        w.publish()
        stream = b"".join(
            message(w, q, 1, topic="tt" if q % 3 else "t", content_type="a" if q % 3 else "ab") for q in range(40)
        )
        w.say(w.sockets[0], stream)
        assert (w.meter.counts.delivered, w.meter.counts.reordered) == (40, 0)


def test_aliases_are_followed_and_are_of_one_connection() -> None:
    with world(METER, LISTENER | {"topic_alias_maximum": 2}) as w:
        w.connect_all()
        w.publish()
        alias: dict[str, Any] = {"topic_alias": 2}
        many = b"".join(message(w, q, 1, topic="", **alias) for q in range(1, 12))
        w.say(w.sockets[0], message(w, 0, 1, **alias) + many)
        assert w.meter.counts.delivered == 12
        w.say(w.sockets[0], message(w, 12, 1, topic="", topic_alias=1))
        assert w.meter.counts.malformed == 1
        assert w.engine.columns.phase[1] == SessionPhase.WAITING


def test_an_alias_over_our_maximum_ends_the_connection() -> None:
    with world(METER, LISTENER | {"topic_alias_maximum": 2}) as w:
        w.connect_all()
        w.publish()
        w.say(w.sockets[0], message(w, 0, 1, topic_alias=3))
        assert (w.meter.counts.malformed, w.meter.counts.delivered) == (1, 0)


@pytest.mark.parametrize("as_published", [False, True])
def test_retain_as_published_tells_nothing_of_kept_messages(as_published: bool) -> None:
    with world(METER, LISTENER | {"retain_as_published": as_published}) as w:
        w.connect_all()
        w.publish()
        w.say(w.sockets[0], message(w, 0, 1, True))
        w.say(w.sockets[0], message(w, 1, 0, True) + message(w, 2, 0, True))
        counts = w.meter.counts
        assert (counts.retained, counts.delivered) == ((0, 3) if as_published else (3, 0))


GARBAGE = {
    "no properties": "3205" + "000174" + "0001",
    "properties longer than the packet": "3206" + "000174" + "0001" + "05",
    "length of five bytes": "320b" + "000174" + "0001" + "8080808001" + "00",
    "packet id 0": "3206" + "000174" + "0000" + "00",
}


@pytest.mark.parametrize("case", GARBAGE)
def test_garbage_ends_the_connection(case: str) -> None:
    with world(METER, LISTENER) as w:
        w.connect_all()
        w.say(w.sockets[0], bytes.fromhex(GARBAGE[case]))
        assert w.meter.counts.malformed == 1


def test_an_older_client_beside() -> None:
    with world(METER, LISTENER, LISTENER | {"protocol": "3.1.1"}) as w:
        w.connect_all()
        w.publish()
        w.say(w.sockets[0], message(w, 0, 1))
        w.say(w.sockets[1], encode(Publish("t", payload(w, 0), 1, packet_id=1)))
        assert (w.meter.counts.delivered, w.meter.counts.foreign) == (2, 0)


RESPONDER = {"role": "respond", "clients": 1, "topic": "t", "qos": 1, "protocol": "5"}
ASKER = METER | {"role": "both", "filters": ["answers/{index}"], "response_topic": "answers/{index}",
                 "correlation_data": "{index}"}  # fmt: skip


def test_a_request_is_answered_where_it_says() -> None:
    with world(ASKER, RESPONDER) as w:
        w.connect_all()
        w.publish()
        w.turn()
        responder = w.sockets[1]
        before = len(responder.sent)
        request = message(w, 0, 1, response_topic="answers/0", correlation_data=b"0")
        w.say(responder, request + message(w, 1, 1) + message(w, 2, 0, True, response_topic="a/0"))
        said = bytes(responder.sent[before:])
        answer = Publish("answers/0", payload(w, 0), properties={"correlation_data": b"0"})
        assert encode(answer, V5) in said
        assert [one.packet_id for one in answers(said)] == [1, 2]
        assert w.meter.counts.answered == 1
        w.say(w.sockets[0], encode(answer, V5))
        assert w.meter.counts.delivered == 3  # two at the responder, the answer at who asked
        assert w.meter.counts.unexpected == 0


def test_a_response_topic_that_is_none_is_not_answered() -> None:
    with world(ASKER, RESPONDER) as w:
        w.connect_all()
        w.say(w.sockets[1], message(w, 0, 0, response_topic="a/+") + message(w, 1, 0, response_topic=""))
        assert w.meter.counts.answered == 0
        assert w.meter.counts.malformed == 0
