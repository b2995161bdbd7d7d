"""Packet ids of a client: never reused before their final acknowledgement, taken in ring order."""

from __future__ import annotations

import numpy as np
import pytest

from malaria.engine.window import AWAIT_PUBACK, FREE, Window


def take(window: Window, client: int, sequence: int) -> int:
    slot = window.next_free(client)
    place = client * window.size + slot
    window.state[place] = AWAIT_PUBACK
    window.sequence_at[place] = sequence
    window.turn_at[client] = (slot + 1) % window.size
    return slot


def test_slots_go_round() -> None:
    window = Window(2, 3)
    assert [take(window, 1, q) for q in range(3)] == [0, 1, 2]
    assert window.next_free(1) == -1
    assert window.next_free(0) == 0


def test_a_slot_that_is_still_taken_is_passed_over() -> None:
    window = Window(1, 4)
    for sequence in range(4):
        take(window, 0, sequence)
    window.state[0] = window.state[2] = FREE
    assert take(window, 0, 4) == 0
    assert take(window, 0, 5) == 2
    assert window.next_free(0) == -1


def test_free_slots_begin_at_the_turn() -> None:
    window = Window(1, 5)
    for sequence in range(4):
        take(window, 0, sequence)
    window.states[:3] = FREE
    assert window.free_slots(0, 9).tolist() == [4, 0, 1, 2]
    assert window.free_slots(0, 2).tolist() == [4, 0]


def test_a_run_of_free_slots_goes_round_and_stops_at_one_in_flight() -> None:
    window = Window(1, 5)
    for sequence in range(4):
        take(window, 0, sequence)
    window.states[:2] = FREE
    assert list(window.free_run(0, 9)) == [4, 0, 1]
    assert list(window.free_run(0, 2)) == [4, 0]
    window.states[:] = AWAIT_PUBACK
    assert list(window.free_run(0, 9)) == []
    window.states[[1, 3]] = FREE  # acknowledged out of order
    assert list(window.free_run(0, 9)) == [1]


def test_an_empty_window_is_one_run() -> None:
    window = Window(2, 3)
    assert list(window.free_run(1, 9)) == [0, 1, 2]


def test_what_is_in_flight_comes_back_in_the_order_it_was_sent() -> None:
    window = Window(1, 3)
    for sequence in range(3):
        take(window, 0, sequence)
    window.state[0] = FREE
    take(window, 0, 3)
    assert [window.sequence_at[place] for place in window.taken(0)] == [1, 2, 3]
    window.clear(0)
    assert (window.in_flight, window.next_free(0)) == (0, 0)
    assert not np.any(window.states)


@pytest.mark.parametrize("taken", range(1 << 5))
@pytest.mark.parametrize("turn", range(5))
def test_free_slots_are_those_of_a_walk_round_the_window(taken: int, turn: int) -> None:
    window = Window(2, 5)
    window.states[:5] = AWAIT_PUBACK  # of another client
    window.states[5:] = [taken >> slot & 1 for slot in range(5)]
    window.turn_at[1] = turn
    walk = [slot for slot in [*range(turn, 5), *range(turn)] if not taken >> slot & 1]
    for most in range(7):
        assert window.free_slots(1, most).tolist() == walk[:most]
