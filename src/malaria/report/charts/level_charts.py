"""The chart over the levels of a campaign: it shows at which number of clients the broker breaks.

The line connects the levels under a constant load. Variants, and levels with surges, are open markers off the line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import plotly.graph_objects as go

from malaria.analysis.knee import highest_passed, knee
from malaria.records.rows import Metric
from malaria.report.campaign_conclusions import FAIL
from malaria.report.charts.chart_frame import (
    COUNT_SCALE,
    FOOT_PX,
    PlotlyFigure,
    axis,
    figure_json,
    ms_scale,
    safe,
    stacked_plots,
)
from malaria.report.charts.time_panels import BLUE, GREEN, GREY, ORANGE, RED
from malaria.report.figure_text import latencies
from malaria.report.shown_levels import ShownLevel
from malaria.report.target_text import done_per_s

VERDICTS: Final = {
    "PASS": (GREEN, "circle"),
    "FAIL": (RED, "x"),
    "INVALID": (ORANGE, "diamond"),
    "UNKNOWN": (GREY, "square"),
}
"""Colour and shape of a marker: either is enough to tell the outcome."""
PLOT_PX: Final = 130
AXIS_TITLE_PX: Final = 20

type LevelValues = list[float | None]


@dataclass(frozen=True, slots=True)
class LevelPlot:
    """One chart: a value for each level, and the values of a second line to compare with (may be empty)."""

    title: str
    values: LevelValues
    second: LevelValues
    second_name: str = ""
    milliseconds: bool = False


def levels_chart(shown: Sequence[ShownLevel], load: str = "clients") -> PlotlyFigure:
    """Return broker CPU, ack p99 and message rate by load; the marker of a level shows its outcome.

    `load` says in what the load is counted.
    """
    # a plot without a value would be an empty frame
    made = [plot for plot in _plots(shown) if any(value is not None for value in plot.values)]
    figure = stacked_plots([plot.title for plot in made], PLOT_PX)
    for number, plot in enumerate(made):
        _draw(figure, shown, plot, number)
    loads = sorted({one.load for one in shown})
    figure.update_xaxes(title_text=load, tickvals=loads, tickformat=",d", hoverformat=",d")
    figure.update_layout(margin_b=FOOT_PX + AXIS_TITLE_PX, height=figure.layout.height + AXIS_TITLE_PX)
    _mark_knee(figure, shown, load)
    return figure_json(figure)


def _plots(shown: Sequence[ShownLevel]) -> list[LevelPlot]:
    """Return the plots from top to bottom."""
    p99s = [latencies(one.run, one.summary).get(Metric.ACK, {}).get("p99") for one in shown]
    bounded = any(p99 is not None and p99.at_least for p99 in p99s)
    summaries = [one.summary for one in shown]
    return [
        LevelPlot(
            "broker CPU, % of a core",
            [summary.broker.cpu_percent for summary in summaries],
            [summary.broker.host_cpu_percent for summary in summaries],
            "host CPU",
        ),
        LevelPlot(
            f"ack p99{' (or a lower bound)' if bounded else ''}",
            [None if p99 is None else p99.ms for p99 in p99s],
            [],
            milliseconds=True,
        ),
        LevelPlot(
            "messages per second",
            [done_per_s(summary) for summary in summaries],
            [summary.rates.due_per_s for summary in summaries],
            "due",
        ),
    ]


def _draw(figure: go.Figure, shown: Sequence[ShownLevel], plot: LevelPlot, number: int) -> None:
    axes = {"yaxis": axis("y", number), "legend": axis("legend", number)}
    plain_ones = [place for place, one in enumerate(shown) if one.is_plain]
    # a line goes from few clients to many, whatever the order of the file
    row = sorted(plain_ones, key=lambda place: shown[place].load)
    aside = [place for place, one in enumerate(shown) if not one.is_plain]
    if any(value is not None for value in plot.second):
        figure.add_scatter(**_second_line(shown, plot, row), **axes)
    figure.add_scatter(**_markers(shown, plot.values, row), **axes, name="levels")
    if aside:  # named once in the legends: the markers are the same in every plot
        markers = _markers(shown, plot.values, aside, is_aside=True)
        figure.add_scatter(**markers, **axes, name="variants, surges", showlegend=number == 0)
    scale = ms_scale(plot.values) if plot.milliseconds else COUNT_SCALE
    figure.update_layout({axis("yaxis", number): scale})


def _second_line(shown: Sequence[ShownLevel], plot: LevelPlot, row: Sequence[int]) -> PlotlyFigure:
    """Return the second line: broad and grey for the messages due, thin and dotted for another figure."""
    due = plot.second_name == "due"
    return {
        "x": [shown[place].load for place in row],
        "y": [plot.second[place] for place in row],
        "name": plot.second_name,
        "mode": "lines",
        "line": {"color": GREY, "width": 8 if due else 2, "dash": "solid" if due else "dot"},
        "opacity": 0.45 if due else 1,
        "hovertemplate": "%{y:,.4~r}",
    }


def _markers(
    shown: Sequence[ShownLevel], values: LevelValues, places: Sequence[int], is_aside: bool = False
) -> PlotlyFigure:
    looks = [VERDICTS[shown[place].outcome] for place in places]
    return {
        "x": [shown[place].load for place in places],
        "y": [values[place] for place in places],
        "text": [f"{shown[place].outcome}{f': {safe(shown[place].name)}' if is_aside else ''}" for place in places],
        "mode": "markers" if is_aside else "lines+markers",
        # a marker at the edge would be cut in half
        "cliponaxis": False,
        "line": {"color": BLUE, "width": 2},
        "marker": {
            "size": 11 if is_aside else 13,
            "color": [colour for colour, _ in looks],
            "symbol": [f"{symbol}-open" if is_aside else symbol for _, symbol in looks],
        },
        "hovertemplate": "%{y:,.4~r} %{text}",
    }


def _mark_knee(figure: go.Figure, shown: Sequence[ShownLevel], load: str) -> None:
    """Mark the level where the broker broke. Without a level that passed, only a FAIL is worth a mark."""
    broken = knee(shown)
    if broken is None or (broken.outcome != FAIL and highest_passed(shown) is None):
        return
    ends: Mapping[str, Any] = {"x0": broken.load, "x1": broken.load}
    look = {"width": 1.5, "dash": "dot"}
    figure.add_shape(type="line", **ends, y0=0, y1=1, yref="paper", line=look, name="bad")
    figure.add_annotation(
        x=broken.load, y=0, yref="paper", text=f"{broken.load:,} {load}: {broken.outcome}",
        showarrow=False, xanchor="right", yanchor="bottom", xshift=-4, font={"size": 11}, name="bad",
    )  # fmt: skip
