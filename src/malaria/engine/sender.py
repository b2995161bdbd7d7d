"""Send the messages of one group: pick window slots, patch packets, hand them to the kernel, stamp them. A hot module.

Per message on the usual path: one look at the window, one packet id, one `pack_into`, one `send`, one clock, four
stamps: about 1.1 us of Python beside the system call. When to send is decided by the publisher.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Final

import numpy as np

from malaria.engine.context import EngineContext
from malaria.engine.template import Encoded, Template, make_template
from malaria.engine.unacked import Unacked
from malaria.engine.window import AWAIT_PUBACK, AWAIT_PUBREC, Window
from malaria.plan.clients import GroupPlan
from malaria.schedule.arrays import Ints
from malaria.schedule.pacing import Arrival

SMALL_WINDOW: Final = 8
"""Closed loop: below this `lag` is recorded for every message; above, blocks of messages leave it out for speed."""


class Sender:
    """Sends for one group's members in this worker. `position` is a member's place among them."""

    def __init__(self, plan: GroupPlan, context: EngineContext) -> None:
        group = plan.group
        self.plan = plan
        self.base = plan.first_row
        self.next_sequence = np.zeros(plan.count, np.int64)
        self.closed_loop = group.closed_loop
        self.window = Window(plan.count, group.inflight) if group.qos else None
        self._unacked = Unacked(plan, self.window)
        self._awaits = AWAIT_PUBACK if group.qos == 1 else AWAIT_PUBREC
        self._next_at = memoryview(self.next_sequence)
        self._template = self._make_template(plan)
        self._columns = context.columns
        self._outbox = context.outbox
        self._meter = context.meter
        self._counts = context.meter.counts
        self._clock = context.clock
        # bound once: an attribute of an attribute costs as much as the append behind it
        self._packet = self._template.packet
        self._sends = context.columns.sends
        self._last_out_at = context.columns.last_out_at
        self._prompt_lag = context.meter.prompt_lag.append
        if group.arrival == Arrival.BURST:
            self._prompt_lag = self._stamp_burst_lag
        self._taken_ns = 0  # a burst: when the messages that are being sent were taken up
        self._held: dict[int, deque[int]] = {}  # due times of messages that wait, by position
        self.answers = b""  # owed by the client whose read is ending: they go out in one send with its messages
        self._times_few = self.window is not None and self.window.size < SMALL_WINDOW
        self._epoch_ns = 0
        self._measure_ns = 0

    def _make_template(self, plan: GroupPlan) -> Template:
        return make_template(plan)

    def _send_one(self, position: int, due_ns: int) -> bool:
        """Sends the client's next message; False when window, kernel or connection do not let it. Hot."""
        client = self.base + position
        window = self.window
        slot = place = 0
        if window is not None:
            # usually the next slot is free, for acknowledgements come in order; `next_free` searches
            slot = window.turn_at[position]
            place = position * window.size + slot
            if window.state[place]:
                slot = window.next_free(position)
                if slot < 0:
                    return False
                place = position * window.size + slot
        sequence = self._next_at[position]
        packet = self._packet(position, slot + 1, sequence, due_ns - self._epoch_ns)
        try:
            written = self._sends[client](packet)
        except BlockingIOError:
            self._outbox.block(client)
            return False
        except OSError as error:
            self._outbox.broke(client, error)
            return False
        sent_ns = self._clock()
        self._next_at[position] = sequence + 1
        if window is not None:
            window.state[place] = self._awaits
            window.sequence_at[place] = sequence
            window.due_at[place] = due_ns
            window.sent_at[place] = sent_ns
            slot += 1
            window.turn_at[position] = slot if slot < window.size else 0
        self._last_out_at[client] = sent_ns
        counts = self._counts
        counts.sends += 1
        counts.bytes_sent += written
        if written < len(packet):
            # the template's buffer is used again for the next message
            self._keep(client, position, bytes(packet[written:]), sequence, due_ns)
            return True
        counts.sent += 1
        if due_ns >= self._measure_ns:
            # while nobody holds messages, which is usual, one look at the dictionary is enough
            if self._held:
                self._stamp_lag(position, sent_ns - due_ns)
            else:
                self._prompt_lag(sent_ns - due_ns)
        return True

    def _stamp_lag(self, position: int, lag_ns: int) -> None:
        """Record the lag of a message as held or prompt, while some member holds messages."""
        if position in self._held:
            self._meter.held_lag.append(lag_ns)
        else:
            self._prompt_lag(lag_ns)

    def _stamp_burst_lag(self, lag_ns: int) -> None:
        """Record the lag of a message of a burst. Sending the rest of the burst first is not the generator's delay."""
        sending_ns = self._clock() - self._taken_ns
        self._meter.held_lag.append(lag_ns)
        self._meter.held_own_lag.append(max(0, lag_ns - sending_ns))

    def _send_run(self, position: int, slots: Sequence[int], due_ns: int) -> int:
        """Send messages in these free slots in one send, all due at `due_ns`; return how many were begun. Hot.

        Costs 0.2 us a message: for few, less than the arrays of a block.
        """
        client, window = self.base + position, self.window
        assert window is not None
        sequence = self._next_at[position]
        packet_ids = [slot + 1 for slot in slots]
        data, length = self._template.run(position, packet_ids, sequence, due_ns - self._epoch_ns)
        written = self._write(client, data)
        if written < len(data):
            dues_ns = np.full(len(slots), due_ns, np.int64)
            return self._enter_written(position, np.array(slots, np.int64), dues_ns, (data, length, written))
        sent_ns = self._clock()
        state, awaits, row = window.state, self._awaits, position * window.size
        sequence_at, due_at, sent_at = window.sequence_at, window.due_at, window.sent_at
        for slot in slots:
            place = row + slot
            state[place] = awaits
            sequence_at[place] = sequence
            due_at[place] = due_ns
            sent_at[place] = sent_ns
            sequence += 1
        if self._times_few and due_ns >= self._measure_ns:
            for _ in slots:
                self._prompt_lag(sent_ns - due_ns)
        self._next_at[position] = sequence
        window.turn_at[position] = packet_ids[-1] % window.size
        self._last_out_at[client] = sent_ns
        counts = self._counts
        counts.sends += 1
        counts.bytes_sent += written
        counts.sent += len(slots)
        return len(slots)

    def _send_block(self, position: int, dues_ns: Ints) -> int:
        """Send messages due at `dues_ns` in one send, as many as window and kernel take; return how many were begun."""
        slots = np.zeros(0, np.int64)
        if self.window is not None:
            slots = self.window.free_slots(position, len(dues_ns))
            dues_ns = dues_ns[: len(slots)]
        if not len(dues_ns):
            return 0
        sequence = self._next_at[position]
        packets, length = self._template.block(position, slots + 1, sequence, dues_ns - self._epoch_ns)
        written = self._write(self.base + position, packets)
        return self._enter_written(position, slots, dues_ns, (packets, length, written))

    def _write(self, client: int, data: Encoded) -> int:
        """Hand messages to the kernel; return how many bytes it took. Closes the client's gate where it took none."""
        if self.answers:
            answers, self.answers = self.answers, b""
            return self._outbox.send_behind(client, answers, data)
        try:
            return self._columns.sends[client](data)
        except BlockingIOError:
            self._outbox.block(client)
        except OSError as error:
            self._outbox.broke(client, error)
        return 0

    def _enter_written(self, position: int, slots: Ints, dues_ns: Ints, output: tuple[Encoded, int | Ints, int]) -> int:
        """Enter the messages of one send of which the kernel took a part, or all; return how many were begun.

        `output` has the packets, their common length or where each ends, and the bytes taken.
        """
        packets, length, written = output
        if not written:
            return 0
        client, sequence, sent_ns = self.base + position, self._next_at[position], self._clock()
        whole, end = _whole_packets(written, length, len(packets))
        self._enter_block(position, slots[:whole], sequence, dues_ns[:whole], sent_ns)
        self._counts.sends += 1
        self._counts.bytes_sent += written
        complete = whole if written == end else whole - 1
        self._counts.sent += complete
        timed = dues_ns[:complete]
        # a closed loop is due when it sends: its lag says nothing
        if complete and not self.closed_loop and int(timed[-1]) >= self._measure_ns:
            self._meter.held_lag.extend(sent_ns - timed[timed >= self._measure_ns])
        if complete < whole:
            rest = bytes(packets[written:end])
            self._keep(client, position, rest, sequence + whole - 1, int(dues_ns[whole - 1]))
        elif whole < len(dues_ns):
            # cut between two messages: nothing is left over, but the kernel's buffer is full all the same
            self._outbox.block(client)
        return whole

    def _enter_block(self, position: int, slots: Ints, sequence: int, dues_ns: Ints, sent_ns: int) -> None:
        count = len(dues_ns)
        self._next_at[position] = sequence + count
        self._columns.last_out_at[self.base + position] = sent_ns
        window = self.window
        if window is None or not count:
            return
        row, first, last = position * window.size, int(slots[0]), int(slots[-1])
        # slots that follow one another are a slice: a third of the cost of places picked out
        places = slice(row + first, row + last + 1) if last - first == count - 1 else row + slots
        window.states[places] = self._awaits
        window.sequence[places] = np.arange(sequence, sequence + count)
        window.due_ns[places] = dues_ns
        window.sent_ns[places] = sent_ns
        window.turn_at[position] = (last + 1) % window.size

    def _keep(self, client: int, position: int, rest: bytes, sequence: int, due_ns: int) -> None:
        """Leave the rest of a message to the outbox: it counts as sent when its last byte is handed over."""
        self._outbox.keep(client, rest, partial(self._finished, position, sequence, due_ns))
        self._unacked.begin_part(position, sequence)

    def _finished(self, position: int, sequence: int, due_ns: int, now_ns: int | None) -> None:
        """Count a message as sent at `now_ns`; None: its connection ended before the kernel took its last byte."""
        if now_ns is None:
            self._counts.sent += self._unacked.cut_part(position, sequence)
            return
        self._counts.sent += 1
        if due_ns >= self._measure_ns and not self.closed_loop:
            self._meter.held_lag.append(now_ns - due_ns)
        self._unacked.finish_part(position, sequence, now_ns)


def _whole_packets(written: int, length: int | Ints, total: int) -> tuple[int, int]:
    """Return how many packets were begun (a begun one must be finished), and where the last of them ends."""
    if isinstance(length, int):
        whole = -(-written // length)
        return whole, whole * length
    whole = int(np.searchsorted(length, written, side="left")) + 1 if written else 0
    whole = min(whole, len(length))
    return whole, int(length[whole - 1]) if whole else 0
