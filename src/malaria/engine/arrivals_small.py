"""PUBLISH packets whose payload is too small for the header: the header is put in its place, and `arrivals` goes on.

Where a user property of MQTT 5 carries the header, it is taken from there. Elsewhere the topic says whose message it
is, and its order which: the next of that publisher. Then a repeat looks like the next message, a loss like one at the
end, and the due time is not known, so nothing is said of repeats, order and end-to-end latency. About 5 us a message.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from malaria.engine.arrivals5 import Inbox5
from malaria.engine.context import EngineContext
from malaria.engine.publish_frames import Data, frames_alike, locate, locate_5
from malaria.mqtt.codec import decode, encode_remaining_length
from malaria.mqtt.packets import Protocol, Publish
from malaria.plan.clients import Plan
from malaria.schedule.payload import HEADER_PROPERTY, HEADER_SIZE, pack_header

NO_DUE_NS: Final = 0
"""Before every measured time: it gives no latency."""


class SmallInbox(Inbox5):
    """The messages that the subscribing clients of a worker receive, where some have no header in their payload."""

    def __init__(self, plan: Plan, context: EngineContext) -> None:
        super().__init__(plan, context)
        self._by_topic = self._streams.by_topic

    def take(self, client: int, data: Data, start: int, end: int, now_ns: int) -> int:
        taken = 0
        for place, stop in frames_alike(data, start, end):
            frame = self._with_header(client, data, place, stop)
            super().take(client, frame, 0, len(frame), now_ns)
            taken += stop - place
        return taken

    def _with_header(self, client: int, data: Data, place: int, stop: int) -> bytes | bytearray:
        """Return the frame with the header as its payload; as it is if nothing tells whose message it is."""
        speaks_5 = self._speaks_5[client]
        id_at, _, payload_at = (locate_5 if speaks_5 else locate)(data, place, stop)
        length_at = place + 1
        while data[length_at] & 0x80:
            length_at += 1
        topic_at = length_at + 3
        header = self._of_property(data, place, stop) if speaks_5 else b""
        header = header or self._of_topic(client, bytes(data[topic_at:id_at]))
        if not header:
            return bytearray(data[place:stop])
        body = bytes(data[length_at + 1 : payload_at]) + header
        return bytearray(data[place : place + 1]) + encode_remaining_length(len(body)) + body

    def _of_property(self, data: Data, place: int, stop: int) -> bytes:
        decoded = decode(data, place, stop, protocol=Protocol.V5)
        packet = decoded[0] if decoded is not None else None
        if not isinstance(packet, Publish):
            return b""
        pairs = packet.properties.get("user_property") or ()
        digits = next((text for name, text in pairs if name == HEADER_PROPERTY), "")
        try:
            header = bytes.fromhex(digits)
        except ValueError:
            return b""
        return header if len(header) == HEADER_SIZE else b""

    def _of_topic(self, client: int, topic: bytes) -> bytes:
        number, publishers = self._by_topic.get(topic), self._publisher_views.get(client)
        if number is None or publishers is None:
            return b""
        place = bisect_left(publishers, number)
        if place == len(publishers) or publishers[place] != number:
            return b""
        sequence = int(self.ledger.next_sequence[self._streams.first[client] + place])
        return pack_header(self._tag, number, sequence, NO_DUE_NS)
