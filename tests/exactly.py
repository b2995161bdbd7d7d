"""Figures of a simulated attack as they can be compared: whole distributions, counters, due times."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from attacking import histogram
from malaria.attacks.runner import AttackOutcome
from malaria.records.histogram import Histogram
from malaria.records.rows import Counter, Metric
from stub_broker import StubBroker

type Distribution = dict[int, int]

US, MS, S = 1_000, 1_000_000, 1_000_000_000


def of_values(values_ns: Iterable[int]) -> Distribution:
    """Return what a histogram shows of these values: a count for each bucket."""
    whole = Histogram()
    whole.record_many(np.fromiter(values_ns, np.int64))
    return _buckets(whole)


def recorded(outcome: AttackOutcome, metric: Metric) -> Distribution:
    """Return what the run has recorded of a metric: a count for each bucket."""
    return _buckets(histogram(outcome.run, metric))


def total(outcome: AttackOutcome, counter: Counter) -> int:
    return sum(sample.counters.get(counter, 0) for sample in outcome.run.samples)


def dues_by_client(broker: StubBroker) -> dict[int, list[int]]:
    """Return the due times of each client's messages as the broker saw them, in run time."""
    seen: dict[int, list[int]] = {}
    for one in broker.seen:
        assert one.header is not None
        seen.setdefault(one.header.client, []).append(one.header.due_ns)
    return seen


def _buckets(whole: Histogram) -> Distribution:
    edges, counts = whole.buckets()
    return dict(zip(edges.tolist(), counts.tolist(), strict=True))
