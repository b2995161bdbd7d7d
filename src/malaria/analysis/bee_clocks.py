"""Remarks on the clocks of the bees: those that jumped, and a start that was further apart than the clocks explain."""

from __future__ import annotations

from malaria.analysis.outcome import Outcome, Reason
from malaria.analysis.seconds import own_lag_limit_ns
from malaria.analysis.summary_figures import Summary
from malaria.clock import NS_PER_MS
from malaria.records.run import Run
from malaria.units import format_ms, format_things


def restless_clocks(run: Run, _: Summary) -> list[Reason]:
    """Report bees whose clocks contradicted themselves, so that latencies may be wrong by more than stated."""
    clocks = run.meta.clocks.bees if run.meta.clocks else ()
    return [
        Reason(
            Outcome.PASS,
            f"the clock of {clock.bee} jumped {format_things(clock.steps, 'time')} against the conductor's: latencies "
            "from it to another bee may be wrong by more than is stated",
            "look at what disturbs its clock: a virtual machine that is paused or moved, or a very busy host",
        )
        for clock in clocks
        if clock.steps
    ]


def apart_at_start(run: Run, _: Summary) -> list[Reason]:
    """Report workers that began further apart than their clocks may be wrong and than messages may be late."""
    start, error_ns = run.meta.start, run.meta.clocks.error_ns if run.meta.clocks else None
    if start is None or start.spread_ns is None or error_ns is None:
        return []
    if start.spread_ns <= max(error_ns, own_lag_limit_ns(run.meta)):
        return []
    spread, error = format_ms(start.spread_ns / NS_PER_MS), format_ms(error_ns / NS_PER_MS)
    text = f"the workers began {spread} apart, more than the error of their clocks ({error})"
    return [Reason(Outcome.PASS, text, "the table of bees says which began late: look at what keeps that host busy")]
