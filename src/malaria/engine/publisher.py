"""Publish for one group: what is due, the in-flight window, held messages, redelivery. A hot module.

The readable twin is `malaria.mqtt.session`; a property test binds them.

What cannot be sent when it is due is *held*, in order, and sent as soon as it may be: nothing is skipped, and the wait
is part of its `ack` latency, because that counts from the due time. Why it had to wait is counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Final

import numpy as np

from malaria.engine.ack_times import AckTimes
from malaria.engine.columns import BACKLOG, HELD, OFFLINE, SILENT
from malaria.engine.context import EngineContext
from malaria.engine.publish_schedule import NEVER, PublishSchedule, PublishSpan
from malaria.engine.sender import Sender
from malaria.engine.template import DUP
from malaria.engine.window import AWAIT_PUBACK, AWAIT_PUBCOMP, AWAIT_PUBREC, FREE, Window
from malaria.plan.clients import GroupPlan
from malaria.records.ledger import Published
from malaria.schedule.arrays import Ints

FEW: Final = 32
"""Messages from which on the array operations of a block cost less than handling the messages one by one."""
BLOCK: Final = 128
"""Messages of one client in one send."""


class Publisher(Sender):
    """The publishing members of one group in this worker."""

    def __init__(self, plan: GroupPlan, context: EngineContext) -> None:
        super().__init__(plan, context)
        self._ack = context.meter.ack.append
        self._service = context.meter.service.append
        self._ack_times = AckTimes(context.meter.ack, context.meter.service)
        context.meter.before_fold.append(self._ack_times.fold)
        self._limit = plan.group.messages
        self._eager: set[int] = set()  # closed loop: members that may send more right now
        self._same_dues = np.empty(BLOCK, np.int64)
        self._schedule = PublishSchedule(plan)
        self._gone = np.zeros(plan.count, np.bool_)  # closed loop: members that have been told to leave
        self.next_due_ns = NEVER  # when `publish_due` has something to do next

    # --- schedule ----------------------------------------------------------------------------------------------

    def begin(self, span: PublishSpan) -> None:
        """Start publishing (again) at the origin of `span`."""
        self._epoch_ns, self._measure_ns = span.epoch_ns, span.measure_ns
        self._ack_times.begin(span.measure_ns)
        self._schedule.begin(span)
        if self.closed_loop:
            gate, base = self._columns.gate, self.base
            self._eager = {position for position in range(self.plan.count) if not gate[base + position]}
        self._look_ahead()

    def correct_epoch(self, epoch_ns: int) -> None:
        """Count what is stamped from here on from a better known run time 0."""
        self._epoch_ns = epoch_ns

    def stop_at(self, end_ns: int) -> None:
        """Take back what is due at `end_ns` or later. To be called before that time."""
        self._schedule.stop_at(end_ns)
        if self._schedule.span is None:
            self._eager.clear()
        self._look_ahead()

    def change_pace(self, at_ns: int, interval: Fraction) -> None:
        """Put `interval` seconds between two messages of a member from `at_ns` on. To be called before that time."""
        self._schedule.change_pace(at_ns, interval)
        self._look_ahead()

    def pause(self, at_ns: int) -> None:
        """Let nothing be due from `at_ns` on. To be called before that time; for a closed loop see `fall_silent`."""
        self._schedule.pause(at_ns)
        self._look_ahead()

    def resume_at(self, at_ns: int) -> None:
        """Go on at `at_ns` where the pause began. To be called before that time; for a closed loop see `speak`."""
        self._schedule.resume(at_ns)
        self._look_ahead()

    def leave(self, positions: Sequence[int], at_ns: int) -> None:
        """Let nothing of these members be due at `at_ns` or later. For a closed loop see `fall_silent`."""
        if not self.closed_loop:
            self._schedule.leave(positions, at_ns)
            self._look_ahead()

    def catch_up(self, now_ns: int) -> None:
        """Take up everything that was due until now."""
        # each call hands over a bounded number; a closed loop would go on for ever
        while not self.closed_loop and self.next_due_ns <= now_ns:
            self.publish_due(now_ns)

    def fall_silent(self, positions: Iterable[int], *, leaving: bool) -> None:
        """Let members of a closed loop send nothing more: for good if they leave, else until `speak`."""
        for position in positions:
            self._columns.gate[self.base + position] |= SILENT
            self._eager.discard(position)
            self._gone[position] |= leaving
        self._look_ahead()

    def speak(self) -> None:
        """Let the members of a closed loop send again that a pause had silenced."""
        gate, base = self._columns.gate, self.base
        for position in np.flatnonzero(~self._gone).tolist():
            gate[base + position] &= ~SILENT
            if not gate[base + position] and self._schedule.span is not None:
                self._eager.add(position)
        self._look_ahead()

    def end(self, now_ns: int) -> None:
        """Stop: what was due until now is taken up, and what is held still goes out."""
        self.catch_up(now_ns)
        self._schedule.end()
        self._eager.clear()
        self.next_due_ns = NEVER

    @property
    def done(self) -> bool:
        """Return True if nothing will be due any more. A closed loop that waits for acknowledgements is not done."""
        if not self.closed_loop:
            return self._schedule.over
        if self._schedule.span is None or bool(self._gone.all()):
            return True
        return self._limit is not None and bool((self._gone | (self.next_sequence >= self._limit)).all())

    @property
    def first_due_ns(self) -> int | None:
        """Return when the first message of the measured time was due; None: none was yet, or the loop is closed."""
        return self._schedule.first_due_ns

    def unsent(self) -> tuple[int, int]:
        """Return how many members of a closed loop have messages left to send, and how many messages."""
        if not self.closed_loop or self._limit is None:
            return 0, 0
        left = np.where(self._gone, 0, self._limit - self.next_sequence)
        return int(np.count_nonzero(left > 0)), int(left.sum())

    def _look_ahead(self) -> None:
        span = self._schedule.span
        if self._eager and span is not None:
            self.next_due_ns = span.origin_ns  # long past while it runs: at once
        else:
            self.next_due_ns = self._schedule.next_due_ns()

    def publish_due(self, now_ns: int) -> None:
        """Send or hold every message that is due. Hot."""
        schedule = self._schedule
        self._taken_ns = now_ns
        now_ns = schedule.within(now_ns)  # a message is not held any longer than the load lasts
        if self.closed_loop:
            self._publish_eager(now_ns)
            return
        places = schedule.take(now_ns)
        dues, positions, base, gate = schedule.dues, schedule.positions, self.base, self._columns.gate
        for place in places:
            position = positions[place]
            # a member that holds older messages has its gate closed too, so order is kept
            if gate[base + position] or not self._send_one(position, dues[place]):
                self._hold(position, dues[place], now_ns)
        self._counts.due += len(places)
        self._look_ahead()

    # --- held messages and closed loop ----------------------------------------------------------------------------

    def _hold(self, position: int, due_ns: int, now_ns: int) -> None:
        gate = self._columns.gate
        client = self.base + position
        reason = gate[client]
        # a client that is offline may have a backlog too: the connection is the reason that has to end first
        if reason & OFFLINE:
            self._counts.held_offline += 1
        elif reason & BACKLOG:
            self._counts.held_backlog += 1
        else:
            self._counts.held_window += 1
        if due_ns >= self._measure_ns:
            self._meter.held_own_lag.append(now_ns - due_ns)
        self._held.setdefault(position, deque()).append(due_ns)
        gate[client] |= HELD

    def release(self, position: int, now_ns: int) -> None:
        """Let a client send again (acknowledged, flushed, ready): its held messages go first, in order."""
        if self.closed_loop:
            self._go_on(position, now_ns)
            return
        held = self._held.get(position)
        if held is None:
            return
        gate, client = self._columns.gate, self.base + position
        while held and not gate[client] & ~HELD:
            # below four, a send for each costs less than the arrays of a block
            if len(held) >= 4:
                sent = self._send_block(position, np.array([held[i] for i in range(min(len(held), BLOCK))], np.int64))
            else:
                sent = int(self._send_one(position, held[0]))
            if not sent:
                return  # the window is full: the next acknowledgement goes on from here
            for _ in range(sent):
                held.popleft()
        if not held:
            del self._held[position]
            gate[client] &= ~HELD

    def _go_on(self, position: int, now_ns: int) -> None:
        """Refill the window of a member of a closed loop, in one send where its free slots follow one another.

        It never waits for more acknowledgements: a broker with Nagle's algorithm holds further ones back until our
        next bytes (or our kernel's delayed ACK, 40 ms later) acknowledge the last one.
        """
        span, window = self._schedule.span, self.window
        if span is None:
            return
        # before the origin too: `publish_due` is not called until then
        if window is None or now_ns < span.origin_ns:
            self._eager.add(position)
            self.next_due_ns = span.origin_ns
        elif span.end_ns is not None and now_ns >= span.end_ns:
            return
        elif window.size == 1 and self._limit is None:  # nothing to count: 0.3 us of the 2.6 us of such a turn
            if not self._columns.gate[self.base + position]:
                self._counts.due += self._send_one(position, now_ns)
        else:
            self._refill(window, position, now_ns)

    def _publish_eager(self, now_ns: int) -> None:
        """Closed loop: send what the windows of all eager members allow; due is now."""
        window = self.window
        eager, self._eager = self._eager, set()
        for position in eager:
            if window is not None:
                self._refill(window, position, now_ns)
            elif not self._columns.gate[self.base + position]:  # otherwise `release` makes it eager when that opens
                most = self._most_now(position)
                sent = self._send_block(position, self._all_due(most, now_ns))
                self._note_sent(position, sent, most)
        span = self._schedule.span
        # a closed loop has no last due time that would end it
        if span is not None and span.end_ns is not None and now_ns >= span.end_ns - 1:
            self.end(now_ns)
        self._look_ahead()

    def _refill(self, window: Window, position: int, now_ns: int) -> None:
        """Send messages into the free slots of a member, all due now, in as few sends as that takes. Hot."""
        gate, client = self._columns.gate, self.base + position
        if gate[client]:
            return
        row = position * window.size
        free = window.state.count(FREE, row, row + window.size)
        if free == 1 and self._limit is None and not self.answers:  # usual with a small window: as direct as it gets
            self._counts.due += self._send_one(position, now_ns)
            return
        most = self._most_now(position)
        wanted, total = min(most, free), 0
        # the gate closes when the kernel takes a part of a message: the next one must not cut into it
        while total < wanted and not gate[client]:
            left = wanted - total
            if left >= FEW:
                sent = self._send_block(position, self._all_due(left, now_ns))
            elif left == 1 and not self.answers:
                sent = int(self._send_one(position, now_ns))
            else:
                sent = self._send_run(position, window.free_run(position, left), now_ns)
            if not sent:
                break
            total += sent
        self._note_sent(position, total, most)

    def _note_sent(self, position: int, sent: int, most: int) -> None:
        """Count what a member of a closed loop has sent; let it go on in the next turn if that was `most`."""
        self._counts.due += sent
        if sent and sent == most:  # it may take more than one turn's share
            self._eager.add(position)
            span = self._schedule.span
            if span is not None:
                self.next_due_ns = span.origin_ns

    def _all_due(self, count: int, due_ns: int) -> Ints:
        """Return `count` times `due_ns`, at most BLOCK. Valid until the next call."""
        dues_ns = self._same_dues[:count]
        dues_ns.fill(due_ns)
        return dues_ns

    def _most_now(self, position: int) -> int:
        return BLOCK if self._limit is None else min(BLOCK, self._limit - self._next_at[position])

    # --- acknowledgements ------------------------------------------------------------------------------------------

    def acknowledge(self, client: int, packet_id: int, now_ns: int) -> bool:
        """Take a lone PUBACK. False, and nothing done, for what is malformed: id 0, or that of a QoS 2 message. Hot."""
        position = client - self.base
        window = self.window
        if window is None or not 0 < packet_id <= window.size:
            self._counts.stray_ack += packet_id > 0
            return packet_id > 0
        place = position * window.size + packet_id - 1
        state = window.state[place]
        if state != AWAIT_PUBACK:
            self._counts.stray_ack += state == FREE
            return state == FREE
        window.state[place] = FREE
        due_ns = window.due_at[place]
        if due_ns >= self._measure_ns:
            self._ack(now_ns - due_ns)
            self._service(now_ns - window.sent_at[place])
        self._counts.acked += 1
        if self.closed_loop or self._columns.gate[client] & HELD:
            self.release(position, now_ns)
        return True

    def complete_run(self, client: int, first_id: int, count: int, awaited: int, now_ns: int) -> bool:
        """Take PUBACKs or PUBCOMPs of consecutive packet ids, as `complete` does, in 0.7 us for any number. Hot.

        Returns False, with nothing done, if not all of them are awaited.
        """
        window = self.window
        assert window is not None
        begin = self._find_run(window, client, first_id, count, awaited)
        if begin < 0:
            return False
        end = begin + count
        window.state[begin:end] = bytes(count)  # FREE
        self._ack_times.add(window.due_at[begin:end], window.sent_at[begin:end], now_ns)
        self._counts.acked += count
        return True

    def receive_run(self, client: int, first_id: int, count: int) -> bool:
        """Take PUBRECs of consecutive packet ids, as `receive` does; False, and nothing done, as for `complete_run`."""
        window = self.window
        assert window is not None
        begin = self._find_run(window, client, first_id, count, AWAIT_PUBREC)
        if begin >= 0:
            window.state[begin : begin + count] = bytes([AWAIT_PUBCOMP]) * count
        return begin >= 0

    def _find_run(self, window: Window, client: int, first_id: int, count: int, awaited: int) -> int:
        """Return the place of the first of `count` messages that all await the same; -1 if not all do."""
        if not 0 < first_id <= window.size - count + 1:
            return -1
        begin = (client - self.base) * window.size + first_id - 1
        return begin if window.state.count(awaited, begin, begin + count) == count else -1

    def complete(self, client: int, packet_ids: Sequence[int], awaited: int, now_ns: int) -> bool:
        """Take PUBACKs (`awaited` AWAIT_PUBACK) or PUBCOMPs (AWAIT_PUBCOMP) in any order. Hot.

        The room that they make is used at the end of the read. Returns False if one is for a message that awaits
        another answer.
        """
        position, window, counts = client - self.base, self.window, self._counts
        if window is None:
            counts.stray_ack += len(packet_ids)
            return True
        size, state, due_at, sent_at = window.size, window.state, window.due_at, window.sent_at
        row, measure_ns, ack, service = position * size - 1, self._measure_ns, self._ack, self._service
        done, fits = 0, True
        for packet_id in packet_ids:
            place = row + packet_id
            if packet_id > size or (found := state[place]) == FREE:
                counts.stray_ack += 1  # answered before, or of an earlier session: harmless, so only counted
                continue
            if found != awaited:
                fits = False
                break
            state[place] = FREE
            due_ns = due_at[place]
            if due_ns >= measure_ns:
                ack(now_ns - due_ns)
                service(now_ns - sent_at[place])
            done += 1
        counts.acked += done
        return fits

    def receive(self, client: int, packet_ids: Sequence[int]) -> bool:
        """Take PUBRECs; each is owed a PUBREL, for an unknown id too (MQTT-4.3.3-1). False: one is for QoS 1."""
        window = self.window
        if window is None:
            self._counts.stray_ack += len(packet_ids)
            return True
        state, size = window.state, window.size
        row = (client - self.base) * size - 1
        for packet_id in packet_ids:
            if packet_id > size or state[row + packet_id] == FREE:
                self._counts.stray_ack += 1
            elif state[row + packet_id] == AWAIT_PUBACK:
                return False
            else:
                state[row + packet_id] = AWAIT_PUBCOMP
        return True

    def _place(self, client: int, packet_id: int) -> int | None:
        """Return the place of a message in flight."""
        window = self.window
        if window is None or not 0 < packet_id <= window.size:
            return None
        place = (client - self.base) * window.size + packet_id - 1
        return place if window.state[place] != FREE else None

    # --- connections -----------------------------------------------------------------------------------------------

    def note_cut(self, client: int) -> None:
        """Note that we break the connection of a member on purpose: what waits until it is back waits for us."""
        self._unacked.cut.add(client - self.base)

    def resume(self, client: int, session_present: bool, now_ns: int) -> None:
        """Go on after a CONNACK: send again what a kept session has in flight (MQTT-4.4.0-1), or forget it."""
        position, window = client - self.base, self.window
        if window is not None and session_present:
            self._redeliver(window, position, window.taken(position), now_ns)
        elif window is not None:
            self._counts.forgotten += self._unacked.forget_in_flight(position)
        self._unacked.cut.discard(position)

    def _redeliver(self, window: Window, position: int, places: Iterable[int], now_ns: int) -> None:
        for place in places:
            self._outbox.send_again(self.base + position, self._again(window, position, place), now_ns)
            self._counts.redelivered += 1

    def _again(self, window: Window, position: int, place: int) -> bytes:
        """Return the packet that goes out again for a place: a PUBREL once the broker has received the message."""
        packet_id = place - position * window.size + 1
        sequence = window.sequence_at[place]
        self._counts.sent += self._unacked.completes(position, sequence)
        if window.state[place] == AWAIT_PUBCOMP:
            return bytes([0x62, 0x02]) + packet_id.to_bytes(2)
        packet = bytearray(self._template.packet(position, packet_id, sequence, window.due_at[place] - self._epoch_ns))
        packet[0] |= DUP
        return bytes(packet)

    # --- accounts --------------------------------------------------------------------------------------------------

    @property
    def in_flight(self) -> int:
        return 0 if self.window is None else self.window.in_flight

    @property
    def held(self) -> int:
        return sum(map(len, self._held.values()))

    def oldest_due_ns(self) -> int | None:
        """Return when the oldest message was due that is held or not acknowledged; None if there is none."""
        cut = self._unacked.cut
        dues_ns = [held[0] for position, held in self._held.items() if position not in cut]
        dues_ns += self._unacked.in_flight_dues_ns().tolist()
        return min(dues_ns, default=None)

    def owes(self, position: int) -> bool:
        """Return True if the member has messages that are held, partly written, or not acknowledged."""
        if position in self._held or self._columns.gate[self.base + position] & BACKLOG:
            return True
        return self.window is not None and self.window.free(position) < self.window.size

    def give_up(self, position: int) -> None:
        """Let a member leave for good: what it still owes is counted, and stays open in the account."""
        self._counts.forgotten += self._unacked.forget_in_flight(position)
        held = self._held.pop(position, None)
        if held:
            self._counts.abandoned += len(held)
            self._unacked.give_up_held(held)
            self._columns.gate[self.base + position] &= ~HELD

    def published(self) -> Published:
        """Return the account of this group's publishers as it stands."""
        return self._unacked.published(self.next_sequence)

    def fold_unfinished(self, now_ns: int) -> None:
        """Record at the very end how long each unacknowledged message has waited, as lower bounds of `ack`."""
        if self.window is None:
            return
        held_dues = np.array([due for held in self._held.values() for due in held], np.int64)
        dues = np.concatenate([self._unacked.dues_ns(), held_dues])
        self._meter.unfinished.extend(now_ns - dues[dues >= self._measure_ns])
