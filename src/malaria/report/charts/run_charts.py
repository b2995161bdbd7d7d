"""The charts of one attack: what is due and done over time, all panels on one time axis, latency by percentile."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

from malaria.analysis.distribution import PERCENTILES, PercentilePoint, distribution
from malaria.analysis.losses import losses_of, missing_names
from malaria.analysis.series import columns
from malaria.analysis.stalls import stalls_of
from malaria.analysis.timeline import load_start_ns, load_time_s
from malaria.clock import NS_PER_S
from malaria.records.rows import Metric
from malaria.records.run import Run
from malaria.report.charts.chart_model import (
    BLUE,
    GREEN,
    PURPLE,
    AxisScale,
    Chart,
    ChartAxis,
    ChartLine,
    ChartMark,
    ChartPanel,
    ChartSpan,
    ChartValues,
)
from malaria.report.charts.event_marks import BAD, MARKS_SHOWN, gathered, marks
from malaria.report.charts.time_panels import DUE, PanelLine, SeriesColumns, TimePanel, panels_of
from malaria.units import format_ms

DISTRIBUTIONS: Final = {
    Metric.ACK: ("ack", BLUE),
    Metric.END_TO_END: ("end to end", GREEN),
    Metric.CONNECT: ("connect", PURPLE),
}
UNITS: Final = {"_ms": "ms", "_per_s": "/s", "_percent": "%", "_bytes": "B"}
"""The unit of a value, by the part of its column's name that says it."""
NINES: Final = (0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)
MOST_POINTS: Final = 900
"""Points of a line. A longer run has one point for every two or more seconds."""
NEAR: Final = 0.012
"""Share of the time axis: marks nearer to each other share a line."""
CONNECTING: Final = "connecting"
STALLED: Final = "the broker stands still"

PANEL_PX: Final = 96
PERCENTILES_PX: Final = 220


def stack(run: Run, series: SeriesColumns | None = None) -> Chart:
    """Return all panels over one time axis with one cursor.

    `series` holds the columns second by second, if the caller has them already.
    """
    return stack_of(run, chart_columns(run, series))


def stack_of(run: Run, table: SeriesColumns) -> Chart:
    """Return all panels that have values in a table of series, over the time axis of its run."""
    panels = panels_of(run, table)
    about = f"{', '.join(panel.title.partition(',')[0] for panel in panels) or 'Nothing'} over time"
    return over_time(run, table, [drawn_panel(panel, table) for panel in panels], f"{about[0].upper()}{about[1:]}")


def chart_columns(run: Run, series: SeriesColumns | None) -> SeriesColumns:
    step = step_s(run)
    # a long run is drawn in coarser steps than the caller's seconds
    return series if series is not None and step == 1 else columns(run, step)


def step_s(run: Run) -> int:
    """Return the seconds from point to point: one, unless that gives more than MOST_POINTS."""
    return max(1, math.ceil(_end_ns(run) / NS_PER_S / MOST_POINTS))


def _end_ns(run: Run) -> int:
    return max((sample.end_ns for sample in run.samples), default=0)


def percentiles(run: Run) -> Chart:
    """Return latency by percentile; the axis stretches the tail: each step to the right is one more nine."""
    found = {metric: _finite(distribution(run, metric)) for metric in DISTRIBUTIONS}
    lines = tuple(percentile_line(*DISTRIBUTIONS[metric], points) for metric, points in found.items() if points)
    return by_percentile("latency by percentile", lines)


def _finite(points: Iterable[PercentilePoint]) -> list[PercentilePoint]:
    # the maximum lies at infinity on this axis
    return [point for point in points if point.quantile < 1]


def by_percentile(title: str, lines: tuple[ChartLine, ...], height_px: int = PERCENTILES_PX) -> Chart:
    """Return a chart of lines made by `percentile_line`."""
    most = max((len(line.values) for line in lines), default=0)
    x = [_nines(quantile) for quantile in PERCENTILES[:most]]
    ticks = {_nines(q): f"{100 * q:g} %" for q in NINES}
    panel = ChartPanel(title, lines, AxisScale.MS, height_px)
    return Chart(ChartAxis.NINES, x, (panel,), "", ticks=ticks)


def _nines(quantile: float) -> float:
    return round(-math.log10(1 - quantile), 6)


def percentile_line(
    name: str, colour: str, points: Sequence[PercentilePoint], dash: str = "solid", small: bool = False
) -> ChartLine:
    """Return the line of one distribution. A point that is only a lower bound has an open circle."""
    return ChartLine(
        name,
        [point.ms for point in points],
        colour,
        unit="ms",
        dash=dash,
        markers=tuple("dot" if point.known and small else "circle" if point.known else "open" for point in points),
        texts=tuple(f"p{100 * point.quantile:g} {'' if point.known else '≥'}{format_ms(point.ms)}" for point in points),
    )


def over_time(run: Run, table: SeriesColumns, panels: Sequence[ChartPanel], about: str) -> Chart:
    """Return panels on the time axis of a run: 0 is the start of the load, connecting is before it and shaded."""
    zero_s = load_start_ns(run.meta) / NS_PER_S
    ends = [value for value in table.get("t_s", ()) if isinstance(value, int | float)]
    return Chart(
        ChartAxis.TIME,
        [round(end - zero_s, 3) for end in ends],
        tuple(panels),
        about,
        zero=round(zero_s, 3),
        marks=chart_marks(run),
        spans=(*unmeasured(run), *missing_shares(run), *stalled(run)),
    )


def drawn_panel(panel: TimePanel, table: SeriesColumns, height_px: int = PANEL_PX) -> ChartPanel:
    """Return a panel with the values that a table of series has for its lines."""
    lines = tuple(_drawn_line(line, panel, table) for line in panel.lines)
    return ChartPanel(panel.title, lines, panel.scale, height_px)


def _drawn_line(line: PanelLine, panel: TimePanel, table: SeriesColumns) -> ChartLine:
    return ChartLine(
        line.name,
        numbers(table.get(line.column, ())),
        line.colour,
        line.width_px,
        line.dash,
        next((unit for part, unit in UNITS.items() if part in line.column), panel.unit),
        column=line.column,
        steps=line.steps,
        faint=line is DUE,
        entry=line.entry,
    )


def numbers(values: Iterable[float | str | None]) -> ChartValues:
    """Return a column with None for what is no number."""
    return [value if isinstance(value, int | float) else None for value in values]


def chart_marks(run: Run) -> tuple[ChartMark, ...]:
    """Return the marks of a run in seconds since the start of the load; each missing share is named where it begins."""
    events = gathered(marks(run), round(NEAR * _end_ns(run)))[:MARKS_SHOWN]
    found = [ChartMark(load_time_s(run.meta, e.at_ns), e.text, e.kind in BAD) for e in events]
    found += [ChartMark(span.begin, span.text, span.is_bad) for span in missing_shares(run)]
    return tuple(sorted(found, key=lambda mark: mark.at))


def unmeasured(run: Run) -> tuple[ChartSpan, ...]:
    """Return the spans before and after the measured window; a run that was cut short has no end, or no start."""
    meta, last_ns = run.meta, _end_ns(run)
    start, end = meta.measure_start_ns, meta.measure_end_ns
    spans: list[ChartSpan] = []
    # before the measured time clients connect and the load warms up
    if last_ns and start is not None:
        first_ns = min(sample.start_ns for sample in run.samples)
        spans.append(ChartSpan(load_time_s(meta, first_ns), 0.0, CONNECTING))
    if last_ns and end is not None and end < last_ns:
        last_ns = math.ceil(last_ns / NS_PER_S) * NS_PER_S  # where the last row of the series ends
        spans.append(ChartSpan(load_time_s(meta, end), load_time_s(meta, last_ns), "after the load"))
    return tuple(spans)


def stalled(run: Run) -> tuple[ChartSpan, ...]:
    """Return the times in which the broker stood still."""
    return tuple(
        ChartSpan(load_time_s(run.meta, stall.since_ns), load_time_s(run.meta, stall.until_ns), STALLED, is_bad=True)
        for stall in stalls_of(run) or ()
    )


def missing_shares(run: Run) -> tuple[ChartSpan, ...]:
    """Return the spans of the load in which the share of a lost worker or bee is missing, with the names of all."""
    meta, losses = run.meta, losses_of(run)
    end_ns = min(meta.measure_end_ns or _end_ns(run), _end_ns(run))
    ends_ns = [*(loss.since_ns for loss in losses[1:]), end_ns]
    return tuple(
        ChartSpan(
            max(0.0, load_time_s(meta, loss.since_ns)),
            load_time_s(meta, ends_ns[place]),
            missing_names(losses[: place + 1]),
            is_bad=True,
        )
        for place, loss in enumerate(losses)
        if max(loss.since_ns, load_start_ns(meta)) < ends_ns[place]
    )
