"""The three answers against sides whose truth is known: seeds, stated noise, drift, outliers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
import pytest

from malaria.analysis.compare.answers import FigureAnswer, PairAnswer, PairedFigure, answer_figures
from malaria.analysis.compare.compared_figures import COMPARED

SEEDS: Final = 200
PAIRS: Final = 8
BAND: Final = 0.05
NOISE: Final = 0.015
"""The stated noise: standard deviation of a figure from run to run, as a share, that eight pairs bear."""

type Noise = Callable[[np.random.Generator, int], np.ndarray]


def normal(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.normal(0, NOISE, count)


def outliers(rng: np.random.Generator, count: int) -> np.ndarray:
    """One run in ten is disturbed, and takes up to three times as long."""
    return rng.normal(0, NOISE, count) + (rng.uniform(size=count) < 0.1) * rng.uniform(0, 1.1, count)


def drift(rng: np.random.Generator, count: int) -> np.ndarray:
    """The host gets slower all the time: by a fifth from the first run to the last."""
    return rng.normal(0, NOISE, count) + np.linspace(0, 0.2, count)


def correlated(rng: np.random.Generator, count: int) -> np.ndarray:
    """What disturbs one run disturbs its neighbours."""
    noise = rng.normal(0, NOISE, count)
    for place in range(1, count):
        noise[place] += 0.8 * noise[place - 1]
    return noise


def compare(seed: int, noise: Noise, worse: dict[int, float], pairs: int = PAIRS) -> list[FigureAnswer]:
    """Run A B B A ... in numbers, and answer about all figures; `worse` maps the number of a figure to its share."""
    rng = np.random.default_rng(seed)
    figures = []
    for number, figure in enumerate(COMPARED):
        logs = noise(rng, 2 * pairs)
        made = []
        for pair in range(pairs):
            first, second = logs[2 * pair : 2 * pair + 2]
            a, b = (first, second) if pair % 2 == 0 else (second, first)
            made.append((math.exp(a), math.exp(b + math.log1p(worse.get(number, 0.0)))))
        if not figure.more_is_worse:
            made = [(1 / a, 1 / b) for a, b in made]
        figures.append(PairedFigure(figure.name, tuple(made), figure.more_is_worse))
    return answer_figures(figures, BAND)


@pytest.mark.parametrize("noise", [normal, outliers, drift, correlated])
def test_with_no_difference_false_alarms_are_rare(noise: Noise) -> None:
    alarms = sum(any(one.answer is PairAnswer.WORSE for one in compare(seed, noise, {})) for seed in range(SEEDS))
    assert alarms <= 0.05 * SEEDS


@pytest.mark.parametrize("noise", [normal, outliers])
def test_at_the_border_of_the_band_false_alarms_are_rare(noise: Noise) -> None:
    """The hardest case that is still no finding: every figure is worse by exactly the band."""
    worse = dict.fromkeys(range(len(COMPARED)), BAND)
    alarms = sum(any(one.answer is PairAnswer.WORSE for one in compare(seed, noise, worse)) for seed in range(SEEDS))
    # the true chance is at most 5 %: of 200 seeds, 16 are two standard deviations more
    assert alarms <= 16


def twice(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.normal(0, 2 * NOISE, count)


@pytest.mark.parametrize(("figure", "noise", "pairs"), [(0, normal, PAIRS), (6, normal, PAIRS), (0, twice, 2 * PAIRS)])
def test_a_difference_of_a_tenth_is_found(figure: int, noise: Noise, pairs: int) -> None:
    found = [compare(seed, noise, {figure: 0.10}, pairs)[figure].answer for seed in range(SEEDS)]
    assert found.count(PairAnswer.WORSE) >= 0.8 * SEEDS


def test_the_same_is_said_and_never_of_what_differs() -> None:
    same = [one.answer for seed in range(SEEDS) for one in compare(seed, normal, {}, pairs=12)]
    assert same.count(PairAnswer.SAME) >= 0.8 * len(same)
    wrong = sum(compare(seed, normal, {0: BAND})[0].answer is PairAnswer.SAME for seed in range(SEEDS))
    assert wrong <= 0.05 * SEEDS


def test_what_is_better_is_not_called_the_same() -> None:
    answers = [compare(seed, normal, {0: 1 / 1.1 - 1})[0].answer for seed in range(SEEDS)]
    assert answers.count(PairAnswer.BETTER) >= 0.8 * SEEDS
    assert PairAnswer.WORSE not in answers


def test_the_pairs_that_are_named_decide() -> None:
    decided, undecided = 0, 0
    for seed in range(SEEDS):
        first = compare(seed, twice, {0: 0.10})[0]
        if first.answer is PairAnswer.UNDECIDED and first.pairs_more is not None and first.pairs_more < 60:
            undecided += 1
            again = compare(seed + 10_000, twice, {0: 0.10}, PAIRS + first.pairs_more)[0]
            decided += again.answer is not PairAnswer.UNDECIDED
    assert undecided > 20
    assert decided >= 0.6 * undecided


def test_the_ratio_and_its_bounds() -> None:
    pairs = tuple((100.0, 100.0 * ratio) for ratio in (1.10, 1.11, 1.12, 1.13, 1.14, 1.15, 1.16, 1.17))
    (found,) = answer_figures([PairedFigure("ack.p99", pairs)], BAND)
    assert found.answer is PairAnswer.WORSE
    assert found.ratio is not None
    assert found.ratio.centre == pytest.approx(1.135, abs=0.001)
    assert 1.10 < found.ratio.low < found.ratio.centre < found.ratio.high < 1.17
    assert found.ratio.coverage == pytest.approx(1 - 20 / 256)


def test_a_higher_rate_is_better() -> None:
    pairs = tuple((100.0, 120.0 + one) for one in range(8))
    (found,) = answer_figures([PairedFigure("rates.acked_per_s", pairs, more_is_worse=False)], BAND)
    assert found.answer is PairAnswer.BETTER
    assert found.ratio is not None
    assert found.ratio.centre > 1.2


def test_without_a_pair_nothing_is_decided() -> None:
    found = answer_figures([PairedFigure("ack.p50", ()), PairedFigure("ack.p99", ((1.0, 2.0),))], BAND)
    assert [one.answer for one in found] == [PairAnswer.UNDECIDED] * 2
    assert (found[0].ratio, found[0].pairs_more) == (None, None)
    assert found[1].pairs_more == 4  # five pairs are the fewest that can decide one figure
