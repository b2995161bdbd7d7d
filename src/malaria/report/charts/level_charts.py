"""The charts over the levels of a campaign: at which load the broker breaks, and all levels laid over each other.

The line connects the levels under a constant load. Variants, and levels with surges, are open markers off the line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from malaria.analysis.distribution import distribution
from malaria.analysis.knee import highest_passed, knee
from malaria.analysis.timeline import load_start_ns
from malaria.clock import NS_PER_S
from malaria.records.rows import Metric
from malaria.report.campaign_conclusions import FAIL
from malaria.report.charts.chart_model import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    AxisScale,
    Chart,
    ChartAxis,
    ChartLimit,
    ChartLine,
    ChartMark,
    ChartPanel,
    ChartValues,
)
from malaria.report.charts.run_charts import by_percentile, chart_columns, numbers, percentile_line
from malaria.report.charts.time_panels import SeriesColumns
from malaria.report.figure_text import latencies
from malaria.report.shown_levels import ShownLevel
from malaria.report.target_text import done_per_s
from malaria.report.threshold_text import threshold_rows
from malaria.units import format_count

VERDICTS: Final = {
    "PASS": ("--good", "circle"),
    "FAIL": ("--bad", "cross"),
    "INVALID": ("--doubt", "diamond"),
    "UNKNOWN": ("--doubt", "square"),
}
"""Colour and shape of a marker: the colour is that of the word on the page, and the shape alone tells the outcome."""
LIMITS_SHOWN: Final = ("ack.p99", "end_to_end.p99")
"""The rules whose limits are drawn."""
PLOT_PX: Final = 112
OVERLAY_PX: Final = 200
RAMP: Final = ((0x56, 0xB4, 0xE9), (0x00, 0x72, 0xB2), (0x6A, 0x3D, 0x9A), (0xC5, 0x4B, 0x8C), (0xD5, 0x5E, 0x00))
"""Colours from the smallest load to the greatest."""
MOST_OVERLAID: Final = 20
NEAR_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class LevelLine:
    """One figure of every level. The main one of a plot wears the verdicts."""

    name: str
    values: ChartValues
    unit: str
    is_main: bool = True
    colour: str = BLUE
    dash: str = "solid"
    faint: bool = False


@dataclass(frozen=True, slots=True)
class LevelPlot:
    """One plot over the levels."""

    title: str
    lines: tuple[LevelLine, ...]
    scale: AxisScale = AxisScale.COUNT
    limits: tuple[ChartLimit, ...] = ()


def levels_chart(shown: Sequence[ShownLevel], load: str = "clients") -> Chart:
    """Return latency, losses, message rate and CPU by load; the marker of a level shows its outcome.

    `load` says in what the load is counted. Host and broker CPU have plots of their own: their 100 % are not the same.
    """
    # from few clients to many, whatever the order of the file
    ordered = sorted(shown, key=lambda one: one.load)
    # a plot without a value would be an empty frame
    plots = [plot for plot in _plots(ordered) if any(value is not None for value in plot.lines[0].values)]
    return Chart(
        ChartAxis.LOAD,
        [one.load for one in ordered],
        tuple(ChartPanel(plot.title, tuple(_lines(ordered, plot)), plot.scale, PLOT_PX, plot.limits) for plot in plots),
        f"Figures of each level by {load}",
        marks=_knee_mark(shown, load),
        ticks={one.load: format_count(one.load) for one in ordered},
        label=load,
        side_by_side=True,
    )


def _plots(shown: Sequence[ShownLevel]) -> list[LevelPlot]:
    """Return the plots in the order in which a reader asks."""
    return [
        _latency_plot(shown),
        _rate_plot(shown),
        *_loss_plot(shown),
        _plot("broker CPU, % of a core", "broker", "%", [one.summary.broker.cpu_percent for one in shown]),
        _plot("host CPU, % of all cores", "host", "%", [one.summary.broker.host_cpu_percent for one in shown]),
        LevelPlot(
            "broker memory",
            (LevelLine("memory", [one.summary.broker.rss_bytes for one in shown], "B"),),
            AxisScale.BYTES,
        ),
    ]


def _plot(title: str, name: str, unit: str, values: ChartValues) -> LevelPlot:
    return LevelPlot(title, (LevelLine(name, values, unit),))


def _latency_plot(shown: Sequence[ShownLevel]) -> LevelPlot:
    tables = [latencies(one.run, one.summary) for one in shown]
    ack, end_to_end = (
        [None if (p99 := table.get(metric, {}).get("p99")) is None else p99.ms for table in tables]
        for metric in (Metric.ACK, Metric.END_TO_END)
    )
    bounded = any(p99.at_least for table in tables if (p99 := table.get(Metric.ACK, {}).get("p99")) is not None)
    lines = [
        LevelLine("ack p99", ack, "ms"),
        LevelLine("end to end p99", end_to_end, "ms", not any(ack), GREEN, "dash"),
    ]
    known = tuple(line for line in lines if any(line.values)) or (lines[0],)
    return LevelPlot(f"latency p99{' (or a lower bound)' if bounded else ''}", known, AxisScale.MS, _limits(shown))


def _limits(shown: Sequence[ShownLevel]) -> tuple[ChartLimit, ...]:
    """Return the limits on the p99 by which the levels were judged, each once, with the level if it is of one alone."""
    found: dict[tuple[str, float], list[str]] = {}
    for one in shown:
        for rule in threshold_rows(one.run, one.summary):
            if rule.key in LIMITS_SHOWN and rule.limit_ms:
                found.setdefault((f"{rule.name} {rule.limit}", rule.limit_ms), []).append(one.name)
    return tuple(
        ChartLimit(limit_ms, f"{text} at {names[0]}" if len(names) == 1 < len(shown) else text)
        for (text, limit_ms), names in found.items()
    )


def _rate_plot(shown: Sequence[ShownLevel]) -> LevelPlot:
    due = LevelLine("due", [one.summary.rates.due_per_s for one in shown], "/s", False, GREY, faint=True)
    done = LevelLine("done", [done_per_s(one.summary) for one in shown], "/s")
    return LevelPlot("messages per second", (done, due) if any(due.values) else (done,))


def _loss_plot(shown: Sequence[ShownLevel]) -> list[LevelPlot]:
    """Return the plot of what was lost; nothing if nothing was."""
    lost = LevelLine("lost", [one.summary.messages.lost for one in shown], "messages")
    dropped = LevelLine(
        "dropped by the broker", [one.summary.broker.dropped for one in shown], "messages", False, ORANGE, "dash"
    )
    known = [line for line in (lost, dropped) if any(line.values)]
    if not known:
        return []
    first, *rest = known
    return [LevelPlot("messages lost", (LevelLine(first.name, first.values, first.unit), *rest))]


def _lines(shown: Sequence[ShownLevel], plot: LevelPlot) -> list[ChartLine]:
    lines: list[ChartLine] = []
    for line in plot.lines:
        if line.is_main:
            lines += _main(shown, line)
        else:
            lines.append(_second(shown, line))
    return sorted(lines, key=lambda line: not line.faint)  # the broad line of what is due is below the others


def _second(shown: Sequence[ShownLevel], line: LevelLine) -> ChartLine:
    width = 8 if line.faint else 2
    values = _medians(shown, line.values)
    name = line.name if line.faint or not _is_repeated(shown) else f"{line.name}, median"
    return ChartLine(
        name,
        values,
        line.colour,
        width,
        line.dash,
        line.unit,
        faint=line.faint,
        entry=line.name if name != line.name else "",
    )


def _main(shown: Sequence[ShownLevel], line: LevelLine) -> list[ChartLine]:
    looks = [VERDICTS[one.outcome] for one in shown]
    repeated = _is_repeated(shown)
    lines = []
    # a line through every run of one load would be a zigzag
    if repeated:
        medians = _medians(shown, line.values)
        lines.append(ChartLine(f"{line.name}, median", medians, unit=line.unit, entry=line.name))
    # the variants first: the markers of the levels lie above theirs
    for plain, name in ((False, f"{line.name}: variants, surges"), (True, line.name)):
        if not any(one.is_plain is plain for one in shown):
            continue
        lines.append(
            ChartLine(
                name,
                [value if one.is_plain is plain else None for one, value in zip(shown, line.values, strict=True)],
                unit=line.unit,
                markers=tuple(f"{shape}{'' if plain else '-open'}" for _, shape in looks),
                colours=tuple(colour for colour, _ in looks),
                texts=tuple(one.outcome if plain else f"{one.outcome}: {one.name}" for one in shown),
                joined=plain and not repeated,
            )
        )
    return lines


def _is_repeated(shown: Sequence[ShownLevel]) -> bool:
    """Return if a load was run more than once under one name."""
    loads = [one.named_load for one in shown if one.is_plain]
    return len(set(loads)) < len(loads)


def _medians(shown: Sequence[ShownLevel], values: ChartValues) -> ChartValues:
    """Return for the first run of each load the median of the values of all its runs, None for the others."""
    found: dict[tuple[str, int], list[float]] = {}
    for one, value in zip(shown, values, strict=True):
        if one.is_plain and value is not None:
            found.setdefault(one.named_load, []).append(value)
    return [median(found.pop(one.named_load)) if one.is_plain and one.named_load in found else None for one in shown]


def _knee_mark(shown: Sequence[ShownLevel], load: str) -> tuple[ChartMark, ...]:
    """Mark the level where the broker broke. Without a level that passed, only a FAIL is worth a mark."""
    broken = knee(shown)
    if broken is None or (broken.outcome != FAIL and highest_passed(shown) is None):
        return ()
    return (ChartMark(broken.load, f"{broken.load:,} {load}: {broken.outcome}", is_bad=True),)


def overlaid_percentiles(shown: Sequence[ShownLevel]) -> Chart:
    """Return the latency of all levels by percentile: of acks or, where nothing is acknowledged, end to end."""
    has_ack = any(one.summary.latency_ms[Metric.ACK].count for one in shown)
    metric, name = (Metric.ACK, "ack") if has_ack else (Metric.END_TO_END, "end to end")
    lines = _overlaid(
        shown,
        lambda one, colour, dash: percentile_line(
            one.name, colour, [point for point in distribution(one.run, metric) if point.quantile < 1], dash, small=True
        ),
    )
    return by_percentile(f"{name} by percentile, all levels", lines, OVERLAY_PX)


def overlaid_rates(shown: Sequence[ShownLevel], series: Sequence[SeriesColumns]) -> Chart:
    """Return the messages per second of all levels over time; `series` has the columns of each, second by second."""
    courses = {one.anchor: _course(one, table) for one, table in zip(shown, series, strict=True)}
    x = sorted({second for course in courses.values() for second in course})
    lines = _overlaid(
        shown,
        lambda one, colour, dash: ChartLine(
            one.name, [courses[one.anchor].get(second) for second in x], colour, 1.5, dash, "/s"
        ),
    )
    panel = ChartPanel("messages done per second, all levels", lines, height_px=OVERLAY_PX)
    return Chart(ChartAxis.TIME, x, (panel,), "")


def _course(one: ShownLevel, series: SeriesColumns) -> dict[float, float | None]:
    """Return the rate done in each second since the start of the load; the second 1 is the first."""
    table, meta = chart_columns(one.run, series), one.run.meta
    zero_s = load_start_ns(meta) / NS_PER_S
    last_s = math.inf if meta.measure_end_ns is None else meta.measure_end_ns / NS_PER_S
    column = "acked_per_s" if meta.acknowledged else "sent_per_s" if meta.publishing else "delivered_per_s"
    ends = numbers(table.get("t_s", ()))
    return {
        math.ceil(end - zero_s): value
        for end, value in zip(ends, numbers(table.get(column, ())), strict=True)
        if end is not None and zero_s < end <= last_s + NEAR_S
    }


def _overlaid(shown: Sequence[ShownLevel], make: Callable[[ShownLevel, str, str], ChartLine]) -> tuple[ChartLine, ...]:
    """Return a line for each level, coloured from the smallest load to the greatest; a level that failed is dashed."""
    ordered = sorted(shown, key=lambda one: one.load)[:MOST_OVERLAID]
    colours = [_colour(place / max(len(ordered) - 1, 1)) for place in range(len(ordered))]
    lines = (
        make(one, colour, "dash" if one.outcome == FAIL else "solid")
        for one, colour in zip(ordered, colours, strict=True)
    )
    return tuple(line for line in lines if line.values)


def _colour(share: float) -> str:
    """Return the colour at a place of the ramp, 0 to 1."""
    at = share * (len(RAMP) - 1)
    low = min(int(at), len(RAMP) - 2)
    mixed = (round(a + (b - a) * (at - low)) for a, b in zip(RAMP[low], RAMP[low + 1], strict=True))
    return f"#{''.join(f'{part:02X}' for part in mixed)}"
