"""The chart of a staircase: what was offered on the way up and down, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from malaria.analysis.summary_figures import LoopFigures, RungFigures
from malaria.report.charts.chart_model import (
    BLUE,
    GREY,
    ORANGE,
    AxisScale,
    Chart,
    ChartAxis,
    ChartLine,
    ChartMark,
    ChartPanel,
)
from malaria.units import format_count

PLOT_PX: Final = 150
LOOKS: Final = {True: ("--good", "circle"), False: ("--bad", "cross"), None: ("--doubt", "diamond")}
"""Colour and shape of a rung: well, not well, no evidence."""
WORDS: Final = {True: "well", False: "not well", None: "no evidence"}
UP: Final = "up"
DOWN: Final = "down"


@dataclass(frozen=True, slots=True)
class RungPlot:
    """One figure of every rung."""

    title: str
    figure: Callable[[RungFigures], float | None]
    unit: str = ""
    scale: AxisScale = AxisScale.COUNT


def loop_chart(loop: LoopFigures, *, by_rate: bool) -> Chart:
    """Return acked messages, connected clients and ack p99 by the load that was offered, up and down in two lines."""
    loads = sorted({rung.load for rung in loop.rungs})
    unit = "msg/s offered" if by_rate else "clients offered"
    plots = [RungPlot("acked messages per second", lambda rung: rung.acked_per_s, "/s")]
    # the clients of a search for a rate stay the same, unless some were lost
    if not by_rate or len({rung.clients for rung in loop.rungs}) > 1:
        plots.append(RungPlot("connected clients", lambda rung: rung.clients))
    if any(rung.ack_p99_ms for rung in loop.rungs):
        plots.append(RungPlot("ack p99", lambda rung: rung.ack_p99_ms, "ms", AxisScale.MS))
    panels = [_panel(plot, loop.rungs, loads) for plot in plots]
    panels[0] = replace(panels[0], lines=(_due(loop.rungs, loads), *panels[0].lines))
    return Chart(
        ChartAxis.LOAD,
        loads,
        tuple(panels),
        f"The way up and the way back by {unit}",
        marks=_marks(loop),
        ticks={load: format_count(load) for load in loads},
        label=unit,
        side_by_side=True,
    )


def _panel(plot: RungPlot, rungs: Sequence[RungFigures], loads: Sequence[int]) -> ChartPanel:
    lines = [_line(way, rungs, loads, plot) for way in (UP, DOWN)]
    # a target that did not tip has no way back
    known = tuple(line for line in lines if any(value is not None for value in line.values))
    return ChartPanel(plot.title, known, plot.scale, PLOT_PX)


def _line(way: str, rungs: Sequence[RungFigures], loads: Sequence[int], plot: RungPlot) -> ChartLine:
    on_way = {rung.load: rung for rung in rungs if rung.way == way}
    found = [on_way.get(load) for load in loads]
    looks = [LOOKS[rung.well] if rung is not None else LOOKS[None] for rung in found]
    return ChartLine(
        f"on the way {way}",
        [None if rung is None else plot.figure(rung) for rung in found],
        colour=BLUE if way == UP else ORANGE,
        dash="solid" if way == UP else "dash",
        unit=plot.unit,
        markers=tuple(shape for _, shape in looks),
        colours=tuple(colour for colour, _ in looks),
        texts=tuple("" if rung is None else f"{WORDS[rung.well]}: {rung.reason}".rstrip(": ") for rung in found),
    )


def _due(rungs: Sequence[RungFigures], loads: Sequence[int]) -> ChartLine:
    due = {rung.load: rung.due_per_s for rung in rungs}
    return ChartLine("due", [due.get(load) for load in loads], GREY, 8, unit="/s", faint=True)


def _marks(loop: LoopFigures) -> tuple[ChartMark, ...]:
    """Mark where the target tipped, with what broke first, and where it was well again."""
    marks = []
    if loop.tipping is not None:
        first = f": {loop.broke_first[0].what} first" if loop.broke_first else ""
        marks.append(ChartMark(loop.tipping, f"tips{first}", is_bad=True))
    if loop.recovery is not None:
        marks.append(ChartMark(loop.recovery, "well again"))
    return tuple(marks)
