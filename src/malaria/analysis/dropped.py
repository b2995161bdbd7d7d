"""Messages that the broker says it dropped, from the counter that it reports on `$SYS` or its Prometheus page.

The counter is read at the broker's updates: drops within a time are known from the last update before it to the first
one at or after its end, so they may include a few from before and after. A counter that restarts with its broker
counts from zero. One that falls by less than half is the sum over the nodes of a cluster that one node has left; it
may come back, so only what exceeds the highest value before is counted then.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from malaria.analysis.broker_figures import FigureCourse, broker_figure
from malaria.analysis.windows import measured_window_ns
from malaria.records.run import Run

COUNTER: Final = "publish_dropped"
RESTARTED_BELOW: Final = 0.5
"""A counter that falls below this share of its value has started again at zero."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Messages dropped within a time. `whole` is False when there may be more: part of it was not seen."""

    count: int
    whole: bool


def drop_counter(run: Run) -> FigureCourse:
    """Return what the broker had dropped since its start, at each update."""
    return broker_figure(run, COUNTER)


def dropped_by(run: Run) -> int | None:
    """Return the drops from the start of the measured time to the last update: the load's drops may show only later.

    Return None when it is unknown whether there were any. A count that may be too small is still a count.
    """
    window = measured_window_ns(run)
    counter = drop_counter(run)
    if window is None or not counter or run.damage.hits("sample", "observation"):
        return None
    last_ns, last = counter[-1]
    pauses_ns = [later[0] - earlier[0] for earlier, later in pairwise(counter)]
    fresh = last is not None and last_ns + max(pauses_ns, default=0) >= window[1]
    dropped = dropped_between(counter, window[0], last_ns)
    return dropped.count if dropped is not None and (dropped.count or (dropped.whole and fresh)) else None


def dropped_between(counter: FigureCourse, from_ns: int, until_ns: int) -> Dropped | None:
    """Return the drops within a time; None when the counter was never seen."""
    seen = [(at_ns, value) for at_ns, value in counter if value is not None]
    if not seen:
        return None
    before = [value for at_ns, value in seen if at_ns <= from_ns]
    within = [value for at_ns, value in seen if from_ns < at_ns < until_ns]
    after = [value for at_ns, value in seen if at_ns >= max(until_ns, from_ns + 1)]
    course = [*before[-1:], *within, *after[:1]]
    from_zero = not before and course[:1] == [0]
    grown = rises(course)
    whole = bool(after) and (bool(before) or from_zero) and None not in grown
    return Dropped(int(sum(growth for growth in grown if growth is not None)), whole)


def rises(readings: Iterable[float]) -> list[float | None]:
    """Return how much a counter has grown at each reading since the one before; the first has no entry.

    None: it is not known, because a node has left the sum, or may be coming back. After such a fall only what exceeds
    the highest value before it is known to be new.
    """
    grown: list[float | None] = []
    before: float | None = None
    highest = 0.0
    for reading in readings:
        if before is None:
            highest = reading
        elif reading < before * RESTARTED_BELOW:
            grown.append(reading)  # the broker has started again at zero
            highest = reading
        elif reading >= highest:
            grown.append(reading - highest)
            highest = reading
        else:
            grown.append(None)
        before = reading
    return grown
