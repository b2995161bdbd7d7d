"""Carry out the changes that a warhead states: through `Steering`, as those by hand, each at its exact time.

Promises: a change is decided NOTICE_NS ahead, after everything that takes effect before it, surges too, so that the
same changes make the same load whoever wants them. One that does not fit then is left out with a mark and a sentence
for the verdict, and the load goes on. Pure: time goes in, orders and marks come out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from malaria.control.change_answer import AnswerKind
from malaria.control.change_schedule import HAND_NOTICE_NS, NOTICE_NS
from malaria.control.conductor import Conductor
from malaria.control.messages import Order
from malaria.control.steering import FROM_FILE, LOADING, Steering
from malaria.model.planned_change import PlannedChange, describe_planned_change, end_of
from malaria.model.wanted_change import Verb
from malaria.records.rows import Event, EventKind, RunPhase
from malaria.units import format_things


class FileChanges:
    """The changes of one attack that are in its warhead. An `end` is none of them: it is the length of the load."""

    def __init__(self, changes: Sequence[PlannedChange], conductor: Conductor, steering: Steering) -> None:
        to_come = (change for change in changes if change.do.verb is not Verb.END)
        self._to_come = deque(sorted(to_come, key=lambda change: change.at_ns))
        self._conductor = conductor
        self._steering = steering
        self._events: list[Event] = []
        self._loaded = False  # the load has begun
        self._end = end_of(changes)
        self.unmade: tuple[str, ...] = ()
        """A sentence for each change that did not fit."""
        self.left_out: tuple[PlannedChange, ...] = ()
        """The changes that did not fit."""
        self._tell_conductor()

    def advance(self, at_ns: int) -> list[Order]:
        """Return the orders for the changes that are to be announced now."""
        conductor = self._conductor
        if conductor.phase in LOADING and conductor.measure_start_ns is not None:
            self._loaded = True
            return self._decide_due(at_ns, conductor.measure_start_ns)
        if self._loaded or conductor.over or conductor.phase is RunPhase.FINISH:
            self._mark_end()
            self._drop_rest(at_ns)
        return []

    def earliest_ns(self, at_ns: int) -> int:
        """Return when a change by hand takes effect: not before the load begins, and after those that are decided.

        After, not with them: of two at one instant an end would leave the other one out, and a file that repeats the
        session says nothing of their order.
        """
        conductor = self._conductor
        origin_ns = (conductor.measure_start_ns or 0) - conductor.timing.warmup_ns
        return max(at_ns + HAND_NOTICE_NS, origin_ns, conductor.change_schedule.latest_ns + 1)

    def events(self) -> list[Event]:
        """Return the marks since the last call."""
        events, self._events = self._events, []
        return events

    def _decide_due(self, at_ns: int, measure_start_ns: int) -> list[Order]:
        orders: list[Order] = []
        while self._to_come and measure_start_ns + self._to_come[0].at_ns <= at_ns + NOTICE_NS:
            change = self._to_come.popleft()
            effect_ns = measure_start_ns + change.at_ns
            orders += self._conductor.change_schedule.announce(effect_ns - NOTICE_NS)  # surges until then
            answer, made = self._steering.decide(change.wanted, effect_ns, only_look=False, by=FROM_FILE)
            orders += made
            if answer.kind is not AnswerKind.TAKEN:
                self._leave_out(change, answer.text, at_ns)
        self._tell_conductor()
        return orders

    def _leave_out(self, change: PlannedChange, reason: str, at_ns: int) -> None:
        text = f"{describe_planned_change(change)} was not made: {reason}"
        self.unmade += (text,)
        self.left_out += (change,)
        self._events.append(Event(at_ns, EventKind.OPERATOR, text))

    def _mark_end(self) -> None:
        """Mark once that the load ended because the warhead says so."""
        start_ns, end_ns = self._conductor.measure_start_ns, self._conductor.measure_end_ns
        if self._end is not None and start_ns is not None and end_ns == start_ns + self._end:
            self._events.append(Event(end_ns, EventKind.ACT, Verb.END.value))
            self._end = None

    def _drop_rest(self, at_ns: int) -> None:
        """Mark what did not come because the load was ended before. The end of the load has a mark of its own."""
        if not self._to_come:
            return
        text = f"{format_things(len(self._to_come), 'change')} of the warhead did not come: the load ended before"
        self._events.append(Event(at_ns, EventKind.OPERATOR, text))
        self._to_come.clear()
        self._tell_conductor()

    def _tell_conductor(self) -> None:
        """Keep a load that ends with its last message from ending before its changes."""
        self._conductor.change_schedule.expects_more = bool(self._to_come)
