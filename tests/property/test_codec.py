"""The codec against everything that hypothesis can think of."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from malaria.errors import MalformedPacket
from malaria.mqtt.codec import FROM_BROKER, decode, encode
from malaria.mqtt.packets import (
    Ack,
    Connack,
    Connect,
    Packet,
    PacketType,
    Pingresp,
    Publish,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    Will,
)

EVERYBODY = frozenset(PacketType)
ids = st.integers(1, 65535)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
topics = texts.filter(lambda t: t and "+" not in t and "#" not in t)
qos = st.integers(0, 2)


@st.composite
def publishes(draw: st.DrawFn) -> Publish:
    level = draw(qos)
    return Publish(
        draw(topics), draw(st.binary(max_size=200)), level, draw(st.booleans()),
        dup=bool(level) and draw(st.booleans()), packet_id=draw(ids) if level else None,
    )  # fmt: skip


@st.composite
def connects(draw: st.DrawFn) -> Connect:
    username = draw(st.none() | texts)
    return Connect(
        draw(texts), draw(st.booleans()), draw(st.integers(0, 65535)), username,
        draw(st.none() | st.binary(max_size=9)) if username is not None else None,
        draw(st.none() | st.builds(Will, texts, st.binary(max_size=9), qos, st.booleans())),
    )  # fmt: skip


from_broker = st.one_of(
    st.builds(Connack, st.just(False), st.integers(0, 255)),
    publishes(),
    st.builds(Ack, st.sampled_from([PacketType.PUBACK, PacketType.PUBREC, PacketType.PUBREL, PacketType.PUBCOMP]), ids),
    st.builds(Suback, ids, st.lists(st.sampled_from([0, 1, 2, 128]), min_size=1, max_size=5).map(tuple)),
    st.builds(Unsuback, ids),
    st.just(Pingresp()),
)
from_client = st.one_of(
    connects(),
    st.builds(Subscribe, ids, st.lists(st.tuples(texts, qos), min_size=1, max_size=4).map(tuple)),
    st.builds(Unsubscribe, ids, st.lists(texts, min_size=1, max_size=4).map(tuple)),
)


def decode_all(stream: bytes) -> tuple[list[Packet], int]:
    packets: list[Packet] = []
    at = 0
    while (found := decode(stream, at, len(stream), EVERYBODY)) is not None:
        packets.append(found[0])
        at = found[1]
    return packets, at


@given(from_broker | from_client)
def test_round_trip(packet: Packet) -> None:
    raw = encode(packet)
    assert decode(raw, 0, len(raw), EVERYBODY) == (packet, len(raw))


@given(from_broker | from_client)
def test_every_prefix_says_need_more(packet: Packet) -> None:
    raw = encode(packet)
    for end in range(len(raw)):
        assert decode(raw, 0, end, EVERYBODY) is None


@given(st.lists(from_broker, max_size=6), st.data())
def test_every_split_of_a_stream_gives_the_same_packets(packets: list[Packet], data: st.DataObject) -> None:
    stream = b"".join(map(encode, packets))
    cut = data.draw(st.integers(0, len(stream)))
    first, at = decode_all(stream[:cut])
    assert first + decode_all(stream[at:])[0] == packets


@settings(max_examples=300)
@given(st.binary(max_size=60) | from_broker.map(encode).flatmap(
    lambda raw: st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 255)).map(
        lambda edit: raw[: edit[0]] + bytes([edit[1]]) + raw[edit[0] + 1 :])))  # fmt: skip
def test_any_bytes_give_a_packet_or_one_kind_of_error(raw: bytes) -> None:
    try:
        found = decode(raw, 0, len(raw), FROM_BROKER)
    except MalformedPacket:
        return
    if found is not None:
        packet, end = found
        assert 0 < end <= len(raw)
        again = encode(packet)
        assert decode(again, 0, len(again)) == (packet, len(again))
