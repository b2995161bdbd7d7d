"""What observers saw, as figures of the broker: means over the measured time, the state at a moment, courses.

A row of an observer covers the time since its row before. A row `gap` ends what was known: from there on until the next
row nothing is, and no figure reaches over it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

from malaria.analysis.summary_figures import BrokerFigures
from malaria.analysis.windows import measured_window_ns
from malaria.clock import NS_PER_S
from malaria.records.rows import GAP, Observation, Reading
from malaria.records.run import Run

SYS: Final = "sys"
PROCESS: Final = "process"
HOST: Final = "host"
DOCKER: Final = "docker"
PROMETHEUS: Final = "prometheus"
SAYS: Final = (SYS, PROMETHEUS)
"""Where a broker tells of itself; the first that has a figure counts."""
LEAST_COVERED: Final = 0.5
"""Of the measured time, for a mean over it to be said."""
LEAST_INSIDE: Final = 0.25
"""The same, where only what is wholly inside it counts."""

type Course = list[tuple[int, float | None]]
"""(run time, value), None where an observer lost what it watches."""


def broker_figures(records: Run) -> BrokerFigures:
    """Return the figures of the broker that observers fill."""
    window = measured_window_ns(records)
    end_ns = window[1] if window else None
    used, whole = (last_number(records, HOST, name, end_ns) for name in ("memory_used_bytes", "memory_bytes"))
    return BrokerFigures(
        cpu_percent=_first_known(mean(records, observer, "cpu_percent", window) for observer in (PROCESS, DOCKER)),
        host_cpu_percent=mean(records, HOST, "cpu_percent", window),
        rss_bytes=_first_known(last_number(records, observer, "rss_bytes", end_ns) for observer in (PROCESS, DOCKER)),
        host_memory_used_bytes=used,
        host_memory_bytes=whole,
        sys=state_at(records, SYS, end_ns),
    )


def rows_of(records: Run, observer: str) -> list[Observation]:
    """In order of time, gaps included."""
    return [row for row in records.observations if row.observer == observer]


def course(records: Run, observer: str, name: str) -> Course:
    """One figure over time, for charts."""
    points: Course = []
    for row in rows_of(records, observer):
        if GAP in row.values:
            points.append((row.at_ns, None))
        elif name in row.values:
            points.append((row.at_ns, number_in(row.values[name])))
    return points


def standing(records: Run, observer: str, name: str) -> Course:
    """One figure at every row from the first that has it on: a row without it says that it has not changed."""
    points: Course = []
    value: float | None = None
    for row in rows_of(records, observer):
        value = None if GAP in row.values else number_in(row.values[name]) if name in row.values else value
        if points or value is not None:
            points.append((row.at_ns, value))
    return points


def said(records: Run, name: str) -> Course:
    """A figure of the broker as it tells it, on `$SYS` or else on its Prometheus page, word by word."""
    return next((found for observer in SAYS if (found := standing(records, observer, name))), [])


def mean(records: Run, observer: str, name: str, window: tuple[int, int] | None) -> float | None:
    """Over a window, each value weighted with the time that it covers; None when less than half of it is covered."""
    if window is None or window[1] <= window[0]:
        return None
    covered_ns, weighted = 0, 0.0
    before_ns: int | None = None  # when the row before was read; None after a gap
    for row in rows_of(records, observer):
        value = number_in(row.values.get(name))
        if value is not None and before_ns is not None:
            span_ns = max(0, min(row.at_ns, window[1]) - max(before_ns, window[0]))
            covered_ns += span_ns
            weighted += value * span_ns
        before_ns = None if GAP in row.values else row.at_ns
    if covered_ns < LEAST_COVERED * (window[1] - window[0]):
        return None
    return round(weighted / covered_ns, 2)


def mean_inside(records: Run, observer: str, name: str, window: tuple[int, int] | None) -> float | None:
    """As `mean`, of values that are about a time wholly inside the window; None when that is less than a quarter of it.

    What a broker announces is up to a second old when it is read, and of the time since it was announced before.
    """
    if window is None or window[1] <= window[0]:
        return None
    covered_ns, weighted = 0, 0.0
    before_ns: int | None = None
    for row in rows_of(records, observer):
        value = number_in(row.values.get(name))
        if value is not None and before_ns is not None and window[0] + NS_PER_S <= before_ns < row.at_ns <= window[1]:
            covered_ns += row.at_ns - before_ns
            weighted += value * (row.at_ns - before_ns)
        before_ns = None if GAP in row.values else row.at_ns
    enough = covered_ns >= LEAST_INSIDE * (window[1] - window[0])
    return round(weighted / covered_ns, 3) if covered_ns and enough else None


def state_at(records: Run, observer: str, at_ns: int | None) -> dict[str, Reading]:
    """Everything that an observer had heard by a moment (None: by the end): names that did not change keep their value.

    What stood before a gap stands after it too: it is shown as the last word, and is no figure.
    """
    state: dict[str, Reading] = {}
    for row in rows_of(records, observer):
        if at_ns is not None and row.at_ns > at_ns:
            break
        if GAP not in row.values:
            state |= row.values
    return state


def last_number(records: Run, observer: str, name: str, at_ns: int | None) -> Any:
    """The last number of that name up to a moment (None: the end); None where the observer saw nothing any more."""
    for row in reversed(rows_of(records, observer)):
        if at_ns is not None and row.at_ns > at_ns:
            continue
        if GAP in row.values:
            return None
        if name in row.values:
            return number_in(row.values[name])
    return None


def number_in(reading: Reading) -> float | int | None:
    """Prometheus knows NaN and infinity too: they are no figures."""
    return reading if isinstance(reading, int | float) and math.isfinite(reading) else None


def _first_known(values: Iterable[Any]) -> Any:
    return next((value for value in values if value is not None), None)
