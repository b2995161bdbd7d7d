"""What is usual for a target under its steady load, and what is out of that: a limit per measure, from seconds before.

Every measure is one of which more is worse. Its limit is the median of the seconds before, plus what is allowed above
it: so many times their median absolute deviation, but never less than the floors of the table, because a quiet broker
scatters so little that any breath of wind would be out of its band. A measure that was not seen has no limit, and a
second in which it was not seen is not out of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from malaria.analysis.dropped import drop_counter
from malaria.analysis.observed import said
from malaria.analysis.seconds import LoadSecond
from malaria.records.rows import Metric
from malaria.records.run import Run
from malaria.records.sample_histograms import second_of

DEVIATIONS: Final = 5
"""Median absolute deviations above the median."""
LONGEST_BEFORE_S: Final = 300
LEAST_BEFORE_S: Final = 3


@dataclass(frozen=True, slots=True)
class Floors:
    """The least that is allowed above the median: each of these, and the largest counts."""

    times: float = 0.0  # the median
    count: float = 0.0  # messages, milliseconds, clients
    load_s: float = 0.0  # seconds of the load
    clients: float = 0.0  # per client of the surge

    def allowed(self, median: float, due_per_s: float, clients: int) -> float:
        """The largest of them."""
        return max(self.times * median, self.count, self.load_s * due_per_s, self.clients * clients)


OWED: Final = "owed"
LOST: Final = "lost"
MISSING: Final = "missing"
DROPPED: Final = "dropped"
STORED: Final = "messages_stored"
INFLIGHT: Final = "messages_inflight"
QUEUES: Final = (STORED, INFLIGHT)
"""Of the broker, as it tells."""

MEASURES: Final[Mapping[str, Floors]] = {
    OWED: Floors(times=1, count=10, load_s=0.1),
    Metric.ACK: Floors(times=1, count=50),
    Metric.END_TO_END: Floors(times=1, count=50),
    STORED: Floors(count=10, load_s=0.1, clients=1),
    INFLIGHT: Floors(count=10, load_s=0.1),
    DROPPED: Floors(),
    LOST: Floors(),
    MISSING: Floors(),
}

type Values = Mapping[int, float]
"""A measure by the second of run time at whose end it is known."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """`most` of each measure, and the `usual` value (the median before) that it comes from."""

    most: Mapping[str, float]
    usual: Mapping[str, float]
    due_per_s: float
    ready: int

    def left_by(self, measures: Mapping[str, Values], second: int) -> list[str]:
        """The measures that are out of the band in that second."""
        return [name for name, most in self.most.items() if measures[name].get(second, most) > most]


def measures_of(records: Run, seconds: Sequence[LoadSecond]) -> dict[str, Values]:
    """Every measure but those that need a band to be set against."""
    meta = records.meta
    measures: dict[str, Values] = {LOST: {s.end_s: s.dropped for s in seconds}}
    if not meta.closed_loop:
        measures[OWED] = {second.end_s: second.owed for second in seconds}
    if meta.acknowledged:
        measures[Metric.ACK] = _latencies(seconds, Metric.ACK)
    if meta.subscribing and meta.tracked:
        measures[Metric.END_TO_END] = _latencies(seconds, Metric.END_TO_END)
    for name in QUEUES:
        measures[name] = _by_second(queue_course(records, name), seconds)
    return measures | {DROPPED: _rises(records)}


def queue_course(records: Run, name: str) -> list[tuple[int, float | None]]:
    """What the broker holds, announcement by announcement; the messages that it retains wait for nobody."""
    course = said(records, name)
    retained = dict(said(records, "retained")) if name == STORED else {}
    return [(at_ns, None if value is None else value - (retained.get(at_ns) or 0)) for at_ns, value in course]


def band_before(measures: Mapping[str, Values], before: Sequence[LoadSecond], clients: int) -> Baseline | None:
    """The band of the seconds before a surge of so many clients; None when too few were seen."""
    last = before[-LONGEST_BEFORE_S:]
    if len(last) < LEAST_BEFORE_S:
        return None
    due_per_s = sum(second.due for second in last) / len(last)
    usual: dict[str, float] = {MISSING: 0.0}
    most: dict[str, float] = {MISSING: 0.0}
    for name, values in measures.items():
        seen = [values[second.end_s] for second in last if second.end_s in values]
        if not seen and name != DROPPED:
            continue
        usual[name] = 0.0 if name == DROPPED else float(np.median(seen))
        most[name] = usual[name] + _allowance(MEASURES[name], seen, due_per_s, clients)
    return Baseline(most, usual, due_per_s, min(second.ready for second in last))


def with_missing(measures: Mapping[str, Values], band: Baseline, seconds: Sequence[LoadSecond]) -> dict[str, Values]:
    """The measures, and of the clients that were there before how many are not."""
    return {**measures, MISSING: {s.end_s: max(0, band.ready - s.ready) for s in seconds}}


def _allowance(floors: Floors, seen: Sequence[float], due_per_s: float, clients: int) -> float:
    middle = float(np.median(seen)) if seen else 0.0
    deviation = float(np.median(np.abs(np.asarray(seen) - middle))) if seen else 0.0
    floor = floors.allowed(middle, due_per_s, clients)
    return max(floor, DEVIATIONS * deviation if floor else 0.0)


def _latencies(seconds: Sequence[LoadSecond], metric: Metric) -> Values:
    p99s = ((second.end_s, second.p99_ms(metric)) for second in seconds)
    return {end_s: value for end_s, value in p99s if value is not None}


def _by_second(course: Sequence[tuple[int, float | None]], seconds: Sequence[LoadSecond]) -> Values:
    """What was known at the end of each second."""
    values: dict[int, float] = {}
    place, known = 0, None
    for second in seconds:
        while place < len(course) and second_of(course[place][0]) <= second.end_s:
            known = course[place][1]
            place += 1
        if known is not None:
            values[second.end_s] = known
    return values


def _rises(records: Run) -> Values:
    """What the broker dropped more, in the second in which it told."""
    rises: dict[int, float] = {}
    counter = drop_counter(records)
    for (_, earlier), (at_ns, later) in pairwise(counter):
        if earlier is not None and later is not None:
            second = second_of(at_ns)
            rises[second] = rises.get(second, 0) + (later - earlier if later >= earlier else later)
    return rises
