"""Columns of what observers saw, on the seconds of a run.

A state (stored messages, memory) holds until the observer's next row. A rate or a percentage covers the time since the
row before. Neither reaches over a gap. So a broker that updates `$SYS` every ten seconds gives ten equal seconds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final

from malaria.analysis.broker_figures import PROMETHEUS, SYS, number_in, rows_of
from malaria.analysis.dropped import rises
from malaria.clock import NS_PER_S
from malaria.records.rows import GAP, Observation
from malaria.records.run import Run

MOST_COLUMNS: Final = 200
"""The columns that one observer may have: a Prometheus page can hold any number of series."""
LEFT_OUT: Final = frozenset({"perf"})
"""Observers whose readings are about themselves only."""
SPANS: Final = ("_percent", "_per_s")
"""Endings of figures that describe the time since the row before."""
DROPPED: Final = (f"{SYS}_publish_dropped", f"{PROMETHEUS}_publish_dropped", f"{SYS}_messages_dropped")
"""Counters of what a broker drops, most telling first."""
DROPPED_SO_FAR: Final = "broker_dropped_so_far"

type Column = list[float | None]


def seen_columns(run: Run, ends_s: Sequence[float]) -> dict[str, Column]:
    """Return `{observer}_{name}` for every name that is ever a number, with a value for each end. Topics are left out.

    `broker_dropped_so_far` counts the messages that the broker says it has dropped since the run began.
    """
    table: dict[str, Column] = {}
    for observer in sorted({row.observer for row in run.observations} - LEFT_OUT):
        rows = rows_of(run, observer)
        for name in _numbers(rows)[:MOST_COLUMNS]:
            table[f"{observer}_{name}"] = _column(rows, name, ends_s)
    dropped = next((table[name] for name in DROPPED if name in table), None)
    return table | ({DROPPED_SO_FAR: so_far(dropped)} if dropped else {})


def so_far(counter: Sequence[float | None]) -> Column:
    """Return how much a counter has grown since its first value. After a restart at zero it goes on from there."""
    known = rises(value for value in counter if value is not None)
    sums = accumulate((growth or 0 for growth in known), initial=0.0)
    return [None if value is None else next(sums) for value in counter]


def _numbers(rows: Iterable[Observation]) -> list[str]:
    """Return the names that are ever a number, in order of their first appearance."""
    names: dict[str, None] = {}
    for row in rows:
        names |= {name: None for name, value in row.values.items() if number_in(value) is not None}
    return [name for name in names if not name.startswith("$")]


def _column(rows: Sequence[Observation], name: str, ends_s: Sequence[float]) -> Column:
    fill = _fill_span if name.endswith(SPANS) else _fill_state
    column: Column = [None] * len(ends_s)
    before: int | None = None  # the place of the row before; None at the first, and after a gap
    for row in rows:
        place = bisect_left(ends_s, row.at_ns / NS_PER_S)
        gap = GAP in row.values
        if gap or name in row.values:
            fill(column, number_in(row.values.get(name)), place, before)
        before = None if gap else place
    return column


def _fill_state(column: Column, value: float | None, place: int, _: int | None) -> None:
    column[place:] = [value] * len(column[place:])


def _fill_span(column: Column, value: float | None, place: int, before: int | None) -> None:
    first = place if before is None else min(before + 1, place)
    if value is not None:
        covered = column[first : place + 1]
        column[first : place + 1] = [value] * len(covered)
