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
    Connect,
    Disconnect,
    Packet,
    PacketType,
    Protocol,
)
from mutated_packets import V5, V311, mutated, seeds

EVERYBODY: Final = frozenset(PacketType)
SHARDS: Final = 4
IN_EACH: Final = rounds(75_000)


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
