"""A chart as values: panels on one x axis, their lines, marks and spans. The script of the page draws it.

Promises: plain frozen values that JSON can hold; nothing here knows by what library a chart is drawn. A line takes its
values from a column of a table of the page, so that a page of a run that goes on needs only new rows; or it has values
of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from malaria.units import format_bytes, format_clock, format_count, format_ms

DIGITS: Final = 5
"""Significant digits of a value that only a chart has; the tables of the page have all of them."""
LEAST_DECADES: Final = 0.7
"""An axis of milliseconds spans at least this: a narrower one would show noise as if it were a change."""

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#999999",
)  # fmt: skip
"""Colours of Okabe and Ito, which the colour-blind can tell apart."""

type ChartValues = Sequence[float | None]


class AxisScale(StrEnum):
    """The scale of a panel's axis."""

    COUNT = "count"  # from zero
    MS = "ms"  # milliseconds, over powers of ten
    BYTES = "bytes"  # from zero, in kB, MB, GB


class ChartAxis(StrEnum):
    """The meaning of the x axis."""

    TIME = "time"  # seconds since the start of the load
    NINES = "nines"  # percentiles: each step to the right is one more nine
    LOAD = "load"  # clients or messages per second, a point for each level


@dataclass(frozen=True, slots=True)
class ChartLine:
    """One line. `column` names the column of the chart's table that its values are from; empty: they are its own.

    `markers` has the shape of each point, `texts` the words that a tooltip shows for it; both may be empty.
    """

    name: str
    values: ChartValues
    colour: str = BLUE
    width_px: float = 2
    dash: str = "solid"
    unit: str = ""
    column: str = ""
    steps: bool = False
    faint: bool = False
    joined: bool = True
    """Draw a line between the points; otherwise only the points."""
    entry: str = ""
    """The entry in the legend, if it shares one with other lines of the panel."""
    markers: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChartLimit:
    """A level that a threshold draws through a panel."""

    value: float
    text: str


@dataclass(frozen=True, slots=True)
class ChartPanel:
    """One plot with its title. `height_px` is that of the plot alone; `fault` says which limit is broken here."""

    title: str
    lines: tuple[ChartLine, ...]
    scale: AxisScale = AxisScale.COUNT
    height_px: int = 96
    limits: tuple[ChartLimit, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True)
class ChartMark:
    """A line through all panels at one place of the x axis, with its text."""

    at: float
    text: str
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class ChartSpan:
    """A shaded part of the x axis."""

    begin: float
    end: float
    text: str = ""
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Panels below each other on one x axis, or side by side where there is room.

    `table` names the table of the page whose column `t_s` is the x axis, less `zero`; empty: `x` is the axis itself.
    """

    axis: ChartAxis
    x: Sequence[float]
    panels: tuple[ChartPanel, ...]
    about: str
    """What the chart shows, in a few words, for those who cannot see it; empty if the title of its panel says it."""
    table: str = ""
    zero: float = 0
    marks: tuple[ChartMark, ...] = ()
    spans: tuple[ChartSpan, ...] = ()
    ticks: Mapping[float, str] = field(default_factory=dict)
    label: str = ""
    side_by_side: bool = False

    @property
    def description(self) -> str:
        """The text alternative: what it shows, and of each line the least and the greatest value."""
        parts = [f"{panel.title}: {lines}" for panel in self.panels if (lines := _described(panel))]
        figures = "; ".join(parts)
        about = f"{self.about}{self._span()}".removeprefix(", ")
        return f"{about}. {figures}" if about else figures or ", ".join(panel.title for panel in self.panels)

    def _span(self) -> str:
        if self.axis is not ChartAxis.TIME or not self.x:
            return ""
        return f", {format_clock(self.x[0])} to {format_clock(self.x[-1])}"

    def as_json(self) -> dict[str, Any]:
        """Return the chart as the script takes it. Values that are in the table are left out."""
        made: dict[str, Any] = {
            "axis": self.axis, "label": self.label, "grid": self.side_by_side,
            "marks": [[_rounded(mark.at), mark.text, mark.is_bad] for mark in self.marks],
            "spans": [[_rounded(span.begin), _rounded(span.end), span.text, span.is_bad] for span in self.spans],
            "ticks": [[at, text] for at, text in self.ticks.items()],
            "panels": [_panel_json(panel, bool(self.table)) for panel in self.panels],
        }  # fmt: skip
        return made | ({"table": self.table, "zero": self.zero} if self.table else {"x": list(self.x)})

    def from_table(self, table: str) -> Chart:
        """Return the chart with its values in a table of the page, which has every column that its lines name."""
        return replace(self, table=table)


def _panel_json(panel: ChartPanel, is_in_table: bool) -> dict[str, Any]:
    is_ms = panel.scale is AxisScale.MS
    low, high = ms_range(value for line in panel.lines for value in line.values) if is_ms else (0, 0)
    made: dict[str, Any] = {
        "title": panel.title, "scale": panel.scale, "height": panel.height_px, "fault": panel.fault,
        "lines": [_line_json(line, is_in_table) for line in panel.lines],
        "limits": [[limit.value, limit.text] for limit in panel.limits],
    }  # fmt: skip
    return made | ({"range": [low, high]} if high else {})


def _line_json(line: ChartLine, is_in_table: bool) -> dict[str, Any]:
    made = {
        "name": line.name, "colour": line.colour, "width": line.width_px, "dash": line.dash, "unit": line.unit,
        "steps": line.steps, "faint": line.faint, "entry": line.entry, "joined": line.joined,
        "markers": line.markers, "colours": line.colours, "texts": line.texts,
    }  # fmt: skip
    known = {name: value for name, value in made.items() if value not in ("", (), False)}
    if is_in_table and line.column:
        return known | {"column": line.column}
    return known | {"values": [_rounded(value) for value in line.values]}


def _rounded(value: float | None) -> float | None:
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def ms_range(values_ms: Iterable[float | None]) -> tuple[float, float]:
    """Return the ends of a logarithmic axis of milliseconds; (0, 0) if there are no values."""
    seen = [value for value in values_ms if value]
    if not seen:
        return 0, 0
    low, high = math.log10(min(seen)) - 0.1, math.log10(max(seen)) + 0.1
    if high - low <= LEAST_DECADES:
        low, high = low - LEAST_DECADES / 2, high + LEAST_DECADES / 2
    return float(f"{10**low:.4g}"), float(f"{10**high:.4g}")


def _described(panel: ChartPanel) -> str:
    """Return of each line with values the least and the greatest."""
    ends = [
        (line.name, [value for value in line.values if isinstance(value, int | float)], line.unit)
        for line in panel.lines
    ]
    return ", ".join(f"{name} {_between(min(values), max(values), unit)}" for name, values, unit in ends if values)


def _between(low: float, high: float, unit: str) -> str:
    first, last = (_figure(value, unit) for value in (low, high))
    return last if first == last else f"{first} to {last}"


def _figure(value: float, unit: str) -> str:
    if unit == "ms":
        return format_ms(value)
    if unit == "B":
        return format_bytes(value)
    number = format_count(value) if abs(value) >= 100 or float(value).is_integer() else f"{value:.3g}"
    return f"{number}{unit}" if unit.startswith("/") else f"{number} {unit}".rstrip()
