"""The exact signed-rank statistics, against the tables of the literature and against counting every sign."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from malaria.analysis.compare.signed_rank import estimate_centre, least_pairs, p_above, p_below

DEPRESSION = [0.952, -0.147, 1.022, 0.430, 0.620, 0.590, 0.490, -0.080, 0.010]
"""x − y of Hollander & Wolfe, example 3.1 (Hamilton's depression scale factor): V = 40, one-sided p = 0.01953."""


def test_the_example_of_the_textbook() -> None:
    assert p_above(DEPRESSION, 0.0) == pytest.approx(0.01953125)
    found = estimate_centre(DEPRESSION, 0.025)
    assert found.centre == pytest.approx(0.46)
    # what R's wilcox.test(x, y, paired = TRUE, conf.int = TRUE) gives: 96.1 % instead of 95 %
    assert (found.low, found.high) == pytest.approx((0.01, 0.786))
    assert found.coverage == pytest.approx(0.9609375)


def test_a_p_value_is_the_share_of_all_signs() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        values = rng.normal(0.3, 1, 7).round(1)  # with ties
        ranks = np.array([(np.abs(values) < abs(v)).sum() + ((np.abs(values) == abs(v)).sum() + 1) / 2 for v in values])
        seen = ranks[values > 0].sum()
        sums = [float(ranks @ signs) for signs in product((0, 1), repeat=7)]
        assert p_above(values.tolist(), 0.0) == pytest.approx(sum(total >= seen for total in sums) / 2**7)


def test_the_border_moves_and_mirrors() -> None:
    values = [0.5, 0.7, 0.2, 0.9]
    assert p_above(values, 0.1) == p_above([value - 0.1 for value in values], 0.0) == 1 / 16
    assert p_below([-value for value in values], -0.1) == 1 / 16


def test_a_difference_at_the_border_is_no_evidence() -> None:
    assert p_above([0.0] * 9, 0.0) == 1.0
    assert p_below([0.0] * 9, 0.0) == 1.0
    assert p_above([], 0.0) == 1.0


def test_few_differences_have_no_bounds() -> None:
    found = estimate_centre([1.0, 2.0], 0.05)
    assert (found.centre, found.low, found.high) == (1.5, -np.inf, np.inf)
    with pytest.raises(ValueError, match="no difference"):
        estimate_centre([], 0.05)


def test_bounds_hold_the_centre_as_often_as_they_say() -> None:
    rng = np.random.default_rng(2)
    inside = 0
    for _ in range(2_000):
        found = estimate_centre((1 + rng.standard_t(3, 8)).tolist(), 0.05)
        inside += found.low <= 1 <= found.high
    assert found.coverage == pytest.approx(1 - 20 / 256)
    # 2,000 draws: two standard deviations are 1.2 %
    assert inside / 2_000 == pytest.approx(found.coverage, abs=0.013)


def test_the_least_pairs() -> None:
    assert [least_pairs(level) for level in (0.05, 0.05 / 8, 0.05 / 12, 0.05 / 13)] == [5, 8, 8, 9]
