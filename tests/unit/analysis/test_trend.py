"""Slopes with an uncertainty: what does not grow is not said to grow at the stated rate of errors, what grows is found.

The random ones are drawn from fixed seeds: the rates of errors are what they are, on any machine.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from malaria.analysis.trend import LEAST_POINTS, MOST_BLOCKS, trend

type Floats = NDArray[np.float64]
type Noise = Callable[[np.random.Generator, int], Floats]
ERROR_RATE = 0.01
TRIES = 150


def white(random: np.random.Generator, count: int) -> Floats:
    return random.normal(size=count)


def autocorrelated(coefficient: float) -> Noise:
    def draw(random: np.random.Generator, count: int) -> Floats:
        values = random.normal(size=count)
        values[0] /= np.sqrt(1 - coefficient**2) if coefficient < 1 else 1
        for place in range(1, count):
            values[place] += coefficient * values[place - 1]
        return values

    return draw


def queue_near_capacity(random: np.random.Generator, count: int) -> Floats:
    """Per second 490 come and 500 can go."""
    held, course = 0, []
    for change in random.poisson(490, count + 100) - random.poisson(500, count + 100):
        held = max(0, held + int(change))
        course.append(float(held))
    return np.array(course[100:])


def points(values: Floats, step_s: float = 1.0) -> list[tuple[float, float]]:
    return [(place * step_s, float(value)) for place, value in enumerate(values)]


def allowed(expected: float) -> float:
    """So many errors, and three standard deviations of their number."""
    return expected + 3 * float(np.sqrt(expected))


@pytest.mark.parametrize("count", [LEAST_POINTS, 30, 300])
@pytest.mark.parametrize(
    "noise", [white, autocorrelated(0.5), autocorrelated(0.9), autocorrelated(1.0), queue_near_capacity]
)
def test_what_does_not_grow_is_not_said_to(noise: Noise, count: int) -> None:
    random = np.random.default_rng(count)
    found = [trend(points(100 + 20 * noise(random, count))) for _ in range(TRIES)]
    assert all(slope is not None for slope in found)
    most = allowed(ERROR_RATE * TRIES)
    assert sum(slope is not None and slope.rises for slope in found) <= most
    assert sum(slope is not None and slope.falls for slope in found) <= most


@pytest.mark.parametrize("noise", [white, autocorrelated(0.9), autocorrelated(1.0)])
@pytest.mark.parametrize("per_s", [5.0, -5.0])
def test_a_ramp_is_found_and_its_slope_is_in_the_interval(noise: Noise, per_s: float) -> None:
    random = np.random.default_rng(7)
    found = [trend(points(noise(random, 40) + per_s * np.arange(40))) for _ in range(TRIES)]
    assert all(slope is not None and (slope.rises if per_s > 0 else slope.falls) for slope in found)
    inside = sum(slope is not None and slope.low_per_s <= per_s <= slope.high_per_s for slope in found)
    assert inside >= TRIES - allowed(2 * ERROR_RATE * TRIES)


def test_a_queue_past_capacity_grows() -> None:
    """560 come and 500 go: 60 a second, on top of a random walk."""
    random = np.random.default_rng(3)
    slope = trend(points(np.cumsum(random.poisson(560, 30) - random.poisson(500, 30)).astype(float)))
    assert slope is not None
    assert slope.rises
    assert slope.per_s == pytest.approx(60, abs=15)


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=LEAST_POINTS, max_size=3 * MOST_BLOCKS),
    st.floats(0.1, 60),
    st.floats(-1e4, 1e4),
    st.floats(0.01, 100),
)
def test_a_slope_goes_along_with_its_units(values: list[float], step_s: float, shift: float, scale: float) -> None:
    plain = trend(points(np.array(values)))
    moved = trend(points(np.array(values) * scale + shift, step_s))
    assert plain is not None
    assert moved is not None
    assert plain.low_per_s <= plain.per_s <= plain.high_per_s
    assert moved.per_s == pytest.approx(plain.per_s * scale / step_s, rel=1e-6, abs=1e-3)
    assert moved.points == len(values)


def test_a_constant_has_no_slope() -> None:
    slope = trend(points(np.full(50, 7.0)))
    assert slope is not None
    assert (slope.per_s, slope.low_per_s, slope.high_per_s) == (0, 0, 0)
    assert not slope.rises
    assert not slope.falls


@pytest.mark.parametrize("at", [1, 10, 25, 40, 49])
def test_a_jump_and_an_outlier_are_no_trend(at: int) -> None:
    jump = np.zeros(50)
    jump[at:] = 1000.0
    outlier = np.zeros(50)
    outlier[at] = 1e6
    for values in (jump, outlier):
        slope = trend(points(values))
        assert slope is not None
        assert not slope.rises
        assert not slope.falls


def test_too_few_points_say_nothing() -> None:
    assert trend([]) is None
    assert trend(points(np.arange(LEAST_POINTS - 1.0))) is None
    assert trend([(1.0, float(value)) for value in range(20)]) is None  # all at once
    ramp = trend(points(np.arange(float(LEAST_POINTS))))
    assert ramp is not None
    assert ramp.rises
