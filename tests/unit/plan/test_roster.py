"""Who is in a group: last come, first go, and evenly spread."""

from __future__ import annotations

import numpy as np
import pytest

from malaria.plan.roster import Roster, evenly


@pytest.mark.parametrize(
    ("chosen", "of", "places"),
    [
        (0, 5, []),
        (1, 5, [0]),
        (2, 5, [0, 2]),
        (5, 5, [0, 1, 2, 3, 4]),
        (9, 3, [0, 1, 2]),
        (3, 9, [0, 3, 6]),
        (0, 0, []),
    ],
)
def test_places_are_evenly_spread(chosen: int, of: int, places: list[int]) -> None:
    assert evenly(chosen, of).tolist() == places


def roster() -> Roster:
    made = Roster(10)
    made.come(0, 10, 4, add_ns=5)
    made.come(1, 14, 6, add_ns=9)
    return made


def test_who_came_last_goes_first() -> None:
    made = roster()
    assert [(cohort.surge, part) for cohort, part in made.latest(12, 9)] == [(1, 6), (0, 4), (None, 2)]
    assert [(cohort.surge, part) for cohort, part in made.latest(3, 8)] == [(0, 3)]  # the last one is not there yet
    assert made.latest(0, 9) == []


def test_those_that_left_are_not_chosen_again() -> None:
    made = roster()
    assert made.leave(None, 5).tolist() == [0, 2, 4, 6, 8]
    assert made.leave(None, 2).tolist() == [1, 5]
    assert made.leave(0).tolist() == [10, 11, 12, 13]
    assert made.there(9) == 3 + 6
    assert made.there(4) == 3
    assert made.spread(3, 9).tolist() == [3, 14, 17]
    assert made.leave(0).tolist() == []


def test_it_keeps_no_list_of_clients_until_some_leave() -> None:
    made = Roster(10**6)
    assert made.cohorts[0].present is None
    made.leave(None, 1)
    assert np.array_equal(made.cohorts[0].indices(), np.arange(1, 10**6))
