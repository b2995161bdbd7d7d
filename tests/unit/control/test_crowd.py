"""Who is in the load, as far as it has been decided."""

from __future__ import annotations

from fractions import Fraction

from malaria.clock import NS_PER_S
from malaria.control.changes import RemoveClients, Wave
from malaria.control.crowd import Crowd, GroupSize
from malaria.plan.surge_schedule import SurgeTimes

S = NS_PER_S
SURGE = SurgeTimes("meters", 4, 10 * S, 12 * S, None)


def crowd() -> Crowd:
    return Crowd((GroupSize("meters", 10, 30), GroupSize("backend", 2)), (SURGE,), Fraction(10), 1)


def test_waves_take_the_indices_behind_those_of_the_surges() -> None:
    made = crowd()
    assert made.wave_comes(1, "meters", 20, S) == Wave("meters", 14, 20)
    assert made.wave_comes(2, "meters", 5, 2 * S) == Wave("meters", 34, 5)
    assert made.reserve_left("meters") == 5
    assert (made.there("meters", S), made.there("meters", 2 * S), made.there_in_all(0)) == (30, 35, 12)


def test_a_surge_waits_for_waves_that_still_connect() -> None:
    made = crowd()
    made.wave_comes(1, "meters", 20, 9 * S)  # 2 s at 10/s
    assert made.surge_comes(0, SURGE, 10 * S) == S


def test_who_leaves_is_counted_by_cohort() -> None:
    made = crowd()
    made.surge_comes(0, SURGE, 10 * S)
    made.wave_comes(1, "meters", 5, 11 * S)
    assert made.leave("meters", 7, 12 * S) == [RemoveClients(1, 5, "meters"), RemoveClients(0, 2, "meters")]
    assert (made.left_of(1, "meters"), made.left_of(0, "meters"), made.left_of(None, "meters")) == (0, 2, 10)
    assert made.surge_leaves(0, "meters", 13 * S) == 2
    assert made.surge_leaves(0, "meters", 13 * S) == 0
    assert made.leave("meters", 3, 13 * S) == [RemoveClients(None, 3, "meters")]
    assert made.there("meters", 13 * S) == 7


def test_clients_are_there_until_the_time_at_which_they_leave() -> None:
    made = crowd()
    made.wave_comes(1, "meters", 20, 5 * S)
    made.leave("meters", 25, 8 * S)  # decided before
    assert [made.there_in_all(second * S) for second in (4, 5, 7, 8)] == [12, 32, 32, 7]
    made.surge_comes(0, SURGE, 10 * S)
    made.surge_leaves(0, "meters", 14 * S)
    assert [made.there_in_all(second * S) for second in (9, 10, 13, 14)] == [7, 11, 11, 7]
