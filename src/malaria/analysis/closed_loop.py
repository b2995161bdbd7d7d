"""Says what limited a closed loop: the broker, this machine, or the window of messages under way."""

from __future__ import annotations

from typing import Final

from malaria.analysis.broker_figures import mean
from malaria.analysis.cpu import busiest_worker
from malaria.analysis.headroom import broker_limit
from malaria.analysis.other_programs import PROGRAMS
from malaria.analysis.summary_figures import Summary
from malaria.analysis.windows import bees_of, measured_window_ns
from malaria.records.run import Run

FULL_PERCENT: Final = 95
"""Of a core for a worker, of all processors for a machine: it has no more to give."""


def closed_loop_limit(run: Run, summary: Summary) -> str:
    """Return what the rate of a closed loop was limited by, with the figures that tell it; empty without answers."""
    if summary.rates.acked_per_s is None:
        return ""
    broker = summary.broker
    percent = broker.cpu_percent
    of_broker = "" if percent is None else f" and the broker at {percent:.0f} % of a core"
    limit = broker_limit(broker)
    if limit:
        return f"the limit was the broker's: it is at {limit}"
    worker, used = busiest_worker(run)
    if used is not None and used >= FULL_PERCENT:
        return f"with worker {worker} at {used:.0f} % of a core{of_broker}: not the broker's limit"
    busy = _busy_percent(run)
    if busy is not None and busy >= FULL_PERCENT:
        return f"with this machine at {busy:.0f} %{of_broker}: not the broker's limit"
    if percent is None or used is None:
        return "the limit was the broker, the network or the window (-F/--inflight): the broker's CPU is not known"
    return (
        f"with the busiest worker at {used:.0f} %{of_broker}: the limit was the window; "
        "a larger -F/--inflight or more clients may carry more"
    )


def _busy_percent(run: Run) -> float | None:
    """Return how much of this machine was used in all; None if it was not observed, or bees made the load."""
    return None if bees_of(run) else mean(run, PROGRAMS, "busy_percent", measured_window_ns(run))
