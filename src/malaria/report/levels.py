"""The chart over the levels of a campaign or demo: where the knee is, at a glance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from malaria.records import Metric, RunRecords
from malaria.report.charts import COUNT_SCALE, FOOT_PX, Figure, axis, ms_scale, panes, plain
from malaria.report.figures import latencies
from malaria.report.panels import BLUE, GREEN, GREY, ORANGE, RED

VERDICTS: Final = {
    "PASS": (GREEN, "circle"),
    "FAIL": (RED, "x"),
    "INVALID": (ORANGE, "diamond"),
    "UNKNOWN": (GREY, "square"),
}
"""Colour and shape: either is enough."""
PANE_PX: Final = 150
AXIS_TITLE_PX: Final = 20

type Summary = Mapping[str, Any]
type Levels = Sequence[tuple[RunRecords, Summary]]


def levels_chart(levels: Levels) -> Figure:
    """Rate against target, ack p99 and broker CPU by number of clients, each level in the look of its verdict."""
    summaries = [summary for _, summary in levels]
    clients = [summary["clients"]["planned"] for summary in summaries]
    rows = {title: column for title, column in _rows(levels).items() if any(value is not None for value in column)}
    figure = panes(list(rows), PANE_PX)
    due = [summary["rates"]["due_per_s"] for summary in summaries]
    figure.add_scatter(x=clients, y=due, name="due", mode="lines", line={"color": GREY, "width": 8}, opacity=0.45)
    for number, (title, values) in enumerate(rows.items()):
        axes = {"yaxis": axis("y", number), "legend": axis("legend", number)}
        figure.add_scatter(**_points(clients, values, summaries), **axes, name="by level" if number else "done")
        figure.update_layout({axis("yaxis", number): ms_scale(values) if title.startswith("ack") else COUNT_SCALE})
    figure.update_xaxes(title_text="clients", tickvals=clients, tickformat=",d", hoverformat=",d")
    figure.update_layout(margin_b=FOOT_PX + AXIS_TITLE_PX, height=figure.layout.height + AXIS_TITLE_PX)
    return plain(figure)


def _rows(levels: Levels) -> dict[str, list[float | None]]:
    p99s = [latencies(records, summary).get(Metric.ACK, {}).get("p99") for records, summary in levels]
    bounded = any(p99 is not None and p99.at_least for p99 in p99s)
    return {
        "messages per second": [_done_per_s(summary["rates"]) for _, summary in levels],
        f"ack p99{', or the least it can be' if bounded else ''}": [None if p99 is None else p99.ms for p99 in p99s],
        "broker CPU, % of a core": [summary["broker"]["cpu_percent"] for _, summary in levels],
    }


def _done_per_s(rates: Mapping[str, float | None]) -> float | None:
    names = ("acked_per_s", "sent_per_s", "delivered_per_s")
    return next((rates[name] for name in names if rates[name] is not None), None)


def _points(clients: list[Any], values: list[float | None], summaries: Sequence[Summary]) -> Figure:
    outcomes = [summary["verdict"]["outcome"] for summary in summaries]
    looks = [VERDICTS[outcome] for outcome in outcomes]
    return {
        "x": clients,
        "y": values,
        "text": outcomes,
        "mode": "lines+markers",
        "cliponaxis": False,
        "line": {"color": BLUE, "width": 2},
        "marker": {"size": 13, "color": [colour for colour, _ in looks], "symbol": [symbol for _, symbol in looks]},
        "hovertemplate": "%{y:,.4~r} %{text}",
    }
