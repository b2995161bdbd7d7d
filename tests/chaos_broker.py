"""A broker that misbehaves in every way that MQTT allows and forbids, by a seed. It has the calls of `StubBroker`.

It answers in random order, twice, late or not at all, with wrong ids, in halves, with garbage, with packets of the
wrong kind or phase, forges payloads of messages that nobody sent, closes at any moment, or stops reading. How often it
does so differs from seed to seed, so that some runs are nearly well and others hopeless. It speaks MQTT 3.1.1 and 5.
"""

from __future__ import annotations

import heapq
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from stub_broker import NEVER_NS, Output
from stub_packets import (
    CONNACK,
    CONNECT,
    DISCONNECT,
    FIXED_FLAGS,
    HEADER,
    PINGREQ,
    PINGRESP,
    PUBACK,
    PUBCOMP,
    PUBLISH,
    PUBREC,
    PUBREL,
    SUBACK,
    SUBSCRIBE,
    framed,
    packet_of,
    text_at,
    whole_packets,
)

MS: Final = 1_000_000
S: Final = 1_000_000_000
FROM_CLIENTS: Final = frozenset({CONNECT, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, PINGREQ, DISCONNECT})
ACKS: Final = (PUBACK, PUBREC, PUBREL, PUBCOMP)


@dataclass(slots=True, eq=False)
class _Peer:
    """One connection."""

    number: int
    incoming: bytearray = field(default_factory=bytearray)
    version: int = 4
    greeted: bool = False  # CONNECT has come
    listens: bool = False  # SUBSCRIBE has come
    deaf: bool = False


@dataclass(slots=True)
class Mischief:
    """The probabilities of misbehaviour of a seed."""

    answer: float  # of an answer that is replaced by something else
    delivery: float  # of a delivery that is not what was published
    late: float  # of an answer that comes late
    outburst: float  # of something unasked, for each packet that comes
    most_late_ns: int

    @classmethod
    def by_chance(cls, random: Random) -> Mischief:
        def rate() -> float:
            return random.choice((0.0, 0.01, 0.05, 0.3))

        return cls(rate(), rate(), random.random(), random.choice((0.0, 0.005, 0.03)), random.choice((MS, 50 * MS, S)))


class ChaosBroker:
    """Everything it does depends on the calls and the seed. `faults` notes what clients do against the protocol."""

    def __init__(self, seed: int) -> None:
        self.faults: list[str] = []
        self.publishes = 0
        self._random = Random(seed)
        self._mischief = Mischief.by_chance(self._random)
        self._peers: dict[int, _Peer] = {}
        self._outputs: list[Output] = []
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._entries = 0
        self._opened = 0
        self._frozen_until_ns = 0
        self._payloads: list[bytes] = []  # some that came: material for forgeries

    # --- calls -----------------------------------------------------------------------------------------------------

    def opened(self) -> int:
        self._opened += 1
        self._peers[self._opened] = _Peer(self._opened)
        return self._opened

    def handle(self, connection: int, data: bytes, now_ns: int) -> list[Output]:
        peer = self._peers.get(connection)
        if peer is not None:
            peer.incoming += data
            for first, body in whole_packets(peer.incoming):
                if peer.number not in self._peers or peer.deaf:
                    break
                self._process(peer, first, body, now_ns)
        return self.tick(now_ns)

    def closed(self, connection: int) -> None:
        self._peers.pop(connection, None)

    def tick(self, now_ns: int) -> list[Output]:
        while self._due and self._due[0][0] <= now_ns:
            heapq.heappop(self._due)[2]()
        outputs, self._outputs = self._outputs, []
        return outputs

    @property
    def next_ns(self) -> int:
        return self._due[0][0] if self._due else NEVER_NS

    def awake_ns(self, now_ns: int) -> int:
        return max(now_ns, self._frozen_until_ns)

    def reads(self, connection: int) -> bool:
        peer = self._peers.get(connection)
        return peer is not None and not peer.deaf

    # --- what comes ------------------------------------------------------------------------------------------------

    def _process(self, peer: _Peer, first: int, body: bytes, now_ns: int) -> None:
        kind = first >> 4
        try:
            self._check(peer, first, body)
        except (ValueError, IndexError, struct.error, UnicodeDecodeError) as error:
            self.faults.append(f"packet type {kind}: {error!r} in {body[:40]!r}")
            return
        if kind == CONNECT:
            peer.greeted, peer.version = True, body[6]
            self._answer(peer, self._connack(peer), now_ns)
        elif kind == PUBLISH:
            self._publish(peer, first, body, now_ns)
        elif kind == SUBSCRIBE:
            peer.listens = True
            self._answer(peer, self._suback(peer, body), now_ns)
        elif kind == PUBREL:
            self._answer(peer, packet_of(PUBCOMP, int.from_bytes(body[:2])), now_ns)
        elif kind == PUBREC:
            self._answer(peer, packet_of(PUBREL, int.from_bytes(body[:2])), now_ns)
        elif kind == PINGREQ:
            self._answer(peer, bytes((PINGRESP << 4, 0)), now_ns)
        elif kind == DISCONNECT:
            self._close(peer)
        if self._random.random() < self._mischief.outburst:
            self._burst_out(now_ns)

    @staticmethod
    def _check(peer: _Peer, first: int, body: bytes) -> None:
        """Raise ValueError for what a client must not say."""
        kind = first >> 4
        if kind not in FROM_CLIENTS or (kind != PUBLISH and first & 15 != FIXED_FLAGS.get(kind, 0)):
            raise ValueError(f"first byte {first:#x}")
        if (kind == CONNECT) == peer.greeted:
            raise ValueError("CONNECT out of turn")
        if kind in ACKS or kind == SUBSCRIBE:
            if not int.from_bytes(body[:2]):
                raise ValueError("packet id 0")
        elif kind == PUBLISH:
            qos = first >> 1 & 3
            _, at = text_at(body, 0)
            if qos == 3 or (qos and not int.from_bytes(body[at : at + 2])):
                raise ValueError("PUBLISH with QoS 3, or with packet id 0")

    def _publish(self, peer: _Peer, first: int, body: bytes, now_ns: int) -> None:
        self.publishes += 1
        qos, (topic, at) = first >> 1 & 3, text_at(body, 0)
        if qos:
            packet_id, at = body[at : at + 2], at + 2
            kind = PUBACK if qos == 1 else PUBREC
            self._answer(peer, bytes((kind << 4, 2)) + packet_id, now_ns)
        if peer.version == 5:
            at += 1 + body[at]  # all properties of ours are short
        payload = bytes(body[at:])
        if len(self._payloads) < 50:
            self._payloads.append(payload)
        for listener in [one for one in self._peers.values() if one.listens]:
            for _ in range(self._copies()):
                self._later(listener, self._delivery(listener, topic, payload, qos), now_ns)

    def _copies(self) -> int:
        return self._random.choice((0, 2, 3)) if self._random.random() < self._mischief.delivery else 1

    # --- what goes -------------------------------------------------------------------------------------------------

    def _answer(self, peer: _Peer, right: bytes, now_ns: int) -> None:
        """The right answer, or something else."""
        if self._random.random() >= self._mischief.answer:
            self._later(peer, right, now_ns)
            return
        for _ in range(self._random.choice((0, 1, 1, 2))):
            self._later(peer, self._random.choice((self._anything(peer), right)), now_ns)
        if self._random.random() < 0.2:
            self._at(now_ns + self._delay(), lambda: self._close(peer))
        if self._random.random() < 0.05:
            peer.deaf = True

    def _burst_out(self, now_ns: int) -> None:
        """Something that nobody asked for, to anybody."""
        if not self._peers:
            return
        peer = self._random.choice(list(self._peers.values()))
        if self._random.random() < 0.1:
            self._frozen_until_ns = now_ns + self._delay()
        for _ in range(self._random.choice((1, 1, 2, 20))):
            self._later(peer, self._anything(peer), now_ns)

    def _later(self, peer: _Peer, data: bytes, now_ns: int) -> None:
        """Say it now or after a while, whole or in halves."""
        at_ns = now_ns + (self._delay() if self._random.random() < self._mischief.late else 0)
        if data and self._random.random() < self._mischief.answer / 4:
            half = self._random.randrange(len(data))
            self._at(at_ns, lambda: self._say(peer, data[:half]))
            if self._random.random() < 0.7:  # otherwise the other half never comes
                self._at(at_ns + self._delay(), lambda: self._say(peer, data[half:]))
        else:
            self._at(at_ns, lambda: self._say(peer, data))

    def _delay(self) -> int:
        return self._random.randrange(self._mischief.most_late_ns)

    def _at(self, due_ns: int, action: Callable[[], None]) -> None:
        self._entries += 1
        heapq.heappush(self._due, (due_ns, self._entries, action))

    def _say(self, peer: _Peer, data: bytes) -> None:
        if peer.number in self._peers and data:
            self._outputs.append(Output(peer.number, data))

    def _close(self, peer: _Peer) -> None:
        if self._peers.pop(peer.number, None) is not None:
            self._outputs.append(Output(peer.number, None))

    # --- packets, right and wrong ----------------------------------------------------------------------------------

    def _connack(self, peer: _Peer) -> bytes:
        present = self._random.random() < self._mischief.answer
        properties = b""
        if peer.version == 5:
            properties = self._properties(
                b"\x21" + self._two(1, 30), b"\x22" + self._two(0, 5), b"\x13" + self._two(1, 3), b"\x24\x01",
                b"\x27" + struct.pack(">I", self._random.choice((60, 200, 100_000))), b"\x12\x00\x03abc", b"\x2a\x00",
                b"\x25\x00",
            )  # fmt: skip
        return framed(CONNACK << 4, bytes((present, 0)) + properties)

    def _suback(self, peer: _Peer, body: bytes) -> bytes:
        properties = b"\x00" if peer.version == 5 else b""
        return framed(SUBACK << 4, body[:2] + properties + bytes((body[-1] & 3,)))

    def _properties(self, *known: bytes) -> bytes:
        """A few of these properties of MQTT 5, with their length."""
        chosen = b"".join(one for one in known if self._random.random() < self._mischief.answer)
        return bytes((len(chosen),)) + chosen

    def _delivery(self, peer: _Peer, topic: str, payload: bytes, qos: int) -> bytes:
        flags, random = 0, self._random
        if random.random() < self._mischief.delivery:
            payload = self._forged(payload)
            topic = random.choice((topic, topic, "x", "$SYS/y", ""))
            flags = random.choice((0, 1, 8))
            qos = random.choice((0, 1, 2, 2, 3))
        name = topic.encode()
        head = struct.pack(">H", len(name)) + name
        if qos:
            head += self._two(0 if random.random() < self._mischief.delivery else 1, 65_535)
        if peer.version == 5:
            head += self._properties(b"\x23" + self._two(0, 3), b"\x0b\x01", b"\x02\x00\x00\x00\x09", b"\x01\x01")
        return framed(PUBLISH << 4 | qos << 1 | flags, head + payload)

    def _forged(self, payload: bytes) -> bytes:
        """A payload that nobody sent: another sequence, client, run, time, or length."""
        random = self._random
        if len(payload) < HEADER.size or random.random() < 0.2:
            return random.randbytes(random.randrange(60))
        fields = list(HEADER.unpack_from(payload))
        place = random.randrange(5)
        most = (0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, (1 << 64) - 1)[place]
        fields[place] = random.choice(
            (0, most, random.randrange(most + 1), min(most, fields[place] + 1), fields[place] ^ 1, most // 2)
        )
        return HEADER.pack(*fields) + payload[HEADER.size :]

    def _anything(self, peer: _Peer) -> bytes:
        """A packet or bytes that fit or not."""
        random = self._random
        payload = random.choice(self._payloads) if self._payloads else b""
        choices: tuple[Callable[[], bytes], ...] = (
            lambda: random.randbytes(random.randrange(1, 70)),
            lambda: self._delivery(peer, "ruler/x/data", payload, random.randrange(3)),
            lambda: self._delivery(peer, "ruler/x/data", self._forged(payload), random.randrange(3)) * 12,
            lambda: packet_of(random.choice(ACKS), random.choice((1, 2, 3, random.randrange(65_536)))),
            lambda: b"".join(packet_of(PUBACK, random.randrange(25)) for _ in range(random.choice((3, 20)))),
            lambda: framed(random.choice(ACKS) << 4, self._two(0, 30) + bytes((random.choice((0, 16, 0x80, 0x97)),))),
            lambda: framed(random.randrange(256), random.randbytes(random.randrange(8))),
            lambda: framed(CONNACK << 4, bytes((random.randrange(3), random.randrange(8)))),
            lambda: framed(CONNACK << 4, bytes((0, random.choice((0x80, 0x87, 0x97)), 0))),
            lambda: framed(SUBACK << 4, self._two(0, 3) + random.choice((b"\x80", b"\x01\x01", b"", b"\x00\x87"))),
            lambda: bytes((PINGRESP << 4, 0)),
            lambda: framed(DISCONNECT << 4, random.choice((b"", b"\x8b", b"\x00\x00"))),
            lambda: bytes((PUBLISH << 4, 0xFF, 0xFF, 0xFF, 0x7F)),  # 256 MB to come
            lambda: bytes((PUBLISH << 4, 0xFF, 0xFF, 0xFF, 0xFF, 0x01)),  # a length of five bytes
            lambda: b"HTTP/1.1 400 Bad Request\r\n\r\n",
        )
        return random.choice(choices)()

    def _two(self, low: int, high: int) -> bytes:
        return struct.pack(">H", self._random.randint(low, high))
