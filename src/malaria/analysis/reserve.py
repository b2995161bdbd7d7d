"""Say how much of its CPU the broker used, and whether the load came near its limit: the last words of a PASS."""

from __future__ import annotations

from typing import Final

from malaria.analysis.broker_figures import PROCESS, number_in
from malaria.analysis.closed_loop import closed_loop_limit
from malaria.analysis.headroom import broker_limit
from malaria.analysis.summary_figures import Summary
from malaria.records.run import Run

ONE_CORE_PERCENT: Final = 100
NEAR_LIMIT_PERCENT: Final = 90
"""Of its core: a broker of one thread that uses more has no room for more load."""


def broker_use(run: Run, summary: Summary) -> list[str]:
    """Return `broker at 71 % of its core`; of a broker of several threads `of a core`; nothing if not known."""
    percent = summary.broker.cpu_percent
    if percent is None:
        return []
    limit = summary.broker.cpu_limit_percent
    if limit is not None and limit < ONE_CORE_PERCENT:
        return [f"broker at {percent:.0f} % of a core, of the {limit:g} % that it may use"]
    return [f"broker at {percent:.0f} % of {'its' if _has_one_thread(run) else 'a'} core"]


def reserve(run: Run, summary: Summary) -> str:
    """Return whether a load that was held came near the limit; empty for a run that makes no load at a stated rate."""
    if run.meta.closed_loop:
        return closed_loop_limit(run, summary)
    if run.meta.subscribing and not run.meta.publishing:
        return ""
    limit = broker_limit(summary.broker)
    if limit:
        return f"the broker is at {limit}"
    percent = summary.broker.cpu_percent
    if percent is not None and percent >= NEAR_LIMIT_PERCENT and _has_one_thread(run):
        return "the limit is near: the broker has one thread"
    return "the limit was not reached"


def _has_one_thread(run: Run) -> bool:
    """Return True if the process observer saw no more than one thread of the broker."""
    threads = [number_in(row.values["threads"]) for row in run.observations
               if row.observer == PROCESS and "threads" in row.values]  # fmt: skip
    return bool(threads) and all(count == 1 for count in threads)
