"""Tell when malaria's own connection may have taken the last place at a broker that limits its connections."""

from __future__ import annotations

from typing import Final

from malaria.analysis.outcome import Outcome, Reason
from malaria.analysis.summary_figures import Summary
from malaria.records.run import Run
from malaria.units import format_count

FULL: Final = (
    "the broker closed the connection", "the broker reset the connection", "the broker refused: server unavailable",
    "the broker refused: server busy", "the broker refused: quota exceeded",
)  # fmt: skip
"""What failed connects begin with at a broker that is full. The texts are those of `transport.failures`."""


def taken_place(run: Run, summary: Summary) -> list[Reason]:
    """Report that one client found the broker full while the observer of `$SYS` held a connection there."""
    planned, most = summary.clients.planned, summary.clients.connected_peak
    observes = any(facts.observer == "sys" and facts.samples for facts in run.meta.observers)
    causes = run.meta.connect_failures
    if planned is None or most is None or planned - most != 1 or not observes or not causes:
        return []
    if not all(cause.startswith(FULL) for cause in causes):
        return []
    text = (
        f"1 of {format_count(planned)} clients found no place at the broker ({max(causes, key=lambda c: causes[c])}), "
        "and malaria's own $SYS observer uses one connection"
    )
    return [Reason(Outcome.INVALID, text, "run with --observe none, or allow the broker one connection more")]
