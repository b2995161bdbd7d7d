"""Find the second from which the broker owes acknowledgements: messages due and not yet acknowledged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from malaria.analysis.losses import samples_that_stayed
from malaria.analysis.windows import per_s
from malaria.records.rows import Counter, RunPhase
from malaria.records.run import Run
from malaria.records.sample_histograms import second_of

USUAL_SHARE: Final = 0.25
"""So much of a second's messages may be under way at any time without the broker being behind."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Messages open at the end. `since_s` is the second after which more than usual was open until the end, or None."""

    since_s: int | None
    at_end: int


def backlog_of(run: Run) -> Backlog:
    """Return the messages due and not acknowledged over the measured time, of the workers that stayed."""
    growth: dict[int, int] = {}
    measured = [sample for sample in samples_that_stayed(run) if sample.phase is RunPhase.MEASURE]
    for sample in measured:
        second = second_of(sample.end_ns)
        due, acked = (sample.counters.get(counter, 0) for counter in (Counter.DUE, Counter.ACKED))
        growth[second] = growth.get(second, 0) + due - acked
    if not growth:
        return Backlog(None, 0)
    usual = USUAL_SHARE * (per_s(measured, Counter.DUE) or 0.0)
    since_s, is_open = min(growth) - 1, 0
    for second in sorted(growth):
        is_open += growth[second]
        if is_open <= usual:
            since_s = second
    return Backlog(since_s if is_open > usual else None, max(is_open, 0))
