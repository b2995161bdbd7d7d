"""The chart over the levels of a campaign or demo: where the knee is, at a glance.

The line goes through the levels themselves; variants, and levels with surges, stand beside it with open signs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import plotly.graph_objects as go

from malaria.records.rows import Metric
from malaria.report.campaign_conclusions import FAIL, highest_passed, knee
from malaria.report.charts.run_charts import COUNT_SCALE, FOOT_PX, PlotlyFigure, axis, ms_scale, panes, plain, safe
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
"""Colour and shape: either is enough."""
PANE_PX: Final = 130
AXIS_TITLE_PX: Final = 20

type LevelValues = list[float | None]


@dataclass(frozen=True, slots=True)
class LevelPane:
    """One chart: a value for each level, and a second line where there is something to set it against."""

    title: str
    values: LevelValues
    beside: LevelValues
    beside_name: str = ""
    milliseconds: bool = False


def levels_chart(shown: Sequence[ShownLevel]) -> PlotlyFigure:
    """Broker CPU, ack p99 and rate against target by number of clients, each level in the look of its verdict."""
    made = [pane for pane in _panes(shown) if any(value is not None for value in pane.values)]
    figure = panes([pane.title for pane in made], PANE_PX)
    for number, pane in enumerate(made):
        _draw(figure, shown, pane, number)
    clients = sorted({one.part.clients for one in shown})
    figure.update_xaxes(title_text="clients", tickvals=clients, tickformat=",d", hoverformat=",d")
    figure.update_layout(margin_b=FOOT_PX + AXIS_TITLE_PX, height=figure.layout.height + AXIS_TITLE_PX)
    _mark_knee(figure, shown)
    return plain(figure)


def _panes(shown: Sequence[ShownLevel]) -> list[LevelPane]:
    p99s = [latencies(one.records, one.summary).get(Metric.ACK, {}).get("p99") for one in shown]
    bounded = any(p99 is not None and p99.at_least for p99 in p99s)
    summaries = [one.summary for one in shown]
    return [
        LevelPane(
            "broker CPU, % of a core",
            [summary.broker.cpu_percent for summary in summaries],
            [summary.broker.host_cpu_percent for summary in summaries],
            "host CPU",
        ),
        LevelPane(
            f"ack p99{', or the least it can be' if bounded else ''}",
            [None if p99 is None else p99.ms for p99 in p99s],
            [],
            milliseconds=True,
        ),
        LevelPane(
            "messages per second",
            [done_per_s(summary) for summary in summaries],
            [summary.rates.due_per_s for summary in summaries],
            "due",
        ),
    ]


def _draw(figure: go.Figure, shown: Sequence[ShownLevel], pane: LevelPane, number: int) -> None:
    axes = {"yaxis": axis("y", number), "legend": axis("legend", number)}
    plain_ones = [place for place, one in enumerate(shown) if one.is_plain]
    row = sorted(plain_ones, key=lambda place: shown[place].part.clients)
    aside = [place for place, one in enumerate(shown) if not one.is_plain]
    if any(value is not None for value in pane.beside):
        figure.add_scatter(**_beside(shown, pane, row), **axes)
    figure.add_scatter(**_signs(shown, pane.values, row), **axes, name="levels")
    if aside:
        signs = _signs(shown, pane.values, aside, beside=True)
        figure.add_scatter(**signs, **axes, name="variants, surges", showlegend=number == 0)
    scale = ms_scale(pane.values) if pane.milliseconds else COUNT_SCALE
    figure.update_layout({axis("yaxis", number): scale})


def _beside(shown: Sequence[ShownLevel], pane: LevelPane, row: Sequence[int]) -> PlotlyFigure:
    """What the values are set against: a broad grey line for what was due, a thin one for another figure."""
    due = pane.beside_name == "due"
    return {
        "x": [shown[place].part.clients for place in row],
        "y": [pane.beside[place] for place in row],
        "name": pane.beside_name,
        "mode": "lines",
        "line": {"color": GREY, "width": 8 if due else 2, "dash": "solid" if due else "dot"},
        "opacity": 0.45 if due else 1,
        "hovertemplate": "%{y:,.4~r}",
    }


def _signs(
    shown: Sequence[ShownLevel], values: LevelValues, places: Sequence[int], beside: bool = False
) -> PlotlyFigure:
    looks = [VERDICTS[shown[place].outcome] for place in places]
    return {
        "x": [shown[place].part.clients for place in places],
        "y": [values[place] for place in places],
        "text": [f"{shown[place].outcome}{f': {safe(shown[place].name)}' if beside else ''}" for place in places],
        "mode": "markers" if beside else "lines+markers",
        "cliponaxis": False,
        "line": {"color": BLUE, "width": 2},
        "marker": {
            "size": 11 if beside else 13,
            "color": [colour for colour, _ in looks],
            "symbol": [f"{symbol}-open" if beside else symbol for _, symbol in looks],
        },
        "hovertemplate": "%{y:,.4~r} %{text}",
    }


def _mark_knee(figure: go.Figure, shown: Sequence[ShownLevel]) -> None:
    """A line where it first did not hold, its name beside it. Where nothing held and nothing failed there is none."""
    broken = knee(shown)
    if broken is None or (broken.outcome != FAIL and highest_passed(shown) is None):
        return
    clients: Mapping[str, Any] = {"x0": broken.part.clients, "x1": broken.part.clients}
    look = {"width": 1.5, "dash": "dot"}
    figure.add_shape(type="line", **clients, y0=0, y1=1, yref="paper", line=look, name="bad")
    figure.add_annotation(
        x=broken.part.clients, y=0, yref="paper", text=f"{broken.part.clients:,} clients: {broken.outcome}",
        showarrow=False, xanchor="right", yanchor="bottom", xshift=-4, font={"size": 11}, name="bad",
    )  # fmt: skip
