"""Columns of what observers see of a target, on the rows of a run that goes on. The rules are those of `seen_columns`.

Promises: a row costs as much as it has values, however long the run is. A rate is known only when its time is over, so
it changes rows that were there before.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from malaria.analysis.broker_figures import number_in
from malaria.analysis.observer_series import DROPPED, DROPPED_SO_FAR, LEFT_OUT, MOST_COLUMNS, SPANS, Column, so_far
from malaria.records.rows import GAP, Observation


class LiveColumns:
    """Columns by name. A row of the table is known by its place, from 0 on."""

    def __init__(self) -> None:
        self._columns: dict[str, Column] = {}
        self._held: dict[str, float | None] = {}  # the latest value of each state
        self._before: dict[str, int] = {}  # the place of each observer's last row, unless a gap followed
        self._names: dict[str, list[str]] = {}  # of each observer, in order of their first appearance

    def add(self, row: Observation, place: int) -> int:
        """Take in what an observer saw at a place; return the first place that changed."""
        if row.observer in LEFT_OUT:
            return place
        before = self._before.pop(row.observer, None)
        changed = place
        if GAP in row.values:
            for column in self._names.get(row.observer, ()):
                self._hold(column, None, place)
            return changed
        self._before[row.observer] = place
        for key, reading in row.values.items():
            name = self._name(row.observer, key, number_in(reading))
            if name is None:
                continue
            changed = min(changed, place if name in self._columns else 0)
            if key.endswith(SPANS):
                changed = min(changed, self._fill(name, number_in(reading), place, before))
            else:
                self._hold(name, number_in(reading), place)
        return changed

    def table(self, rows: int, first: int = 0) -> dict[str, Column]:
        """Return the columns from row `first` on, of `rows` rows."""
        table = {name: self._padded(name, rows)[first:rows] for name in self._columns}
        dropped = next((name for name in DROPPED if name in self._columns), None)
        return table | ({DROPPED_SO_FAR: so_far(self._padded(dropped, rows))[first:rows]} if dropped else {})

    def join(self, sizes: Sequence[int]) -> None:
        """Make one row of each group of rows: of states the last value counts, of rates the mean."""
        places = [0]
        for size in sizes:
            places.append(places[-1] + size)
        for name in self._columns:
            column = self._padded(name, places[-1])
            parts = [column[begin:end] for begin, end in pairwise(places)]
            join = _mean if name.endswith(SPANS) else _last
            self._columns[name] = [join(part) for part in parts] + column[places[-1] :][-1:]
        rows = len(sizes)
        self._before = {observer: min(place, rows) for observer, place in self._before.items()}

    def _name(self, observer: str, key: str, value: float | None) -> str | None:
        """Return the name of a column; None for a topic, a text that was never a number, and one too many."""
        names, name = self._names.setdefault(observer, []), f"{observer}_{key}"
        if name in names:
            return name
        if value is None or key.startswith("$") or len(names) >= MOST_COLUMNS:
            return None
        names.append(name)
        return name

    def _hold(self, name: str, value: float | None, place: int) -> None:
        """Set a state: it holds from a place on."""
        if name.endswith(SPANS):
            return
        column = self._columns.setdefault(name, [])
        held = self._held.get(name)
        column[place:] = [held] * (place - len(column)) + [value]
        self._held[name] = value

    def _fill(self, name: str, value: float | None, place: int, before: int | None) -> int:
        """Set a rate over the time since the row before; return the first place that it covers."""
        column = self._columns.setdefault(name, [])
        column += [None] * (place + 1 - len(column))
        first = place if before is None else min(before + 1, place)
        if value is not None:
            column[first : place + 1] = [value] * (place + 1 - first)
        return first

    def _padded(self, name: str, rows: int) -> Column:
        column = self._columns[name]
        missing = rows - len(column)
        value = None if name.endswith(SPANS) else self._held.get(name)
        return column + [value] * missing if missing > 0 else column


def _last(part: Column) -> float | None:
    return part[-1] if part else None


def _mean(part: Column) -> float | None:
    known = [value for value in part if value is not None]
    return sum(known) / len(known) if known else None
