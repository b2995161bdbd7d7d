"""The grid of loads: what lies on it, and how far its neighbours are apart."""

from __future__ import annotations

from itertools import pairwise

import pytest

from malaria.analysis.capacity.load_grid import LoadGrid


@pytest.mark.parametrize(("width", "start"), [(0.05, 1), (0.05, 100), (0.25, 7), (1.0, 3), (0.001, 50)])
def test_neighbours_are_at_most_a_width_apart(width: float, start: int) -> None:
    loads = LoadGrid(width, 1, start, 5_000).loads
    assert (loads[0], loads[-1]) == (1, 5_000)
    assert start in loads
    assert all(low < high <= max(low + 1, low * (1 + width)) for low, high in pairwise(loads))


def test_a_grid_of_one_load() -> None:
    assert LoadGrid(0.05, 1, 1, 1).loads == (1,)


def test_the_neighbours_and_the_middle() -> None:
    grid = LoadGrid(1.0, 1, 4, 16)
    assert grid.loads == (1, 2, 4, 8, 16)
    assert (grid.next_above(4), grid.next_below(4), grid.next_above(16), grid.next_below(1)) == (8, 2, None, None)
    assert (grid.between(1, 16), grid.between(4, 8)) == (4, None)
    assert (grid.at_most(7.9), grid.at_most(0.5), grid.at_most(1_000)) == (4, 1, 16)
