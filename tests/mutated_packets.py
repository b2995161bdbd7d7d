"""Packets of every type in both protocols, and what chance makes of them."""

from __future__ import annotations

from random import Random
from typing import Final

from malaria.mqtt.codec import encode
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
