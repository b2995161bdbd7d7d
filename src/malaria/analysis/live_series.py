"""The columns of `malaria.analysis.series` of a run that goes on: each second costs the same, however long the run is.

Promises: the rows are those that the report will have, as long as no report of a worker comes late; memory is bounded:
a run with more than MOST_ROWS rows gets rows twice as long, with percentiles from merged histograms.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from malaria.analysis.live_columns import LiveColumns
from malaria.analysis.series import LONGEST_GAP_S, POINTS, RATES, SERIES_METRICS, SeriesRow, SeriesRows
from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.records.histogram import Histogram
from malaria.records.rows import Observation, RunPhase, Sample
from malaria.records.sample_timeline import Second, Timeline

MOST_ROWS: Final = 1800
GRACE_S: Final = 3
"""A second is shown at the latest when this time has passed since its end, also without all workers."""
SILENCE_S: Final = 10
"""A worker from which nothing came for this time is not waited for until it reports again."""
JOINED_AT_ONCE: Final = 2
"""Pairs of rows that are joined with each new row, so that doubling them all takes no second."""
NEAR_NS: Final = NS_PER_S // 10
CHANGES_KEPT: Final = 900

type LiveTable = Mapping[str, Sequence[float | str | None]]


@dataclass(frozen=True, slots=True)
class _Row:
    """One row, and its histograms as long as it may be joined with another."""

    values: SeriesRow
    packed: Mapping[str, bytes]


class LiveSeries:
    """Rows of `step_s` seconds, one after the other. `version` grows with every change; it names a state of the table.

    Not thread-safe.
    """

    def __init__(self, workers: Sequence[str], most_rows: int = MOST_ROWS) -> None:
        self.step_s = 1
        self.version = 0
        self.late_samples = 0  # came when their second was shown
        self._workers = list(workers)
        self._most_rows = most_rows
        self._maker = SeriesRows(self._workers)
        self._pending = Timeline()
        self._part: list[_Row] = []  # seconds of a row that is not whole yet
        self._rows: list[_Row] = []
        self._table: dict[str, list[float | str | None]] = {}  # the values of the rows, by column
        self._joined: list[_Row] = []  # what the first `_ahead` rows become when rows are doubled ...
        self._sizes: list[int] = []  # ... and of how many rows each of them is made
        self._ahead = 0
        self._seen = LiveColumns()
        self._early: list[Observation] = []  # before the first row
        self._last_ns: dict[str, int] = {}
        self._finished: set[str] = set()
        self._shown_s: int | None = None  # the last second that is in a row, or in a part of one
        self._changes: deque[tuple[int, int]] = deque([(0, 0)], maxlen=CHANGES_KEPT)  # version, first row that changed

    def __len__(self) -> int:
        return len(self._rows)

    # --- what comes in ---------------------------------------------------------------------------------------------

    def add(self, sample: Sample) -> None:
        """Take in a worker's sample."""
        self._last_ns[sample.worker] = max(sample.end_ns, self._last_ns.get(sample.worker, 0))
        if sample.phase is RunPhase.FINISH:
            self._finished.add(sample.worker)
        second = self._pending.add(sample)
        if self._shown_s is not None and second.end_s <= self._shown_s:
            self.late_samples += 1
            self._pending.drop_before(self._shown_s + 1)

    def observe(self, row: Observation) -> None:
        """Take in a row of an observer."""
        if self._rows or self._part:
            self._note(self._seen.add(row, self._place(row.at_ns)))
        elif len(self._early) < self._most_rows:
            self._early.append(row)

    def advance(self, now_s: float) -> None:
        """Make rows of the seconds that are whole, and of those that are not waited for any longer at a run time."""
        while (second := self._next_whole(now_s)) is not None:
            self._pending.drop_before(second.end_s + 1)
            self._shown_s = second.end_s
            self._take(second)

    def pass_to(self, now_s: int) -> None:
        """Make a row for each second up to `now_s`: the clock of a table that has observers alone."""
        for end_s in range((self._shown_s or 0) + 1, now_s + 1):
            self._shown_s = end_s
            self._take(Second(end_s))

    # --- what goes out ---------------------------------------------------------------------------------------------

    def changed_since(self, version: int) -> int:
        """Return the first row that differs from the table of a version; `len` if none does, 0 if that is forgotten."""
        if version < self._changes[0][0]:
            return 0
        # what an observer saw may belong to a row that is still to come
        return min((row for since, row in self._changes if since > version and row < len(self)), default=len(self))

    def columns(self, first: int = 0) -> LiveTable:
        """Return all columns from row `first` on."""
        own = {name: column[first:] for name, column in self._table.items()}
        return {**own, **self._seen.table(len(self), first)}

    # --- parts -----------------------------------------------------------------------------------------------------

    def _owing(self, second_s: int, now_s: float) -> set[str]:
        """Return the workers that owe a report of a second."""
        begin_ns = (second_s - 1) * NS_PER_S
        silent_ns = (now_s - SILENCE_S) * NS_PER_S
        return {
            worker
            for worker in self._workers
            if (last_ns := self._last_ns.get(worker, 0)) > begin_ns
            or (worker not in self._finished and (last_ns > silent_ns or now_s < SILENCE_S))
        }

    def _next_whole(self, now_s: float) -> Second | None:
        first = next(iter(self._pending), None)
        if first is None:
            return None
        expected = first.end_s if self._shown_s is None else self._shown_s + 1
        gap = min(first.end_s - expected, LONGEST_GAP_S)
        second = Second(first.end_s - gap) if gap > 0 else first
        full_ns = second.end_s * NS_PER_S - NEAR_NS
        owing = self._owing(second.end_s, now_s)
        whole = all(worker in self._finished or self._last_ns.get(worker, 0) >= full_ns for worker in owing)
        return second if whole or now_s - second.end_s > GRACE_S else None

    def _take(self, second: Second) -> None:
        newest_s = max(self._last_ns.values(), default=0) / NS_PER_S
        values = self._maker.row(second, self._owing(second.end_s, newest_s))
        packed = {metric: second.histogram(metric) for metric in SERIES_METRICS}
        row = _Row(values, {name: one.to_bytes() for name, one in packed.items() if not one.is_empty})
        self._part.append(row)
        if second.end_s % self.step_s == 0:
            self._append(_joined(self._part))

    def _append(self, row: _Row) -> None:
        self._part = []
        is_alike = self._table.keys() == row.values.keys()
        self._rows.append(row)
        self._tabulate(row, len(self) - 1)
        self._note(len(self) - 1 if is_alike else 0)
        early, self._early = self._early, []
        for seen in early:
            self.observe(seen)
        for _ in range(JOINED_AT_ONCE):
            self._join_next()
        if len(self) > self._most_rows:
            self._double()

    def _join_next(self) -> bool:
        """Join the next rows that will be one when rows are doubled; return False if they are not there yet."""
        double_s = 2 * self.step_s
        group = self._rows[self._ahead : self._ahead + 2]
        if group and _end_s(group[0]) % double_s == 0:
            group = group[:1]  # the first row of all may be the second half
        if not group or _end_s(group[-1]) % double_s:
            return False
        self._joined.append(_joined(group))
        self._sizes.append(len(group))
        self._ahead += len(group)
        return True

    def _double(self) -> None:
        """Make one row of every two: most of them were joined before."""
        while self._join_next():
            pass
        self._part = self._rows[self._ahead :]  # its second half is still to come
        self._seen.join(self._sizes)
        self._rows, self._table = self._joined, {}
        self._joined, self._sizes, self._ahead = [], [], 0
        self.step_s *= 2
        for number, row in enumerate(self._rows):
            self._tabulate(row, number)
        self._note(0)

    def _tabulate(self, row: _Row, number: int) -> None:
        """Add a row to the columns; one that has no value in it gets None."""
        for name in row.values.keys() | self._table.keys():
            self._table.setdefault(name, [None] * number).append(row.values.get(name))

    def _place(self, at_ns: int) -> int:
        """Return the row that a moment belongs to; it may still have to come."""
        first = self._rows[0] if self._rows else self._part[0]
        return max(0, -(-(at_ns - _step_of(first, self.step_s) * NS_PER_S) // (self.step_s * NS_PER_S)))

    def _note(self, row: int) -> None:
        self.version += 1
        self._changes.append((self.version, row))


def _end_s(row: _Row) -> int:
    return int(row.values["t_s"] or 0)


def _step_of(row: _Row, step_s: int) -> int:
    """Return the end of the step that a row belongs to."""
    return -(-_end_s(row) // step_s) * step_s


def _joined(rows: Sequence[_Row]) -> _Row:
    """Return several rows as one: rates are means, states the last, percentiles those of all values."""
    if len(rows) == 1:
        return rows[0]
    last = rows[-1].values
    values = dict(last)
    for name in last:
        if name in MEANS or name.startswith("cpu_percent"):
            values[name] = _mean([row.values.get(name) for row in rows])
    packed: dict[str, bytes] = {}
    for metric in SERIES_METRICS:
        parts = [row.packed[metric] for row in rows if metric in row.packed]
        merged = _merged(parts) if parts else None
        for point, q in POINTS.items():
            value_ns = None if merged is None else merged.percentile_ns(q)
            values[f"{metric}_{point}_ms"] = None if value_ns is None else value_ns / NS_PER_MS
        if merged is not None:
            packed[metric] = merged.to_bytes()
    return _Row(values, packed)


def _merged(parts: Sequence[bytes]) -> Histogram:
    first, *others = map(Histogram.from_bytes, parts)
    for other in others:
        first.merge(other)
    return first


MEANS: Final = frozenset(f"{counter}_per_s" for counter in RATES)


def _mean(values: Sequence[float | str | None]) -> float | None:
    """Return the mean; None where a value is not known."""
    known = [value for value in values if isinstance(value, int | float)]
    return round(sum(known) / len(known), 3) if len(known) == len(values) else None
