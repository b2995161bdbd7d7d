"""Messages that the broker itself says it dropped, from the counter that it announces, on `$SYS` or to Prometheus.

The counter is read at the announcements: what was dropped within a time is known from the last one before it to the
first one at or after its end, so it may hold a little of what came before and after. A counter that begins anew with
its broker counts from zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from malaria.analysis.observed import Course, said
from malaria.analysis.windows import measured_window_ns
from malaria.records.run import Run

COUNTER: Final = "publish_dropped"


@dataclass(frozen=True, slots=True)
class Dropped:
    """`whole` False: there may have been more, the counter was not seen before or after."""

    count: int
    whole: bool


def drop_counter(records: Run) -> Course:
    """What the broker said it had dropped since its start, announcement by announcement."""
    return said(records, COUNTER)


def dropped_by(records: Run) -> int | None:
    """Since the measured time began, to the last announcement: what the load has caused may show only after its end.

    None when it is not known whether there were any; a count that may be too small is a count.
    """
    window = measured_window_ns(records)
    counter = drop_counter(records)
    if window is None or not counter:
        return None
    last_ns, last = counter[-1]
    pauses_ns = [later[0] - earlier[0] for earlier, later in pairwise(counter)]
    fresh = last is not None and last_ns + max(pauses_ns, default=0) >= window[1]
    dropped = dropped_between(counter, window[0], last_ns)
    return dropped.count if dropped is not None and (dropped.count or (dropped.whole and fresh)) else None


def dropped_between(counter: Course, from_ns: int, until_ns: int) -> Dropped | None:
    """None when the counter was never seen."""
    seen = [(at_ns, value) for at_ns, value in counter if value is not None]
    if not seen:
        return None
    before = [value for at_ns, value in seen if at_ns <= from_ns]
    within = [value for at_ns, value in seen if from_ns < at_ns < until_ns]
    after = [value for at_ns, value in seen if at_ns >= max(until_ns, from_ns + 1)]
    course = [*before[-1:], *within, *after[:1]]
    from_zero = not before and course[:1] == [0]
    return Dropped(int(_rise(course)), bool(after) and (bool(before) or from_zero))


def _rise(course: list[float]) -> float:
    return sum(later - earlier if later >= earlier else later for earlier, later in pairwise(course))
