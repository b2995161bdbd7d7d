"""Waves wait for the connect rate, and for the waves before them."""

from __future__ import annotations

from fractions import Fraction

from malaria.clock import NS_PER_S
from malaria.plan.connect_queue import ConnectQueue

S = NS_PER_S


def test_a_wave_publishes_a_second_after_the_connect_rate_has_let_it_in() -> None:
    queue = ConnectQueue(Fraction(100), 1)
    assert queue.passes_ns(10 * S, 500) == 15 * S
    assert queue.begin_ns(10 * S, 500) == 16 * S
    assert queue.begin_ns(10 * S, 501) == 17 * S  # in whole seconds from the change on


def test_one_worker_may_have_a_client_more() -> None:
    assert ConnectQueue(Fraction(100), 4).passes_ns(0, 100) == S + 3 * S // 100


def test_it_waits_behind_those_that_still_come() -> None:
    queue = ConnectQueue(Fraction(100), 1)
    queue.enter(10 * S, 500)
    assert queue.passes_ns(12 * S, 100) == 16 * S
    assert queue.delay_ns(12 * S) == 3 * S
    assert queue.delay_ns(15 * S) == 0
    queue.enter(20 * S, 10, ramp_ns=4 * S)
    assert queue.delay_ns(21 * S) == 3 * S


def test_without_a_pace_nobody_waits() -> None:
    queue = ConnectQueue(Fraction(0), 3)
    queue.enter(0, 10**6)
    assert queue.passes_ns(0, 10**6) == 0
    assert queue.begin_ns(5, 10**6) == 5 + S
