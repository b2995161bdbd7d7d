"""When clients come and go, how many there are at most, and what rate is due."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from malaria.clock import NS_PER_S
from malaria.model.warhead import Warhead
from malaria.plan.surge_schedule import (
    SurgeTimes,
    TimedLeave,
    TimedRateChange,
    base_rate,
    clients_planned,
    clients_steered,
    rate_steps,
    surge_times,
)

S = NS_PER_S


def warhead(*surges: dict[str, Any], group: dict[str, Any] | None = None, **attack: Any) -> Warhead:
    """40 clients that send once in 2 s, for 100 s."""
    meters = {"name": "g", "clients": 40, "interval": "2s", **(group or {})}
    return Warhead.model_validate(
        {"group": [meters], "surge": [{"group": "g"} | surge for surge in surges],
         "attack": {"duration": "100s", "connect_rate": 1000} | attack}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ({}, 40),
        ({"ramp": "4s"}, 40),
        ({"ramp": "8s"}, 20),
        ({"ramp": "7s"}, 23),  # client 22 comes at 3.85 s, client 23 at 4.03 s
        ({"start_after": "4s"}, 0),
        ({"start_after": "2s", "ramp": "4s"}, 20),
    ],
)
def test_clients_that_would_come_after_the_end_are_not_planned(group: dict[str, str], expected: int) -> None:
    warhead = Warhead.model_validate(
        {"group": [{"name": "g", "clients": 40, "rate": 1, **group}], "attack": {"duration": "3s", "warmup": "1s"}}
    )
    assert clients_planned(warhead) == expected


@pytest.mark.parametrize(
    ("surges", "peak"),
    [
        ([{"clients": 10, "at": "10s", "hold": "5s"}], 50),
        ([{"clients": 10, "at": "10s", "hold": "5s"}, {"clients": 20, "at": "15s", "hold": "5s"}], 60),
        ([{"clients": 10, "at": "10s", "hold": "6s"}, {"clients": 20, "at": "15s", "hold": "5s"}], 70),
        ([{"clients": 10, "at": "90s", "hold": "20s"}, {"clients": 20, "at": "99s"}], 70),
        ([{"clients": 10, "at": "10s", "hold": "10s", "ramp": "10s"}, {"clients": 3, "at": "5s", "hold": "10s"}], 50),
        ([{"clients": 10, "at": "10s"}, {"clients": 20, "at": "15s", "hold": "5s"}], 70),
    ],
)
def test_the_peak_is_planned(surges: list[dict[str, Any]], peak: int) -> None:
    assert clients_planned(warhead(*surges)) == peak
    endless = warhead(*surges, group={"messages": 5}).model_copy(update={"attack": warhead().attack.model_copy(
        update={"duration_ns": None})})  # fmt: skip
    assert clients_planned(endless) >= peak


def test_their_first_message_is_due_when_our_own_pace_has_let_them_in() -> None:
    (visit,) = surge_times(warhead({"clients": 1500, "at": "10s", "hold": "5s"}), workers=1)
    assert (visit.add_ns, visit.begin_ns, visit.leave_ns) == (10 * S, 13 * S, 15 * S)
    (visit,) = surge_times(warhead({"clients": 500, "at": "10.5s"}, connect_rate=0), workers=4)
    assert (visit.begin_ns, visit.leave_ns) == (11_500_000_000, None)


def test_workers_that_pace_by_themselves_may_be_late_by_one_connect_each() -> None:
    one, four = (surge_times(warhead({"clients": 10, "at": 0}, connect_rate=1), workers=w)[0] for w in (1, 4))
    assert (one.begin_ns, four.begin_ns) == (11 * S, 14 * S)


def test_surges_that_come_together_share_the_pace() -> None:
    first, second = surge_times(warhead({"clients": 1000, "at": "10s"}, {"clients": 1500, "at": "10.5s"}), workers=1)
    assert first.begin_ns == 12 * S
    assert second.begin_ns == 13_500_000_000  # let in from 11 s to 12.5 s


def test_a_ramp_slower_than_the_pace_waits_for_nobody() -> None:
    (visit,) = surge_times(warhead({"clients": 100, "at": "10s", "ramp": "50s"}), workers=1)
    assert visit.begin_ns == 12 * S


def test_the_steps_of_the_rate() -> None:
    load = warhead({"clients": 10, "at": "10s", "hold": "5s"}, {"clients": 20, "at": "12s"}, warmup="3s")
    assert base_rate(load) == 20
    assert rate_steps(load, 1) == ((-3 * S, 20.0), (12 * S, 25.0), (14 * S, 35.0), (15 * S, 30.0))


def test_a_surge_that_goes_before_anything_is_due_changes_no_rate() -> None:
    assert rate_steps(warhead({"clients": 10, "at": "10s", "hold": "1s"}), 1) == ((0, 20.0),)


def test_a_ramp_is_climbed_in_steps() -> None:
    steps = rate_steps(warhead({"clients": 20, "at": "10s", "hold": "20s", "ramp": "4s"}), 1)
    assert steps == ((0, 20.0), (12 * S, 22.5), (13 * S, 25.0), (14 * S, 27.5), (15 * S, 30.0), (30 * S, 20.0))


def test_a_changed_rate_holds_for_the_surges_too() -> None:
    turns = [TimedRateChange(5 * S, "g", Fraction(1)), TimedRateChange(13 * S, "g", Fraction(4))]
    steps = rate_steps(warhead({"clients": 10, "at": "10s", "hold": "5s"}), 1, turns)
    assert steps == ((0, 20.0), (5 * S, 40.0), (12 * S, 50.0), (13 * S, 12.5), (15 * S, 10.0))


@pytest.mark.parametrize("group", [{"interval": 0}, {"role": "subscribe", "topic": "x"}])
def test_no_rate_is_due_where_nobody_publishes_by_a_schedule(group: dict[str, Any]) -> None:
    meters = {"name": "g", "clients": 40} | group
    load = Warhead.model_validate({"group": [meters], "attack": {"duration": "3s"}})
    assert base_rate(load) is None
    assert rate_steps(load, 1) is None


@pytest.mark.parametrize(
    ("leaves", "surges", "end_s", "most"),
    [
        ([], [], None, 40),
        ([(5, 10)], [(10, 12, None, [])], None, 40),  # 40, then 30, then 40 again
        ([(5, 10)], [(1, 4, None, [])], None, 50),  # 10 more before the others leave
        ([(5, 10)], [(1, 5, None, [])], None, 50),  # who publishes at that moment was there just before it
        ([(5, 10)], [(1, 6, None, [])], None, 40),
        ([], [(1, 4, 9, [(6, 3)]), (5, 8, None, [])], None, 57),  # 7 of the first are left when the second publishes
        ([], [(1, 4, None, [(2, 3)])], None, 47),  # three left before they published
        ([], [(1, 4, 3, [])], None, 40),  # all left before
        ([(5, 10)], [(10, 12, None, [])], 8, 40),
        ([], [(1, 4, None, [])], 3, 40),
    ],
)
def test_the_most_clients_at_once_of_a_load_that_was_changed(
    leaves: list[tuple[int, int]], surges: list[tuple[int, int, int | None, list[tuple[int, int]]]],
    end_s: int | None, most: int,
) -> None:  # fmt: skip
    """Each surge has 10 clients: (comes, publishes, leaves, clients that leave before)."""
    own = [TimedLeave(at_s * S, "g", clients) for at_s, clients in leaves]
    come = [
        SurgeTimes(
            "g", 10, add * S, begin * S, None if end is None else end * S, 0, tuple((s * S, n) for s, n in parts)
        )
        for add, begin, end, parts in surges
    ]
    assert clients_steered(warhead(), own, come, None if end_s is None else end_s * S) == most
