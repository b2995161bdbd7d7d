"""The bees of a swarm as rows of plain texts: what each is, what it carried, its clock, its limits and its loss."""

from __future__ import annotations

from typing import Final

from malaria.analysis.clocks import clock_words
from malaria.analysis.summary_figures import BeeFigures, Summary
from malaria.analysis.timeline import load_clock, load_start_ns
from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.records.run import Run
from malaria.report.figure_text import UNKNOWN, count
from malaria.units import format_ms, format_things

BEES_HEAD: Final = (
    "bee", "host", "malaria", "cores", "clients", "CPU", "own lag p99", "clock", "began", "limits", "lost",
)  # fmt: skip
WORD_COLUMNS: Final = (1, 9, 10)
"""Columns that hold words."""
MS_PER_S: Final = 1000


def bee_rows(run: Run, summary: Summary) -> list[list[str]]:
    """Return a row under BEES_HEAD for each bee; none where one host made the load."""
    return [_row(run, bee) for bee in summary.bees]


def _row(run: Run, bee: BeeFigures) -> list[str]:
    return [
        bee.bee,
        bee.host or UNKNOWN,
        bee.version or UNKNOWN,
        count(bee.cores),
        _clients(bee),
        UNKNOWN if bee.cpu_percent is None else f"{bee.cpu_percent:.0f} %",
        UNKNOWN if bee.own_lag_p99_ms is None else format_ms(bee.own_lag_p99_ms),
        _clock(bee),
        UNKNOWN if bee.start_ms is None else f"+{format_ms(bee.start_ms)}",
        _limits(bee),
        _loss(run, bee),
    ]


def _clients(bee: BeeFigures) -> str:
    """Return `500`, or `480 of 500` where not all of them were ready at once."""
    planned, peak = bee.clients, bee.clients_peak
    return count(peak) if planned is None or planned == peak else f"{count(peak)} of {count(planned)}"


def _clock(bee: BeeFigures) -> str:
    """Return `+12 ms ± 0.2 ms`, and how often the clock stepped."""
    if bee.clock_offset_ms is None:
        return UNKNOWN
    error = "" if bee.clock_error_ms is None else f" ± {format_ms(bee.clock_error_ms)}"
    steps = f", {format_things(bee.clock_steps, 'step')}" if bee.clock_steps else ""
    return f"{_signed(bee.clock_offset_ms)}{error}{steps}"


def _signed(offset_ms: float) -> str:
    size = abs(offset_ms)
    shown = format_ms(size) if size < MS_PER_S else f"{size / MS_PER_S:,.1f} s"
    return f"{'−' if offset_ms < 0 else '+'}{shown}"


def _limits(bee: BeeFigures) -> str:
    limits = []
    if bee.open_files is not None:
        limits.append(f"{count(bee.open_files)} open files")
    if bee.local_ports:
        limits.append(f"local ports {bee.local_ports}")
    return ", ".join(limits) or UNKNOWN


def _loss(run: Run, bee: BeeFigures) -> str:
    """Return since when its share is missing, on the clock of the load, and why; empty for a bee that stayed."""
    if bee.lost is None or bee.missing_from_s is None:
        return ""
    since_ns = max(round(bee.missing_from_s * NS_PER_S), load_start_ns(run.meta))
    return f"from {load_clock(run.meta, since_ns)} on: {bee.lost}"


def bee_remarks(run: Run) -> list[str]:
    """Return sentences on the start of the bees and on their clocks; none where one host made the load."""
    remarks = []
    start, error_ns = run.meta.start, run.meta.clocks.error_ns if run.meta.clocks else None
    if start and start.spread_ns is not None and error_ns is not None:
        spread = f"The workers began within {format_ms(start.spread_ns / NS_PER_MS)} of each other"
        error = format_ms(error_ns / NS_PER_MS)
        wider = start.spread_ns > error_ns
        remarks.append(
            f"{spread}, more than the error of their clocks ({error}): they did not begin at one moment."
            if wider
            else f"{spread}, as far as their clocks tell (± {error})."
        )
    if words := clock_words(run):
        remarks.append(f"Times from one bee to another: {words}.")
    return remarks
