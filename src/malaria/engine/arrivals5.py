"""PUBLISH packets of MQTT 5 coming in: as `arrivals`, with properties between packet id and payload. A hot module.

Only their length is looked at, but for two kinds of client, whose packets go through the codec one by one. With those
that allow the broker topic aliases, one that was not introduced on this connection, or is over the maximum, is the
broker's fault. Those that respond answer each request to its response topic: the same payload, so that whoever asked
knows the message again, and the correlation data; at QoS 0.
"""

from __future__ import annotations

import numpy as np

from malaria.engine.arrivals import (
    RETAIN,
    RUN,
    Bytes,
    Data,
    Inbox,
    check_first_byte,
    frames_alike,
    topic_place,
)
from malaria.engine.context import EngineContext
from malaria.errors import MalformedPacket
from malaria.mqtt.aliases import TopicAliases
from malaria.mqtt.codec import decode, encode, frame_length
from malaria.mqtt.packets import Protocol, Publish
from malaria.plan.clients import Plan
from malaria.schedule.arrays import Ints
from malaria.transport.limits import LARGEST_FRAME


class Inbox5(Inbox):
    """The messages that the subscribing clients of a worker receive, where some of them speak MQTT 5."""

    def __init__(self, plan: Plan, context: EngineContext) -> None:
        super().__init__(plan, context)
        self._speaks_5 = bytearray(plan.clients)
        self._counts_kept = bytearray(plan.clients)  # RETAIN is as it was published, and tells nothing of kept messages
        self._most_aliases: Ints = np.zeros(plan.clients, np.int64)
        self._responds = bytearray(plan.clients)
        self._aliases: dict[int, TopicAliases] = {}
        for group in plan.groups:
            rows = slice(group.first_row, group.first_row + group.count)
            self._speaks_5[rows] = bytes([group.protocol is Protocol.V5]) * group.count
            self._counts_kept[rows] = bytes([group.group.retain_as_published]) * group.count
            self._most_aliases[rows] = group.group.topic_alias_maximum
            self._responds[rows] = bytes([group.group.responds]) * group.count

    def take(self, client: int, data: Data, start: int, end: int, now_ns: int) -> int:
        if not self._speaks_5[client]:
            return super().take(client, data, start, end, now_ns)
        first = data[start]
        check_first_byte(first)
        length = frame_length(data, start, end, LARGEST_FRAME)
        if not length:
            return 0
        first_counted = first & ~RETAIN if self._counts_kept[client] else first
        with_id = bool(first & 0x06)
        if start + length == end and first & 0x06 < 0x04:
            id_at, payload_at = _places(data, start, end, with_id)
            self._process(client, data, start, end, now_ns)
            self._take_one(client, data, first_counted, (id_at, payload_at, end), now_ns)
            return length
        found = None
        if (end - start) // length >= RUN and not (self._most_aliases[client] or self._responds[client]):
            found = _find_run(data, start, end, length, with_id)
        payloads, ids, taken = found or self._scan_5(client, data, (start, end), now_ns)
        self._take_all(client, data, first_counted, (payloads, ids), now_ns)
        return taken

    def resume(self, client: int, session_present: bool) -> None:
        super().resume(client, session_present)
        self._aliases.pop(client, None)  # they are of one connection (MQTT 5, 3.3.2.3.4)

    def _process(self, client: int, data: Data, start: int, end: int, now_ns: int) -> None:
        """Follows the topic aliases of a client that allows them; answers for one that responds."""
        most, responds = int(self._most_aliases[client]), self._responds[client]
        if not most and not responds:
            return
        decoded = decode(data, start, end, protocol=Protocol.V5)
        assert decoded is not None
        packet = decoded[0]
        assert isinstance(packet, Publish)
        if most:
            aliases = self._aliases.get(client)
            if aliases is None:
                aliases = self._aliases[client] = TopicAliases(most)
            aliases.topic_of(packet)
        if responds and not packet.retain:
            self._respond(client, packet, now_ns)

    def _respond(self, client: int, request: Publish, now_ns: int) -> None:
        """A message that says where its answer belongs gets one (MQTT 5, 4.10)."""
        topic = request.properties.get("response_topic")
        if not topic or not {"+", "#"}.isdisjoint(topic):
            return
        given = {name: request.properties[name] for name in ("correlation_data",) if name in request.properties}
        answer = Publish(topic, request.payload, properties=given)
        self._counts.answered += 1
        self._outbox.send(client, encode(answer, Protocol.V5), now_ns)

    def _scan_5(self, client: int, data: Data, span: tuple[int, int], now_ns: int) -> tuple[Ints, Ints, int]:
        """Frames of any length, one after the other, as long as they begin like the first."""
        start, end = span
        with_id = bool(data[start] & 0x06)
        payloads: list[tuple[int, int]] = []
        ids: list[int] = []
        stop = start
        for place, stop in frames_alike(data, start, end):
            id_at, payload_at = _places(data, place, stop, with_id)
            self._process(client, data, place, stop, now_ns)
            payloads.append((payload_at, stop))
            if with_id:
                ids.append(id_at)
        return np.array(payloads, np.int64).reshape(-1, 2), np.array(ids, np.int64), stop - start


def _places(data: Data, start: int, end: int, with_id: bool) -> tuple[int, int]:
    """Return where the packet id (if any) and the payload of the PUBLISH in data[start:end] begin."""
    topic_at = topic_place(data, start)
    if topic_at + 2 <= end:
        id_at = topic_at + 2 + (data[topic_at] << 8 | data[topic_at + 1])
        place = id_at + 2 if with_id else id_at
        if place < end:
            length = data[place]
            payload_at = place + 1 + length if length < 0x80 else _behind_long(data, place, end)
            if payload_at <= end:
                return id_at, payload_at
    raise MalformedPacket("topic or properties longer than their PUBLISH", "MQTT-3.3.2-1")


def _behind_long(data: Data, place: int, end: int) -> int:
    """Behind properties of 128 bytes or more."""
    length = shift = 0
    for at in range(place, min(end, place + 4)):
        length |= (data[at] & 0x7F) << shift
        if data[at] < 0x80:
            return at + 1 + length
        shift += 7
    raise MalformedPacket("a variable byte integer of more than four bytes", "MQTT-1.5.5-1")


def _find_run(data: Data, start: int, end: int, length: int, with_id: bool) -> tuple[Ints, Ints, int] | None:
    """Frames of one length, one topic length and one length of properties, found by one comparison."""
    topic_at = topic_place(data, start)
    id_at, payload_at = _places(data, start, start + length, with_id)
    rows: Bytes = np.frombuffer(data, np.uint8, (end - start) // length * length, start).reshape(-1, length)
    head = topic_at + 2 - start
    sized_at = id_at + (2 if with_id else 0) - start
    sized = sized_at + (1 if data[start + sized_at] < 0x80 else 4)
    other = (rows[:, :head] != rows[0, :head]).any(axis=1) | (rows[:, sized_at:sized] != rows[0, sized_at:sized]).any(
        axis=1
    )
    places = np.flatnonzero(other)
    count = int(places[0]) if len(places) else len(rows)
    if count < RUN:
        return None
    starts = np.arange(count) * length
    payloads = np.stack([starts + payload_at, starts + start + length], axis=1)
    return payloads, starts + id_at if with_id else starts[:0], count * length
