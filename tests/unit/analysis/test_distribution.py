"""The shape of a latency."""

from __future__ import annotations

import numpy as np
import pytest

from malaria.analysis.distribution import BARS, bar, bar_of, distribution
from malaria.records.histogram import Histogram
from malaria.records.rows import Metric
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta
from synthetic import make_run


def of(values_ns: np.ndarray) -> Histogram:  # type: ignore[type-arg]
    histogram = Histogram()
    histogram.record_many(values_ns.astype(np.int64))
    return histogram


def test_quantiles_rise_as_far_as_the_number_of_values_carries() -> None:
    points = distribution(make_run(), Metric.ACK)
    assert [point.ms for point in points] == sorted(point.ms for point in points)
    assert points[0].quantile == 0
    assert points[-1].quantile == 0.9999  # of 15,000 values one and a half lie beyond
    assert all(point.known for point in points)


def test_lower_bounds_are_marked() -> None:
    points = distribution(make_run(trouble="unfinished"), Metric.ACK)
    assert points[0].known
    assert not points[-1].known
    assert all(point.known for point in distribution(make_run(trouble="unfinished"), Metric.SERVICE))


def test_nothing_has_no_shape() -> None:
    empty = Run(RunMeta(), (), (), None)
    assert distribution(empty, Metric.ACK) == []
    assert bar(empty, Metric.ACK) == ""


def test_a_bell_looks_like_one() -> None:
    shape = bar_of(of(np.random.default_rng(1).lognormal(np.log(1e6), 0.3, 20_000)))
    assert len(shape) == 8
    assert BARS[-1] in shape[2:6]
    assert shape[0] < BARS[3]
    assert shape[-1] < BARS[3]


@pytest.mark.parametrize("values", [[5000], [5000, 5000, 5000]])
def test_one_value_is_one_bar(values: list[int]) -> None:
    assert bar_of(of(np.array(values))) == BARS[-1]


def test_what_is_there_can_be_seen() -> None:
    """One value beside a million is no empty class."""
    shape = bar_of(of(np.concatenate([np.full(100_000, 1_000_000), [9_000_000]])), 4)
    assert shape == f"{BARS[-1]}{BARS[0]}{BARS[0]}{BARS[1]}"
