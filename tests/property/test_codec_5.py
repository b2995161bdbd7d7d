"""The codec of MQTT 5 against everything that hypothesis can think of; and against what paho reads and writes."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties as PahoProperties

from malaria.errors import MalformedPacket
from malaria.mqtt.codec import decode, encode
from malaria.mqtt.packets import (
    Ack,
    Connack,
    Connect,
    Disconnect,
    Packet,
    PacketType,
    Protocol,
    Publish,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    Will,
)
from malaria.mqtt.properties import PROPERTIES, Property
from malaria.mqtt.wire import BINARY, BYTE, LONG, PAIR, SHORT, STRING, VARINT, FieldType

V5 = Protocol.V5
EVERYBODY = frozenset(PacketType)
ids = st.integers(1, 65535)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
topics = texts.filter(lambda text: text and "+" not in text and "#" not in text)
values: dict[FieldType, st.SearchStrategy[Any]] = {
    BYTE: st.integers(0, 1),
    SHORT: st.integers(1, 65535),
    LONG: st.integers(1, 2**32 - 1),
    VARINT: st.integers(1, 268_435_455),
    STRING: texts,
    BINARY: st.binary(max_size=9),
    PAIR: st.tuples(texts, texts),
}
LARGEST_PACKET = 268_435_455
"""No packet is larger, and paho takes no larger maximum."""


def value_of(one: Property, packet: str) -> st.SearchStrategy[Any]:
    single = st.integers(1, LARGEST_PACKET) if one.name == "maximum_packet_size" else values[one.kind]
    return st.lists(single, min_size=1, max_size=3).map(tuple) if packet in one.repeats else single


def properties(packet: str) -> st.SearchStrategy[dict[str, Any]]:
    allowed = {one.name: value_of(one, packet) for one in PROPERTIES if packet in one.packets}
    return st.fixed_dictionaries({}, optional=allowed)


@st.composite
def publishes(draw: st.DrawFn) -> Publish:
    qos = draw(st.integers(0, 2))
    return Publish(
        draw(topics), draw(st.binary(max_size=99)), qos, draw(st.booleans()), dup=bool(qos) and draw(st.booleans()),
        packet_id=draw(ids) if qos else None, properties=draw(properties("PUBLISH")),
    )  # fmt: skip


acks = st.sampled_from([PacketType.PUBACK, PacketType.PUBREC, PacketType.PUBREL, PacketType.PUBCOMP]).flatmap(
    lambda kind: st.builds(Ack, st.just(kind), ids, st.integers(0, 255), properties(kind.name))
)
codes = st.lists(st.integers(0, 255), min_size=1, max_size=4).map(tuple)
options = st.sampled_from([0, 1, 2, 0x04, 0x09, 0x12, 0x2D])
wills = st.none() | st.builds(Will, texts, st.binary(max_size=9), st.integers(0, 2), st.booleans(), properties("WILL"))
packets = st.one_of(
    publishes(),
    acks,
    st.builds(
        Connect, texts, st.booleans(), st.integers(0, 65535), st.none() | texts, st.none() | st.binary(max_size=9),
        wills, properties("CONNECT"),
    ),
    st.builds(Connack, st.just(False), st.integers(0, 255), properties("CONNACK")),
    st.builds(Subscribe, ids, st.lists(st.tuples(topics, options), min_size=1, max_size=3).map(tuple)
              .filter(lambda asked: not any(name.startswith("$share/") for name, _ in asked)), properties("SUBSCRIBE")),
    st.builds(Suback, ids, codes, properties("SUBACK")),
    st.builds(Unsubscribe, ids, st.lists(texts, min_size=1, max_size=3).map(tuple), properties("UNSUBSCRIBE")),
    st.builds(Unsuback, ids, codes, properties("UNSUBACK")),
    st.builds(Disconnect, st.integers(0, 255), properties("DISCONNECT")),
)  # fmt: skip


def written(packet: Packet) -> bytes:
    return encode(packet, V5)


@settings(max_examples=300)
@given(packets)
def test_round_trip(packet: Packet) -> None:
    raw = written(packet)
    assert decode(raw, 0, len(raw), EVERYBODY, V5) == (packet, len(raw))


@given(packets)
def test_every_prefix_says_need_more(packet: Packet) -> None:
    raw = written(packet)
    for end in range(len(raw)):
        assert decode(raw, 0, end, EVERYBODY, V5) is None


@settings(max_examples=300)
@given(st.binary(max_size=60) | packets.map(written).flatmap(
    lambda raw: st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 255)).map(
        lambda edit: raw[: edit[0]] + bytes([edit[1]]) + raw[edit[0] + 1 :])))  # fmt: skip
def test_any_bytes_give_a_packet_or_one_kind_of_error(raw: bytes) -> None:
    try:
        found = decode(raw, 0, len(raw), EVERYBODY, V5)
    except MalformedPacket:
        return
    if found is not None and not isinstance(found[0], Connect):  # a CONNECT says its own protocol
        again = written(found[0])
        assert decode(again, 0, len(again), EVERYBODY, V5) == (found[0], len(again))


@given(st.sampled_from(["CONNECT", "CONNACK", "PUBLISH", "SUBACK", "DISCONNECT"]), st.data())
def test_paho_reads_the_properties_that_we_write(packet: str, data: st.DataObject) -> None:
    ours = data.draw(properties(packet))
    samples: dict[str, Packet] = {
        "CONNECT": Connect("c", properties=ours), "CONNACK": Connack(False, 0, ours),
        "PUBLISH": Publish("t", properties=ours), "SUBACK": Suback(1, (0,), ours), "DISCONNECT": Disconnect(1, ours),
    }  # fmt: skip
    raw = written(samples[packet])
    at = {"CONNECT": 10, "CONNACK": 2, "PUBLISH": 3, "SUBACK": 2, "DISCONNECT": 1}[packet]
    head = 2 if raw[1] < 0x80 else 3
    theirs = PahoProperties(getattr(PacketTypes, packet))
    theirs.unpack(raw[head + at :] or b"\0")  # a DISCONNECT without properties leaves their length out
    assert {name.replace("_", "").lower() for name in ours} == {name.lower() for name in theirs.json()}
