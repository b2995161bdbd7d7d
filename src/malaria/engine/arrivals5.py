"""PUBLISH packets of MQTT 5 coming in: as `arrivals`, with properties between packet id and payload. A hot module.

Only their length is looked at, but for two kinds of client, whose packets go through the codec one by one. With those
that allow the broker topic aliases, one that was not introduced on this connection, or is over the maximum, is the
broker's fault. Those that respond answer each request to its response topic: the same payload, so that the asker
knows the message again, and the correlation data; at QoS 0.
"""

from __future__ import annotations

import numpy as np

from malaria.engine.arrivals import RETAIN, Inbox, check_first_byte
from malaria.engine.context import EngineContext
from malaria.engine.publish_frames import QOS, Data, find_frames, frames_alike, locate_5
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
        self._speaks_5 = bytearray(plan.rows)
        self._counts_kept = bytearray(plan.rows)  # RETAIN is as it was published, and tells nothing of kept messages
        self._most_aliases: Ints = np.zeros(plan.rows, np.int64)
        self._responds = bytearray(plan.rows)
        self._aliases: dict[int, TopicAliases] = {}
        for group in plan.parts:
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
        decodes = self._most_aliases[client] or self._responds[client]
        first_counted = first & ~RETAIN if self._counts_kept[client] else first
        if start + length == end and first & QOS < 0x04:
            places = locate_5(data, start, end)
            if decodes:
                self._decode(client, data, start, end, now_ns)
            self._take_one(client, data, first_counted, (places, end), now_ns)
            return length
        frames = find_frames(data, start, end, locate_5)
        if decodes:
            for place, stop in frames_alike(data, start, start + frames.taken):
                self._decode(client, data, place, stop, now_ns)
        self._take_all(client, data, first_counted, frames, now_ns)
        return frames.taken

    def resume(self, client: int, session_present: bool) -> None:
        super().resume(client, session_present)
        self._aliases.pop(client, None)  # they are of one connection (MQTT 5, 3.3.2.3.4)

    def _decode(self, client: int, data: Data, start: int, end: int, now_ns: int) -> None:
        """Follow the topic aliases of a client that allows them; answer for one that responds."""
        most, responds = int(self._most_aliases[client]), self._responds[client]
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
        """Answer a message that names a response topic (MQTT 5, 4.10)."""
        topic = request.properties.get("response_topic")
        if not topic or not {"+", "#"}.isdisjoint(topic):
            return
        given = {name: request.properties[name] for name in ("correlation_data",) if name in request.properties}
        answer = Publish(topic, request.payload, properties=given)
        self._counts.answered += 1
        self._outbox.send(client, encode(answer, Protocol.V5), now_ns)
