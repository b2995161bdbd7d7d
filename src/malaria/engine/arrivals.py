"""PUBLISH packets coming in: into the ledger, the latencies, and answered. A hot module.

A burst is taken in four steps: find the frames (`publish_frames`), gather the 20-byte payload headers, enter them into
the ledger, answer all packet ids in one send. What costs a look at every byte of a topic (UTF-8, wildcards) is not
checked here: a broker that forwards what it should have refused is not what is measured. A header whose due time lies
ahead of the clock is not ours, whatever its tag says. The plain twin is one frame at a time through the codec; a test
compares them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from malaria.engine.context import EngineContext
from malaria.engine.publish_frames import QOS, Data, Frames, Places, find_frames, locate
from malaria.errors import MalformedPacket
from malaria.mqtt.codec import frame_length
from malaria.plan.clients import Plan
from malaria.plan.streams import refused_streams, streams_of
from malaria.records.ledger import Arrivals, Received, without_rows
from malaria.schedule.arrays import Ints
from malaria.schedule.payload import HEADER, HEADER_DTYPE, HEADER_SIZE, MAGIC
from malaria.transport.limits import LARGEST_FRAME

RETAIN: Final = 0x01
_HEADER_COLUMNS: Final = np.arange(HEADER_SIZE)


class Inbox:
    """The messages that the subscribing clients of a worker receive."""

    def __init__(self, plan: Plan, context: EngineContext) -> None:
        streams = streams_of(plan)
        self._plan = plan
        self._streams = streams
        self._refused: dict[int, frozenset[str]] = {}  # the filters of a client that the broker refused
        self._begun = False
        # numbers of publishers of the reserve that have come: first, behind last
        self._waves: list[tuple[int, int]] = []
        self._let_go: set[int] = set()  # rows of subscribers that were removed
        self._let_go_shared: set[str] = set()  # shared subscriptions that lost a member by that
        self._given_up = ""
        self._publisher_views = {client: memoryview(numbers) for client, numbers in streams.publishers.items()}
        self.ledger = Arrivals(len(streams.publisher), streams.copies)
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
        return self._streams.note or self._given_up

    def expect(self, first_number: int, clients: int) -> None:
        """Tell which publishers of a reserve have come: their streams are part of the account from now on."""
        self._waves.append((first_number, first_number + clients))

    def let_go(self, rows: Iterable[int], filters: Iterable[tuple[str, ...]]) -> None:
        """Take subscribers out of the account: `rows` of this worker, `filters` of those of all workers.

        What was on the way to them when they left is not known, and of a shared subscription not whose it was.
        """
        self._let_go.update(rows)
        self._let_go_shared.update(one[0] for one in filters if one[0] in self._streams.shared)

    def give_up(self, reason: str) -> None:
        """Do not follow deliveries, for the whole run."""
        self._given_up = reason

    def begin(self, epoch_ns: int, measure_ns: int) -> None:
        """Due times in payloads count from `epoch_ns`; end-to-end latency is kept for those due from `measure_ns`."""
        self._epoch_ns = epoch_ns
        self._measure_run_ns = measure_ns - epoch_ns
        self._begun = True

    def correct_epoch(self, epoch_ns: int) -> None:
        """Run time 0 is better known by now."""
        self._epoch_ns = epoch_ns

    def take(self, client: int, data: Data, start: int, end: int, now_ns: int) -> int:
        """Take the PUBLISH packets of one first byte that stand at `start`; return their bytes, 0 if none is whole.

        Raises MalformedPacket for bytes that are no PUBLISH.
        """
        first = data[start]
        check_first_byte(first)
        length = frame_length(data, start, end, LARGEST_FRAME)
        if length and start + length == end and first & QOS < 0x04:
            self._take_one(client, data, first, (locate(data, start, end), end), now_ns)
            return length
        frames = find_frames(data, start, end, locate)
        if frames.taken:
            self._take_all(client, data, first, frames, now_ns)
        return frames.taken

    def _take_all(self, client: int, data: Data, first: int, frames: Frames, now_ns: int) -> None:
        """Answer and enter the messages of one first byte."""
        payloads, ids, _ = frames
        self._counts.arrived += len(payloads)
        if first & QOS == 0x04:
            payloads = self._receive_exactly_once(client, data, payloads, ids, now_ns)
        elif first & QOS:
            self._answer(client, data, ids, now_ns)
        if first & RETAIN:
            self._counts.retained += len(payloads)
        elif len(payloads):
            duplicated = self.ledger.duplicated
            self._enter(client, data, payloads, now_ns)
            if first & QOS == 0x04:
                self._counts.duplicated_qos_2 += self.ledger.duplicated - duplicated

    def _take_one(self, client: int, data: Data, first: int, frame: tuple[Places, int], now_ns: int) -> None:
        """Answer and enter a lone message of QoS 0 or 1, without arrays: the usual case when little comes.

        `frame` has the places in it, and its end.
        """
        (id_at, _, payload_at), end = frame
        self._counts.arrived += 1
        if first & 0x02:
            packet_id = bytes(data[id_at : id_at + 2])
            _check_id(packet_id[0] | packet_id[1])
            self._outbox.send(client, b"\x40\x02" + packet_id, now_ns)
        # kept by the broker from before: neither its latency nor its place in the order says anything
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
            counts.duplicated, counts.overlapping = ledger.duplicated, ledger.overlapping
            return
        # the ledger compares with what this stream has had; a shared one has been dealt to several members
        if ledger.reordered != reordered and client not in self._sharing:
            counts.reordered += 1
        counts.delivered += 1
        if due_ns >= self._measure_run_ns:
            self._meter.end_to_end.append(now_ns - self._epoch_ns - due_ns)

    def release(self, client: int, packet_id: int, now_ns: int) -> None:
        """Answer PUBREL with PUBCOMP, whether the id is known or not (MQTT-4.3.3-2)."""
        received = self._received_ids.get(client)
        if received is not None and packet_id in received:
            received.remove(packet_id)
        else:
            self._counts.stray_ack += 1
        self._outbox.send(client, b"\x70\x02" + packet_id.to_bytes(2), now_ns)

    def resume(self, client: int, session_present: bool) -> None:
        """Forget the ids received so far if a new connection has no kept session."""
        if not session_present:
            self._received_ids.pop(client, None)

    def note_suback(self, client: int, refused: frozenset[str]) -> None:
        """Note the filters that the broker refused. What counts is the last SUBACK before the load begins."""
        if not self._begun:
            self._refused.pop(client, None)
            if refused:
                self._refused[client] = refused

    def received(self) -> Received:
        """Return the account of the streams of this worker.

        It is without those whose subscription the broker refused, those of subscribers that were removed, and those of
        publishers that never came.
        """
        ledger, streams = self.ledger, self._streams
        account = Received(
            streams.publisher, ledger.next_sequence, ledger.received, ledger.holes, streams.shared, streams.subscriber
        )
        unused = self._unused()
        left_out = [unused, self._of_those_let_go()]
        if self._refused:
            left_out.append(refused_streams(self._plan, streams, self._refused))
        rows = np.unique(np.concatenate(left_out))
        return without_rows(account, rows, unused) if len(rows) else account

    def _unused(self) -> Ints:
        """Return the streams of publishers of a reserve that never came."""
        if not self._plan.reserves:
            return np.zeros(0, np.int64)
        publisher = self._streams.publisher
        first = min(part.first_number + part.first_index for part in self._plan.reserves)
        unused = publisher >= first
        for begin, end in self._waves:
            unused &= (publisher < begin) | (publisher >= end)
        return np.flatnonzero(unused)

    def _of_those_let_go(self) -> Ints:
        """Return the streams of subscribers that were removed, and of shared subscriptions that lost a member."""
        first, publishers = self._streams.first, self._streams.publishers
        shared = {place for place, count in self._streams.shared.values() if count}
        spans = [
            (first[row], len(publishers[row])) for row in self._let_go if row in first and first[row] not in shared
        ]
        spans += [self._streams.shared[filter_] for filter_ in self._let_go_shared]
        return np.concatenate([np.zeros(0, np.int64), *(np.arange(place, place + count) for place, count in spans)])

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
        dues = headers["due_ns"].astype(np.int64)
        first = ledger.take_many(streams, headers["sequence"].astype(np.int64))
        counts.duplicated, counts.overlapping = ledger.duplicated, ledger.overlapping
        if first is not None:
            dues = dues[first]
        counts.delivered += len(dues)
        timed = dues >= self._measure_run_ns
        self._meter.end_to_end.extend(now_ns - self._epoch_ns - (dues if timed.all() else dues[timed]))


def check_first_byte(first: int) -> None:
    if first & 0x06 == 0x06:
        raise MalformedPacket("PUBLISH with QoS 3", "MQTT-3.3.1-4")
    if first & 0x0E == 0x08:
        raise MalformedPacket("PUBLISH with DUP at QoS 0", "MQTT-3.3.1-2")


def _check_id(packet_id: int) -> None:
    if not packet_id:
        raise MalformedPacket("PUBLISH with packet id 0", "MQTT-2.3.1-1")
