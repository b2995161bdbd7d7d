"""Bytes coming in: frame boundaries found in one pass, the fields of many frames taken at once. A hot module.

Two kinds of traffic matter: a lone PUBACK (paced publishers) and bursts of PUBLISH or PUBACK (subscribers, closed
loop). Both have a short way here; every other packet goes through the codec to the `Conversation`.
Costs: a lone PUBACK about 0.6 us of Python, a PUBLISH in a burst under 1 us with latency, loss and order tracked.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from malaria.engine.arrivals import Inbox
from malaria.engine.context import EngineContext
from malaria.engine.conversation import Conversation, Lost
from malaria.engine.publisher import Publisher
from malaria.engine.publisher5 import Publisher5
from malaria.errors import MalformedPacket
from malaria.mqtt.codec import frame_length
from malaria.mqtt.reasons import FAILURE, NO_MATCHING_SUBSCRIBERS
from malaria.mqtt.session import SessionPhase
from malaria.transport.failures import CLOSED, failure_of
from malaria.transport.limits import LARGEST_FRAME
from malaria.transport.stream import NOTHING_YET

BUFFER_SIZE: Final = 256 * 1024
_BURST: Final = 32  # bytes: eight PUBACKs; fewer are cheaper one by one
_PUBACK: Final = 0x40
_PUBACKS: Final = np.array([(0x4002, packet_id) for packet_id in range(1 << 16)], ">u2").tobytes()
"""The PUBACKs of all packet ids in order."""
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
        if count == 4 and buffer[0] == _PUBACK and buffer[1] == 2 and not self._partial:
            publisher = self._publishers[client]
            if publisher is not None and self._columns.phase[client] == _READY:
                if not publisher.acknowledge(client, buffer[2] << 8 | buffer[3], now_ns):
                    self._lost(client, "malformed: PUBACK for a QoS 2 message")
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
        data: bytes | bytearray = self._buffer
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

    def _frames(self, client: int, data: bytes | bytearray, end: int, now_ns: int) -> int:
        """Handles the whole frames in data[:end]; returns where the first unfinished one begins."""
        start = 0
        while start < end:
            if self._columns.phase[client] in (SessionPhase.WAITING, SessionPhase.CLOSED):
                return end  # the connection was lost: what follows is not read
            kind = data[start] & 0xF0
            if kind == 0x30 and self._columns.phase[client] in _LISTENING:
                taken = self._inbox.take(client, data, start, end, now_ns)
                if taken:
                    start += taken
                    continue
            elif kind == _PUBACK and end - start >= _BURST:
                taken = self._acknowledgements(client, data, start, end, now_ns)
                if taken:
                    start += taken
                    continue
            elif (
                kind == _PUBACK
                and end - start >= 5
                and data[start + 1] == 3
                and self._reasoned(client, data, start, now_ns)
            ):
                start += 5
                continue
            length = frame_length(data, start, end, LARGEST_FRAME)
            if not length:
                return start
            self._conversation.receive(client, data, start, start + length, now_ns)
            start += length
        return start

    def _reasoned(self, client: int, data: bytes | bytearray, start: int, now_ns: int) -> bool:
        """Takes a PUBACK with a reason of success (MQTT 5), such as "no matching subscribers"; False: it is another."""
        publisher = self._publishers[client]
        if not isinstance(publisher, Publisher5) or self._columns.phase[client] != _READY or data[start + 4] >= FAILURE:
            return False
        if not publisher.acknowledge(client, data[start + 2] << 8 | data[start + 3], now_ns):
            raise MalformedPacket("PUBACK for a QoS 2 message", "MQTT-4.3.3-1")
        self._counts.unmatched += data[start + 4] == NO_MATCHING_SUBSCRIBERS
        return True

    def _acknowledgements(self, client: int, data: bytes | bytearray, start: int, end: int, now_ns: int) -> int:
        """Take a burst of PUBACKs at once; return the bytes taken, 0 if it is none."""
        publisher = self._publishers[client]
        if publisher is None or publisher.window is None or self._columns.phase[client] != _READY:
            return 0
        # packet ids in order are the usual case, and one comparison of bytes; at the end of the window they begin anew
        first_id = data[start + 2] << 8 | data[start + 3]
        count = min((end - start) // 4, publisher.window.size - first_id + 1)
        if (
            count > 0
            and data[start : start + count * 4] == _PUBACKS[first_id * 4 : (first_id + count) * 4]
            and publisher.acknowledge_run(client, first_id, count, now_ns)
        ):
            return count * 4
        words: NDArray[np.uint16] = np.frombuffer(data, ">u2", (end - start) // 4 * 2, start)
        other = np.flatnonzero(words[0::2] != 0x4002)
        count = int(other[0]) if len(other) else len(words) // 2
        if count < _BURST // 4:
            return 0
        if not publisher.acknowledge_many(client, words[1 : 2 * count : 2].astype(np.int64), now_ns):
            raise MalformedPacket("PUBACK for a QoS 2 message", "MQTT-4.3.3-1")
        return count * 4


def _frame_bytes(data: bytes | bytearray, start: int, end: int) -> int:
    """Return the bytes of the frame that begins at `start`, 0 while its length has not come."""
    length = 0
    for place in range(start + 1, min(end, start + 5)):
        length |= (data[place] & 0x7F) << 7 * (place - start - 1)
        if data[place] < 0x80:
            return place + 1 - start + length
    return 0
