from __future__ import annotations

import zlib

import numpy as np
import pytest

from malaria.records.histogram import BUCKETS, HIGHEST_NS, LOWEST_NS, Histogram, bucket_of

MS = 1_000_000


def histogram_of(*values_ns: int) -> Histogram:
    histogram = Histogram()
    histogram.record_many(np.array(values_ns, np.int64))
    return histogram


def test_an_empty_one_knows_nothing() -> None:
    histogram = Histogram()
    histogram.record_many(np.empty(0, np.int64))
    assert histogram.is_empty
    figures = (histogram.min_ns, histogram.max_ns, histogram.mean_ns, histogram.stddev_ns, histogram.quantile_ns(0.5))
    assert figures == (None,) * 5
    assert [len(column) for column in histogram.buckets()] == [0, 0]
    assert Histogram.from_bytes(histogram.to_bytes()).is_empty


def test_one_value_is_every_quantile_exactly() -> None:
    histogram = histogram_of(1_234_567)
    assert [histogram.quantile_ns(q) for q in (0, 0.5, 1)] == [1_234_567] * 3
    assert (histogram.mean_ns, histogram.stddev_ns) == (1_234_567, 0)


def test_the_figures_are_those_of_the_values() -> None:
    histogram = histogram_of(2 * MS, 4 * MS, 4 * MS, 4 * MS, 5 * MS, 5 * MS, 7 * MS, 9 * MS)
    assert (histogram.count, histogram.min_ns, histogram.max_ns) == (8, 2 * MS, 9 * MS)
    assert (histogram.mean_ns, histogram.stddev_ns) == (5 * MS, 2 * MS)


def test_the_quantile_is_the_smallest_value_that_reaches_it() -> None:
    histogram = histogram_of(*(n * MS for n in range(1, 101)))
    for q, value in ((0.07, 7), (0.29, 29), (0.5, 50), (0.9, 90), (0.99, 99), (0.991, 100), (1.0, 100), (0.0, 1)):
        assert histogram.quantile_ns(q) == pytest.approx(value * MS, rel=2**-10), q


@pytest.mark.parametrize("q", [-0.01, 1.01, float("nan")])
def test_a_quantile_outside_0_to_1_is_refused(q: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Histogram().quantile_ns(q)


def test_what_is_outside_is_clamped_and_counted() -> None:
    histogram = histogram_of(-5, 0, 999, 1000, HIGHEST_NS, HIGHEST_NS + 1, 2**62)
    histogram.record(999)
    histogram.record(HIGHEST_NS + 1)
    assert (histogram.clamped_low, histogram.clamped_high, histogram.count) == (4, 3, 9)
    assert (histogram.min_ns, histogram.max_ns) == (LOWEST_NS, HIGHEST_NS)


def test_the_range_is_covered_from_the_first_to_the_last_bucket() -> None:
    assert (bucket_of(LOWEST_NS), bucket_of(HIGHEST_NS)) == (0, BUCKETS - 1)


def test_sums_stay_exact_over_more_values_than_an_int64_could_add() -> None:
    histogram = Histogram()
    histogram.record_many(np.full(3_000_000, HIGHEST_NS))
    assert (histogram.mean_ns, histogram.stddev_ns) == (HIGHEST_NS, 0)


def test_buckets_state_the_largest_value_of_each() -> None:
    upper_ns, counts = histogram_of(1000, 1000, 2048, 2049, 2050).buckets()
    assert (upper_ns.tolist(), counts.tolist()) == ([1000, 2049, 2051], [2, 2, 1])


def test_a_second_of_a_worker_packs_into_little() -> None:
    values_ns = np.random.default_rng(1).lognormal(14, 0.5, 500).astype(np.int64)
    assert len(histogram_of(*values_ns).to_bytes()) < 1200


def test_the_packed_form_of_version_1_stays_readable() -> None:
    packed = bytes.fromhex(
        "017801636540058c50ee0b662863c10e033720fb42a4aa21888681069693152b63fe3226efe08209816916200934e3a2b6"
        "23eb2a5f2646464600df6d0bbb"
    )
    histogram = Histogram.from_bytes(packed)
    upper_ns, counts = histogram.buckets()
    assert (histogram.count, histogram.clamped_high, histogram.min_ns) == (5, 1, 1000)
    assert counts.tolist() == [2, 1, 1, 1]
    assert upper_ns[0] == 1000
    assert upper_ns[-1] >= HIGHEST_NS


@pytest.mark.parametrize("packed", [b"", b"\0", b"\2" + b"x" * 50, b"\1", b"\1junk", b"\1" + zlib.compress(b"short")])
def test_other_bytes_are_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match="histogram"):
        Histogram.from_bytes(packed)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    with pytest.raises(ValueError, match="too long"):
        Histogram.from_bytes(b"\1" + zlib.compress(bytes(50_000_000)))
