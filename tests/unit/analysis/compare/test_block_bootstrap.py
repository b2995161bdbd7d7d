"""The block bootstrap: bounds that hold the truth as often as they say, blocks where seconds resemble each other."""

from __future__ import annotations

import numpy as np
import pytest

from malaria.analysis.compare.block_bootstrap import (
    DRAWS,
    LEAST_SECONDS,
    block_length,
    drawn_means,
    drawn_quantiles,
    ratio_bounds,
)
from malaria.records.histogram import Histogram


def seconds(rng: np.random.Generator, count: int, per_s: int = 50, median_ns: float = 1e6) -> list[Histogram]:
    made = []
    for _ in range(count):
        histogram = Histogram()
        histogram.record_many(np.rint(rng.lognormal(np.log(median_ns), 0.4, per_s)).astype(np.int64))
        made.append(histogram)
    return made


def test_bounds_hold_the_truth_within_a_run() -> None:
    inside = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        (a,) = drawn_quantiles(seconds(rng, 60), [0.5])
        (b,) = drawn_quantiles(seconds(rng, 60, median_ns=1.1e6), [0.5], seed=7)
        bounds = ratio_bounds(a, b)
        assert bounds is not None
        inside += bounds.low <= 1.1 <= bounds.high
    # 36 of 40 are meant; the bounds of a run of a minute are a little too narrow
    assert 29 <= inside <= 40


def test_seconds_that_resemble_each_other_give_wider_bounds() -> None:
    rng = np.random.default_rng(5)
    alone = rng.normal(100, 10, 240)
    alike = np.repeat(rng.normal(100, 10, 24), 10)
    assert block_length(alone) == 6
    assert block_length(alike) >= 10
    assert drawn_means(alike.tolist()).std() > 2 * drawn_means(alone.tolist()).std()


def test_equal_seconds_have_no_spread() -> None:
    means = drawn_means([5.0] * 30)
    assert (len(means), means.min(), means.max()) == (DRAWS, 5.0, 5.0)
    rng = np.random.default_rng(1)
    (one,) = seconds(rng, 1)
    (p50,) = drawn_quantiles([one] * 20, [0.5])
    # the upper edge of the bucket that the histogram's own quantile is the midpoint of
    assert p50.min() == p50.max() == pytest.approx(one.quantile_ns(0.5), rel=2**-10)


def test_the_same_run_gives_the_same_bounds() -> None:
    run = seconds(np.random.default_rng(2), 40)
    assert (drawn_quantiles(run, [0.99])[0] == drawn_quantiles(run, [0.99])[0]).all()


def test_a_long_run_is_drawn_in_groups() -> None:
    run = seconds(np.random.default_rng(3), 1_500, per_s=3)
    (p50,) = drawn_quantiles(run, [0.5])
    assert p50.mean() == pytest.approx(1e6, rel=0.03)


def test_too_little_gives_no_bounds() -> None:
    short = seconds(np.random.default_rng(4), LEAST_SECONDS - 1)
    assert [len(draws) for draws in drawn_quantiles(short, [0.5, 0.99])] == [0, 0]
    assert len(drawn_quantiles([Histogram()] * 30, [0.5])[0]) == 0
    assert len(drawn_means([1.0] * 5)) == 0
    assert ratio_bounds(np.empty(0), np.ones(3)) is None
    assert ratio_bounds(np.zeros(3), np.ones(3)) is None
