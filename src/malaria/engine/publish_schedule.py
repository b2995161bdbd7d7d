"""The schedule of one group's publishers in a worker: the cold part of publishing.

It asks the plan for due times a short stretch ahead, applies changes of the rate, pauses, leaves and the end at their
exact times, and hands over what is due. Nothing is sent here, so all of it is tested without a connection.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.plan.clients import GroupPlan, RateChange
from malaria.schedule.arrays import Ints

HORIZON_NS: Final = 100 * NS_PER_MS
"""How far ahead the plan is asked."""
MOST_PER_TURN: Final = 512
"""Messages handed over before the loop looks at its sockets again: a late worker still reads its acknowledgements."""
MOST_KNOWN: Final = 200_000
"""Due times held ready, at the most by two: the memory of a worker that falls far behind, or of a very high rate."""
NEVER: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class PublishSpan:
    """The time of publishing, on the worker's clock. Messages due before `measure_ns` are warm-up: sent, not timed."""

    epoch_ns: int  # run time 0, which due times in payloads count from
    origin_ns: int  # time 0 of the schedules
    measure_ns: int
    end_ns: int | None


@dataclass(frozen=True, slots=True)
class _Turn:
    """A change that was announced and is not reached: another rate, or a pause or its end where there is none."""

    at_ns: int
    rate: RateChange | None
    pauses: bool = False


class PublishSchedule:
    """The due times of one group's members here, in order. Times are on the worker's clock.

    `dues[place]` is when the member `positions[place]` is due; `take` returns the places. A closed loop has a span
    and an end, but no due times: its members publish as soon as they may.
    """

    def __init__(self, plan: GroupPlan) -> None:
        self.closed_loop = plan.group.closed_loop
        self.span: PublishSpan | None = None  # while something may still become due
        self.dues: list[int] = []
        self.positions: list[int] = []
        self._plan = plan
        self._source = None if self.closed_loop else plan.schedule()
        self._interval = plan.group.interval  # in seconds, of one member
        self._cursor = 0  # the first place that has not been taken
        self._horizon_ns = 0  # until when the plan has been asked
        self._begun_ns = 0
        self._measure_ns = 0
        self._turns: list[_Turn] = []  # in order of time
        self._announced = 0
        self._paused_ns: int | None = None
        self._beyond_ns = 0  # how far beyond the pause the plan had been asked
        self._kept: tuple[Ints, list[int]] | None = None  # what it had said of that time: dues and positions
        self._leaves_ns: Ints | None = None  # by position, when a member leaves; None: nobody does
        self._first_due_ns: int | None = None

    def begin(self, span: PublishSpan) -> None:
        """Start at the origin of `span`, also again."""
        self.span = span
        self._horizon_ns = self._begun_ns = span.origin_ns
        self._measure_ns = span.measure_ns
        self._reach_turns(span)

    def stop_at(self, end_ns: int) -> None:
        """Take back what is due at `end_ns` or later. To be called before that time."""
        self._take_back(end_ns)
        span = self.span
        if span is None:
            return
        if self._horizon_ns >= end_ns:  # the plan has been asked beyond it already, or nothing is due before
            self._kept = None
            self.span = None
        elif span.end_ns is None or end_ns < span.end_ns:
            self.span = replace(span, end_ns=end_ns)

    def change_pace(self, at_ns: int, interval: Fraction) -> None:
        """Put `interval` seconds between two messages of a member from `at_ns` on. To be called before that time."""
        if self.closed_loop:
            return
        self._announced += 1
        span = self.span
        if span is None or at_ns <= span.origin_ns:  # not begun, or at an end
            self._source, self._interval = self._plan.schedule(RateChange(self._announced, interval)), interval
            return
        if self._paused_ns is None:
            self._take_back(at_ns)
        self._turn_at(_Turn(at_ns, RateChange(self._announced, interval, at_ns - self._begun_ns)))

    def pause(self, at_ns: int) -> None:
        """Let nothing be due from `at_ns` until `resume`. To be called before that time, also before the begin."""
        if not self.closed_loop:
            self._turn_at(_Turn(at_ns, None, pauses=True))

    def resume(self, at_ns: int) -> None:
        """Go on at `at_ns` where the pause began: all that is due from then on moves by its length."""
        if not self.closed_loop:
            self._turn_at(_Turn(at_ns, None))

    def leave(self, positions: Sequence[int], at_ns: int) -> None:
        """Let nothing of these members be due at `at_ns` or later. To be called before that time."""
        if self._leaves_ns is None:
            self._leaves_ns = np.full(self._plan.count, NEVER)
        leaves_ns = self._leaves_ns
        leaves_ns[positions] = np.minimum(leaves_ns[positions], at_ns)
        known = zip(self.dues[self._cursor :], self.positions[self._cursor :], strict=True)
        kept = [(due_ns, position) for due_ns, position in known if due_ns < leaves_ns[position]]
        self.dues[self._cursor :] = [due_ns for due_ns, _ in kept]
        self.positions[self._cursor :] = [position for _, position in kept]
        if len(leaves_ns) and (last_ns := int(leaves_ns.max())) < NEVER:
            self.stop_at(last_ns)

    def end(self) -> None:
        """Drop everything that has not been taken."""
        self._note_first()
        self.span = self._kept = None
        del self.dues[self._cursor :], self.positions[self._cursor :]

    @property
    def first_due_ns(self) -> int | None:
        """Return the first due time of the measured time that was taken; None: none was yet."""
        self._note_first()
        return self._first_due_ns

    @property
    def over(self) -> bool:
        """Tell whether nothing will be due any more."""
        return self.span is None and self._cursor >= len(self.dues)

    def next_due_ns(self) -> int:
        """Return when `take` has something to do next: a due time, or the end of the known stretch."""
        if self._cursor < len(self.dues):
            return self.dues[self._cursor]
        if self.span is None or self.closed_loop:
            return NEVER
        # a pause may reach beyond the end: then `take` would never get that far
        return NEVER if self.span.end_ns is not None and self._horizon_ns >= self.span.end_ns else self._horizon_ns

    def within(self, now_ns: int) -> int:
        """Return the time, or the last moment of the span when that is over."""
        span = self.span
        if span is not None and span.end_ns is not None and now_ns >= span.end_ns:
            return span.end_ns - 1
        return now_ns

    def take(self, now_ns: int) -> range:
        """Hand over the places of what is due, at most MOST_PER_TURN. `now_ns` is `within` the span.

        Hot: called in each turn with something due.
        """
        # a worker that is late asks again when it has worked off what it knows
        while self.span is not None and now_ns >= self._horizon_ns and len(self.dues) - self._cursor < MOST_KNOWN:
            self._extend(self.span, now_ns)
        begin = self._cursor
        self._cursor = min(bisect_right(self.dues, now_ns, begin), begin + MOST_PER_TURN)
        return range(begin, self._cursor)

    def _note_first(self) -> None:
        """Look at what was taken of the stretch that is held ready."""
        if self._first_due_ns is None:
            place = bisect_left(self.dues, self._measure_ns, 0, self._cursor)
            if place < self._cursor:
                self._first_due_ns = self.dues[place]

    def _take_back(self, from_ns: int) -> None:
        keep = bisect_left(self.dues, from_ns, self._cursor)
        del self.dues[keep:], self.positions[keep:]

    def _extend(self, span: PublishSpan, now_ns: int) -> None:
        """Ask the plan for the next stretch, at most up to the next turn or the end."""
        span = self._reach_turns(span)
        if self._paused_ns is not None:
            return
        assert self._source is not None
        self._note_first()
        most_ns = int(MOST_KNOWN * self._interval * NS_PER_S / max(1, self._plan.count))
        bounds = [max(now_ns, self._horizon_ns) + HORIZON_NS, self._horizon_ns + max(1, most_ns)]
        if self._turns:
            bounds.append(self._turns[0].at_ns)
        if span.end_ns is not None:
            bounds.append(span.end_ns)
        horizon = min(bounds)
        dues, positions = self._source.due_until(horizon - span.origin_ns)
        self._hold_ready(dues + span.origin_ns, positions)
        self._horizon_ns = horizon
        if self._source.exhausted or horizon == span.end_ns:
            self.span = None

    def _hold_ready(self, dues: Ints, positions: NDArray[np.integer]) -> None:
        """Add what is due to what is held ready, without those that have left by then."""
        if self._leaves_ns is not None:
            there = dues < self._leaves_ns[positions]
            dues, positions = dues[there], positions[there]
        self.dues = self.dues[self._cursor :] + dues.tolist()
        self.positions = self.positions[self._cursor :] + positions.tolist()
        self._cursor = 0

    # --- turns -----------------------------------------------------------------------------------------------------

    def _turn_at(self, turn: _Turn) -> None:
        """Plan a turn, and ask the plan again when it is reached."""
        insort(self._turns, turn, key=lambda one: one.at_ns)
        span = self.span
        if span is None:
            return  # it is reached when the span begins, or never
        if turn.pauses and self._paused_ns is None and turn.at_ns < self._horizon_ns:
            self._keep(max(turn.at_ns, span.origin_ns))
        self._horizon_ns = min(self._horizon_ns, max(turn.at_ns, span.origin_ns))

    def _keep(self, from_ns: int) -> None:
        """Put aside what the plan has said of the time from `from_ns` on."""
        self._beyond_ns = self._horizon_ns - from_ns
        keep = bisect_left(self.dues, from_ns, self._cursor)
        self._kept = np.array(self.dues[keep:], np.int64), self.positions[keep:]
        self._take_back(from_ns)

    def _reach_turns(self, span: PublishSpan) -> PublishSpan:
        """Make the turns that the horizon has reached, and return the span as it is then."""
        while self._turns and self._turns[0].at_ns <= self._horizon_ns:
            turn = self._turns.pop(0)
            if turn.rate is not None:
                span = self._change_rate(span, turn.at_ns, turn.rate)
            elif turn.pauses:
                self._paused_ns = self._horizon_ns if self._paused_ns is None else self._paused_ns
            elif self._paused_ns is not None:
                span = self._go_on(span, max(turn.at_ns, span.origin_ns))
            if self._paused_ns is not None:
                self._horizon_ns = self._turns[0].at_ns if self._turns else NEVER
        self.span = span
        return span

    def _change_rate(self, span: PublishSpan, at_ns: int, change: RateChange) -> PublishSpan:
        """Begin another schedule at `at_ns`; in a pause where that began, so that it moves with it."""
        self._source, self._interval = self._plan.schedule(change), change.interval
        self._kept, self._beyond_ns = None, 0
        return replace(span, origin_ns=at_ns if self._paused_ns is None else self._paused_ns)

    def _go_on(self, span: PublishSpan, at_ns: int) -> PublishSpan:
        """End the pause at `at_ns`."""
        assert self._paused_ns is not None
        moved_ns = at_ns - self._paused_ns
        self._paused_ns = None
        self._horizon_ns = at_ns + self._beyond_ns
        if self._kept is not None:
            dues, positions = self._kept[0] + moved_ns, np.array(self._kept[1], np.int64)
            in_time = dues < (NEVER if span.end_ns is None else span.end_ns)
            self._hold_ready(dues[in_time], positions[in_time])
        self._kept, self._beyond_ns = None, 0
        return replace(span, origin_ns=span.origin_ns + moved_ns)
