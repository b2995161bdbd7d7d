"""The run without its surges: what the target did with the load that was there all along.

The time from the start of a surge until the target was well again belongs to the surge. The time in which clients were
offline because we had broken their connections belongs to that change. The rest is steady time: the rules of a level
look at it, so that a surge is neither hidden there nor counted twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from malaria.analysis.dropped import drop_counter, dropped_between, dropped_by
from malaria.analysis.queues import Growth, TimeSpan, growths
from malaria.analysis.recovery import SurgeResult
from malaria.analysis.seconds import P99, LoadSecond, between, done_counter, rate_of, seconds_of
from malaria.analysis.stalls import longest_ms, stalls_of
from malaria.analysis.steered_times import broken_spans
from malaria.analysis.summary_figures import QueueFigures, SteadyFigures
from malaria.analysis.windows import load_window_ns, total
from malaria.clock import NS_PER_MS
from malaria.records.histogram import Histogram
from malaria.records.rows import Counter, Metric
from malaria.records.run import Run

LEAST_SECONDS: Final = 3
"""For a rate to be said."""


@dataclass(frozen=True, slots=True)
class Steady:
    """The figures of the summary, and the growth of each queue in the steady spans."""

    figures: SteadyFigures
    growths: tuple[Growth, ...]

    @property
    def growth_per_s(self) -> float | None:
        """Return the growth of the fastest queue; 0 when none grew, None when too little was seen of all of them."""
        if not self.growths:
            return None
        return round(max((g.trend.per_s for g in self.growths if g.grows), default=0.0), 3)

    def queues(self) -> dict[str, QueueFigures]:
        """Return the slope of each queue by its name."""
        return {
            growth.queue: QueueFigures(
                growth_per_s=round(growth.trend.per_s, 3),
                low_per_s=round(growth.trend.low_per_s, 3),
                high_per_s=round(growth.trend.high_per_s, 3),
                points=growth.trend.points,
                grows=growth.grows,
            )
            for growth in self.growths
        }


def steady_of(run: Run, surges: Sequence[SurgeResult]) -> Steady:
    """Return the steady time of a run. Raises RunError for a damaged run."""
    window = load_window_ns(run)
    if window is None:
        return Steady(_figures(run, [], []), ())
    seconds = seconds_of(run)
    troubled = _merged([*(surge.trouble_ns for surge in surges), *broken_spans(run)])
    spans = spans_between(window, troubled)
    calm = [second for span in spans for second in between(seconds, *span)]
    return Steady(_figures(run, calm, troubled), tuple(_growths(run, seconds, spans)))


def spans_between(window: TimeSpan, troubles: Sequence[TimeSpan]) -> list[TimeSpan]:
    """Return the window without the troubles."""
    spans: list[TimeSpan] = []
    begin_ns = window[0]
    for since_ns, until_ns in _merged(troubles):
        if since_ns > begin_ns:
            spans.append((begin_ns, since_ns))
        begin_ns = max(begin_ns, until_ns)
    return [*spans, (begin_ns, window[1])] if begin_ns < window[1] else spans


def _merged(spans: Sequence[TimeSpan]) -> list[TimeSpan]:
    merged: list[TimeSpan] = []
    for since_ns, until_ns in sorted(spans):
        if merged and since_ns <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], until_ns)
        else:
            merged.append((since_ns, until_ns))
    return merged


def _figures(run: Run, calm: Sequence[LoadSecond], troubled: Sequence[TimeSpan]) -> SteadyFigures:
    """Return the rates of the steady seconds, and the drops outside surges."""
    enough = len(calm) >= LEAST_SECONDS and bool(run.meta.publishing)
    carried = done_counter(run.meta)
    due, done = (rate_of(calm, counter) if enough else None for counter in (Counter.DUE, carried))
    acked = carried is Counter.ACKED
    return SteadyFigures(
        seconds=len(calm),
        due_per_s=due,
        sent_per_s=None if acked else done,
        acked_per_s=done if acked else None,
        ack_p99_ms=_ack_p99_ms(calm) if troubled else None,
        longest_stall_ms=_longest_stall_ms(run, troubled),
        connections_dropped=_connections(run, troubled) if run.samples else None,
        messages_dropped=_messages(run, troubled),
    )


def _ack_p99_ms(calm: Sequence[LoadSecond]) -> float | None:
    merged = Histogram()
    for second in calm:
        merged.merge(second.reported.histogram(Metric.ACK))
    p99_ns = merged.percentile_ns(P99)
    return None if p99_ns is None else round(p99_ns / NS_PER_MS, 6)


def _longest_stall_ms(run: Run, troubled: Sequence[TimeSpan]) -> float | None:
    stalls = stalls_of(run)
    return None if stalls is None else longest_ms(stall for stall in stalls if not stall.touches(troubled))


def _connections(run: Run, troubled: Sequence[TimeSpan]) -> int:
    def is_calm(end_ns: int, start_ns: int) -> bool:
        return not any(since_ns < end_ns and start_ns < until_ns for since_ns, until_ns in troubled)

    return total((s for s in run.samples if is_calm(s.end_ns, s.start_ns)), Counter.DROPPED)


def _messages(run: Run, troubled: Sequence[TimeSpan]) -> int | None:
    whole = dropped_by(run)
    if whole is None:
        return None
    counter = drop_counter(run)
    of_surges = [dropped_between(counter, *span) for span in troubled]
    return max(0, whole - sum(dropped.count for dropped in of_surges if dropped is not None))


def _growths(run: Run, seconds: Sequence[LoadSecond], spans: Sequence[TimeSpan]) -> list[Growth]:
    """Return for each queue its growth in one of the spans; when it grew in none, its trend in the longest."""
    found: dict[str, list[Growth]] = {}
    for span in spans:
        for growth in growths(run, seconds, span):
            found.setdefault(growth.queue, []).append(growth)
    return [max(several, key=lambda g: (g.grows, g.trend.span_s)) for several in found.values()]
