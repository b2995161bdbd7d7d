"""Read what comes in: find frame boundaries in one pass, take the fields of many frames at once. A hot module.

Two kinds of traffic matter: a lone PUBACK (paced publishers), and several PUBLISH or answers to ours in one read
(subscribers, closed loop). They have a short way here; every other packet goes through the codec to the `Conversation`.
Costs: a lone PUBACK about 0.6 us of Python, a PUBLISH in a burst under 1 us with latency, loss and order tracked.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from malaria.engine.arrivals import Inbox
from malaria.engine.context import EngineContext
from malaria.engine.conversation import Conversation, Lost, pubrel
from malaria.engine.publish_frames import Data
from malaria.engine.publisher import Publisher
from malaria.engine.publisher5 import Publisher5
from malaria.engine.window import AWAIT_PUBACK, AWAIT_PUBCOMP, AWAIT_PUBREC
from malaria.errors import MalformedPacket
from malaria.mqtt.codec import frame_length
from malaria.mqtt.packets import PacketType
from malaria.mqtt.reasons import NO_MATCHING_SUBSCRIBERS
from malaria.mqtt.session import SessionPhase
from malaria.transport.failures import CLOSED, failure_of
from malaria.transport.limits import LARGEST_FRAME
from malaria.transport.stream import NOTHING_YET

BUFFER_SIZE: Final = 256 * 1024
_PUBACK: Final = 0x40
_PUBREL: Final = 0x62
_FEWEST_ALIKE: Final = 3
"""Answers to consecutive packet ids from which on taking them at once costs less than one by one."""
_AWAITED: Final = {0x40: AWAIT_PUBACK, 0x50: AWAIT_PUBREC, 0x70: AWAIT_PUBCOMP}
"""What a message awaits that each kind of answer (by the first byte) is for."""
_REASONS_OF_SUCCESS: Final = {0x40: (0, NO_MATCHING_SUBSCRIBERS), 0x50: (0, NO_MATCHING_SUBSCRIBERS), 0x70: (0,)}
_READY: Final = int(SessionPhase.READY)
_LISTENING: Final = (
    SessionPhase.SUBSCRIBING,
    SessionPhase.READY,
)  # a PUBLISH may come before the SUBACK (3.1.1 section 3.8.4)


class Receiver:
    """Reads from all clients of a worker. `lost(client, reason)` is called when a connection ended."""

    def __init__(
        self,
        context: EngineContext,
        publishers: list[Publisher | None],
        inbox: Inbox,
        conversation: Conversation,
        lost: Lost,
    ) -> None:
        self._columns = context.columns
        self._publishers = publishers
        self._inbox = inbox
        self._conversation = conversation
        self._counts = context.meter.counts
        self._lost = lost
        self._buffer = bytearray(BUFFER_SIZE)
        self._view = memoryview(self._buffer)
        self._partial: dict[int, bytearray] = {}
        self._needed: dict[int, int] = {}  # bytes of a begun frame, where its header has come

    def read(self, client: int, now_ns: int) -> None:
        """Takes what the kernel has for this client. Hot."""
        try:
            count = self._columns.receives[client](self._view)
        except NOTHING_YET:
            return
        except OSError as error:
            self._lost(client, failure_of(error))
            return
        self._counts.bytes_received += count
        buffer = self._buffer
        # a lone PUBACK is what a paced publisher reads nearly always
        if count == 4 and buffer[0] == _PUBACK and buffer[1] == 2 and not self._partial:
            publisher = self._publishers[client]
            if (
                publisher is not None
                and self._columns.phase[client] == _READY
                and publisher.acknowledge(client, buffer[2] << 8 | buffer[3], now_ns)
            ):
                return
        if not count:
            self._lost(client, CLOSED)
            return
        self._take(client, count, now_ns)

    def forget(self, client: int) -> None:
        """Drop the incomplete frame of a connection that has ended."""
        self._partial.pop(client, None)
        self._needed.pop(client, None)

    def _take(self, client: int, count: int, now_ns: int) -> None:
        """Handles everything whole in the buffer and keeps the rest."""
        data: Data = self._buffer
        begun = self._partial.get(client)
        if begun is not None:
            begun += self._view[:count]
            if len(begun) < self._needed[client]:
                return  # looking at a large frame again at each read would cost its square
            data, count = begun, len(begun)
            del self._partial[client], self._needed[client]
        try:
            done = self._frames(client, data, count, now_ns)
        except MalformedPacket as error:
            self._counts.malformed += 1
            self._lost(client, f"malformed: {error}")
            return
        finally:
            self._conversation.end_read(client, now_ns)
        if done < count and self._columns.phase[client] > SessionPhase.CONNECTING:
            self._partial[client] = bytearray(data[done:count])
            self._needed[client] = _frame_bytes(data, done, count)

    def _frames(self, client: int, data: Data, end: int, now_ns: int) -> int:
        """Handles the whole frames in data[:end]; returns where the first unfinished one begins."""
        start = 0
        while start < end:
            if self._columns.phase[client] in (SessionPhase.WAITING, SessionPhase.CLOSED):
                return end  # the connection was lost: what follows is not read
            kind = data[start] & 0xF0
            # what is out of turn goes to the conversation, which says why
            if kind == 0x30 and self._columns.phase[client] in _LISTENING:
                taken = self._inbox.take(client, data, start, end, now_ns)
                if taken:
                    start += taken
                    continue
            elif data[start] in _AWAITED:
                taken = self._answers(client, data, start, end, now_ns)
                if taken:
                    start += taken
                    continue
            length = frame_length(data, start, end, LARGEST_FRAME)
            if not length:
                return start
            self._conversation.receive(client, data, start, start + length, now_ns)
            start += length
        return start

    def _answers(self, client: int, data: Data, start: int, end: int, now_ns: int) -> int:
        """Take the PUBACKs, PUBRECs or PUBCOMPs at `start` that are of one kind and no refusal; return their bytes.

        Returns 0 for what the codec must look at.
        """
        publisher = self._publishers[client]
        if publisher is None or self._columns.phase[client] != _READY:
            return 0
        kind = data[start]
        taken = self._run(publisher, client, data, start, end, now_ns)
        if taken:
            return taken
        speaks_5 = isinstance(publisher, Publisher5)
        packet_ids: list[int] = []
        at, unmatched, reasons = start, 0, _REASONS_OF_SUCCESS[kind]
        while at + 4 <= end and data[at] == kind:
            size, packet_id = data[at + 1], data[at + 2] << 8 | data[at + 3]
            if size == 3 and speaks_5 and packet_id and at + 5 <= end and data[at + 4] in reasons:
                unmatched += data[at + 4] == NO_MATCHING_SUBSCRIBERS  # a reason of success changes nothing else
            elif size != 2 or not packet_id:
                break
            packet_ids.append(packet_id)
            at += 2 + size
        if packet_ids:
            self._counts.unmatched += unmatched
            self._enter_answers(publisher, client, kind, packet_ids, now_ns)
        return at - start

    def _enter_answers(self, publisher: Publisher, client: int, kind: int, packet_ids: list[int], now_ns: int) -> None:
        """Enter answers of one kind. Raises MalformedPacket if a message awaits another one."""
        awaited = _AWAITED[kind]
        if awaited == AWAIT_PUBREC:
            fits = publisher.receive(client, packet_ids)
            self._conversation.owe_pubrels(b"".join(map(pubrel, packet_ids)))
        else:
            fits = publisher.complete(client, packet_ids, awaited, now_ns)
        if not fits:
            if kind == _PUBACK:
                raise MalformedPacket("PUBACK for a QoS 2 message", "MQTT-4.3.3-1")
            name = PacketType(kind >> 4).name
            raise MalformedPacket(f"{name} for a message that awaits another answer", "MQTT-4.3.3-1")

    def _run(self, publisher: Publisher, client: int, data: Data, start: int, end: int, now_ns: int) -> int:
        """Take answers of one kind to consecutive packet ids at once; return their bytes, 0 if they are none. Hot.

        That is how they come in a burst; at the end of the window packet ids begin anew.
        """
        window = publisher.window
        if window is None or end - start < _FEWEST_ALIKE * 4:
            return 0
        kind, size = data[start], data[start + 1]
        width = 2 + size
        if size not in (2, 3) or end - start < _FEWEST_ALIKE * width:
            return 0
        reason = None if size == 2 else data[start + 4]
        if reason is not None and not (isinstance(publisher, Publisher5) and reason in _REASONS_OF_SUCCESS[kind]):
            return 0
        first_id = data[start + 2] << 8 | data[start + 3]
        count = min((end - start) // width, window.size - first_id + 1)
        if kind != _PUBACK and count > 1:  # a read brings PUBRECs and PUBCOMPs one behind the other
            kinds = data[start : start + count * width : width]
            count -= len(kinds.lstrip(kinds[:1]))
        frames = _all_answers(kind, reason)[first_id * width : (first_id + count) * width]
        if count < _FEWEST_ALIKE or data[start : start + count * width] != frames:
            return 0
        awaited = _AWAITED[kind]
        if awaited == AWAIT_PUBREC:
            if not publisher.receive_run(client, first_id, count):
                return 0
            self._conversation.owe_pubrels(_all_answers(_PUBREL, None)[first_id * 4 : (first_id + count) * 4])
        elif not publisher.complete_run(client, first_id, count, awaited, now_ns):
            return 0
        if reason == NO_MATCHING_SUBSCRIBERS:
            self._counts.unmatched += count
        return count * width


@cache
def _all_answers(first: int, reason: int | None) -> bytes:
    """Return the acknowledgements with this first byte, of all packet ids in order; `reason` is that of MQTT 5."""
    tail = b"" if reason is None else bytes([reason])
    head = bytes([first, 2 + len(tail)])
    return b"".join(head + packet_id.to_bytes(2) + tail for packet_id in range(1 << 16))


def _frame_bytes(data: Data, start: int, end: int) -> int:
    """Return the bytes of the frame that begins at `start`, 0 while its length has not come."""
    length = 0
    for place in range(start + 1, min(end, start + 5)):
        length |= (data[place] & 0x7F) << 7 * (place - start - 1)
        if data[place] < 0x80:
            return place + 1 - start + length
    return 0
