"""The error of clocks of several hosts: a latency from one host to another is known no better than that."""

from __future__ import annotations

from collections.abc import Mapping

from malaria.clock import NS_PER_MS
from malaria.records.rows import Metric
from malaria.records.run import Run
from malaria.units import format_ms

ACROSS_HOSTS = (Metric.END_TO_END,)
"""Latencies that begin on one host and may end on another."""


def clock_error_ms(run: Run) -> float | None:
    """Return how far a time of one host may be off that of another; None where one host made the load."""
    error_ns = run.meta.clocks.error_ns if run.meta.clocks else None
    return round(error_ns / NS_PER_MS, 6) if error_ns else None


def beyond_clocks(run: Run, metric: Metric, figures: Mapping[str, float | int | None]) -> dict[str, float | int | None]:
    """Return the figures of a latency (milliseconds) without those that are smaller than the clocks' error."""
    error_ms = clock_error_ms(run) if metric in ACROSS_HOSTS else None
    if error_ms is None:
        return dict(figures)
    return {
        name: value if name == "count" or value is None or value >= error_ms else None
        for name, value in figures.items()
    }


def clock_words(run: Run) -> str:
    """Return `± 0.8 ms (clocks); smaller is not stated`; empty where one host made the load."""
    error_ms = clock_error_ms(run)
    return "" if error_ms is None else f"± {format_ms(error_ms)} (clocks); smaller is not stated"
