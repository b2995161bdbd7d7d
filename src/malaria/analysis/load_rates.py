"""The rates of a load: counts over a stated time.

A load with a duration is counted in its measured window: whatever happened in it, over its length. A load that ended by
its number of messages is counted whole: the messages that were due in the measured time, and what became of them, over
the time from the first due to the last done. Deliveries may end later or earlier, so theirs ends with the last of them.
Over less than a second no rate is stated, except of a load that ended by its number of messages.
"""

from __future__ import annotations

from typing import Final

from malaria.analysis.summary_figures import RateFigures
from malaria.analysis.windows import counted_load_ns, in_phase, measured_window_ns, total
from malaria.clock import NS_PER_S
from malaria.records.rows import Counter, Metric, RunPhase
from malaria.records.run import Run

SHORTEST_NS: Final = NS_PER_S
"""A few messages more or less would change the rate of a shorter time."""


def load_rates(run: Run) -> RateFigures:
    """Return the rates of a run; None where a rate is not known. Raises RunError for a damaged run."""
    window = measured_window_ns(run)
    if window is None or window[1] <= window[0]:
        return RateFigures()
    load = counted_load_ns(run)
    if load is not None and run.meta.aborted is None:
        return _of_counted_load(run, load)
    begin_ns, end_ns = load or window
    if end_ns - begin_ns < SHORTEST_NS:
        return RateFigures()
    return _of_window(run, window) if load is None else _of_counted_load(run, load)


def asked_per_s(run: Run) -> float | None:
    """Return the rate that the warhead asked for on average over the measured time; None where it states none."""
    window, steps = measured_window_ns(run), run.meta.rate_steps
    if not steps or window is None or window[1] <= window[0]:
        return run.meta.rate_planned_per_s
    begins = [*(begin_ns for begin_ns, _ in steps), window[1]]
    messages = sum(
        per_s * max(0, min(begins[place + 1], window[1]) - max(begin_ns, window[0]))
        for place, (begin_ns, per_s) in enumerate(steps)
    )
    return messages / (window[1] - window[0])


def _of_window(run: Run, window: tuple[int, int]) -> RateFigures:
    meta, samples = run.meta, in_phase(run, RunPhase.MEASURE)
    return RateFigures(
        due_per_s=_per_s(total(samples, Counter.DUE), window, meta.publishing),
        sent_per_s=_per_s(total(samples, Counter.SENT), window, meta.publishing),
        acked_per_s=_per_s(total(samples, Counter.ACKED), window, meta.acknowledged),
        delivered_per_s=_per_s(total(samples, Counter.DELIVERED), window, meta.subscribing and meta.tracked),
    )


def _of_counted_load(run: Run, load: tuple[int, int]) -> RateFigures:
    """Count acknowledgements and deliveries by their latencies, which leave out messages of the warm-up."""
    meta = run.meta
    delivered_ns = load[1] if meta.last_delivered_ns is None else max(meta.last_delivered_ns, load[0] + 1)
    # messages that are counted by topic and order have no end-to-end latency
    delivered = run.histogram(Metric.END_TO_END).count or total(run.samples, Counter.DELIVERED)
    return RateFigures(
        due_per_s=_per_s(meta.due_measured or 0, load, meta.publishing),
        sent_per_s=_per_s(meta.sent_measured or 0, load, meta.publishing),
        acked_per_s=_per_s(run.histogram(Metric.ACK).count, load, meta.acknowledged),
        delivered_per_s=_per_s(delivered, (load[0], delivered_ns), meta.subscribing and meta.tracked),
    )


def _per_s(count: int, window: tuple[int, int], is_stated: bool | None) -> float | None:
    return round(count / ((window[1] - window[0]) / NS_PER_S), 3) if is_stated else None
