from __future__ import annotations

import numpy as np
import pytest

from malaria.schedule import chance

INDICES = np.arange(2000)


def draw(kind: str, seed: int = 1) -> np.ndarray:
    counters = np.arange(50)
    of = chance.streams(seed, INDICES)
    return np.array([getattr(chance, kind)(of, np.full(len(INDICES), counter)) for counter in counters])


def test_splitmix64_gives_its_published_numbers() -> None:
    # the first outputs for the state 1234567, as in the reference code of Vigna's xoshiro page and Rosetta Code
    state, expected = np.array([1234567], np.uint64), [6457827717110365317, 3203168211198807973, 9817491932198370423]
    for counter, word in enumerate(expected):
        assert chance.uniform(state, np.array([counter]))[0] == (word >> 11) * 2.0**-53


def test_a_number_depends_on_seed_index_and_counter_alone() -> None:
    whole = chance.uniform(chance.streams(7, INDICES), INDICES * 3)
    half = chance.uniform(chance.streams(7, INDICES[1::2]), INDICES[1::2] * 3)
    assert np.array_equal(whole[1::2], half)
    assert not np.any(draw("uniform", 1) == draw("uniform", 2))


@pytest.mark.parametrize("seed", [0, -1, 2**64, 2**200])
def test_any_integer_is_a_seed(seed: int) -> None:
    assert len(set(chance.streams(seed, INDICES).tolist())) == len(INDICES)


@pytest.mark.parametrize(
    ("kind", "mean", "stddev"), [("uniform", 0.5, 12**-0.5), ("exponential", 1, 1), ("normal", 0, 1)]
)
def test_distributions(kind: str, mean: float, stddev: float) -> None:
    numbers = draw(kind)
    assert np.mean(numbers) == pytest.approx(mean, abs=0.015)
    assert np.std(numbers) == pytest.approx(stddev, abs=0.015)
    along, across = numbers[:-1].ravel(), numbers[1:].ravel()
    assert abs(np.corrcoef(along, across)[0, 1]) < 0.015
    assert abs(np.corrcoef(numbers[:, :-1].ravel(), numbers[:, 1:].ravel())[0, 1]) < 0.015


def test_uniform_numbers_stay_under_one() -> None:
    numbers = draw("uniform")
    assert 0 <= numbers.min() < 0.001
    assert 0.999 < numbers.max() < 1


@pytest.mark.parametrize("seed", [0, 1, 2**64 - 1])
def test_one_number_alone_is_that_of_the_array(seed: int) -> None:
    of, counters = chance.streams(seed, INDICES), INDICES * 12345
    alone = [chance.uniform_at(seed, int(i), int(counter)) for i, counter in zip(INDICES, counters, strict=True)]
    assert alone == chance.uniform(of, counters).tolist()
    alone = [chance.normal_at(seed, int(i), int(counter)) for i, counter in zip(INDICES, counters, strict=True)]
    assert alone == pytest.approx(chance.normal(of, counters).tolist(), rel=1e-9, abs=1e-12)
