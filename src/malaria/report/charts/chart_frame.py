"""The frame of a chart: plots below each other on one x axis, their scales, and labels that are safe to show.

plotly names the axes of the plots y, y2, y3, ...; the first plot is the topmost.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

import plotly.graph_objects as go

HEAD_PX: Final = 44
"""Room over a panel for its title and legend: one row on a desk; a phone makes all of it higher."""
FOOT_PX: Final = 30

COUNT_SCALE: Final = {"rangemode": "tozero", "nticks": 5, "tickformat": ",~g"}
BYTES_SCALE: Final = {"rangemode": "tozero", "nticks": 4, "tickformat": "~s", "ticksuffix": "B"}

type PlotlyFigure = dict[str, Any]


def stacked_plots(titles: Sequence[str], plot_px: int) -> go.Figure:
    """Return empty plots below each other, each with its title and legend above it."""
    titles = titles or ["nothing was recorded"]
    inner_px = len(titles) * (plot_px + HEAD_PX) - HEAD_PX
    layout: PlotlyFigure = {
        "height": inner_px + HEAD_PX + FOOT_PX,
        "margin": {"l": 62, "r": 10, "t": HEAD_PX, "b": FOOT_PX},
        "hovermode": "x unified",
        "hoversubplots": "axis",
        "showlegend": True,
        # plotly's own look would hide the colours of the page
        "template": "none",
        "meta": {"pane_px": plot_px, "head_px": HEAD_PX},
        "xaxis": {"anchor": axis("y", len(titles) - 1), "showspikes": True, "spikemode": "across",
                  "spikethickness": 1, "spikedash": "solid", "spikesnap": "hovered data"},
    }  # fmt: skip
    for number, title in enumerate(titles):
        top = 1 - number * (plot_px + HEAD_PX) / inner_px
        layout[axis("yaxis", number)] = {
            "domain": [max(top - plot_px / inner_px, 0), top],
            "zeroline": False,
            "showspikes": False,
        }
        layout[axis("legend", number)] = {
            "orientation": "h", "x": 0, "xanchor": "left", "y": top, "yanchor": "bottom", "itemwidth": 30,
            "title": {"text": f"<b>{safe(title)}</b>  ", "side": "left"},
        }  # fmt: skip
    return go.Figure(layout=layout)


def axis(name: str, number: int) -> str:
    """Return plotly's name of an axis: `y`, `y2`, `y3`."""
    return f"{name}{number + 1}" if number else name


def ms_scale(values_ms: Iterable[float | None]) -> PlotlyFigure:
    """Return a logarithmic axis with ticks at round milliseconds; nothing if there are no values."""
    seen = [value for value in values_ms if value]
    # a logarithm of nothing: plotly's default axis is as good
    if not seen:
        return {}
    low, high = math.log10(min(seen)) - 0.1, math.log10(max(seen)) + 0.1
    # at least 0.7 of a decade: a narrower axis would show noise as if it were a change
    low, high = (low, high) if high - low > 0.7 else (low - 0.35, high + 0.35)
    decades = range(math.floor(low), math.ceil(high) + 1)
    # the wider the axis, the fewer ticks: 1-2-5, decades, every second decade
    steps = (1, 2, 5) if high - low < 1.7 else (1,) if high - low < 3.5 else ()
    ticks = [step * 10.0**decade for decade in decades for step in steps or ((1,) if decade % 2 == 0 else ())]
    return {"type": "log", "range": [low, high], "tickvals": ticks, "ticktext": [_tick(tick) for tick in ticks]}


def _tick(ms: float) -> str:
    return f"{ms / 1000:,g} s" if ms >= 1000 else f"{ms:g} ms"


def safe(label: str, most: int = 40) -> str:
    """Shorten and escape a label: plotly would take tags in it for markup."""
    # cut before escaping, so that no entity is cut in two
    cut = label if len(label) <= most else f"{label[: most - 1]}…"
    return cut.replace("&", "&amp;").replace("<", "&lt;")


def figure_json(figure: go.Figure) -> PlotlyFigure:
    """Return data and layout as JSON holds them, without NumPy arrays."""
    made: PlotlyFigure = json.loads(figure.to_json(engine="json"))
    return {"data": made["data"], "layout": made["layout"]}
