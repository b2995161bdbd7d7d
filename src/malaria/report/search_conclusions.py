"""Say in sentences what a capacity search has shown: plain texts for the page and for Markdown."""

from __future__ import annotations

from malaria.analysis.capacity.search import Ending
from malaria.analysis.summary_figures import CapacityFigures, Summary
from malaria.records.rows import Metric
from malaria.report.figure_text import count, ms
from malaria.report.target_text import percent
from malaria.units import format_rate


def search_conclusions(summary: Summary) -> list[str]:
    """Return the sentences for the summary of a search; nothing for that of another campaign."""
    capacity = summary.capacity
    if capacity is None:
        return []
    return [*_at_lower(capacity, summary), *_broke(capacity), *_doubts(capacity)]


def _at_lower(capacity: CapacityFigures, summary: Summary) -> list[str]:
    # no load was proven: there are no figures to show
    if capacity.lower is None:
        return []
    figures = [
        f"{name} p99 {ms(latency.p99)}"
        for name, metric in (("ack", Metric.ACK), ("end to end", Metric.END_TO_END))
        if (latency := summary.latency_ms.get(metric)) is not None and latency.p99 is not None
    ]
    rate, cpu = summary.rates.acked_per_s, summary.broker.cpu_percent
    if rate is not None and capacity.search != "rate":  # there the load itself is the rate
        figures = [format_rate(rate, "msg"), *figures]
    figures += [f"broker CPU {percent(cpu)} of a core"] if cpu is not None else []
    return [f"At {count(capacity.lower)}{_unit(capacity)}: {', '.join(figures)}."] if figures else []


def _broke(capacity: CapacityFigures) -> list[str]:
    if capacity.upper is None:
        # without a load that failed the search found only a lower bound
        return ["Nothing broke: the limit is above what was tried."] if capacity.lower is not None else []
    why = f": {capacity.binding}" if capacity.binding else ""
    return [f"What broke first, at {count(capacity.upper)}{_unit(capacity)}{why}."]


def _doubts(capacity: CapacityFigures) -> list[str]:
    sentences = []
    if not capacity.monotonic:
        sentences.append("A greater load passed where a smaller one failed: the target is not steady.")
    if capacity.ending not in (Ending.PROVEN, Ending.GREATEST, Ending.NOT_EVEN):
        sentences.append("The search has not come to its end: the answer is only what was proven so far.")
    return sentences


def _unit(capacity: CapacityFigures) -> str:
    return " msg/s" if capacity.search == "rate" else " clients"
