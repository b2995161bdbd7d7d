"""The due rate, step by step, from the warhead and from changes while the attack runs."""

from __future__ import annotations

from fractions import Fraction

from malaria.attacks.due_rate import DueRate
from malaria.model.warhead import Warhead
from malaria.plan.surge_schedule import TimedRateChange

S = 10**9
START_NS = 5 * S


def due_rate(**group: object) -> DueRate:
    meters = {"name": "meters", "clients": 10, "interval": "1s"} | group
    return DueRate(Warhead.model_validate({"group": [meters], "attack": {"duration": "60s", "warmup": "0s"}}), 1)


def test_a_constant_rate_is_one_step() -> None:
    assert due_rate().steps(START_NS, 65 * S, ()) == ((START_NS, 10.0),)


def test_it_is_unknown_until_the_measured_time_is_set() -> None:
    rate = due_rate()
    assert rate.steps(None, None, ()) is None
    assert rate.at(0, None) == 10.0


def test_a_closed_loop_has_none() -> None:
    rate = due_rate(interval="0")
    assert rate.steps(START_NS, None, ()) is None
    assert rate.at(START_NS, START_NS) is None


def test_a_change_adds_a_step_and_what_comes_after_the_end_is_left_out() -> None:
    rate = due_rate()
    changes = [TimedRateChange(15 * S, "meters", Fraction(1, 2))]
    assert rate.steps(START_NS, 65 * S, changes) == ((START_NS, 10.0), (15 * S, 20.0))
    assert rate.steps(START_NS, 10 * S, changes) == ((START_NS, 10.0),)
    assert [rate.at(at_ns, START_NS) for at_ns in (START_NS, 15 * S - 1, 15 * S)] == [10.0, 10.0, 20.0]
