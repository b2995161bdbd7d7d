"""Handle the packets of a client besides the hot traffic: greeting, subscribing, keep-alive, QoS 2.

The rules are those of `malaria.mqtt.session`, the readable twin; the state lives in the columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from malaria.clock import NS_PER_S
from malaria.engine.arrivals import Inbox
from malaria.engine.columns import BACKLOG, HELD, OFFLINE
from malaria.engine.context import EngineContext
from malaria.engine.publisher import Publisher
from malaria.engine.publisher5 import Publisher5
from malaria.engine.window import AWAIT_PUBACK, AWAIT_PUBCOMP
from malaria.errors import MalformedPacket
from malaria.model.group_keys import WillParts
from malaria.mqtt.codec import decode, encode, from_broker
from malaria.mqtt.packets import (
    NO_PROPERTIES,
    Ack,
    Connack,
    Connect,
    Disconnect,
    Packet,
    PacketType,
    Pingresp,
    Protocol,
    Suback,
    Subscribe,
    Will,
)
from malaria.mqtt.reasons import (
    FAILURE,
    NO_MATCHING_SUBSCRIBERS,
    SESSION_TAKEN_OVER,
    reason_text,
    reason_with_details,
)
from malaria.mqtt.session import SUBSCRIBE_ID, SessionPhase
from malaria.mqtt.terms import Terms, terms_of
from malaria.plan.clients import GroupPlan, Plan
from malaria.plan.terms_check import excluded
from malaria.transport.connection_setup import ConnectionSetup
from malaria.transport.failures import refusal

PINGREQ: Final = b"\xc0\x00"
DISCONNECT: Final = b"\xe0\x00"

_REFUSING: Final = (PacketType.PUBACK, PacketType.PUBREC)
"""The acknowledgements whose reason of failure ends a message (MQTT 5, 4.3)."""

type Lost = Callable[[int, str], None]


class Conversation:
    """The cold half of the protocol for all clients of a worker.

    `lost(client, reason)` ends a connection; `settled(client)` is called when an attempt to connect has come to READY.
    """

    def __init__(
        self,
        plan: Plan,
        context: EngineContext,
        publishers: list[Publisher | None],
        inbox: Inbox,
        setups: Sequence[ConnectionSetup],
    ) -> None:
        self._plan = plan
        self._setups = setups
        self._columns = context.columns
        self._publishers = publishers
        self._inbox = inbox
        self._outbox = context.outbox
        self._meter = context.meter
        self._counts = context.meter.counts
        self._milestones = context.milestones
        self._answer_ns = plan.warhead.attack.connect_timeout_ns
        self.lost: Lost = _nobody_listens
        self.settled: Callable[[int], None] = _nobody_listens
        self._handlers: dict[tuple[SessionPhase, type[Packet]], Callable[[int, Packet, int], None]] = {
            (SessionPhase.GREETING, Connack): self._on_connack,
            (SessionPhase.SUBSCRIBING, Suback): self._on_suback,
            (SessionPhase.SUBSCRIBING, Ack): self._on_ack,
            (SessionPhase.READY, Ack): self._on_ack,
            (SessionPhase.SUBSCRIBING, Pingresp): self._on_pingresp,
            (SessionPhase.READY, Pingresp): self._on_pingresp,
            (SessionPhase.SUBSCRIBING, Disconnect): self._on_disconnect,
            (SessionPhase.READY, Disconnect): self._on_disconnect,
        }
        self._assigned: dict[int, str] = {}  # ids that the broker chose
        self._pubrels = bytearray()  # owed for the PUBRECs of the read that is being handled

    # --- what we say -----------------------------------------------------------------------------------------------

    def greet(self, client: int, now_ns: int) -> None:
        """Send CONNECT on a transport that is ready."""
        columns = self._columns
        columns.phase[client] = SessionPhase.GREETING
        columns.deadline_at[client] = now_ns + self._answer_ns
        protocol = self._group_of(client).protocol
        self._outbox.send(client, encode(self._connect_packet(client), protocol), now_ns)

    def keep_alive(self, client: int, now_ns: int) -> None:
        """Send PINGREQ: nothing was sent for a keep-alive time."""
        self._counts.pings += 1
        self._columns.deadline_at[client] = now_ns + int(self._columns.keepalive_ns[client])
        self._outbox.send(client, PINGREQ, now_ns)

    def part(self, client: int, now_ns: int) -> None:
        """Says DISCONNECT, so that the broker does not publish the will."""
        if self._columns.phase[client] in (SessionPhase.SUBSCRIBING, SessionPhase.READY):
            self._outbox.send(client, DISCONNECT, now_ns)

    # --- what the broker says -----------------------------------------------------------------------------------------

    def receive(self, client: int, data: bytes | bytearray, start: int, end: int, now_ns: int) -> None:
        """Process one whole frame. Raises MalformedPacket for garbage and for a packet out of turn."""
        protocol = self._group_of(client).protocol
        decoded = decode(memoryview(data)[start:end], 0, end - start, from_broker(protocol), protocol)
        if decoded is None:
            raise MalformedPacket("frame and packet disagree about their length")
        packet = decoded[0]
        phase = SessionPhase(self._columns.phase[client])
        handler = self._handlers.get((phase, type(packet)))
        if handler is None:
            raise MalformedPacket(f"{type(packet).__name__.upper()} while {phase.name.lower()}", "MQTT-3.1.0-1")
        handler(client, packet, now_ns)

    def owe_pubrels(self, packets: bytes | bytearray) -> None:
        """Send these PUBRELs at the end of this read."""
        self._pubrels += packets

    def end_read(self, client: int, now_ns: int) -> None:
        """Use the room that one read has made, and send the PUBRELs for all its PUBRECs.

        They go out in one send, with messages behind them if there are any, in the order of the PUBRECs (MQTT-4.6.0-3).
        """
        publisher = self._publishers[client]
        if publisher is None:
            return
        if self._pubrels:
            publisher.answers = bytes(self._pubrels)
            self._pubrels.clear()
        if publisher.closed_loop or self._columns.gate[client] & HELD:
            publisher.release(client - publisher.base, now_ns)
        if publisher.answers:
            answers, publisher.answers = publisher.answers, b""
            if self._columns.sockets[client] is not None:  # lost in the middle of the read
                self._outbox.send(client, answers, now_ns)

    def _on_connack(self, client: int, packet: Packet, now_ns: int) -> None:
        assert isinstance(packet, Connack)
        columns, group = self._columns, self._group_of(client)
        if packet.reason_code:
            self.lost(client, refusal(packet, group.protocol))
            return
        # checked before `resume`, which would send messages again into a session that should not be there
        if packet.session_present and self._starts_clean(client, group):
            raise MalformedPacket("a session is present after a clean start", "MQTT-3.2.2-1")
        if group.protocol is Protocol.V5 and (reason := self._agree(client, group, terms_of(packet.properties))):
            self.lost(client, reason)
            return
        self._meter.connect.append(now_ns - columns.opened_at[client])
        self._meter.connack.append(now_ns - columns.stage_at[client])
        self._milestones.connack_came(now_ns)
        self._counts.connected += 1
        self._counts.reconnects += columns.was_connected[client]
        columns.was_connected[client] = 1
        columns.attempts[client] = 0
        publisher = self._publishers[client]
        if publisher is not None:
            publisher.resume(client, packet.session_present, now_ns)
        self._inbox.resume(client, packet.session_present)
        # a kept session has our filters still, and subscribing again would repeat retained messages
        if group.group.subscribes and not (packet.session_present and columns.was_subscribed[client]):
            self._subscribe(client, group, now_ns)
        else:
            self._ready(client, now_ns)

    def _agree(self, client: int, plan: GroupPlan, terms: Terms) -> str:
        """Take over the terms of a broker of MQTT 5. Return why they exclude the load, or an empty text."""
        reason = excluded(plan, self._index(client, plan), terms)
        if reason:
            return reason
        keepalive = plan.group.keepalive if terms.server_keep_alive is None else terms.server_keep_alive
        self._columns.keepalive_ns[client] = keepalive * NS_PER_S
        if terms.assigned_client_identifier is not None:
            self._assigned[client] = terms.assigned_client_identifier
        publisher = self._publishers[client]
        if isinstance(publisher, Publisher5):
            publisher.agree(client, terms)
        return ""

    def _subscribe(self, client: int, group: GroupPlan, now_ns: int) -> None:
        options, properties = group.group.qos, NO_PROPERTIES
        if group.protocol is Protocol.V5:
            options |= group.group.subscription_options
            properties = group.group.subscribe_properties()
        filters = tuple((filter_, options) for filter_ in group.filters(self._index(client, group)))
        self._columns.phase[client] = SessionPhase.SUBSCRIBING
        self._columns.deadline_at[client] = now_ns + self._answer_ns
        self._columns.stage_at[client] = now_ns
        self._outbox.send(client, encode(Subscribe(SUBSCRIBE_ID, filters, properties), group.protocol), now_ns)

    def _on_suback(self, client: int, packet: Packet, now_ns: int) -> None:
        assert isinstance(packet, Suback)
        if packet.packet_id != SUBSCRIBE_ID:
            raise MalformedPacket("SUBACK for a SUBSCRIBE that was not sent", "MQTT-3.8.4-2")
        plan = self._group_of(client)
        if len(packet.reason_codes) != len(plan.group.filters):
            raise MalformedPacket("SUBACK with another number of codes than filters", "MQTT-3.9.3-1")
        self._columns.was_subscribed[client] = 1
        self._meter.suback.append(now_ns - self._columns.stage_at[client])
        filters = plan.filters(self._index(client, plan))
        codes = packet.reason_codes
        refused = {filter_: code for filter_, code in zip(filters, codes, strict=True) if code >= FAILURE}
        self._inbox.note_suback(client, frozenset(refused))
        self._counts.subscriptions += len(codes) - len(refused)
        self._counts.subscriptions_refused += len(refused)
        self._note_lowered(codes, plan.group.qos)
        for code in sorted(set(refused.values())):  # in 3.1.1 there is one, and it says nothing
            why = f": {reason_text(code)}" if plan.protocol is Protocol.V5 else ""
            self._meter.trouble(f"the broker refused a subscription{why}")
        self._ready(client, now_ns)

    def _note_lowered(self, codes: Sequence[int], asked: int) -> None:
        """Report subscriptions that the broker granted with a lower QoS than was asked for."""
        lowered = [code for code in codes if code < asked]
        self._counts.subscriptions_lowered += len(lowered)
        for code in sorted(set(lowered)):
            self._meter.trouble(f"the broker granted QoS {code} to a subscription that asked for QoS {asked}")

    def _ready(self, client: int, now_ns: int) -> None:
        self._columns.phase[client] = SessionPhase.READY
        self._columns.deadline_at[client] = 0
        self._columns.gate[client] &= ~OFFLINE
        self.settled(client)
        publisher = self._publishers[client]
        if publisher is not None and not self._columns.gate[client] & BACKLOG:
            publisher.release(client - publisher.base, now_ns)

    def _on_pingresp(self, client: int, _: Packet, __: int) -> None:
        if self._columns.phase[client] == SessionPhase.READY:
            self._counts.stray_ack += not self._columns.deadline_at[client]
            self._columns.deadline_at[client] = 0

    def _on_disconnect(self, client: int, packet: Packet, _: int) -> None:
        """Take a DISCONNECT of the broker, which gives the reason (MQTT 5, 3.14)."""
        assert isinstance(packet, Disconnect)
        self._counts.taken_over += packet.reason_code == SESSION_TAKEN_OVER
        self.lost(client, f"the broker sent DISCONNECT: {reason_with_details(packet.reason_code, packet.properties)}")

    def _on_ack(self, client: int, packet: Packet, now_ns: int) -> None:
        assert isinstance(packet, Ack)
        if packet.type is PacketType.PUBREL:
            self._inbox.release(client, packet.packet_id, now_ns)
            return
        publisher = self._publishers[client]
        if publisher is None:
            self._counts.stray_ack += 1
            return
        self._counts.unmatched += packet.reason_code == NO_MATCHING_SUBSCRIBERS
        if packet.reason_code >= FAILURE and packet.type in _REFUSING:
            fits = self._on_refused(publisher, client, packet, now_ns)
        elif packet.type is PacketType.PUBREC:
            fits = publisher.receive(client, [packet.packet_id])
            if fits:
                self.owe_pubrels(pubrel(packet.packet_id))
        elif packet.type is PacketType.PUBACK:
            fits = publisher.complete(client, [packet.packet_id], AWAIT_PUBACK, now_ns)
        else:
            fits = publisher.complete(client, [packet.packet_id], AWAIT_PUBCOMP, now_ns)
        if not fits:
            raise MalformedPacket(f"{packet.type.name} for a message that awaits another answer", "MQTT-4.3.3-1")

    def _on_refused(self, publisher: Publisher, client: int, packet: Ack, now_ns: int) -> bool:
        """Take a refused message (MQTT 5). The reason text may name the client: only the code is reported."""
        assert isinstance(publisher, Publisher5)
        self._meter.trouble(f"the broker refused a message: {reason_text(packet.reason_code)}")
        return publisher.refuse(client, packet.packet_id, now_ns, received=packet.type is PacketType.PUBREC)

    # --- who is who ------------------------------------------------------------------------------------------------

    def _group_of(self, client: int) -> GroupPlan:
        return self._plan.group_of(client)

    def _index(self, client: int, plan: GroupPlan) -> int:
        return int(plan.members[client - plan.first_row])

    def _starts_clean(self, client: int, plan: GroupPlan) -> bool:
        """Tell whether this connection starts clean: of a session that outlives connections, only the first does."""
        group = plan.group
        return group.clean_start and not (group.session_expiry and self._columns.was_connected[client])

    def _connect_packet(self, client: int) -> Connect:
        plan = self._group_of(client)
        group, run = plan.group, plan.identity.name
        index = self._index(client, plan)
        username, password = self._setups[client].credentials.login_at(index)
        speaks_5 = plan.protocol is Protocol.V5
        return Connect(
            client_id=self._assigned.get(client) or plan.client_id(index),
            clean_start=self._starts_clean(client, plan),
            keep_alive=group.keepalive,
            username=username,
            password=None if password is None else password.encode(),
            will=_will(group.will_at(index, run, plan.identity.of_client(group, index))),
            properties=group.connect_properties(clean_start=group.clean_start) if speaks_5 else NO_PROPERTIES,
        )


def pubrel(packet_id: int) -> bytes:
    return b"\x62\x02" + packet_id.to_bytes(2)


def _will(will: WillParts | None) -> Will | None:
    return None if will is None else Will(*will)


def _nobody_listens(*_: object) -> None:
    raise RuntimeError("the engine has not been put together")
