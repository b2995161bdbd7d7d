"""PUBLISH packets coming in: into the ledger, the latencies, and answered. A hot module.

A burst is taken in four steps: find the frames, gather the 20-byte payload headers, enter them into the ledger, answer
all packet ids in one send. Frames of one shape (same first byte, lengths and topic length) are found by one comparison
for all; others by a short scan. What costs a look at every byte of a topic (UTF-8, wildcards) is not checked here: a
broker that forwards what it should have refused is not what is measured. A header whose due time lies ahead of the
clock is not ours, whatever its tag says. The plain twin is one frame at a time through the codec; a test compares them.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

import numpy as np
from numpy.typing import NDArray

from malaria.engine.context import EngineContext
from malaria.errors import MalformedPacket
from malaria.mqtt.codec import frame_length
from malaria.plan.clients import Plan
from malaria.plan.streams import streams_of
from malaria.records.ledger import Arrivals, Received
from malaria.schedule.arrays import Ints
from malaria.schedule.payload import HEADER, HEADER_DTYPE, HEADER_SIZE, MAGIC
from malaria.transport.limits import LARGEST_FRAME

type Bytes = NDArray[np.uint8]
type Data = bytes | bytearray

RETAIN: Final = 0x01
QOS: Final = 0x06
RUN: Final = 8  # frames of one shape from which on the comparison pays
_HEADER_COLUMNS: Final = np.arange(HEADER_SIZE)


class Inbox:
    """The messages that the subscribing clients of a worker receive."""

    def __init__(self, plan: Plan, context: EngineContext) -> None:
        streams = streams_of(plan)
        self._streams = streams
        self._publisher_views = {client: memoryview(numbers) for client, numbers in streams.publishers.items()}
        self.ledger = Arrivals(len(streams.publisher))
        # members of shared subscriptions: no order is promised over several of them (MQTT 5, 4.8.2)
        shared = {place for place, count in streams.shared.values() if count}
        self._sharing = {client for client, place in streams.first.items() if place in shared}
        self._tag = plan.identity.tag
        self._outbox = context.outbox
        self._meter = context.meter
        self._counts = context.meter.counts
        self._epoch_ns = 0
        self._measure_run_ns = 0
        self._received_ids: dict[int, set[int]] = {}  # QoS 2: answered with PUBREC, not yet released

    @property
    def note(self) -> str:
        """Return why deliveries are not followed; empty if they are."""
        return self._streams.note

    def begin(self, epoch_ns: int, measure_ns: int) -> None:
        """Due times in payloads count from `epoch_ns`; end-to-end latency is kept for those due from `measure_ns`."""
        self._epoch_ns = epoch_ns
        self._measure_run_ns = measure_ns - epoch_ns

    def correct_epoch(self, epoch_ns: int) -> None:
        """Run time 0 is better known by now."""
        self._epoch_ns = epoch_ns

    def take(self, client: int, data: Data, start: int, end: int, now_ns: int) -> int:
        """Takes the PUBLISH packets of one shape that stand at `start`; returns their bytes, 0 when none is whole.

        Raises MalformedPacket for bytes that are no PUBLISH.
        """
        first = data[start]
        qos = first >> 1 & 3
        check_first_byte(first)
        length = frame_length(data, start, end, LARGEST_FRAME)
        if length and start + length == end and qos < 2:
            payload_at = _payload_place(data, start, end, bool(qos))
            self._take_one(client, data, first, (payload_at - 2, payload_at, end), now_ns)
            return length
        payloads, ids, length = self._find(data, start, end, qos)
        if len(payloads):
            self._take_all(client, data, first, (payloads, ids), now_ns)
        return length if len(payloads) else 0

    def _take_all(self, client: int, data: Data, first: int, places: tuple[Ints, Ints], now_ns: int) -> None:
        """Messages of one first byte: (payloads, ids) as `_find` has them."""
        payloads, ids = places
        self._counts.arrived += len(payloads)
        if first & QOS == 0x04:
            payloads = self._receive_exactly_once(client, data, payloads, ids, now_ns)
        elif first & QOS:
            self._answer(client, data, ids, now_ns)
        if first & RETAIN:
            self._counts.retained += len(payloads)
        elif len(payloads):
            self._enter(client, data, payloads, now_ns)

    def _take_one(self, client: int, data: Data, first: int, places: tuple[int, int, int], now_ns: int) -> None:
        """A lone message of QoS 0 or 1: the usual case when little comes, without arrays.

        `places` are those of packet id (if any) and payload, and the end.
        """
        id_at, payload_at, end = places
        self._counts.arrived += 1
        if first & 0x02:
            packet_id = bytes(data[id_at : id_at + 2])
            _check_id(packet_id[0] | packet_id[1])
            self._outbox.send(client, b"\x40\x02" + packet_id, now_ns)
        if first & RETAIN:
            self._counts.retained += 1
        else:
            self._enter_one(client, data, payload_at, end, now_ns)

    def _enter_one(self, client: int, data: Data, payload_at: int, end: int, now_ns: int) -> None:
        """Enter one message into ledger and latencies, without arrays."""
        publishers = self._publisher_views.get(client)
        if publishers is None:
            return
        if end - payload_at < HEADER_SIZE:
            self._counts.foreign += 1
            return
        magic, run, number, sequence, due_ns = HEADER.unpack_from(data, payload_at)
        if magic != MAGIC or run != self._tag or due_ns > now_ns:
            self._counts.foreign += 1
            return
        place = bisect_left(publishers, number)
        if place == len(publishers) or publishers[place] != number:
            self._counts.unexpected += 1
            return
        ledger, counts = self.ledger, self._counts
        reordered = ledger.reordered
        if not ledger.take(self._streams.first[client] + place, sequence):
            counts.duplicated += 1
            return
        if ledger.reordered != reordered and client not in self._sharing:
            counts.reordered += 1
        counts.delivered += 1
        if due_ns >= self._measure_run_ns:
            self._meter.end_to_end.append(now_ns - self._epoch_ns - due_ns)

    def release(self, client: int, packet_id: int, now_ns: int) -> None:
        """PUBREL came: answered with PUBCOMP whether the id is known or not (MQTT-4.3.3-2)."""
        self._received_ids.get(client, set()).discard(packet_id)
        self._outbox.send(client, b"\x70\x02" + packet_id.to_bytes(2), now_ns)

    def resume(self, client: int, session_present: bool) -> None:
        """A new connection: without a kept session the ids received so far mean nothing."""
        if not session_present:
            self._received_ids.pop(client, None)

    def received(self) -> Received:
        """The account of all streams of this worker."""
        ledger = self.ledger
        streams = self._streams
        return Received(streams.publisher, ledger.next_sequence, ledger.received, ledger.holes, streams.shared)

    # --- finding frames --------------------------------------------------------------------------------------------

    def _find(self, data: Data, start: int, end: int, qos: int) -> tuple[Ints, Ints, int]:
        """Frames that begin as the one at `start`: (payload places, payload ends and id places), bytes taken.

        Returns payload places as (n, 2) begin/end columns, id places (empty at QoS 0) and the length in bytes.
        """
        length = frame_length(data, start, end, LARGEST_FRAME)
        if length and (end - start) // length >= RUN:
            run = self._find_run(data, start, end, length, qos)
            if run is not None:
                return run
        return self._scan(data, start, end, qos)

    def _find_run(self, data: Data, start: int, end: int, length: int, qos: int) -> tuple[Ints, Ints, int] | None:
        """Frames of one length and one topic length, found by one comparison."""
        topic_at = topic_place(data, start)
        rows: Bytes = np.frombuffer(data, np.uint8, (end - start) // length * length, start).reshape(-1, length)
        head = topic_at + 2 - start
        other = np.flatnonzero((rows[:, :head] != rows[0, :head]).any(axis=1))
        count = int(other[0]) if len(other) else len(rows)
        if count < RUN:
            return None
        payload_at = _payload_place(data, start, start + length, bool(qos))
        ids_at = payload_at - 2
        starts = np.arange(count) * length
        payloads = np.stack([starts + payload_at, starts + start + length], axis=1)
        return payloads, starts + ids_at if qos else starts[:0], count * length

    def _scan(self, data: Data, start: int, end: int, qos: int) -> tuple[Ints, Ints, int]:
        """Frames of any length, one after the other."""
        payloads: list[tuple[int, int]] = []
        ids: list[int] = []
        stop = start
        for place, stop in frames_alike(data, start, end):
            payload_at = _payload_place(data, place, stop, bool(qos))
            payloads.append((payload_at, stop))
            if qos:
                ids.append(payload_at - 2)
        return np.array(payloads, np.int64).reshape(-1, 2), np.array(ids, np.int64), stop - start

    # --- answering -------------------------------------------------------------------------------------------------

    def _answer(self, client: int, data: Data, ids_at: Ints, now_ns: int) -> None:
        """PUBACKs for all, in one send, in order (MQTT-4.6.0-2)."""
        if len(ids_at) == 1:
            at = int(ids_at[0])
            _check_id(data[at] << 8 | data[at + 1])
            self._outbox.send(client, b"\x40\x02" + bytes(data[at : at + 2]), now_ns)
            return
        raw = np.frombuffer(data, np.uint8)
        answers = np.empty((len(ids_at), 4), np.uint8)
        answers[:, 0], answers[:, 1] = 0x40, 0x02
        answers[:, 2], answers[:, 3] = raw[ids_at], raw[ids_at + 1]
        _check_id(int(answers[:, 2:].any(axis=1).all()))
        self._outbox.send(client, answers.tobytes(), now_ns)

    def _receive_exactly_once(self, client: int, data: Data, payloads: Ints, ids_at: Ints, now_ns: int) -> Ints:
        """QoS 2: answers PUBREC for each, keeps the ids, leaves out messages received before (MQTT-4.3.3-2)."""
        received = self._received_ids.setdefault(client, set())
        fresh = np.ones(len(ids_at), np.bool_)
        answers = bytearray()
        for i, at in enumerate(ids_at.tolist()):
            packet_id = data[at] << 8 | data[at + 1]
            _check_id(packet_id)
            fresh[i] = packet_id not in received
            received.add(packet_id)
            answers += b"\x50\x02" + data[at : at + 2]
        self._outbox.send(client, bytes(answers), now_ns)
        return payloads if fresh.all() else payloads[fresh]

    # --- accounting ------------------------------------------------------------------------------------------------

    def _enter(self, client: int, data: Data, payloads: Ints, now_ns: int) -> None:
        """Into the ledger and the latencies."""
        publishers = self._streams.publishers.get(client)
        if publishers is None:
            return  # deliveries are not followed; `note` says why
        begins = payloads[:, 0]
        long_enough = payloads[:, 1] - begins >= HEADER_SIZE
        if not long_enough.all():
            self._counts.foreign += int((~long_enough).sum())
            begins = begins[long_enough]
        raw = np.frombuffer(data, np.uint8)
        headers = raw[begins[:, None] + _HEADER_COLUMNS].view(HEADER_DTYPE)[:, 0]
        ours = (headers["magic"] == MAGIC) & (headers["run"] == self._tag) & (headers["due_ns"] <= now_ns)
        if not ours.all():
            self._counts.foreign += int((~ours).sum())
            headers = headers[ours]
        numbers = headers["client"].astype(np.int64)
        places = np.searchsorted(publishers, numbers)
        known = places < len(publishers)
        known[known] = publishers[places[known]] == numbers[known]
        if not known.all():
            self._counts.unexpected += int((~known).sum())
            headers, places = headers[known], places[known]
        if len(headers):
            reordered = self.ledger.reordered
            self._account(self._streams.first[client] + places, headers, now_ns)
            if self.ledger.reordered != reordered and client not in self._sharing:
                self._counts.reordered += self.ledger.reordered - reordered

    def _account(self, streams: Ints, headers: NDArray[np.void], now_ns: int) -> None:
        ledger, counts = self.ledger, self._counts
        duplicated = ledger.duplicated
        dues = headers["due_ns"].astype(np.int64)
        first = ledger.take_many(streams, headers["sequence"].astype(np.int64))
        counts.duplicated += ledger.duplicated - duplicated
        if first is not None:
            dues = dues[first]
        counts.delivered += len(dues)
        timed = dues >= self._measure_run_ns
        self._meter.end_to_end.extend(now_ns - self._epoch_ns - (dues if timed.all() else dues[timed]))


def topic_place(data: Data, start: int) -> int:
    """Return the place of the topic's length, behind the fixed header."""
    place = start + 1
    while data[place] & 0x80:
        place += 1
    return place + 1


def frames_alike(data: Data, start: int, end: int) -> list[tuple[int, int]]:
    """Return where the whole frames begin and end that follow each other from `start` with the same first byte."""
    frames: list[tuple[int, int]] = []
    first, place = data[start], start
    while place < end and data[place] == first:
        length = frame_length(data, place, end, LARGEST_FRAME)
        if not length:
            break
        frames.append((place, place + length))
        place += length
    return frames


def _payload_place(data: Data, start: int, end: int, with_id: bool) -> int:
    """Return where the payload of the PUBLISH in data[start:end] begins."""
    topic_at = topic_place(data, start)
    if topic_at + 2 <= end:
        payload_at = topic_at + 2 + (data[topic_at] << 8 | data[topic_at + 1]) + (2 if with_id else 0)
        if payload_at <= end:
            return payload_at
    raise MalformedPacket("topic longer than its PUBLISH", "MQTT-3.3.2-1")


def check_first_byte(first: int) -> None:
    if first & 0x06 == 0x06:
        raise MalformedPacket("PUBLISH with QoS 3", "MQTT-3.3.1-4")
    if first & 0x0E == 0x08:
        raise MalformedPacket("PUBLISH with DUP at QoS 0", "MQTT-3.3.1-2")


def _check_id(packet_id: int) -> None:
    if not packet_id:
        raise MalformedPacket("PUBLISH with packet id 0", "MQTT-2.3.1-1")
