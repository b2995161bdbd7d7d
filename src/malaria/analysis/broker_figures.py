"""Figures of the broker from what observers saw: means over the measured time, the state at a moment, courses.

A row of an observer covers the time since the row before. After a row `gap` nothing is known until the next row, and
no figure reaches over it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from malaria.analysis.summary_figures import BrokerFigures
from malaria.analysis.windows import measured_window_ns
from malaria.clock import NS_PER_S
from malaria.records.rows import GAP, Observation, Reading, storable
from malaria.records.run import Run

SYS: Final = "sys"
PROCESS: Final = "process"
HOST: Final = "host"
DOCKER: Final = "docker"
PROMETHEUS: Final = "prometheus"
BROKER_OBSERVERS: Final = (SYS, PROMETHEUS)
"""Observers that read figures of the broker itself; the first that has a figure counts."""
LEAST_COVERED: Final = 0.5
"""The part of the measured time that readings must cover, or the mean over it is unknown."""
LEAST_INSIDE: Final = 0.25
"""The same for means of which only the intervals wholly inside the measured time count."""

type FigureCourse = list[tuple[int, float | None]]
"""(run time, value), None where an observer lost what it watches."""


def broker_figures(run: Run) -> BrokerFigures:
    """Return the figures of the broker that observers fill."""
    window = measured_window_ns(run)
    end_ns = window[1] if window else None
    used, whole = (last_number(run, HOST, name, end_ns) for name in ("memory_used_bytes", "memory_bytes"))
    return BrokerFigures(
        cpu_percent=_first_known(mean(run, observer, "cpu_percent", window) for observer in (PROCESS, DOCKER)),
        host_cpu_percent=mean(run, HOST, "cpu_percent", window),
        rss_bytes=_first_known(last_number(run, observer, "rss_bytes", end_ns) for observer in (PROCESS, DOCKER)),
        host_memory_used_bytes=used,
        host_memory_bytes=whole,
        sys=state_at(run, SYS, end_ns),
        cpu_limit_percent=last_number(run, PROCESS, "cpu_limit_percent", end_ns),
        throttled_percent=mean(run, PROCESS, "throttled_percent", window),
        busiest_thread_percent=mean(run, PROCESS, "busiest_thread_percent", window),
        descriptors=last_number(run, PROCESS, "descriptors", end_ns),
        descriptors_limit=last_number(run, PROCESS, "descriptors_limit", end_ns),
        memory_limit_bytes=_first_known(
            last_number(run, observer, "memory_limit_bytes", end_ns) for observer in (PROCESS, DOCKER)
        ),
    )


def rows_of(run: Run, observer: str) -> list[Observation]:
    """Return the rows of an observer in order of time, gaps included."""
    return [row for row in run.observations if row.observer == observer]


def course(run: Run, observer: str, name: str) -> FigureCourse:
    """Return one figure over time, for charts."""
    points: FigureCourse = []
    for row in rows_of(run, observer):
        if GAP in row.values:
            points.append((row.at_ns, None))
        elif name in row.values:
            points.append((row.at_ns, number_in(row.values[name])))
    return points


def figure_at_each_row(run: Run, observer: str, name: str) -> FigureCourse:
    """Return one figure at every row from the first that has it. A row without it means that it has not changed."""
    points: FigureCourse = []
    value: float | None = None
    for row in rows_of(run, observer):
        value = None if GAP in row.values else count_in(row.values[name]) if name in row.values else value
        if points or value is not None:
            points.append((row.at_ns, value))
    return points


def broker_figure(run: Run, name: str) -> FigureCourse:
    """Return a figure that the broker reports, update by update, from `$SYS` or else from its Prometheus page."""
    return next((found for observer in BROKER_OBSERVERS if (found := figure_at_each_row(run, observer, name))), [])


def mean(run: Run, observer: str, name: str, window: tuple[int, int] | None) -> float | None:
    """Return the mean over a window, each value weighted with the time it covers; None when under half is covered."""
    if window is None or window[1] <= window[0]:
        return None
    covered_ns, weighted = 0, 0.0
    before_ns: int | None = None  # when the row before was read; None after a gap
    for row in rows_of(run, observer):
        value = count_in(row.values.get(name))
        if value is not None and before_ns is not None:
            span_ns = max(0, min(row.at_ns, window[1]) - max(before_ns, window[0]))
            covered_ns += span_ns
            weighted += value * span_ns
        before_ns = None if GAP in row.values else row.at_ns
    if covered_ns < LEAST_COVERED * (window[1] - window[0]):
        return None
    return round(weighted / covered_ns, 2)


def mean_inside(run: Run, observer: str, name: str, window: tuple[int, int] | None) -> float | None:
    """Return the mean of the values whose time is wholly inside the window; None when that is under a quarter of it.

    A `$SYS` figure is up to a second old when it is read, and covers the time since the update before.
    """
    if window is None or window[1] <= window[0]:
        return None
    covered_ns, weighted = 0, 0.0
    before_ns: int | None = None
    for row in rows_of(run, observer):
        value = count_in(row.values.get(name))
        if value is not None and before_ns is not None and window[0] + NS_PER_S <= before_ns < row.at_ns <= window[1]:
            covered_ns += row.at_ns - before_ns
            weighted += value * (row.at_ns - before_ns)
        before_ns = None if GAP in row.values else row.at_ns
    enough = covered_ns >= LEAST_INSIDE * (window[1] - window[0])
    return round(weighted / covered_ns, 3) if covered_ns and enough else None


def state_at(run: Run, observer: str, at_ns: int | None) -> dict[str, Reading]:
    """Return everything that an observer had seen by a moment (None: by the end). Unchanged names keep their value.

    Values from before a gap are included: they are shown as the last known state, and are not figures.
    """
    state: dict[str, Reading] = {}
    for row in rows_of(run, observer):
        if at_ns is not None and row.at_ns > at_ns:
            break
        if GAP not in row.values:
            state |= {name: storable(value) for name, value in row.values.items()}
    return state


def last_number(run: Run, observer: str, name: str, at_ns: int | None) -> Any:
    """Return the last number of that name up to a moment (None: the end); None after a gap."""
    for row in reversed(rows_of(run, observer)):
        if at_ns is not None and row.at_ns > at_ns:
            continue
        if GAP in row.values:
            return None
        if name in row.values:
            return count_in(row.values[name])
    return None


def number_in(reading: Reading) -> float | int | None:
    """Return the number in a reading; None for texts, NaN (Prometheus has it) and numbers beyond 64 bits."""
    number = storable(reading)
    return number if isinstance(number, int | float) else None


def count_in(reading: Reading) -> float | int | None:
    """Return the number in a reading of a count, size or share; None also where it is negative, which none can be."""
    number = number_in(reading)
    return None if number is None or number < 0 else number


def _first_known(values: Iterable[Any]) -> Any:
    return next((value for value in values if value is not None), None)
