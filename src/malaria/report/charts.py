"""The charts, as plotly figures: made in Python, drawn in the browser, in Okabe and Ito's colour-blind-safe colours."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from malaria.analysis.distribution import distribution
from malaria.analysis.series import columns
from malaria.clock import NS_PER_S
from malaria.records import Event, EventKind, Metric, RunRecords

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#999999",
)  # fmt: skip
COLOURS: Final = {"PASS": GREEN, "FAIL": RED, "INVALID": ORANGE, "UNKNOWN": GREY}
LATENCIES: Final = {
    Metric.ACK: ("ack", BLUE),
    Metric.END_TO_END: ("end to end", GREEN),
    Metric.CONNECT: ("connect", PURPLE),
}
MARKS_SHOWN: Final = 40
"""More marks than this make a chart unreadable; the table of events has them all."""
STACK_HEIGHT_PX: Final = 960
OVERVIEW_HEIGHT_PX: Final = 260

type Figure = dict[str, Any]
type Row = list[tuple[str, str, str, str]]
"""(name of the line, column, colour, dash)."""

STACK: Final[list[tuple[str, Row]]] = [
    ("clients", [("ready", "clients", BLUE, "solid")]),
    (
        "messages per second",
        [
            ("due", "due_per_s", GREY, "dot"),
            ("sent", "sent_per_s", SKY, "solid"),
            ("acked", "acked_per_s", BLUE, "solid"),
            ("delivered", "delivered_per_s", GREEN, "solid"),
        ],
    ),
    (
        "latency, ms",
        [
            ("ack p50", "ack_p50_ms", BLUE, "solid"),
            ("ack p99", "ack_p99_ms", ORANGE, "solid"),
            ("ack max", "ack_max_ms", RED, "dot"),
            ("end to end p99", "end_to_end_p99_ms", GREEN, "solid"),
        ],
    ),
    (
        "our own lag, ms",
        [("own lag p50", "own_lag_p50_ms", SKY, "solid"), ("own lag p99", "own_lag_p99_ms", PURPLE, "solid")],
    ),
    ("generator CPU, %", [("CPU, all workers", "cpu_percent", RED, "solid")]),
    ("messages waiting", [("in flight", "inflight", SKY, "solid"), ("held", "held", ORANGE, "solid")]),
]
LOGARITHMIC: Final = ("latency, ms", "our own lag, ms")


def overview(records: RunRecords) -> Figure:
    """Due and done over time: the one chart of the top of the page."""
    table = columns(records)
    done = "acked" if records.meta.get("acknowledged") else "sent" if records.meta.get("publishing") else "delivered"
    figure = go.Figure()
    if records.meta.get("publishing"):
        _add(figure, table, ("due", "due_per_s", GREY, "dot"))
    _add(figure, table, (done, f"{done}_per_s", BLUE, "solid"))
    _mark(figure, records.events)
    figure.update_layout(**_layout(), height=OVERVIEW_HEIGHT_PX)
    figure.update_yaxes(rangemode="tozero", title_text="messages per second")
    figure.update_xaxes(title_text="seconds")
    return _plain(figure)


def stack(records: RunRecords) -> Figure:
    """Everything over one time axis with one cursor."""
    table = columns(records)
    figure = make_subplots(
        rows=len(STACK), cols=1, shared_xaxes=True, vertical_spacing=0.035, subplot_titles=[title for title, _ in STACK]
    )
    for number, (title, lines) in enumerate(STACK, 1):
        for one in lines:
            if any(value for value in table.get(one[1], ())):
                _add(figure, table, one, row=number)
        logarithmic = title in LOGARITHMIC
        figure.update_yaxes(type="log" if logarithmic else "linear", row=number, col=1)
        if not logarithmic:
            figure.update_yaxes(rangemode="tozero", row=number, col=1)
    bottom = f"x{len(STACK)}"
    figure.update_traces(xaxis=bottom)  # one axis for all: the cursor of one is the cursor of all
    _mark(figure, records.events, bottom)
    figure.update_layout(**_layout(), height=STACK_HEIGHT_PX)
    figure.update_xaxes(showspikes=True, spikemode="across", spikethickness=1, spikedash="dot", spikecolor=GREY)
    figure.update_xaxes(title_text="seconds", row=len(STACK), col=1)
    return _plain(figure)


def percentiles(records: RunRecords) -> Figure:
    """Latency by percentile, the tail stretched: each step to the right is one more nine."""
    figure = go.Figure()
    for metric, (name, colour) in LATENCIES.items():
        points = [point for point in distribution(records, metric) if point.quantile < 1]
        if points:
            figure.add_scatter(
                x=[1 / (1 - point.quantile) for point in points],
                y=[point.ms for point in points],
                name=name,
                mode="lines+markers",
                line={"color": colour, "width": 2},
                marker={"size": 6, "symbol": ["circle" if point.known else "circle-open" for point in points]},
                text=[f"p{100 * point.quantile:g}" for point in points],
                hovertemplate="%{text}: %{y:.3g} ms",
            )
    nines = [0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999]
    figure.update_layout(**_layout(), height=360)
    ticks = {"tickvals": [1 / (1 - q) for q in nines], "ticktext": [f"{100 * q:g}" for q in nines]}
    figure.update_xaxes(type="log", title_text="percentile", **ticks)
    figure.update_yaxes(type="log", title_text="ms")
    return _plain(figure)


def levels_chart(levels: Sequence[tuple[RunRecords, Mapping[str, Any]]]) -> Figure:
    """Over the levels: rate against target and ack p99, each level in the colour of its verdict."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.12,
                           subplot_titles=["messages per second: target and acknowledged", "ack p99, ms"])  # fmt: skip
    summaries = [summary for _, summary in levels]
    clients = [summary["clients"]["planned"] for summary in summaries]
    marker = {"size": 12, "color": [COLOURS[summary["verdict"]["outcome"]] for summary in summaries]}
    lines: list[tuple[str, list[Any], int]] = [
        ("acked", [summary["rates"]["acked_per_s"] for summary in summaries], 1),
        ("ack p99", [summary["latency_ms"]["ack"]["p99"] for summary in summaries], 2),
    ]
    due = [summary["rates"]["due_per_s"] for summary in summaries]
    figure.add_scatter(x=clients, y=due, name="target", mode="lines", line={"color": GREY, "dash": "dot"}, row=1, col=1)
    for name, values, row in lines:
        figure.add_scatter(
            x=clients, y=values, name=name, mode="lines+markers", marker=marker, line={"color": BLUE}, row=row, col=1
        )
    figure.update_layout(**_layout(), height=480)
    figure.update_yaxes(rangemode="tozero")
    figure.update_xaxes(title_text="clients", row=2, col=1)
    return _plain(figure)


def _add(figure: go.Figure, table: Mapping[str, Sequence[Any]], one: tuple[str, str, str, str], row: int = 0) -> None:
    name, column, colour, dash = one
    trace = go.Scatter(
        x=list(table.get("t_s", ())),
        y=list(table.get(column, ())),
        name=name,
        mode="lines",
        connectgaps=False,
        line={"color": colour, "dash": dash, "width": 2},
        hovertemplate="%{y:,.4~g}",
    )
    figure.add_trace(trace, **({"row": row, "col": 1} if row else {}))


def _mark(figure: go.Figure, events: Sequence[Event], axis: str = "x") -> None:
    """A line through all charts for each event that is worth one, its text at the top."""
    worth = [event for event in events if event.kind is not EventKind.PHASE or event.text in ("measure", "drain")]
    for event in worth[:MARKS_SHOWN]:
        at = event.at_ns / NS_PER_S
        figure.add_shape(
            type="line", x0=at, x1=at, y0=0, y1=1, xref=axis, yref="paper", line={"width": 1, "dash": "dot"}
        )
        figure.add_annotation(
            x=at, y=1, xref=axis, yref="paper", text=_short(event.text), showarrow=False, textangle=-90,
            xanchor="right", yanchor="top", font={"size": 10},
        )  # fmt: skip


def _short(label: str) -> str:
    """plotly reads a few tags in labels: none of them from outside."""
    cut = label if len(label) <= 40 else f"{label[:39]}…"
    return cut.replace("&", "&amp;").replace("<", "&lt;")


def _layout() -> Figure:
    return {
        "margin": {"l": 56, "r": 12, "t": 30, "b": 44},
        "hovermode": "x unified",
        "legend": {"orientation": "h", "y": -0.05, "yanchor": "top"},
        "font": {"family": "system-ui, sans-serif", "size": 12},
        "template": "none",
    }


def _plain(figure: go.Figure) -> Figure:
    """Only lists and numbers: what JSON can carry."""
    plain: Figure = json.loads(figure.to_json(engine="json"))
    return {"data": plain["data"], "layout": plain["layout"]}
