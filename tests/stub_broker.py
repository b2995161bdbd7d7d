"""An MQTT 3.1.1 broker of known behaviour, to hold the instrument against: it does what `Behaviour` says and counts it.

It parses by hand and shares no line with our codec, so that one mistake cannot hide another. What a client does against
the protocol is written down in `faults`. It runs in a thread of its own; its clock is a timerfd, exact to some 0.1 ms.

    with StubBroker(Behaviour(ack_delay_ns=5_000_000)) as stub:
        attack(stub.port)
        assert stub.counts.publishes == 1000
"""

from __future__ import annotations

import heapq
import os
import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from types import TracebackType
from typing import Final, NamedTuple, Self

from stub_server import Server

HEADER: Final = struct.Struct(">HHIIQ")
"""The mark at the front of a payload: magic, run, client, sequence, due time in ns."""

VERSION_TOPIC: Final = "$SYS/broker/version"
SWAP_PATIENCE_NS: Final = 2_000_000_000
READ_BYTES: Final = 65536

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 1, 2, 3, 4, 5, 6, 7
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 8, 9, 10, 11, 12, 13, 14
FIXED_FLAGS: Final = {PUBREL: 2, SUBSCRIBE: 2, UNSUBSCRIBE: 2}
"""Flags that MQTT 3.1.1 table 2.2 prescribes; all but PUBLISH have 0 otherwise."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the broker does wrong, or slowly. "Every n-th" counts the messages of all clients as they arrive, from 1."""

    ack_delay_ns: int = 0  # between reading a PUBLISH and its PUBACK or PUBREC
    delivery_delay_ns: int = 0  # between reading a PUBLISH and handing it to its subscribers
    freezes: tuple[
        tuple[float, float], ...
    ] = ()  # neither reads nor writes: (start, length), s since the first PUBLISH
    lose_every: int = 0  # acknowledged, but not delivered
    duplicate_every: int = 0  # delivered twice
    swap_neighbours_every: int = 0  # of one publisher: delivered after the message that follows it
    unacked_every: int = 0  # delivered, but not acknowledged
    connack_code: int = 0  # refusal
    refuse_every: int = 1  # of the connections, when `connack_code` is set: 1 refuses all
    close_after_messages: int = 0  # the connection that brings this message is closed instead of answered
    garbage_after_messages: int = 0  # the connection that brings this message gets `garbage` as its answer
    garbage: bytes = b"\xff" * 64
    never_read: bool = False  # nothing more from a connection whose first PUBLISH came
    capacity_per_s: float = 0.0  # one server with exponential service times (M/M/1 when the arrivals are Poisson)
    fixed_service: bool = False  # ... each takes as long as the others (M/D/1)
    queue_limit: int = 0  # ... what finds so many there is acknowledged at once and dropped
    slow_past: int = 0  # ... once so many are there, it serves at `slow_per_s` until the queue is empty
    slow_per_s: float = 0.0
    sys_interval_s: float = 0.0  # between two announcements on $SYS of what was dropped and what is stored
    sessions: bool = True  # kept for clients that ask for it
    version: str | None = "stub 1.0"  # retained at `VERSION_TOPIC`; None: no such topic
    seed: int = 1


class Header(NamedTuple):
    """What the front of a payload says."""

    magic: int
    run: int
    client: int
    sequence: int
    due_ns: int


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
    """What the broker saw and did."""

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
    dropped: int = 0  # messages that found the queue full
    duplicated: int = 0  # deliveries made once more
    swapped: int = 0  # messages delivered after their successor
    subscriptions: int = 0
    pings: int = 0
    bytes_in: int = 0


@dataclass(slots=True)
class Message:
    """On its way to subscribers."""

    publisher: str
    topic: str
    payload: bytes
    qos: int


@dataclass(slots=True)
class Session:
    """What belongs to a client id; survives the connection when it is persistent."""

    client_id: str
    persistent: bool = False
    filters: dict[str, int] = field(default_factory=dict)
    next_id: int = 1
    unfinished: dict[int, tuple[int, bytes]] = field(default_factory=dict)  # packet id -> (kind awaited, packet)
    received: set[int] = field(default_factory=set)  # QoS 2 ids between PUBLISH and PUBREL
    connection: Connection | None = None


@dataclass(slots=True, eq=False)
class Connection:
    """One socket."""

    sock: socket.socket
    incoming: bytearray = field(default_factory=bytearray)
    outgoing: bytearray = field(default_factory=bytearray)
    session: Session | None = None
    open: bool = True
    deaf: bool = False
    watched: int = select.EPOLLIN


class StubBroker:
    """The broker; the block of `with` is its life. `counts`, `seen` and `faults` may be read at any time."""

    def __init__(self, behaviour: Behaviour | None = None, host: str = "127.0.0.1", port: int = 0) -> None:
        self.behaviour = behaviour or Behaviour()
        self.counts = Counts()
        self.seen: list[Seen] = []
        self.faults: list[str] = []
        self.clients: set[str] = set()
        self.first_publish_ns: int | None = None
        self._listener = socket.create_server((host, port), backlog=4096)
        if self.behaviour.never_read:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._listener.setblocking(False)
        self.host, self.port = self._listener.getsockname()[:2]
        self._timer = os.timerfd_create(time.CLOCK_MONOTONIC, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)
        self._wake_reader, self._wake_writer = os.pipe()
        self._epoll = select.epoll()
        for number in (self._listener.fileno(), self._timer, self._wake_reader):
            self._epoll.register(number, select.EPOLLIN)
        self._connections: dict[int, Connection] = {}
        self._sessions: dict[str, Session] = {}
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._entries = 0
        self._messages = 0
        self._of_publisher: dict[str, int] = {}
        self._held_back: dict[str, Message] = {}
        told = self.behaviour
        self._server = Server(
            told.capacity_per_s, told.fixed_service, told.queue_limit, told.slow_past, told.slow_per_s,
            Random(told.seed),
        )  # fmt: skip
        self._announcing = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stub-broker", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Closes every connection and ends. May be called twice."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        os.write(self._wake_writer, b"x")
        self._thread.join(10)
        for connection in list(self._connections.values()):
            self._close(connection)
        self._listener.close()
        self._epoll.close()
        for number in (self._timer, self._wake_reader, self._wake_writer):
            os.close(number)

    # ---- the loop

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._sit_out_freezes()
            self._do_what_is_due(time.monotonic_ns())
            self._arm()
            for number, flags in self._epoll.poll():
                if self._frozen_until() is not None:
                    break
                self._attend(number, flags)

    def _attend(self, number: int, flags: int) -> None:
        if number == self._listener.fileno():
            self._accept()
        elif number == self._timer:
            os.read(self._timer, 8)
        elif (connection := self._connections.get(number)) is not None:
            if flags & select.EPOLLOUT:
                self._flush(connection)
            if flags & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR) and connection.open:
                self._read(connection)

    def _frozen_until(self) -> int | None:
        if self.first_publish_ns is None:
            return None
        since_s = (time.monotonic_ns() - self.first_publish_ns) / 1e9
        for start_s, length_s in self.behaviour.freezes:
            if start_s <= since_s < start_s + length_s:
                return self.first_publish_ns + int((start_s + length_s) * 1e9)
        return None

    def _sit_out_freezes(self) -> None:
        while (until_ns := self._frozen_until()) is not None:
            if self._stopping.wait(max(0.0, (until_ns - time.monotonic_ns()) / 1e9)):
                return

    def _at(self, due_ns: int, action: Callable[[], None]) -> None:
        self._entries += 1
        heapq.heappush(self._agenda, (due_ns, self._entries, action))

    def _do_what_is_due(self, now_ns: int) -> None:
        while self._agenda and self._agenda[0][0] <= now_ns:
            heapq.heappop(self._agenda)[2]()
            if self._frozen_until() is not None:
                return

    def _arm(self) -> None:
        due_ns = max(1, self._agenda[0][0]) if self._agenda else 0  # 0 disarms
        os.timerfd_settime_ns(self._timer, flags=os.TFD_TIMER_ABSTIME, initial=due_ns)

    # ---- sockets

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except BlockingIOError:
                return
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections[sock.fileno()] = Connection(sock)
            self._epoll.register(sock.fileno(), select.EPOLLIN)
            self.counts.connections += 1

    def _read(self, connection: Connection) -> None:
        try:
            data = connection.sock.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(connection)
            return
        now_ns = time.monotonic_ns()
        self.counts.bytes_in += len(data)
        connection.incoming += data
        for first, body in whole_packets(connection.incoming):
            if not connection.open or connection.deaf:
                return
            self._handle(connection, first, body, now_ns)

    def _send(self, connection: Connection | None, data: bytes) -> None:
        if connection is None or not connection.open:
            return
        connection.outgoing += data
        self._flush(connection)

    def _flush(self, connection: Connection) -> None:
        while connection.outgoing:
            try:
                sent = connection.sock.send(connection.outgoing)
            except BlockingIOError:
                break
            except OSError:
                self._close(connection)
                return
            del connection.outgoing[:sent]
        self._watch(connection)

    def _watch(self, connection: Connection) -> None:
        wanted = (0 if connection.deaf else select.EPOLLIN) | (select.EPOLLOUT if connection.outgoing else 0)
        if wanted != connection.watched and connection.open:
            connection.watched = wanted
            self._epoll.modify(connection.sock.fileno(), wanted)

    def _close(self, connection: Connection) -> None:
        if not connection.open:
            return
        connection.open = False
        del self._connections[connection.sock.fileno()]
        self._epoll.unregister(connection.sock.fileno())
        connection.sock.close()
        session = connection.session
        if session is not None and session.connection is connection:
            session.connection = None
            if not session.persistent:
                self._sessions.pop(session.client_id, None)

    # ---- packets

    def _handle(self, connection: Connection, first: int, body: bytes, now_ns: int) -> None:
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

    def _on_connect(self, connection: Connection, _: int, body: bytes, __: int) -> None:
        if body[:7] != b"\x00\x04MQTT\x04":
            raise ValueError("no CONNECT of MQTT 3.1.1")
        clean = bool(body[7] & 2)
        client_id = text_at(body, 10)[0] or f"stub-{self.counts.connections}"
        code, turn = self.behaviour.connack_code, self.counts.accepted + self.counts.refused + 1
        if code and turn % self.behaviour.refuse_every == 0:
            self.counts.refused += 1
            self._send(connection, bytes((CONNACK << 4, 2, 0, code)))
            self._close(connection)
            return
        self._enter(connection, client_id, clean)

    def _enter(self, connection: Connection, client_id: str, clean: bool) -> None:
        former = self._sessions.get(client_id)
        if former is not None and former.connection is not None:
            self._close(former.connection)  # MQTT-3.1.4-2: the newer connection wins
        resumed = former is not None and former.persistent and not clean and self.behaviour.sessions
        session = former if resumed and former else Session(client_id, persistent=not clean)
        session.connection, connection.session = connection, session
        self._sessions[client_id] = session
        self.clients.add(client_id)
        self.counts.accepted += 1
        self.counts.resumed += resumed
        self._send(connection, bytes((CONNACK << 4, 2, int(resumed), 0)))
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
        header = Header(*HEADER.unpack_from(payload)) if len(payload) >= HEADER.size else None
        self.seen.append(
            Seen(now_ns, session.client_id, topic, header, len(payload), qos, dup, bool(flags & 1), packet_id)
        )
        known = qos == 2 and packet_id in session.received
        if qos == 2 and packet_id is not None:
            session.received.add(packet_id)
        if not known:
            self._messages += 1
        if self._misbehave(connection):
            return
        served_ns = self._server.serve(now_ns)
        self.counts.dropped = self._server.dropped
        if not known and served_ns is not None:
            self._route(Message(session.client_id, topic, payload, qos), served_ns)
        self._answer(connection, qos, packet_id, now_ns if served_ns is None else served_ns)

    def _misbehave(self, connection: Connection) -> bool:
        behaviour = self.behaviour
        if behaviour.never_read:
            connection.deaf = True
            self._watch(connection)
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

        def answer() -> None:
            self.counts.acked += qos == 1 and connection.open
            self._send(connection, packet)

        self._when(served_ns + self.behaviour.ack_delay_ns, answer)

    def _when(self, due_ns: int, action: Callable[[], None]) -> None:
        """Now, if nothing delays anything; else at its time."""
        if due_ns <= time.monotonic_ns() and not self._agenda:
            action()
        else:
            self._at(due_ns, action)

    # ---- delivery

    def _route(self, message: Message, served_ns: int) -> None:
        behaviour, number = self.behaviour, self._messages
        if is_nth(number, behaviour.lose_every):
            self.counts.lost += sum(1 for _ in self._subscribers(message.topic))
            return
        twice = is_nth(number, behaviour.duplicate_every)
        self._when(served_ns + behaviour.delivery_delay_ns, lambda: self._in_order(message, twice))

    def _in_order(self, message: Message, twice: bool) -> None:
        """Delivers, or holds back until the publisher's next message has gone."""
        publisher = message.publisher
        self._of_publisher[publisher] = number = self._of_publisher.get(publisher, 0) + 1
        if is_nth(number, self.behaviour.swap_neighbours_every) and publisher not in self._held_back and not twice:
            self._held_back[publisher] = message
            self._at(time.monotonic_ns() + SWAP_PATIENCE_NS, lambda: self._let_go(message))
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
        self.counts.deliveries += number
        return number

    def _subscribers(self, topic: str) -> Iterator[tuple[Session, int]]:
        for session in list(self._sessions.values()):
            granted = [qos for pattern, qos in session.filters.items() if matches(pattern, topic)]
            if granted:
                yield session, max(granted)

    def _hand_over(self, session: Session, message: Message, qos: int) -> None:
        packet_id = None
        if qos:
            packet_id = self._free_id(session)
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

    def _on_puback(self, connection: Connection, _: int, body: bytes, __: int) -> None:
        self._on_finished(connection, PUBACK, identifier_at(body, 0))

    def _on_pubcomp(self, connection: Connection, _: int, body: bytes, __: int) -> None:
        self._on_finished(connection, PUBCOMP, identifier_at(body, 0))

    def _on_pubrec(self, connection: Connection, _: int, body: bytes, __: int) -> None:
        session = connection.session
        assert session is not None
        packet_id = identifier_at(body, 0)
        packet = packet_of(PUBREL, packet_id)
        session.unfinished[packet_id] = (PUBCOMP, packet)
        self._send(connection, packet)

    def _on_subscribe(self, connection: Connection, _: int, body: bytes, __: int) -> None:
        session = connection.session
        assert session is not None
        packet_id, at, granted = identifier_at(body, 0), 2, bytearray()
        asks_version = False
        while at < len(body):
            pattern, at = text_at(body, at)
            session.filters[pattern] = body[at]
            granted.append(body[at])
            at += 1
            asks_version |= pattern == VERSION_TOPIC
        self.counts.subscriptions += len(granted)
        self._send(connection, bytes((SUBACK << 4, 2 + len(granted))) + struct.pack(">H", packet_id) + granted)
        if asks_version and self.behaviour.version is not None:
            packet = publish_packet(VERSION_TOPIC, self.behaviour.version.encode(), 0, None)
            self._send(connection, bytes((packet[0] | 1,)) + packet[1:])
        if self.behaviour.sys_interval_s and not self._announcing:
            self._announcing = True
            self._announce()

    def _announce(self) -> None:
        """What a mosquitto says of itself, once per interval."""
        now_ns = time.monotonic_ns()
        figures = {"uptime": f"{now_ns // 10**9} seconds", "publish/messages/dropped": str(self._server.dropped),
                   "store/messages/count": str(self._server.waiting(now_ns))}  # fmt: skip
        for name, value in figures.items():
            for session, _ in self._subscribers(f"$SYS/broker/{name}"):
                self._send(session.connection, publish_packet(f"$SYS/broker/{name}", value.encode(), 0, None))
        self._at(now_ns + int(self.behaviour.sys_interval_s * 1e9), self._announce)

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
    """Is `number` a multiple of `every`? 0 is never."""
    return every > 0 and number % every == 0


def whole_packets(incoming: bytearray) -> Iterator[tuple[int, bytes]]:
    """Takes whole packets off the front: their first byte, and what follows the length."""
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
    """The string with a length of two bytes that begins here, and where it ends."""
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
    """A packet that has nothing but its id."""
    return struct.pack(">BBH", kind << 4 | FIXED_FLAGS.get(kind, 0), 2, packet_id)


def publish_packet(topic: str, payload: bytes, qos: int, packet_id: int | None) -> bytes:
    name = topic.encode()
    rest = struct.pack(">H", len(name)) + name + (b"" if packet_id is None else struct.pack(">H", packet_id)) + payload
    length, size = bytearray(), len(rest)
    while True:
        size, digit = divmod(size, 128)
        length.append(digit | (128 if size else 0))
        if not size:
            return bytes((PUBLISH << 4 | qos << 1,)) + length + rest


def matches(pattern: str, topic: str) -> bool:
    """MQTT 3.1.1 section 4.7."""
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
