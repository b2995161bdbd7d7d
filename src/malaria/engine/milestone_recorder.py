"""Note the first and last moments of a worker's connects and load. They are kept on the worker's clock.

A moment of the load is taken once a turn, from what the turn has counted: nothing is added to the way of a message, and
it is exact to the length of a turn.
"""

from __future__ import annotations

from malaria.control.milestones import Milestones
from malaria.engine.meter import Counts


class MilestoneRecorder:
    """The milestones of one worker. Those of a load are noted if it is `counted`: it ends by its number of messages."""

    def __init__(self, counts: Counts, *, counted: bool) -> None:
        self.counted = counted
        self._counts = counts
        self._first_connect_ns: int | None = None
        self._last_connack_ns: int | None = None
        self._measure_ns: int | None = None  # None: the load has not begun
        self._first_due_ns: int | None = None
        self._last_done_ns: int | None = None
        self._last_delivered_ns: int | None = None
        self._before = self._last = (0, 0, 0, 0)  # counted when the measured time began, and in the last turn

    def connect_began(self, at_ns: int) -> None:
        if self._first_connect_ns is None:
            self._first_connect_ns = at_ns

    def connack_came(self, at_ns: int) -> None:
        """Note a CONNACK; those that come once the load has begun belong to reconnects and late clients."""
        if self._measure_ns is None:
            self._last_connack_ns = at_ns

    def load_began(self, measure_ns: int) -> None:
        """Tell when the measured time begins."""
        self._measure_ns = measure_ns

    def turn_ended(self, begin_ns: int, end_ns: int) -> None:
        """Note what a turn of the loop from `begin_ns` to `end_ns` has counted."""
        counts, last = self._counts, self._last
        now = counts.due, counts.sent, counts.acked, counts.delivered
        if now == last:
            return
        self._last = now
        if self._measure_ns is None or begin_ns < self._measure_ns:
            self._before = now
            return
        if self._first_due_ns is None and now[0] != last[0]:
            self._first_due_ns = begin_ns
        if now[1:3] != last[1:3]:
            self._last_done_ns = end_ns
        if now[3] != last[3]:
            self._last_delivered_ns = end_ns

    def milestones(self, epoch_ns: int, scheduled_ns: int | None) -> Milestones:
        """Return the milestones in run time, which begins at `epoch_ns`.

        `scheduled_ns` is when the first message of an open loop was due; None: there is none.
        """

        def run_time(at_ns: int | None) -> int | None:
            return None if at_ns is None else max(0, at_ns - epoch_ns)  # the epoch may be known some ms wrong

        dues_ns = [due_ns for due_ns in (self._first_due_ns, scheduled_ns) if due_ns is not None]
        return Milestones(
            first_connect_ns=run_time(self._first_connect_ns),
            last_connack_ns=run_time(self._last_connack_ns),
            first_due_ns=run_time(min(dues_ns) if dues_ns and self.counted else None),
            last_done_ns=run_time(self._last_done_ns),
            last_delivered_ns=run_time(self._last_delivered_ns),
            due=self._last[0] - self._before[0],
            sent=self._last[1] - self._before[1],
        )
