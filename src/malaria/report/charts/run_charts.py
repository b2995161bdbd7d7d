"""The charts of one attack as plotly figures: made here, drawn in the browser in the colours of the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import plotly.graph_objects as go

from malaria.analysis.distribution import distribution
from malaria.analysis.series import columns
from malaria.clock import NS_PER_S
from malaria.records.rows import Event, Metric
from malaria.records.run import Run
from malaria.report.charts.chart_frame import (
    BYTES_SCALE,
    COUNT_SCALE,
    PlotlyFigure,
    axis,
    figure_json,
    ms_scale,
    safe,
    stacked_plots,
)
from malaria.report.charts.event_marks import BAD, MARKS_SHOWN, gathered, marks
from malaria.report.charts.time_panels import (
    ACKED,
    BLUE,
    DELIVERED,
    DUE,
    GREEN,
    PURPLE,
    SENT,
    AxisScale,
    PanelLine,
    SeriesColumns,
    TimePanel,
    panels_of,
)
from malaria.units import format_ms

DISTRIBUTIONS: Final = {
    Metric.ACK: ("ack", BLUE),
    Metric.END_TO_END: ("end to end", GREEN),
    Metric.CONNECT: ("connect", PURPLE),
}
HOVERS: Final = {"_ms": "%{y:,.3~r} ms", "_per_s": "%{y:,.5~r}/s", "_percent": "%{y:,.3~r} %", "_bytes": "%{y:.3~s}B"}
"""How the cursor shows a value, by the unit in the name of its column."""
NINES: Final = (0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999)
MOST_POINTS: Final = 900
"""Points of a line. A longer run has one point for every two or more seconds."""
MARK_LETTERS: Final = 28
"""Letters of a mark that fit beside the topmost chart; the table of events has the whole text."""
NEAR: Final = 0.012
"""Share of the time axis: marks nearer to each other share a line."""
DIGITS: Final = 5
"""Significant digits in a chart; the raw data has all of them."""

PANEL_PX: Final = 96
OVERVIEW_PX: Final = 200
PERCENTILES_PX: Final = 260


def overview(run: Run, series: SeriesColumns | None = None) -> PlotlyFigure:
    """Return messages due and done over time: the chart at the top of the page."""
    meta = run.meta
    done = ACKED if meta.acknowledged else SENT if meta.publishing else DELIVERED
    lines = (DUE, done) if meta.publishing else (done,)
    return _over_time(run, _columns(run, series), [TimePanel("messages per second", lines)], OVERVIEW_PX)


def stack(run: Run, series: SeriesColumns | None = None) -> PlotlyFigure:
    """Return all panels over one time axis with one cursor.

    `series` holds the columns second by second, if the caller has them already.
    """
    table = _columns(run, series)
    return _over_time(run, table, panels_of(run, table), PANEL_PX)


def _columns(run: Run, series: SeriesColumns | None) -> SeriesColumns:
    step = step_s(run)
    # a long run is drawn in coarser steps than the caller's seconds
    return series if series is not None and step == 1 else columns(run, step)


def step_s(run: Run) -> int:
    """Return the seconds from point to point: one, unless that gives more than MOST_POINTS."""
    return max(1, math.ceil(_end_ns(run) / NS_PER_S / MOST_POINTS))


def _end_ns(run: Run) -> int:
    return max((sample.end_ns for sample in run.samples), default=0)


def percentiles(run: Run) -> PlotlyFigure:
    """Return latency by percentile; the axis stretches the tail: each step to the right is one more nine."""
    figure = stacked_plots(["latency by percentile"], PERCENTILES_PX)
    shown: list[float] = []
    for metric, (name, colour) in DISTRIBUTIONS.items():
        # the maximum lies at infinity on this axis
        points = [point for point in distribution(run, metric) if point.quantile < 1]
        shown += [point.ms for point in points]
        figure.add_scatter(
            x=[1 / (1 - point.quantile) for point in points],
            y=[point.ms for point in points],
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={"size": 7, "symbol": ["circle" if point.known else "circle-open" for point in points]},
            text=[f"p{100 * point.quantile:g}: {'' if point.known else '≥ '}{format_ms(point.ms)}" for point in points],
            hovertemplate="%{text}",
        )
    ticks = {"tickvals": [1 / (1 - q) for q in NINES], "ticktext": [f"{100 * q:g} %" for q in NINES]}
    figure.update_xaxes(type="log", **ticks)
    figure.update_yaxes(**ms_scale(shown))
    return figure_json(figure)


def _over_time(run: Run, table: SeriesColumns, panels: Sequence[TimePanel], panel_px: int) -> PlotlyFigure:
    figure = stacked_plots([panel.title for panel in panels], panel_px)
    for number, panel in enumerate(panels):
        for line in panel.lines:
            _add(figure, table, line, number, _tooltip(panel, line, panels))
        values = [
            value for line in panel.lines for value in table.get(line.column, ()) if isinstance(value, int | float)
        ]
        figure.update_layout({axis("yaxis", number): _scale(panel, values)})
    _mark(figure, run)
    figure.update_xaxes(ticksuffix=" s", tickformat=",~g", hoverformat=",~g")
    return figure_json(figure)


def _scale(panel: TimePanel, values: Sequence[float]) -> PlotlyFigure:
    if panel.scale is AxisScale.MS:
        return ms_scale(values)
    return BYTES_SCALE if panel.scale is AxisScale.BYTES else COUNT_SCALE


def _rounded(value: float | str | None) -> float | str | None:
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _tooltip(panel: TimePanel, line: PanelLine, panels: Sequence[TimePanel]) -> str:
    """Return the template of a tooltip: value, unit, and a name that no other line under the same cursor has."""
    names = [other.name for one in panels for other in one.lines]
    # `process` is CPU in one panel and memory in the next, under one cursor
    name = line.name if names.count(line.name) == 1 else f"{panel.title.partition(',')[0]}: {line.name}"
    value = next((pattern for part, pattern in HOVERS.items() if part in line.column), f"%{{y:,.6~r}} {panel.unit}")
    return f"{value.rstrip()}<extra>{safe(name)}</extra>"


def _add(figure: go.Figure, table: SeriesColumns, line: PanelLine, number: int, tooltip: str) -> None:
    figure.add_scatter(
        x=list(table.get("t_s", ())),
        y=[_rounded(value) for value in table.get(line.column, ())],
        yaxis=axis("y", number),
        legend=axis("legend", number),
        legendgroup=line.entry or None,
        # lines that share an entry show it once
        showlegend=not line.entry or all(trace.legendgroup != line.entry for trace in figure.data),
        name=line.entry or safe(line.name),
        mode="lines",
        connectgaps=False,
        opacity=0.45 if line is DUE else 1,
        line={
            "color": line.colour,
            "dash": line.dash,
            "width": line.width_px,
            "shape": "vh" if line.steps else "linear",
        },
        hovertemplate=tooltip,
    )


def _mark(figure: go.Figure, run: Run) -> None:
    """Shade the time that was not measured; mark events by a line through all charts with the text at its top."""
    for begin, end in _unmeasured_s(run):
        figure.add_shape(type="rect", x0=begin, x1=end, y0=0, y1=1, yref="paper", layer="below", line={"width": 0})
    for event in gathered(marks(run), round(NEAR * _end_ns(run)))[:MARKS_SHOWN]:
        _mark_event(figure, event)


def _unmeasured_s(run: Run) -> list[tuple[float, float]]:
    """Return the spans before and after the measured window, in seconds of run time."""
    last_ns = _end_ns(run)
    start, end = run.meta.measure_start_ns, run.meta.measure_end_ns
    spans: list[tuple[float, float]] = []  # a run that was cut short has no end, and perhaps no start
    # before the measured time clients connect and the load warms up
    if last_ns and isinstance(start, int):
        spans.append((min(sample.start_ns for sample in run.samples) / NS_PER_S, start / NS_PER_S))
    if last_ns and isinstance(end, int) and end < last_ns:
        spans.append((end / NS_PER_S, math.ceil(last_ns / NS_PER_S)))  # where the last row of the series ends
    return spans


def _mark_event(figure: go.Figure, event: Event) -> None:
    at = event.at_ns / NS_PER_S
    look = {"width": 1.5, "dash": "dot"}
    kind = "bad" if event.kind in BAD else "mark"
    figure.add_shape(type="line", x0=at, x1=at, y0=0, y1=1, yref="paper", line=look, name=kind)
    figure.add_annotation(
        x=at, y=1, yref="paper", text=safe(event.text, MARK_LETTERS), showarrow=False, textangle=-90,
        xanchor="right", yanchor="top", xshift=-2, font={"size": 10}, name=kind,
    )  # fmt: skip
