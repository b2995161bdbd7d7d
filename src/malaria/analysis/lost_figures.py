"""Makes the figures unknown that stand on rows which a damaged run has lost; the others are kept.

What is shown second by second (charts, exports) has gaps instead: see `malaria.analysis.series`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from malaria.analysis.outcome import Outcome, Reason
from malaria.analysis.summary_figures import (
    BrokerFigures,
    ClientFigures,
    GeneratorFigures,
    LatencyFigures,
    MessageFigures,
    RateFigures,
    RecoveryFigures,
    SteadyFigures,
    Summary,
    SurgeFigures,
)
from malaria.analysis.windows import counted_load_ns
from malaria.records.damage import UNKNOWN_FACT
from malaria.records.run import Run

_SHAPING: Final = frozenset(
    {
        UNKNOWN_FACT, "closed_loop", "tracked", "publishing", "acknowledged", "subscribing", "workers", "surges",
        "measure_start_ns", "measure_end_ns", "lost_workers", "rate_planned_per_s", "rate_steps", "clocks",
        "first_due_ns", "last_done_ns", "last_delivered_ns", "due_measured", "sent_measured", "duration_planned_s",
    }
)  # fmt: skip
"""Facts that say which samples count, and as what. Without one of them no figure over time is known."""
_REMEDY: Final = "restore the file from a copy, or run again; what stands on lost rows is unknown. First fault: {}"


def without_lost_figures(run: Run, summary: Summary) -> Summary:
    """Return the summary without the figures that need what `run.damage` has lost."""
    damage = run.damage
    if not damage:
        return summary
    samples = damage.hits("sample") or bool(damage.facts & _SHAPING)
    if samples:
        summary = _without_samples(run, summary)
    if samples or damage.hits("histogram"):
        summary = replace(summary, latency_ms=dict.fromkeys(summary.latency_ms, LatencyFigures()))
        if counted_load_ns(run) is not None:  # whose rates are counted by latencies
            summary = replace(summary, rates=RateFigures())
    if samples or damage.hits("observation"):
        summary = replace(summary, broker=BrokerFigures(version=run.meta.broker.version if run.meta.broker else None))
    if samples or damage.hits("observation", "histogram"):
        surges = tuple(_unknown(surge) for surge in summary.surges)
        summary = replace(summary, surges=surges, steady=SteadyFigures(), recovery=RecoveryFigures())
    return summary


def damaged_run(run: Run, _: Summary) -> list[Reason]:
    """Report that rows of the run are lost: there is no verdict without them."""
    if not run.damage:
        return []
    return [Reason(Outcome.UNKNOWN, run.damage.sentence, _REMEDY.format(run.damage.reason))]


def _without_samples(run: Run, summary: Summary) -> Summary:
    generator = summary.generator if run.meta.workers is not None else GeneratorFigures()
    return replace(
        summary,
        duration_s=None,
        clients=ClientFigures(planned=summary.clients.planned),
        messages=summary.messages if run.ledger is not None else MessageFigures(),
        rates=RateFigures(),
        generator=replace(generator, cpu_percent=None, rss_bytes=None),
        bees=tuple(replace(bee, clients_peak=None, cpu_percent=None, own_lag_p99_ms=None) for bee in summary.bees),
    )


def _unknown(surge: SurgeFigures) -> SurgeFigures:
    """Return the surge without what came of it."""
    return SurgeFigures(surge.group, surge.clients, surge.at_s, surge.until_s)
