"""Mutated packets, with a seed: packets or MalformedPacket, and never another exception.

What is decoded and encoded again gives the same bytes, but for the differences that the specification allows: each has
a name in `DIFFERENCES`, and all of them occur.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

import pytest

from fuzz_rounds import rounds
from malaria.errors import MalformedPacket
from malaria.mqtt.codec import decode, encode
from malaria.mqtt.packets import (
    Ack,
    Auth,
    Connack,
    Connect,
    Disconnect,
    Packet,
    PacketType,
    Pingreq,
    Pingresp,
    Protocol,
    Publish,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    Will,
)

EVERYBODY: Final = frozenset(PacketType)
SHARDS: Final = 4
IN_EACH: Final = rounds(75_000)
V311, V5 = Protocol.V311, Protocol.V5
TELLING_BYTES: Final = (0, 1, 2, 3, 4, 0x7F, 0x80, 0xC0, 0xED, 0xEF, 0xBB, 0xBF, 0xFE, 0xFF)
"""Ends of ranges, and bytes that begin surrogates, overlong forms and byte order marks in UTF-8."""

IN_BOTH: Final[tuple[Packet, ...]] = (
    Connack(False, 0), Connack(True, 0), Connack(False, 5),
    Publish("a/b", b"payload"), Publish("a/b", b"x" * 150, 1, packet_id=7),
    Publish("t", b"", 2, True, True, packet_id=65535),
    Ack(PacketType.PUBACK, 1), Ack(PacketType.PUBREC, 2), Ack(PacketType.PUBREL, 3), Ack(PacketType.PUBCOMP, 4),
    Suback(1, (0, 1, 2)), Pingresp(), Pingreq(), Disconnect(),
    Connect("c", True, 60), Connect("client", False, 0, "user", b"pw", Will("w/t", b"gone", 1, True)),
    Subscribe(5, (("a/#", 1), ("b/+", 0))), Unsubscribe(6, ("a", "b/#")),
)  # fmt: skip
ONLY_IN_5: Final[tuple[Packet, ...]] = (
    Connack(False, 0, {"session_expiry_interval": 7, "receive_maximum": 9, "maximum_qos": 1, "server_keep_alive": 5,
                       "assigned_client_identifier": "abc", "user_property": (("a", "b"), ("a", "c")),
                       "reason_string": "why"}),
    Connack(False, 0x87, {"reason_string": "x"}),
    Publish("a/b", b"p", 1, packet_id=3, properties={
        "payload_format_indicator": 1, "message_expiry_interval": 60, "topic_alias": 3, "content_type": "x",
        "response_topic": "r/t", "correlation_data": b"\1\2", "subscription_identifier": (1, 300),
        "user_property": (("k", "v"),)}),
    Publish("", b"p", properties={"topic_alias": 1}),
    Ack(PacketType.PUBACK, 1, 0x10), Ack(PacketType.PUBREL, 9, 0, {"reason_string": "z"}),
    Ack(PacketType.PUBREC, 1, 0x87, {"reason_string": "q", "user_property": (("a", "b"),)}),
    Suback(1, (0, 0x87), {"reason_string": "no"}), Unsuback(1, (0, 17)),
    Subscribe(5, (("a/#", 0x2D),), {"subscription_identifier": 200}),
    Disconnect(0x8B, {"server_reference": "other", "reason_string": "s"}),
    Auth(0x18, {"authentication_method": "m", "authentication_data": b"d"}),
    Connect("c", True, 60, None, b"pw", Will("w", b"x", 2, False, {"will_delay_interval": 5, "content_type": "t"}),
            {"session_expiry_interval": 1, "receive_maximum": 5}),
)  # fmt: skip


REORDERED: Final = bytes.fromhex("e00e" + "8b" + "0c" + "1f000173" + "1c00056f74686572")
"""A DISCONNECT whose properties are not in the order of the specification's table."""


def seeds() -> list[tuple[bytes, Protocol]]:
    """Return packets of every type, with the protocol that they are read in."""
    pairs = [(packet, V311) for packet in (*IN_BOTH, Unsuback(1))] + [(packet, V5) for packet in (*IN_BOTH, *ONLY_IN_5)]
    return [(encode(packet, protocol), protocol) for packet, protocol in pairs] + [(REORDERED, V5)]


def mutated(random: Random, packet: bytes) -> bytes:
    """Return a packet with one to three changes; in half of the cases its length fits again."""
    raw = bytearray(packet)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        place = random.randrange(len(raw))
        end = random.randrange(place, len(raw)) + 1
        match random.randrange(6):
            case 0:
                raw[place] ^= 1 << random.randrange(8)
            case 1:
                raw[place] = random.choice((*TELLING_BYTES, random.randrange(256)))
            case 2:
                raw.insert(place, random.choice((0, 0x80, random.randrange(256))))
            case 3 if len(raw) > 2:
                del raw[place]
            case 4:
                raw[place:end] = raw[place:end][::-1]
            case _:
                to = random.randrange(len(raw))
                raw[to:to] = raw[place:end]
    if random.random() < 0.5 and 2 <= len(raw) < 130:
        raw[1] = len(raw) - 2
    return bytes(raw)


@dataclass(frozen=True, slots=True)
class Change:
    """A packet whose bytes `written` differ from those that were `read`. The bodies begin behind the length."""

    packet: Packet
    protocol: Protocol
    read: bytes
    written: bytes

    @property
    def bodies(self) -> tuple[bytes, bytes]:
        return body_of(self.read), body_of(self.written)


def body_of(raw: bytes) -> bytes:
    place = 1
    while raw[place] & 0x80:
        place += 1
    return raw[place + 1 :]


def is_long_length(change: Change) -> bool:
    read, written = change.bodies
    return change.protocol is V311 and read == written


def leaves_out_success(change: Change) -> bool:
    read, written = change.bodies
    left_out = read[len(written) :]
    return (
        change.protocol is V5
        and isinstance(change.packet, Ack | Disconnect | Auth)
        and read.startswith(written)
        and left_out in (b"\0", b"\0\0")
    )


def orders_properties(change: Change) -> bool:
    read, written = change.bodies
    return change.protocol is V5 and len(read) == len(written) and sorted(read) == sorted(written)


DIFFERENCES: Final[dict[str, Callable[[Change], bool]]] = {
    "MQTT 3.1.1 does not forbid a remaining length in more bytes than it needs (2.2.3; MQTT 5 does)": is_long_length,
    "a reason of success, and properties that are empty, may be left out (3.4.2.1, 3.14.2.1)": leaves_out_success,
    "the order of different properties has no meaning (2.2.2.2)": orders_properties,
}


def stated_protocol(packet: Packet, raw: bytes, protocol: Protocol) -> Protocol:
    """Return the protocol of a packet: CONNECT states it itself."""
    return Protocol(body_of(raw)[6]) if isinstance(packet, Connect) else protocol


def changes(shard: int) -> Iterator[Change]:
    random, known = Random(shard), seeds()
    for _ in range(IN_EACH):
        seed, protocol = random.choice(known)
        raw = mutated(random, seed)
        try:
            found = decode(raw, 0, len(raw), EVERYBODY, protocol)
        except MalformedPacket:
            continue
        if found is None:
            continue
        packet, end = found
        protocol = stated_protocol(packet, raw, protocol)
        yield Change(packet, protocol, raw[:end], encode(packet, protocol))


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_mutated_packets_are_malformed_or_come_back_as_they_were(shard: int) -> None:
    kinds: Counter[str] = Counter()
    unnamed = []
    for change in changes(shard):
        again = decode(change.written, 0, len(change.written), EVERYBODY, change.protocol)
        assert again == (change.packet, len(change.written)), change.read.hex()
        if change.read == change.written:
            kinds["same"] += 1
            continue
        names = [name for name, fits in DIFFERENCES.items() if fits(change)]
        kinds.update(names)
        if not names:
            unnamed.append(f"{change.protocol.name} {change.read.hex()} -> {change.written.hex()}")
    assert unnamed == []
    assert set(kinds) == {"same", *DIFFERENCES}
