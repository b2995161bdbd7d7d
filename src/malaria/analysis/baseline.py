"""The normal range of a target under its steady load: a limit for each measure, from the seconds before a surge.

More is worse for every measure. Its limit is the median of the seconds before, plus an allowance: a number of median
absolute deviations, but never less than the floors of the table, because a quiet broker scatters so little that any
disturbance would exceed its baseline. A measure that was not seen has no limit, and a second in which it was not seen
does not exceed it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from malaria.analysis.broker_figures import FigureCourse, broker_figure
from malaria.analysis.dropped import drop_counter, rises
from malaria.analysis.seconds import LoadSecond, due_per_s
from malaria.records.rows import Metric
from malaria.records.run import Run
from malaria.records.sample_histograms import second_of

DEVIATIONS: Final = 5
"""Median absolute deviations above the median."""
LONGEST_BEFORE_S: Final = 300
LEAST_BEFORE_S: Final = 3


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The least allowance above the median; the largest of these parts counts."""

    times: float = 0.0  # the median
    count: float = 0.0  # messages, milliseconds, clients
    load_s: float = 0.0  # seconds of the load
    clients: float = 0.0  # per client of the surge

    def allowed(self, median: float, due_per_s: float, clients: int) -> float:
        """Return the largest part, for this median, load and surge."""
        return max(self.times * median, self.count, self.load_s * due_per_s, self.clients * clients)


OWED: Final = "owed"
LOST: Final = "lost"
MISSING: Final = "missing"
DROPPED: Final = "dropped"
STORED: Final = "messages_stored"
INFLIGHT: Final = "messages_inflight"
QUEUES: Final = (STORED, INFLIGHT)
"""Queues that the broker itself reports."""

MEASURES: Final[Mapping[str, Tolerance]] = {
    OWED: Tolerance(times=1, count=10, load_s=0.1),
    Metric.ACK: Tolerance(times=1, count=50),
    Metric.END_TO_END: Tolerance(times=1, count=50),
    STORED: Tolerance(count=10, load_s=0.1, clients=1),
    INFLIGHT: Tolerance(count=10, load_s=0.1),
    DROPPED: Tolerance(),
    LOST: Tolerance(),
    MISSING: Tolerance(),
}

type SecondValues = Mapping[int, float]
"""A measure by the second of run time at whose end it is known."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The limit (`most`) of each measure, and the `usual` value (the median before) that it comes from."""

    most: Mapping[str, float]
    usual: Mapping[str, float]
    due_per_s: float
    ready: int

    def measures_above(self, measures: Mapping[str, SecondValues], second: int) -> list[str]:
        """Return the measures that exceed the baseline in that second."""
        return [name for name, most in self.most.items() if measures[name].get(second, most) > most]


def measures_of(run: Run, seconds: Sequence[LoadSecond]) -> dict[str, SecondValues]:
    """Return every measure except those that need a baseline to compare with."""
    meta = run.meta
    measures: dict[str, SecondValues] = {LOST: {s.end_s: s.dropped for s in seconds}}
    if not meta.closed_loop:
        measures[OWED] = {second.end_s: second.owed for second in seconds}
    if meta.acknowledged:
        measures[Metric.ACK] = _latencies(seconds, Metric.ACK)
    if meta.subscribing and meta.tracked:
        measures[Metric.END_TO_END] = _latencies(seconds, Metric.END_TO_END)
    for name in QUEUES:
        measures[name] = _by_second(queue_figures(run, name), seconds)
    return measures | {DROPPED: _rises(run)}


def queue_figures(run: Run, name: str) -> list[tuple[int, float | None]]:
    """Return what the broker holds at each `$SYS` update, without retained messages: they wait for no client."""
    course = broker_figure(run, name)
    retained = dict(broker_figure(run, "retained")) if name == STORED else {}
    return [(at_ns, None if value is None else value - (retained.get(at_ns) or 0)) for at_ns, value in course]


def baseline_before(
    measures: Mapping[str, SecondValues], before: Sequence[LoadSecond], clients: int
) -> Baseline | None:
    """Return the baseline from the seconds before a surge of that many clients; None when too few were seen."""
    last = before[-LONGEST_BEFORE_S:]
    if len(last) < LEAST_BEFORE_S:
        return None
    load_per_s = due_per_s(last)
    usual: dict[str, float] = {MISSING: 0.0}
    most: dict[str, float] = {MISSING: 0.0}
    for name, values in measures.items():
        seen = [values[second.end_s] for second in last if second.end_s in values]
        if not seen and name != DROPPED:
            continue
        usual[name] = 0.0 if name == DROPPED else float(np.median(seen))
        most[name] = usual[name] + _allowance(MEASURES[name], seen, load_per_s, clients)
    return Baseline(most, usual, load_per_s, min(second.ready for second in last))


def with_missing_clients(
    measures: Mapping[str, SecondValues], baseline: Baseline, seconds: Sequence[LoadSecond]
) -> dict[str, SecondValues]:
    """Return the measures, and how many of the clients that were there before are missing."""
    return {**measures, MISSING: {s.end_s: max(0, baseline.ready - s.ready) for s in seconds}}


def _allowance(floors: Tolerance, seen: Sequence[float], load_per_s: float, clients: int) -> float:
    middle = float(np.median(seen)) if seen else 0.0
    deviation = float(np.median(np.abs(np.asarray(seen) - middle))) if seen else 0.0
    floor = floors.allowed(middle, load_per_s, clients)
    return max(floor, DEVIATIONS * deviation if floor else 0.0)


def _latencies(seconds: Sequence[LoadSecond], metric: Metric) -> SecondValues:
    p99s = ((second.end_s, second.p99_ms(metric)) for second in seconds)
    return {end_s: value for end_s, value in p99s if value is not None}


def _by_second(course: Sequence[tuple[int, float | None]], seconds: Sequence[LoadSecond]) -> SecondValues:
    """Return what was known at the end of each second."""
    values: dict[int, float] = {}
    place, known = 0, None
    for second in seconds:
        while place < len(course) and second_of(course[place][0]) <= second.end_s:
            known = course[place][1]
            place += 1
        if known is not None:
            values[second.end_s] = known
    return values


def _rises(run: Run) -> SecondValues:
    """Return how many more messages the broker had dropped, by the second in which it said so."""
    counter = drop_counter(run)
    grown = iter(rises(value for _, value in counter if value is not None))
    by_second: dict[int, float] = {}
    for (_, earlier), (at_ns, later) in pairwise(counter[_first_known(counter) :]):
        growth = next(grown) if later is not None else None
        if earlier is not None:  # what came while nothing was seen belongs to no second
            second = second_of(at_ns)
            by_second[second] = by_second.get(second, 0) + (growth or 0)
    return by_second


def _first_known(counter: FigureCourse) -> int:
    return next((place for place, (_, value) in enumerate(counter) if value is not None), len(counter))
