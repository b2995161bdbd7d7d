"""Model one client as a state machine without I/O: events in, instructions out. The readable twin of the engine.

    IDLE -> CONNECTING -> GREETING -> SUBSCRIBING -> READY
                 \\____________|____________|__________/ -> WAITING -> CONNECTING ...        any -> CLOSED

Which event may come in which phase, and the phase that it leads to, is the table `ALLOWED`. A packet of the
broker in the wrong phase ends the connection; one without a connection is ignored. Any other event in the wrong phase
is a bug of malaria.
The engine keeps the same facts in columns, for speed; a property test drives both with the same events and compares
phases and bytes. What both promise:

- Packet ids of PUBLISH are slots 1..window. The next id is the first free one going round from the one after the last
  taken; it stays taken until PUBACK (QoS 1) or PUBCOMP (QoS 2) (MQTT-2.3.1-4).
- A message that is due and may not be sent (not READY, window full) is held, in order, and sent as soon as it may be.
  It gets its sequence when it is sent for the first time, and keeps sequence, id and due time when it is sent again.
- A connection with a kept session sends again what was not acknowledged, oldest first, PUBLISH with DUP or PUBREL
  (MQTT-4.4.0-1), before anything new. Without one, messages in flight are forgotten and counted.
- SUBSCRIBE is one packet with all filters; it is not repeated when the broker kept a session that we subscribed in.
- Keep-alive: PINGREQ when nothing was sent for a keep-alive time; no PINGRESP within another one ends the connection.
- The terms of a broker of MQTT 5 (CONNACK) hold for the connection: its receive maximum limits the window (also for
  messages that are sent again), its keep-alive and its client id replace those of the client. A topic can be sent once
  and replaced by its alias from then on; aliases of the broker are resolved. Only the client id outlives the
  connection.
- A PUBACK or PUBREC with a reason of failure ends a message without acknowledging it. DISCONNECT ends the connection.
- An acknowledgement of an id that is not in flight is counted and has no other effect; one of the wrong kind (PUBACK
  for a QoS 2 message) and any packet that must not come in this phase end the connection: the broker is broken.

Times are nanoseconds; nothing here reads a clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, IntEnum, auto
from typing import Final

from malaria.errors import MalformedPacket
from malaria.mqtt.aliases import TopicAliases
from malaria.mqtt.codec import encode
from malaria.mqtt.packets import (
    NO_PROPERTIES,
    Ack,
    Connack,
    Connect,
    Disconnect,
    Packet,
    PacketType,
    Pingreq,
    Pingresp,
    Properties,
    Protocol,
    Publish,
    Suback,
    Subscribe,
    Will,
)
from malaria.mqtt.reasons import FAILURE, connack_reason, reason_with_details
from malaria.mqtt.terms import UNLIMITED, Terms, terms_of

SUBSCRIBE_ID: Final = 65535
"""The packet id of SUBSCRIBE: out of the way of any window."""


class SessionPhase(IntEnum):
    """The phases of a client's connection."""

    IDLE = 0
    CONNECTING = 1  # the transport is being opened
    GREETING = 2  # CONNECT sent, CONNACK awaited
    SUBSCRIBING = 3  # SUBSCRIBE sent, SUBACK awaited
    READY = 4
    WAITING = 5  # lost or refused; tried again later
    CLOSED = 6


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """The constants of a client. `topic` and `payload` make message `sequence`; `payload` also gets the due time."""

    client_id: str
    topic: Callable[[int], str]
    payload: Callable[[int, int], bytes]
    qos: int = 0
    window: int = 20
    filters: tuple[tuple[str, int], ...] = ()
    clean_start: bool = True
    keep_alive_ns: int = 60_000_000_000
    username: str | None = None
    password: bytes | None = field(default=None, repr=False)
    will: Will | None = None
    answer_ns: int = 10_000_000_000
    first_wait_ns: int = 1_000_000_000
    longest_wait_ns: int = 30_000_000_000
    protocol: Protocol = Protocol.V311
    outlives: bool = False  # the session outlives its connection: only the first one starts clean (MQTT 5)
    connect_properties: Properties = NO_PROPERTIES
    subscribe_properties: Properties = NO_PROPERTIES
    message_properties: Properties = NO_PROPERTIES
    topic_alias: bool = False  # for topics that do not change


# --- instructions ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenTransport:
    """Open the transport."""


@dataclass(frozen=True, slots=True)
class SendBytes:
    data: bytes


@dataclass(frozen=True, slots=True)
class CloseTransport:
    """Close the transport. `reason` is empty at a normal end."""

    reason: str


@dataclass(frozen=True, slots=True)
class Acked:
    sequence: int
    due_ns: int
    sent_ns: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The broker answered a message with a reason of failure (MQTT 5)."""

    sequence: int
    reason_code: int


@dataclass(frozen=True, slots=True)
class Delivered:
    packet: Publish
    topic: str  # what an alias stands for


@dataclass(frozen=True, slots=True)
class Forgotten:
    sequences: tuple[int, ...]


type Instruction = OpenTransport | SendBytes | CloseTransport | Acked | Refused | Delivered | Forgotten


@dataclass(slots=True)
class _InFlight:
    sequence: int
    due_ns: int
    sent_ns: int
    awaits: PacketType


class SessionEvent(Enum):
    """The kinds of event that `ALLOWED` tells apart."""

    START = auto()  # connect, for the first time or again
    OPENED = auto()  # the transport stands
    CONNACK = auto()  # accepted; the broker knows what to send us, or there is nothing to subscribe to
    CONNACK_BARE = auto()  # accepted without a session: SUBSCRIBE follows
    SUBACK = auto()
    TRAFFIC = auto()  # PUBLISH, its acknowledgements, PINGRESP
    GOODBYE = auto()  # DISCONNECT from the broker (MQTT 5)
    LOST = auto()  # refused, closed, timed out, or garbage came
    STOP = auto()


KINDS: Final[dict[type[Packet], SessionEvent]] = {
    Connack: SessionEvent.CONNACK,
    Suback: SessionEvent.SUBACK,
    Publish: SessionEvent.TRAFFIC,
    Ack: SessionEvent.TRAFFIC,
    Pingresp: SessionEvent.TRAFFIC,
    Disconnect: SessionEvent.GOODBYE,
}
CONNECTED: Final = (SessionPhase.CONNECTING, SessionPhase.GREETING, SessionPhase.SUBSCRIBING, SessionPhase.READY)
"""The phases with a transport."""

ALLOWED: Final[dict[tuple[SessionPhase, SessionEvent], SessionPhase]] = {
    (SessionPhase.IDLE, SessionEvent.START): SessionPhase.CONNECTING,
    (SessionPhase.WAITING, SessionEvent.START): SessionPhase.CONNECTING,
    (SessionPhase.CONNECTING, SessionEvent.OPENED): SessionPhase.GREETING,
    (SessionPhase.GREETING, SessionEvent.CONNACK): SessionPhase.READY,
    (SessionPhase.GREETING, SessionEvent.CONNACK_BARE): SessionPhase.SUBSCRIBING,
    (SessionPhase.SUBSCRIBING, SessionEvent.SUBACK): SessionPhase.READY,
    (
        SessionPhase.SUBSCRIBING,
        SessionEvent.TRAFFIC,
    ): SessionPhase.SUBSCRIBING,  # before SUBACK: section 3.8.4
    (SessionPhase.READY, SessionEvent.TRAFFIC): SessionPhase.READY,
    (SessionPhase.SUBSCRIBING, SessionEvent.GOODBYE): SessionPhase.WAITING,
    (SessionPhase.READY, SessionEvent.GOODBYE): SessionPhase.WAITING,
    **{(phase, SessionEvent.LOST): SessionPhase.WAITING for phase in CONNECTED},
    **{(phase, SessionEvent.STOP): SessionPhase.CLOSED for phase in SessionPhase},
}


class Session:
    """One client. Every event method returns the instructions to carry out, in order."""

    def __init__(self, config: SessionConfig) -> None:
        self.config = config
        self.phase = SessionPhase.IDLE
        self.strays = 0
        self.reconnect_ns = 0  # when a WAITING client tries again
        self._next_sequence = 0
        self._turn = 1
        self._in_flight: dict[int, _InFlight] = {}
        self._held: deque[int] = deque()
        self._subscribed = False  # a SUBACK came in this run: a kept session is known to hold our filters
        self._received: set[int] = set()  # QoS 2: ids answered with PUBREC, not yet released
        self._attempts = 0
        self._last_out_ns = 0
        self._deadline_ns = 0
        self._client_id = config.client_id
        self._was_connected = False
        self._terms = UNLIMITED
        self._keep_alive_ns = config.keep_alive_ns
        self._introduced = False  # the broker knows the alias of our topic
        self._aliases = TopicAliases(0)
        self._waiting_again: deque[int] = deque()  # packet ids to be sent again when the receive maximum lets them

    # --- events ----------------------------------------------------------------------------------------------------

    def start(self, now_ns: int) -> list[Instruction]:
        """Connect, for the first time or again."""
        self._move(SessionEvent.START)
        self._deadline_ns = now_ns + self.config.answer_ns
        return [OpenTransport()]

    def opened(self, now_ns: int) -> list[Instruction]:
        """Send CONNECT: the transport is open."""
        self._move(SessionEvent.OPENED)
        self._deadline_ns = now_ns + self.config.answer_ns
        config = self.config
        connect = Connect(
            client_id=self._client_id,
            clean_start=self._starts_clean,
            keep_alive=config.keep_alive_ns // 1_000_000_000,
            username=config.username,
            password=config.password,
            will=config.will,
            properties=config.connect_properties,
        )
        return [self._send(connect, now_ns)]

    def received(self, packet: Packet, now_ns: int) -> list[Instruction]:
        """Process a packet."""
        if self.phase not in CONNECTED:
            return []  # the end of a connection that is over
        if (self.phase, KINDS.get(type(packet))) not in ALLOWED:
            return self._lose(f"malformed: {type(packet).__name__.upper()} while {self.phase.name.lower()}", now_ns)
        match packet:
            case Connack():
                return self._on_connack(packet, now_ns)
            case Suback():
                return self._on_suback(packet, now_ns)
            case Publish():
                return self._on_publish(packet, now_ns)
            case Ack():
                return self._on_ack(packet, now_ns)
            case Disconnect(reason_code, properties):
                return self._lose(f"the broker sent DISCONNECT: {reason_with_details(reason_code, properties)}", now_ns)
            case _:
                return self._on_pingresp()

    def closed(self, reason: str, now_ns: int) -> list[Instruction]:
        """Handle a transport that broke or could not be opened."""
        return self._lose(reason, now_ns) if self.phase in CONNECTED else []

    def due(self, due_ns: int, now_ns: int) -> list[Instruction]:
        """Send a message that is due, or hold it until it may be sent."""
        self._held.append(due_ns)
        return self._send_held(now_ns)

    def tick(self, now_ns: int) -> list[Instruction]:
        """Handle what time brings: timeouts, keep-alive, the next attempt to connect."""
        if self._deadline_ns and now_ns >= self._deadline_ns and self.phase in CONNECTED:
            return self._lose("timeout", now_ns)
        quiet_ns = now_ns - self._last_out_ns
        if self.phase is SessionPhase.READY and not self._deadline_ns and quiet_ns >= self._keep_alive_ns > 0:
            self._deadline_ns = now_ns + self._keep_alive_ns
            return [self._send(Pingreq(), now_ns)]
        if self.phase is SessionPhase.WAITING and now_ns >= self.reconnect_ns:
            return self.start(now_ns)
        return []

    def stop(self, now_ns: int) -> list[Instruction]:
        """End the client; send DISCONNECT if it is connected."""
        polite = self.phase in (SessionPhase.SUBSCRIBING, SessionPhase.READY)
        disconnect: list[Instruction] = [self._send(Disconnect(), now_ns)] if polite else []
        self._move(SessionEvent.STOP)
        return [*disconnect, CloseTransport("")]

    # --- phases ------------------------------------------------------------------------------------------------------

    def _move(self, kind: SessionEvent) -> None:
        if (self.phase, kind) not in ALLOWED:
            raise RuntimeError(f"{kind.name} while {self.phase.name}")
        self.phase = ALLOWED[self.phase, kind]

    # --- what the broker says -----------------------------------------------------------------------------------------

    def _on_connack(self, packet: Connack, now_ns: int) -> list[Instruction]:
        if packet.reason_code:
            return self._lose(f"refused: {connack_reason(packet, self.config.protocol)}", now_ns)
        if packet.session_present and self._starts_clean:
            return self._lose("malformed: a session is present after a clean start [MQTT-3.2.2-1]", now_ns)
        terms = terms_of(packet.properties)
        if self.config.qos > terms.maximum_qos:
            return self._lose(f"the broker's terms: no message over QoS {terms.maximum_qos}", now_ns)
        self._attempts = 0
        self._was_connected = True
        self._agree(terms)
        resumed = self._resume(packet.session_present, now_ns)
        if (packet.session_present and self._subscribed) or not self.config.filters:
            self._move(SessionEvent.CONNACK)
            return [*resumed, *self._settle(now_ns)]
        self._move(SessionEvent.CONNACK_BARE)
        self._deadline_ns = now_ns + self.config.answer_ns
        subscribe = Subscribe(SUBSCRIBE_ID, self.config.filters, self.config.subscribe_properties)
        return [*resumed, self._send(subscribe, now_ns)]

    @property
    def _starts_clean(self) -> bool:
        return self.config.clean_start and not (self.config.outlives and self._was_connected)

    def _agree(self, terms: Terms) -> None:
        """Take over the terms of the broker. Those of the last connection end."""
        self._terms = terms
        keep_alive_s = terms.server_keep_alive
        self._keep_alive_ns = self.config.keep_alive_ns if keep_alive_s is None else keep_alive_s * 1_000_000_000
        self._client_id = terms.assigned_client_identifier or self._client_id
        self._introduced = False
        self._aliases = TopicAliases(self.config.connect_properties.get("topic_alias_maximum", 0))
        self._waiting_again.clear()

    def _resume(self, session_present: bool, now_ns: int) -> list[Instruction]:
        """Continue a kept session. Without one, report the messages in flight as forgotten."""
        if session_present:
            return self._send_again(now_ns)
        self._received.clear()
        self._turn = 1
        if not self._in_flight:
            return []
        forgotten = Forgotten(tuple(message.sequence for _, message in self._oldest_first()))
        self._in_flight.clear()
        return [forgotten]

    def _send_again(self, now_ns: int) -> list[Instruction]:
        """Send unacknowledged messages again within the receive maximum, which may be lower now; PUBREL always."""
        sent: list[Instruction] = []
        for packet_id, message in self._oldest_first():
            if message.awaits is PacketType.PUBCOMP or len(sent) < self._most_in_flight:
                sent.append(self._again(packet_id, message, now_ns))
            else:
                self._waiting_again.append(packet_id)
        return sent

    def _on_suback(self, packet: Suback, now_ns: int) -> list[Instruction]:
        if packet.packet_id != SUBSCRIBE_ID:
            return self._lose("malformed: SUBACK for a SUBSCRIBE that was not sent", now_ns)
        if len(packet.reason_codes) != len(self.config.filters):
            return self._lose("malformed: SUBACK with another number of codes than filters [MQTT-3.9.3-1]", now_ns)
        self._subscribed = True
        self._move(SessionEvent.SUBACK)
        return self._settle(now_ns)

    def _settle(self, now_ns: int) -> list[Instruction]:
        """Stop waiting for an answer, and send what was held."""
        self._deadline_ns = 0
        return self._send_held(now_ns)

    def _on_publish(self, packet: Publish, now_ns: int) -> list[Instruction]:
        """Answer and deliver a message: QoS 1 every time, QoS 2 once (section 4.3)."""
        try:
            delivered = Delivered(packet, self._aliases.topic_of(packet))
        except MalformedPacket as error:
            return self._lose(f"malformed: {error}", now_ns)
        if packet.qos == 0:
            return [delivered]
        assert packet.packet_id is not None
        if packet.qos == 1:
            return [self._send(Ack(PacketType.PUBACK, packet.packet_id), now_ns), delivered]
        fresh = packet.packet_id not in self._received
        self._received.add(packet.packet_id)
        answer = self._send(Ack(PacketType.PUBREC, packet.packet_id), now_ns)
        return [answer, delivered] if fresh else [answer]

    def _on_ack(self, packet: Ack, now_ns: int) -> list[Instruction]:
        if packet.type is PacketType.PUBREL:
            self._received.discard(packet.packet_id)
            return [self._send(Ack(PacketType.PUBCOMP, packet.packet_id), now_ns)]
        if packet.reason_code >= FAILURE and packet.type in (PacketType.PUBACK, PacketType.PUBREC):
            return self._on_refused(packet, now_ns)
        message = self._in_flight.get(packet.packet_id)
        released = packet.type is PacketType.PUBREC
        pubrel: list[Instruction] = [self._send(Ack(PacketType.PUBREL, packet.packet_id), now_ns)] if released else []
        if message is None:
            self.strays += 1
            return pubrel
        repeated_pubrec = released and message.awaits is PacketType.PUBCOMP
        if packet.type is not message.awaits and not repeated_pubrec:
            return self._lose(f"malformed: {packet.type.name} for a message that awaits another answer", now_ns)
        if released:
            message.awaits = PacketType.PUBCOMP
            return pubrel
        self._end(packet.packet_id)
        acked = Acked(message.sequence, message.due_ns, message.sent_ns)
        return [acked, *self._send_held(now_ns)]

    def _on_refused(self, packet: Ack, now_ns: int) -> list[Instruction]:
        """End a refused message and free its id (section 4.3)."""
        message = self._in_flight.get(packet.packet_id)
        if message is None:
            self.strays += 1
            return []
        if packet.type is not message.awaits:
            return self._lose(f"malformed: {packet.type.name} for a message that awaits another answer", now_ns)
        self._end(packet.packet_id)
        return [Refused(message.sequence, packet.reason_code), *self._send_held(now_ns)]

    def _end(self, packet_id: int) -> None:
        """Forget a message that was answered, even if it was still to be sent again."""
        del self._in_flight[packet_id]
        if packet_id in self._waiting_again:
            self._waiting_again.remove(packet_id)

    def _on_pingresp(self) -> list[Instruction]:
        if self.phase is SessionPhase.READY:
            self._deadline_ns = 0
        return []

    # --- sending -----------------------------------------------------------------------------------------------------

    def _send(self, packet: Packet, now_ns: int) -> SendBytes:
        self._last_out_ns = now_ns
        return SendBytes(encode(packet, self.config.protocol))

    def _send_held(self, now_ns: int) -> list[Instruction]:
        """Send what is to be sent again, then what is held, as far as phase and window allow."""
        sent: list[Instruction] = []
        if self.phase is not SessionPhase.READY:
            return sent
        while self._waiting_again and len(self._in_flight) - len(self._waiting_again) < self._most_in_flight:
            oldest = self._waiting_again.popleft()
            sent.append(self._again(oldest, self._in_flight[oldest], now_ns))
        while self._held and not self._waiting_again:
            packet_id = self._next_id()
            if packet_id is None and self.config.qos:
                break
            sent.append(self._send_new(packet_id, self._held.popleft(), now_ns))
        return sent

    def _next_id(self) -> int | None:
        """Return the id for the next message; None if the window is full, or at QoS 0."""
        window = self.config.window
        if not self.config.qos or len(self._in_flight) >= self._most_in_flight:
            return None
        packet_id = self._turn
        while packet_id in self._in_flight:
            packet_id = packet_id % window + 1
        return packet_id

    @property
    def _most_in_flight(self) -> int:
        return min(self.config.window, self._terms.receive_maximum)

    def _send_new(self, packet_id: int | None, due_ns: int, now_ns: int) -> Instruction:
        sequence = self._next_sequence
        self._next_sequence += 1
        if packet_id is not None:
            awaits = PacketType.PUBACK if self.config.qos == 1 else PacketType.PUBREC
            self._in_flight[packet_id] = _InFlight(sequence, due_ns, now_ns, awaits)
            self._turn = packet_id % self.config.window + 1
        return self._send(self._publish(packet_id, sequence, due_ns, dup=False), now_ns)

    def _publish(self, packet_id: int | None, sequence: int, due_ns: int, *, dup: bool) -> Publish:
        config = self.config
        topic, properties = config.topic(sequence), config.message_properties
        if config.topic_alias and self._terms.topic_alias_maximum and not dup:
            properties = {**properties, "topic_alias": 1}
            topic = "" if self._introduced else topic
            self._introduced = True
        return Publish(
            topic,
            config.payload(sequence, due_ns),
            config.qos,
            dup=dup,
            packet_id=packet_id,
            properties=properties,
        )

    def _again(self, packet_id: int, message: _InFlight, now_ns: int) -> Instruction:
        if message.awaits is PacketType.PUBCOMP:
            return self._send(Ack(PacketType.PUBREL, packet_id), now_ns)
        return self._send(self._publish(packet_id, message.sequence, message.due_ns, dup=True), now_ns)

    def _oldest_first(self) -> list[tuple[int, _InFlight]]:
        return sorted(self._in_flight.items(), key=lambda item: item[1].sequence)

    # --- losing ------------------------------------------------------------------------------------------------------

    def _lose(self, reason: str, now_ns: int) -> list[Instruction]:
        """End the connection. The next attempt waits twice as long as the last one that failed."""
        self._move(SessionEvent.LOST)
        self._deadline_ns = 0
        wait_ns = min(self.config.longest_wait_ns, self.config.first_wait_ns << min(self._attempts, 40))
        self.reconnect_ns = now_ns + wait_ns
        self._attempts += 1
        return [CloseTransport(reason)]
