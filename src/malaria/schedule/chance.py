"""Random numbers that are a pure function of (seed, index, counter), so that every split of a load draws the same ones.

Each index has a splitmix64 stream of its own (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators,
OOPSLA 2014), and the counter is the place in it: any number can be computed without those before it.
Not for secrets.

The functions of arrays cost about 20 us and 20 ns a number; those whose name ends in `_at` give one number in 2 us,
by the same formula.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from malaria.schedule.arrays import Floats, Ints

type RandomStreams = NDArray[np.uint64]

_GOLDEN: Final = 0x9E3779B97F4A7C15
_MIX_1: Final = 0xBF58476D1CE4E5B9
_MIX_2: Final = 0x94D049BB133111EB
_WORD: Final = (1 << 64) - 1
_UNIT: Final = 2.0**-53


def streams(seed: int, indices: Ints) -> RandomStreams:
    """Return the stream of each index. Streams of different seeds are unrelated."""
    return _mixed(np.uint64(_root(seed)) + indices.astype(np.uint64) * np.uint64(_GOLDEN))


def uniform(of: RandomStreams, counters: Ints) -> Floats:
    """Return the number at each counter, evenly spread over [0, 1), 53 bits."""
    place = (counters.astype(np.uint64) + np.uint64(1)) * np.uint64(_GOLDEN)
    return (_mixed(of + place) >> np.uint64(11)).astype(np.float64) * _UNIT


def exponential(of: RandomStreams, counters: Ints) -> Floats:
    """Return the number at each counter, exponentially distributed with mean 1."""
    return -np.log1p(-uniform(of, counters))


def normal(of: RandomStreams, counters: Ints) -> Floats:
    """Return the number at each counter, normal with mean 0 and standard deviation 1 (Box, Muller 1958)."""
    radius = np.sqrt(2 * exponential(of, 2 * counters))
    return radius * np.cos(2 * np.pi * uniform(of, 2 * counters + 1))


def uniform_at(seed: int, index: int, counter: int) -> float:
    """Return one number of `uniform`."""
    stream = _mixed_word(_root(seed) + index * _GOLDEN)
    return (_mixed_word(stream + (counter + 1) * _GOLDEN) >> 11) * _UNIT


def normal_at(seed: int, index: int, counter: int) -> float:
    """Return one number of `normal`."""
    radius = math.sqrt(-2 * math.log1p(-uniform_at(seed, index, 2 * counter)))
    return radius * math.cos(2 * math.pi * uniform_at(seed, index, 2 * counter + 1))


@lru_cache(maxsize=64)
def _root(seed: int) -> int:
    return _mixed_word((seed + 1) * _GOLDEN)


def _mixed_word(word: int) -> int:
    word &= _WORD
    word = ((word ^ (word >> 30)) * _MIX_1) & _WORD
    word = ((word ^ (word >> 27)) * _MIX_2) & _WORD
    return word ^ (word >> 31)


def _mixed(word: RandomStreams) -> RandomStreams:
    word = (word ^ (word >> np.uint64(30))) * np.uint64(_MIX_1)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(_MIX_2)
    return word ^ (word >> np.uint64(31))
