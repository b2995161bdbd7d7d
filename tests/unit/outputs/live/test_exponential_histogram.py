"""Exponential histograms hold the values of ours, within the error that is stated."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from malaria.clock import NS_PER_S
from malaria.outputs.live.exponential_histogram import FINEST_SCALE, MOST_BUCKETS, exponential_buckets
from malaria.records.histogram import HIGHEST_NS, LOWEST_NS, Histogram

OWN_WIDTH = 2**-10
VALUES = st.lists(st.floats(3, 12.55).map(lambda x: min(max(round(10**x), LOWEST_NS), HIGHEST_NS)), min_size=1)


def filled(values_ns: list[int]) -> Histogram:
    histogram = Histogram()
    histogram.record_many(np.array(values_ns, np.int64))
    return histogram


@given(VALUES)
def test_each_value_lies_in_its_bucket_within_the_stated_error(values_ns: list[int]) -> None:
    buckets = exponential_buckets(filled(values_ns))
    assert sum(buckets.counts) == len(values_ns)
    assert len(buckets.counts) <= MOST_BUCKETS
    assert buckets.counts[0]
    assert buckets.counts[-1]
    # in order, value by value: the n-th smallest is in the bucket that has the n-th count
    numbers = np.repeat(np.arange(len(buckets.counts)) + buckets.offset, buckets.counts)
    for value_ns, number in zip(sorted(values_ns), numbers.tolist(), strict=True):
        low, high = (2 ** (edge / 2**buckets.scale) for edge in (number, number + 1))
        assert low * (1 - OWN_WIDTH - 1e-12) < value_ns / NS_PER_S <= high * (1 + 1e-12)


def test_the_scale_is_the_finest_that_the_values_fit_in() -> None:
    assert exponential_buckets(filled([1_000_000, 2_000_000])).scale == FINEST_SCALE
    decades = exponential_buckets(filled([100_000, 100_000_000]))
    assert decades.scale == 4
    everything = exponential_buckets(filled([LOWEST_NS, HIGHEST_NS]))
    assert everything.scale == 2
    assert len(everything.counts) == 128  # 31.7 powers of two


def test_a_coarser_scale_joins_neighbours() -> None:
    """Receivers merge histograms of different scales by halving numbers; ours are made in the same way."""
    rng = np.random.default_rng(3)
    near = (10 ** rng.uniform(6, 6.3, 1000)).astype(np.int64).tolist()
    fine, coarse = exponential_buckets(filled(near)), exponential_buckets(filled([*near, 10**11]))
    joined: dict[int, int] = {}
    for place, count in enumerate(fine.counts):
        number = (fine.offset + place) >> (fine.scale - coarse.scale)
        joined[number] = joined.get(number, 0) + count
    found = {coarse.offset + place: count for place, count in enumerate(coarse.counts) if count}
    found.pop(coarse.offset + len(coarse.counts) - 1)
    assert found == joined


def test_a_bound_belongs_to_the_bucket_below_it() -> None:
    half_s = exponential_buckets(filled([500_000_000] * 3))
    assert half_s.offset in (-(1 << FINEST_SCALE) - 1, -(1 << FINEST_SCALE))
    assert half_s.counts == (3,)


def test_nothing_gives_no_buckets() -> None:
    assert exponential_buckets(Histogram()).counts == ()
