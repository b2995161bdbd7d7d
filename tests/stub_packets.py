"""Parse and build MQTT 3.1.1 packets by hand. No line is shared with malaria's codec: no mistake can hide another."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 1, 2, 3, 4, 5, 6, 7
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 8, 9, 10, 11, 12, 13, 14
FIXED_FLAGS: Final = {PUBREL: 2, SUBSCRIBE: 2, UNSUBSCRIBE: 2}
"""Flags that MQTT 3.1.1 table 2.2 prescribes; all other types but PUBLISH have 0."""
HEADER: Final = struct.Struct(">HHIIQ")
"""The front of a payload: magic, run, client, sequence, due time in ns."""


class Header(NamedTuple):
    """The fields at the front of a payload."""

    magic: int
    run: int
    client: int
    sequence: int
    due_ns: int


def header_of(payload: bytes) -> Header | None:
    """Return the header of a payload, or None if it is too short for one."""
    return Header(*HEADER.unpack_from(payload)) if len(payload) >= HEADER.size else None


def whole_packets(incoming: bytearray) -> Iterator[tuple[int, bytes]]:
    """Take whole packets off the front: their first byte, and what follows the length."""
    while len(incoming) >= 2:
        length, shift, at = 0, 0, 1
        while True:
            if at >= len(incoming):
                return
            length |= (incoming[at] & 127) << shift
            at, shift = at + 1, shift + 7
            if not incoming[at - 1] & 128:
                break
        if len(incoming) < at + length:
            return
        packet = incoming[0], bytes(incoming[at : at + length])
        del incoming[: at + length]
        yield packet


def text_at(body: bytes, at: int) -> tuple[str, int]:
    """Return the string that begins here with a length of two bytes, and where it ends."""
    (length,) = struct.unpack_from(">H", body, at)
    end = at + 2 + length
    if end > len(body):
        raise ValueError("string longer than its packet")
    return body[at + 2 : end].decode(), end


def identifier_at(body: bytes, at: int) -> int:
    (packet_id,) = struct.unpack_from(">H", body, at)
    if not packet_id:
        raise ValueError("packet id 0")
    return int(packet_id)


def packet_of(kind: int, packet_id: int) -> bytes:
    """Return a packet that has nothing but its id."""
    return struct.pack(">BBH", kind << 4 | FIXED_FLAGS.get(kind, 0), 2, packet_id)


def framed(first: int, rest: bytes) -> bytes:
    """Return a packet of this first byte, with its length before the rest."""
    length, size = bytearray(), len(rest)
    while True:
        size, digit = divmod(size, 128)
        length.append(digit | (128 if size else 0))
        if not size:
            return bytes((first,)) + length + rest


def publish_packet(topic: str, payload: bytes, qos: int, packet_id: int | None, flags: int = 0) -> bytes:
    name = topic.encode()
    number = b"" if packet_id is None else struct.pack(">H", packet_id)
    return framed(PUBLISH << 4 | qos << 1 | flags, struct.pack(">H", len(name)) + name + number + payload)


def connect_packet(client_id: str) -> bytes:
    """Return a CONNECT with a clean session and without keep-alive."""
    name = client_id.encode()
    return framed(CONNECT << 4, b"\x00\x04MQTT\x04\x02\x00\x00" + struct.pack(">H", len(name)) + name)


def subscribe_packet(packet_id: int, pattern: str, qos: int) -> bytes:
    name = pattern.encode()
    return framed(SUBSCRIBE << 4 | 2, struct.pack(">HH", packet_id, len(name)) + name + bytes((qos,)))


def matches(pattern: str, topic: str) -> bool:
    """Tell whether a topic matches a filter (MQTT 3.1.1 section 4.7)."""
    if topic.startswith("$") != pattern.startswith("$"):
        return False
    wanted, levels = deque(pattern.split("/")), deque(topic.split("/"))
    while wanted:
        level = wanted.popleft()
        if level == "#":
            return True
        if not levels or level not in ("+", levels.popleft()):
            return False
    return not levels
