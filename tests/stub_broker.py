"""An MQTT 3.1.1 broker of known behaviour without I/O: bytes and the time in, bytes out.

It does what `Behaviour` says and counts it. A breach of the protocol by a client is noted in `faults`. What it does
depends on nothing but the calls and `Behaviour.seed`, so a story told twice ends in the same way.

    broker = StubBroker(Behaviour(ack_delay_ns=5_000_000))
    connection = broker.opened()
    outputs = broker.handle(connection, data, now_ns)  # what to write now, and which connections to close
    outputs = broker.tick(broker.next_ns)              # what became due since

The `Simulation` steps it in virtual time; `stub_server` serves it on loopback.
"""

from __future__ import annotations

import heapq
import struct
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final, NamedTuple

from stub_packets import (
    CONNACK,
    CONNECT,
    DISCONNECT,
    FIXED_FLAGS,
    PINGREQ,
    PINGRESP,
    PUBACK,
    PUBCOMP,
    PUBLISH,
    PUBREC,
    PUBREL,
    SUBACK,
    SUBSCRIBE,
    UNSUBACK,
    UNSUBSCRIBE,
    Header,
    header_of,
    identifier_at,
    matches,
    packet_of,
    publish_packet,
    text_at,
    whole_packets,
)
from stub_queue import ServerQueue

VERSION_TOPIC: Final = "$SYS/broker/version"
SWAP_PATIENCE_NS: Final = 2_000_000_000
NS_PER_S: Final = 1_000_000_000
NEVER_NS: Final = 1 << 62
RETAINED: Final = 1
STRAY_ID: Final = 60_000


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The faults and delays of the broker. "Every n-th" counts the messages of all clients as they arrive, from 1."""

    connack_delay_ns: int = 0  # between reading a CONNECT and its CONNACK
    ack_delay_ns: int = 0  # between reading a PUBLISH and its PUBACK or PUBREC
    delivery_delay_ns: int = 0  # between reading a PUBLISH and handing it to its subscribers
    freezes: tuple[tuple[float, float], ...] = ()  # no reads, no writes: (start, length), s since the first PUBLISH
    lose_every: int = 0  # acknowledged, but not delivered
    duplicate_every: int = 0  # delivered twice
    swap_neighbours_every: int = 0  # of one publisher: delivered after the message that follows it
    unacked_every: int = 0  # delivered, but not acknowledged
    connack_code: int = 0  # refusal
    refuse_every: int = 1  # of the connections, when `connack_code` is set: 1 refuses all
    close_after_messages: int = 0  # the connection that brings this message is closed instead of answered
    garbage_after_messages: int = 0  # the connection that brings this message gets `garbage` as its answer
    garbage: bytes = b"\xff" * 64
    never_read: bool = False  # nothing more is read from a connection whose first PUBLISH came
    answer_pings: bool = True
    capacity_per_s: float = 0.0  # one server with exponential service times (M/M/1 when the arrivals are Poisson)
    fixed_service: bool = False  # ... each takes as long as the others (M/D/1)
    queue_limit: int = 0  # ... a message that finds so many there is acknowledged at once and dropped
    slow_past: int = 0  # ... once so many are there, it serves at `slow_per_s` until the queue is empty
    slow_per_s: float = 0.0
    subscriber_inflight: int = 0  # unacknowledged deliveries of one subscriber; the rest waits (0: no limit)
    subscriber_queue: int = 0  # ... so many at most, and what comes then is dropped
    sys_interval_s: float = 0.0  # between two announcements on $SYS of what was dropped and what is stored
    sessions: bool = True  # kept for clients that ask for it
    version: str | None = "stub 1.0"  # retained at `VERSION_TOPIC`; None: no such topic
    refused_filters: tuple[str, ...] = ()  # answered with 0x80; a filter that is no exact one of these is granted
    most_granted: int = 2  # QoS of a subscription
    copies_by_filter: bool = False  # one delivery for each filter of a client that matches
    dropped_topics: tuple[str, ...] = ()  # acknowledged, and delivered to nobody: as by access rules
    stray_pubrels: int = 0  # PUBRELs of unknown ids to whoever publishes, for each message
    second_connack: bool = False  # the first one is said twice
    seed: int = 1


class Output(NamedTuple):
    """Bytes for a connection, or None to close it."""

    connection: int
    data: bytes | None


class Seen(NamedTuple):
    """One PUBLISH that arrived."""

    at_ns: int
    client_id: str
    topic: str
    header: Header | None  # None: the payload is too short
    size: int
    qos: int
    dup: bool
    retain: bool
    packet_id: int | None


@dataclass(slots=True)
class Counts:
    """Counts of what the broker received and did."""

    connections: int = 0  # TCP
    accepted: int = 0  # CONNACK 0
    refused: int = 0
    resumed: int = 0  # CONNACK with session present
    disconnects: int = 0  # DISCONNECT received
    closed: int = 0  # connections closed because the behaviour says so
    publishes: int = 0
    acked: int = 0  # PUBACK and PUBCOMP sent
    unacked: int = 0  # acknowledgements withheld
    deliveries: int = 0  # PUBLISH handed to a subscriber, repeats included
    redeliveries: int = 0  # sent again with DUP to a client that came back
    delivery_acks: int = 0  # PUBACK and PUBCOMP received
    lost: int = 0  # deliveries withheld
    dropped: int = 0  # messages that found the broker's queue full, and deliveries that found a subscriber's full
    duplicated: int = 0  # deliveries made once more
    swapped: int = 0  # messages delivered after their successor
    subscriptions: int = 0
    pings: int = 0
    bytes_in: int = 0


@dataclass(slots=True)
class Message:
    """A message on its way to subscribers."""

    publisher: str
    topic: str
    payload: bytes
    qos: int


@dataclass(slots=True)
class Session:
    """The state of a client id; it survives the connection when it is persistent."""

    client_id: str
    persistent: bool = False
    filters: dict[str, int] = field(default_factory=dict)
    next_id: int = 1
    unfinished: dict[int, tuple[int, bytes]] = field(default_factory=dict)  # packet id -> (kind awaited, packet)
    waiting: deque[Message] = field(default_factory=deque)  # deliveries past `subscriber_inflight`
    received: set[int] = field(default_factory=set)  # QoS 2 ids between PUBLISH and PUBREL
    connection: Connection | None = None


@dataclass(slots=True, eq=False)
class Connection:
    """One connection as the broker sees it."""

    number: int
    incoming: bytearray = field(default_factory=bytearray)
    session: Session | None = None
    open: bool = True
    deaf: bool = False


type Action = Callable[[int], None]
"""Something that is due at a time, called with the time."""


class StubBroker:
    """The broker. `counts`, `seen` and `faults` may be read at any time. Times never go back from call to call."""

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self.behaviour = options = behaviour or Behaviour()
        self.counts = Counts()
        self.seen: list[Seen] = []
        self.faults: list[str] = []
        self.connects: Counter[str] = Counter()  # of each client that was let in
        self.first_publish_ns: int | None = None
        self._connections: dict[int, Connection] = {}
        self._sessions: dict[str, Session] = {}
        self._outputs: list[Output] = []
        self._due: list[tuple[int, int, Action]] = []
        self._entries = 0
        self._messages = 0
        self._of_publisher: dict[str, int] = {}
        self._held_back: dict[str, Message] = {}
        self._queue = ServerQueue(
            options.capacity_per_s, options.fixed_service, options.queue_limit, options.slow_past, options.slow_per_s,
            Random(options.seed),
        )  # fmt: skip
        self._announcing = False

    # ---- calls

    def opened(self) -> int:
        """Accept a connection and return its number."""
        self.counts.connections += 1
        number = self.counts.connections
        self._connections[number] = Connection(number)
        return number

    def handle(self, connection: int, data: bytes, now_ns: int) -> list[Output]:
        """Process bytes of a connection. Bytes of one that the broker has closed are ignored."""
        known = self._connections.get(connection)
        if known is None:
            return []
        self.counts.bytes_in += len(data)
        known.incoming += data
        for first, body in whole_packets(known.incoming):
            if not known.open or known.deaf:
                break
            self._process(known, first, body, now_ns)
        return self.tick(now_ns)

    def closed(self, connection: int) -> None:
        """Note that the client has closed a connection, or that it broke."""
        known = self._connections.get(connection)
        if known is not None:
            self._forget(known)

    def tick(self, now_ns: int) -> list[Output]:
        """Do what is due by now and return the output since the last call."""
        while self._due and self._due[0][0] <= now_ns:
            heapq.heappop(self._due)[2](now_ns)
        outputs, self._outputs = self._outputs, []
        return outputs

    @property
    def next_ns(self) -> int:
        """Return when `tick` has something to do next."""
        return self._due[0][0] if self._due else NEVER_NS

    def awake_ns(self, now_ns: int) -> int:
        """Return when the broker reads and writes again: now, unless it is frozen."""
        if self.first_publish_ns is not None:
            for start_s, length_s in self.behaviour.freezes:
                start_ns = self.first_publish_ns + round(start_s * NS_PER_S)
                if start_ns <= now_ns < start_ns + round(length_s * NS_PER_S):
                    return start_ns + round(length_s * NS_PER_S)
        return now_ns

    def reads(self, connection: int) -> bool:
        """Tell whether the broker reads from a connection at all."""
        known = self._connections.get(connection)
        return known is not None and not known.deaf

    # ---- output and time

    def _send(self, connection: Connection | None, data: bytes) -> None:
        if connection is not None and connection.open:
            self._outputs.append(Output(connection.number, data))

    def _close(self, connection: Connection) -> None:
        if connection.open:
            self._outputs.append(Output(connection.number, None))
            self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        connection.open = False
        self._connections.pop(connection.number, None)
        session = connection.session
        if session is not None and session.connection is connection:
            session.connection = None
            if not session.persistent:
                self._sessions.pop(session.client_id, None)

    def _at(self, due_ns: int, action: Action) -> None:
        self._entries += 1
        heapq.heappush(self._due, (due_ns, self._entries, action))

    # ---- packets

    def _process(self, connection: Connection, first: int, body: bytes, now_ns: int) -> None:
        kind, flags = first >> 4, first & 15
        try:
            if kind != PUBLISH and flags != FIXED_FLAGS.get(kind, 0):
                raise ValueError(f"packet type {kind} with flags {flags}")
            if (connection.session is None) != (kind == CONNECT):
                raise ValueError(f"packet type {kind} out of turn")
            HANDLERS[kind](self, connection, flags, body, now_ns)
        except (ValueError, KeyError, IndexError, struct.error, UnicodeDecodeError) as error:
            name = connection.session.client_id if connection.session else "?"
            self.faults.append(f"{name}: {error!r} in {body[:40]!r}")
            self._close(connection)

    def _on_connect(self, connection: Connection, _: int, body: bytes, now_ns: int) -> None:
        if body[:7] != b"\x00\x04MQTT\x04":
            raise ValueError("no CONNECT of MQTT 3.1.1")
        clean = bool(body[7] & 2)
        client_id = text_at(body, 10)[0] or f"stub-{connection.number}"
        code, turn = self.behaviour.connack_code, self.counts.accepted + self.counts.refused + 1
        if code and turn % self.behaviour.refuse_every == 0:
            self.counts.refused += 1
            self._send(connection, bytes((CONNACK << 4, 2, 0, code)))
            self._close(connection)
            return
        if self.behaviour.connack_delay_ns:
            self._at(now_ns + self.behaviour.connack_delay_ns, lambda _: self._enter(connection, client_id, clean))
        else:
            self._enter(connection, client_id, clean)

    def _enter(self, connection: Connection, client_id: str, clean: bool) -> None:
        if not connection.open:
            return
        former = self._sessions.get(client_id)
        if former is not None and former.connection is not None:
            self._close(former.connection)  # MQTT-3.1.4-2: the newer connection wins
        resumed = former is not None and former.persistent and not clean and self.behaviour.sessions
        session = former if resumed and former else Session(client_id, persistent=not clean)
        session.connection, connection.session = connection, session
        self._sessions[client_id] = session
        self.connects[client_id] += 1
        self.counts.accepted += 1
        self.counts.resumed += resumed
        self._send(connection, bytes((CONNACK << 4, 2, int(resumed), 0)) * (1 + self.behaviour.second_connack))
        for awaited, packet in list(session.unfinished.values()):
            again = packet if awaited == PUBCOMP else bytes((packet[0] | 8,)) + packet[1:]
            self.counts.redeliveries += 1
            self._send(connection, again)

    def _on_publish(self, connection: Connection, flags: int, body: bytes, now_ns: int) -> None:
        session = connection.session
        assert session is not None
        qos, dup = flags >> 1 & 3, bool(flags & 8)
        topic, at = text_at(body, 0)
        if qos == 3 or (dup and not qos) or not topic or set(topic) & {"+", "#"}:
            raise ValueError(f"PUBLISH with flags {flags} to {topic!r}")
        packet_id = None
        if qos:
            packet_id, at = identifier_at(body, at), at + 2
        payload = bytes(body[at:])
        if self.first_publish_ns is None:
            self.first_publish_ns = now_ns
        self.counts.publishes += 1
        self.seen.append(
            Seen(now_ns, session.client_id, topic, header_of(payload), len(payload), qos, dup, bool(flags & 1),
                 packet_id)
        )  # fmt: skip
        known = qos == 2 and packet_id in session.received
        if qos == 2 and packet_id is not None:
            session.received.add(packet_id)
        if not known:
            self._messages += 1
        if self._misbehaves(connection):
            return
        for stray in range(self.behaviour.stray_pubrels):
            self._send(connection, packet_of(PUBREL, STRAY_ID + stray))
        served_ns = self._queue.serve(now_ns)
        if served_ns is None:
            self.counts.dropped += 1
        elif not known:
            self._route(Message(session.client_id, topic, payload, qos), served_ns)
        self._answer(connection, qos, packet_id, now_ns if served_ns is None else served_ns)

    def _misbehaves(self, connection: Connection) -> bool:
        behaviour = self.behaviour
        if behaviour.never_read:
            connection.deaf = True
            return True
        if self._messages == behaviour.garbage_after_messages:
            self._send(connection, behaviour.garbage)
            return True
        if self._messages == behaviour.close_after_messages:
            self.counts.closed += 1
            self._close(connection)
            return True
        return False

    def _answer(self, connection: Connection, qos: int, packet_id: int | None, served_ns: int) -> None:
        if packet_id is None:
            return
        if is_nth(self._messages, self.behaviour.unacked_every):
            self.counts.unacked += 1
            return
        packet = packet_of(PUBACK if qos == 1 else PUBREC, packet_id)

        def answer(_: int) -> None:
            self.counts.acked += qos == 1 and connection.open
            self._send(connection, packet)

        self._at(served_ns + self.behaviour.ack_delay_ns, answer)

    # ---- delivery

    def _route(self, message: Message, served_ns: int) -> None:
        behaviour, number = self.behaviour, self._messages
        if is_nth(number, behaviour.lose_every):
            self.counts.lost += sum(1 for _ in self._subscribers(message.topic))
            return
        if any(matches(pattern, message.topic) for pattern in behaviour.dropped_topics):
            return
        twice = is_nth(number, behaviour.duplicate_every)
        self._at(served_ns + behaviour.delivery_delay_ns, lambda now_ns: self._in_order(message, twice, now_ns))

    def _in_order(self, message: Message, twice: bool, now_ns: int) -> None:
        """Deliver, or hold back until the publisher's next message has gone."""
        publisher = message.publisher
        self._of_publisher[publisher] = number = self._of_publisher.get(publisher, 0) + 1
        if is_nth(number, self.behaviour.swap_neighbours_every) and publisher not in self._held_back and not twice:
            self._held_back[publisher] = message
            self._at(now_ns + SWAP_PATIENCE_NS, lambda _: self._let_go(message))
            return
        for repeat in range(1 + twice):
            self.counts.duplicated += self._deliver(message) * repeat
        held = self._held_back.pop(publisher, None)
        if held is not None:
            self.counts.swapped += 1
            self._deliver(held)

    def _let_go(self, message: Message) -> None:
        if self._held_back.get(message.publisher) is message:
            del self._held_back[message.publisher]
            self._deliver(message)

    def _deliver(self, message: Message) -> int:
        number = 0
        for session, granted in self._subscribers(message.topic):
            number += 1
            self._hand_over(session, message, min(granted, message.qos))
        return number

    def _subscribers(self, topic: str) -> Iterator[tuple[Session, int]]:
        for session in list(self._sessions.values()):
            granted = [qos for pattern, qos in session.filters.items() if matches(pattern, topic)]
            if granted and self.behaviour.copies_by_filter:
                yield from ((session, qos) for qos in granted)
            elif granted:
                yield session, max(granted)

    def _hand_over(self, session: Session, message: Message, qos: int) -> None:
        most = self.behaviour.subscriber_inflight
        if qos and most and len(session.unfinished) >= most:
            if len(session.waiting) < self.behaviour.subscriber_queue:
                session.waiting.append(Message(message.publisher, message.topic, message.payload, qos))
            else:
                self.counts.dropped += 1
            return
        self.counts.deliveries += 1
        packet_id = self._free_id(session) if qos else None
        packet = publish_packet(message.topic, message.payload, qos, packet_id)
        if packet_id is not None:
            session.unfinished[packet_id] = (PUBACK if qos == 1 else PUBREC, packet)
        self._send(session.connection, packet)

    @staticmethod
    def _free_id(session: Session) -> int:
        while session.next_id in session.unfinished:
            session.next_id = session.next_id % 65535 + 1
        packet_id = session.next_id
        session.next_id = packet_id % 65535 + 1
        return packet_id

    # ---- the other packets

    def _on_pubrel(self, connection: Connection, _: int, body: bytes, __: int) -> None:
        session = connection.session
        assert session is not None
        packet_id = identifier_at(body, 0)
        session.received.discard(packet_id)
        self.counts.acked += 1
        self._send(connection, packet_of(PUBCOMP, packet_id))

    def _on_finished(self, connection: Connection, kind: int, packet_id: int) -> None:
        session = connection.session
        assert session is not None
        if session.unfinished.get(packet_id, (0, b""))[0] != kind:
            raise ValueError(f"packet type {kind} for {packet_id}, which does not wait for it")
        del session.unfinished[packet_id]
        self.counts.delivery_acks += 1
        if session.waiting:
            message = session.waiting.popleft()
            self._hand_over(session, message, message.qos)

    def _on_puback(self, connection: Connection, _: int, body: bytes, __: int) -> None:
        self._on_finished(connection, PUBACK, identifier_at(body, 0))

    def _on_pubcomp(self, connection: Connection, _: int, body: bytes, __: int) -> None:
        if identifier_at(body, 0) >= STRAY_ID and self.behaviour.stray_pubrels:
            return
        self._on_finished(connection, PUBCOMP, identifier_at(body, 0))

    def _on_pubrec(self, connection: Connection, _: int, body: bytes, __: int) -> None:
        session = connection.session
        assert session is not None
        packet_id = identifier_at(body, 0)
        packet = packet_of(PUBREL, packet_id)
        session.unfinished[packet_id] = (PUBCOMP, packet)
        self._send(connection, packet)

    def _on_subscribe(self, connection: Connection, _: int, body: bytes, now_ns: int) -> None:
        session = connection.session
        assert session is not None
        packet_id, at, granted = identifier_at(body, 0), 2, bytearray()
        asks_version = False
        while at < len(body):
            pattern, at = text_at(body, at)
            if pattern in self.behaviour.refused_filters:
                granted.append(0x80)
            else:
                session.filters[pattern] = min(body[at], self.behaviour.most_granted)
                granted.append(session.filters[pattern])
            at += 1
            asks_version |= matches(pattern, VERSION_TOPIC)
        self.counts.subscriptions += len(granted)
        self._send(connection, bytes((SUBACK << 4, 2 + len(granted))) + struct.pack(">H", packet_id) + granted)
        if asks_version and self.behaviour.version is not None:
            self._send(connection, publish_packet(VERSION_TOPIC, self.behaviour.version.encode(), 0, None, RETAINED))
        if self.behaviour.sys_interval_s and not self._announcing:
            self._announcing = True
            self._announce(now_ns)

    def _announce(self, now_ns: int) -> None:
        """Publish what a mosquitto publishes of itself, once per interval."""
        figures = {"uptime": f"{now_ns // NS_PER_S} seconds", "publish/messages/dropped": str(self.counts.dropped),
                   "store/messages/count": str(self._queue.waiting(now_ns))}  # fmt: skip
        for name, value in figures.items():
            for session, _ in self._subscribers(f"$SYS/broker/{name}"):
                self._send(session.connection, publish_packet(f"$SYS/broker/{name}", value.encode(), 0, None))
        self._at(now_ns + round(self.behaviour.sys_interval_s * NS_PER_S), self._announce)

    def _on_unsubscribe(self, connection: Connection, _: int, body: bytes, __: int) -> None:
        session = connection.session
        assert session is not None
        packet_id, at = identifier_at(body, 0), 2
        while at < len(body):
            pattern, at = text_at(body, at)
            session.filters.pop(pattern, None)
        self._send(connection, packet_of(UNSUBACK, packet_id))

    def _on_pingreq(self, connection: Connection, _: int, __: bytes, ___: int) -> None:
        self.counts.pings += 1
        if self.behaviour.answer_pings:
            self._send(connection, bytes((PINGRESP << 4, 0)))

    def _on_disconnect(self, connection: Connection, _: int, __: bytes, ___: int) -> None:
        self.counts.disconnects += 1
        self._close(connection)


HANDLERS: Final[dict[int, Callable[[StubBroker, Connection, int, bytes, int], None]]] = {
    CONNECT: StubBroker._on_connect,
    PUBLISH: StubBroker._on_publish,
    PUBACK: StubBroker._on_puback,
    PUBREC: StubBroker._on_pubrec,
    PUBREL: StubBroker._on_pubrel,
    PUBCOMP: StubBroker._on_pubcomp,
    SUBSCRIBE: StubBroker._on_subscribe,
    UNSUBSCRIBE: StubBroker._on_unsubscribe,
    PINGREQ: StubBroker._on_pingreq,
    DISCONNECT: StubBroker._on_disconnect,
}


def is_nth(number: int, every: int) -> bool:
    """Tell whether `number` is a multiple of `every`. Nothing is a multiple of 0."""
    return every > 0 and number % every == 0
