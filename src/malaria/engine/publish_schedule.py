"""The schedule of one group's publishers in a worker: the cold part of publishing.

It asks the plan for due times a short stretch ahead, applies changes of the rate and the end at their exact times, and
hands over what is due. Nothing is sent here, so all of it is tested without a connection.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.plan.clients import GroupPlan, RateChange

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
        self._changes: deque[tuple[int, RateChange]] = deque()  # of the rate, announced and not reached
        self._announced = 0
        self._first_due_ns: int | None = None

    def begin(self, span: PublishSpan) -> None:
        """Start at the origin of `span`, also again."""
        self.span = span
        self._horizon_ns = self._begun_ns = span.origin_ns
        self._measure_ns = span.measure_ns

    def stop_at(self, end_ns: int) -> None:
        """Take back what is due at `end_ns` or later. To be called before that time."""
        self._take_back(end_ns)
        span = self.span
        if span is None:
            return
        if self._horizon_ns >= end_ns:  # the plan has been asked beyond it already
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
        self._take_back(at_ns)
        self._horizon_ns = min(self._horizon_ns, at_ns)
        self._changes.append((at_ns, RateChange(self._announced, interval, at_ns - self._begun_ns)))

    def end(self) -> None:
        """Drop everything that has not been taken."""
        self._note_first()
        self.span = None
        del self.dues[self._cursor :], self.positions[self._cursor :]

    @property
    def first_due_ns(self) -> int | None:
        """Return the first due time of the measured time that was taken; None: none was yet."""
        self._note_first()
        return self._first_due_ns

    def next_due_ns(self) -> int:
        """Return when `take` has something to do next: a due time, or the end of the known stretch."""
        if self._cursor < len(self.dues):
            return self.dues[self._cursor]
        return NEVER if self.span is None or self.closed_loop else self._horizon_ns

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
        """Ask the plan for the next stretch, at most up to the next change of the rate or the end."""
        while self._changes and self._changes[0][0] <= self._horizon_ns:
            at_ns, change = self._changes.popleft()
            self._source, self._interval = self._plan.schedule(change), change.interval
            self.span = span = replace(span, origin_ns=at_ns)
        assert self._source is not None
        self._note_first()
        most_ns = int(MOST_KNOWN * self._interval * NS_PER_S / max(1, self._plan.count))
        bounds = [max(now_ns, self._horizon_ns) + HORIZON_NS, self._horizon_ns + max(1, most_ns)]
        if self._changes:
            bounds.append(self._changes[0][0])
        if span.end_ns is not None:
            bounds.append(span.end_ns)
        horizon = min(bounds)
        dues, positions = self._source.due_until(horizon - span.origin_ns)
        self.dues = self.dues[self._cursor :] + (dues + span.origin_ns).tolist()
        self.positions = self.positions[self._cursor :] + positions.tolist()
        self._cursor = 0
        self._horizon_ns = horizon
        if self._source.exhausted or horizon == span.end_ns:
            self.span = None
