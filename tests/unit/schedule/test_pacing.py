from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from malaria.schedule.pacing import Arrival, Pace, Schedule
from malaria.schedule.share import WHOLE, Share

S = 10**9


def pace(arrival: Arrival = Arrival.STEADY, **changes: object) -> Pace:
    values: dict[str, object] = {"clients": 3, "interval": Fraction(6), "messages": None, "seed": 1}
    return Pace(arrival, **(values | changes))  # type: ignore[arg-type]


def schedule(of: Pace, share: Share = WHOLE) -> Schedule:
    return Schedule(of, share.members(of.clients))


def pairs(of: Schedule, end_ns: int) -> list[tuple[int, int]]:
    due_ns, position = of.due_until(end_ns)
    assert (due_ns.dtype, position.dtype) == (np.int64, np.int32)
    return list(zip(due_ns.tolist(), position.tolist(), strict=True))


def test_steady_is_spread_over_all_clients() -> None:
    assert pairs(schedule(pace()), 12 * S) == [(0, 0), (2 * S, 1), (4 * S, 2), (6 * S, 0), (8 * S, 1), (10 * S, 2)]


def test_a_share_keeps_its_clients_in_their_places() -> None:
    half = schedule(pace(), WHOLE.split(2)[0])  # clients 0 and 2
    assert pairs(half, 7 * S) == [(0, 0), (4 * S, 1), (6 * S, 0)]


def test_steady_does_not_drift() -> None:
    of = schedule(pace(clients=7, interval=Fraction(1000, 3)))
    ten_days_ns = 10 * 86400 * S
    of.due_until(ten_days_ns)
    due_ns, _ = of.due_until(ten_days_ns + 1000 * S)
    first = ten_days_ns * 21 // (1000 * S)
    assert due_ns.tolist() == [(first + n) * 1000 * S // 21 for n in range(21)]


def test_a_rate_with_a_huge_denominator_is_exact_too() -> None:
    interval = 1 / Fraction("0.16666666666666666")
    of = schedule(pace(clients=3000, interval=interval))
    of.due_until(100 * S)
    due_ns, _ = of.due_until(101 * S)
    first = -(-100 * 3000 // interval)
    assert due_ns.tolist() == [int((first + n) * interval * S / 3000) for n in range(len(due_ns))]
    assert len(due_ns) == 500


def test_burst_is_all_at_once() -> None:
    assert pairs(schedule(pace(Arrival.BURST)), 7 * S) == [(0, 0), (0, 1), (0, 2), (6 * S, 0), (6 * S, 1), (6 * S, 2)]


def test_random_is_periodic_at_random_phases() -> None:
    due_ns, position = schedule(pace(Arrival.RANDOM, clients=2000)).due_until(18 * S)
    phases = due_ns[position.argsort(kind="stable")].reshape(2000, 3)
    assert (np.diff(phases) == 6 * S).all()
    assert 0 <= phases[:, 0].min() < phases[:, 0].max() < 6 * S
    assert phases[:, 0].mean() == pytest.approx(3 * S, rel=0.03)


def test_jitter_is_steady_and_late_by_up_to_its_part_of_the_interval() -> None:
    due_ns, position = schedule(pace(Arrival.JITTER, clients=1000, jitter=Fraction(1, 4), messages=1)).due_until(9 * S)
    late_ns = due_ns[position.argsort()] - np.arange(1000) * 6 * S // 1000
    assert 0 <= late_ns.min() < late_ns.max() < 1.5 * S
    assert late_ns.mean() == pytest.approx(0.75 * S, rel=0.05)


def test_poisson_has_exponential_gaps() -> None:
    due_ns, position = schedule(pace(Arrival.POISSON, clients=100)).due_until(6 * 100 * S)
    gaps = np.concatenate([np.diff(due_ns[position == n], prepend=0) for n in range(100)])
    assert len(due_ns) == pytest.approx(100 * 100, rel=0.03)
    assert (gaps.mean(), gaps.std()) == pytest.approx((6 * S, 6 * S), rel=0.05)


def test_another_seed_gives_other_times() -> None:
    one, other = (schedule(pace(Arrival.POISSON, seed=seed)).due_until(60 * S)[0].tolist() for seed in (1, 2))
    assert not set(one) & set(other)


def test_the_end_cuts() -> None:
    of = schedule(pace(end_ns=4 * S))
    assert of.total == 2
    assert not of.exhausted
    assert pairs(of, 60 * S) == [(0, 0), (2 * S, 1)]
    assert of.exhausted


def test_a_limit_of_messages() -> None:
    of = schedule(pace(messages=2))
    assert of.total == 6
    assert len(of.due_until(10 * S)[0]) == 5
    assert not of.exhausted
    assert len(of.due_until(100 * S)[0]) == 1
    assert of.exhausted


def test_limit_and_end_together() -> None:
    assert schedule(pace(messages=2, end_ns=3600 * S)).total == 6
    assert schedule(pace(messages=2, end_ns=2 * S)).total == 1


def test_totals_that_are_not_known_beforehand() -> None:
    assert schedule(pace()).total is None
    assert schedule(pace(Arrival.POISSON, end_ns=60 * S)).total is None
    assert schedule(pace(Arrival.POISSON, messages=5)).total == 15


def test_nothing_to_do() -> None:
    for of in (schedule(pace(), Share(5, 6, 9)), schedule(pace(Arrival.BURST), Share(5, 6, 9))):
        assert of.exhausted
        assert of.total == 0
        assert pairs(of, 60 * S) == []
    silent = schedule(pace(Arrival.RANDOM, messages=0))
    assert (silent.exhausted, silent.total, pairs(silent, 60 * S)) == (True, 0, [])


def test_clients_join_over_the_client_ramp() -> None:
    ramp = pace(clients=4, interval=Fraction(4), client_ramp_ns=40 * S, messages=2)
    assert pairs(schedule(ramp), 100 * S) == [
        (0, 0), (4 * S, 0), (13 * S, 1), (17 * S, 1), (22 * S, 2), (26 * S, 2), (31 * S, 3), (35 * S, 3),
    ]  # fmt: skip


def test_the_rate_grows_linearly() -> None:
    of = schedule(pace(clients=1000, interval=Fraction(1), rate_ramp_ns=10 * S))
    counts = [len(of.due_until(end_s * S)[0]) for end_s in range(1, 13)]
    assert counts == [pytest.approx(expected, abs=2) for expected in (*range(50, 1000, 100), 1000, 1000)]


def test_the_rate_grows_from_a_part_of_itself() -> None:
    of = schedule(pace(clients=1000, interval=Fraction(1), rate_ramp_ns=10 * S, rate_ramp_from=Fraction(1, 2)))
    counts = [len(of.due_until(end_s * S)[0]) for end_s in range(1, 12)]
    assert counts == [pytest.approx(expected, abs=2) for expected in (*range(525, 1000, 50), 1000)]


def test_a_ramp_from_the_full_rate_is_none() -> None:
    flat = schedule(pace(rate_ramp_ns=10 * S, rate_ramp_from=Fraction(1)))
    assert pairs(flat, 60 * S) == pairs(schedule(pace()), 60 * S)


def test_a_long_window_of_a_few_fast_clients_comes_in_blocks() -> None:
    fast = pace(Arrival.POISSON, clients=2, interval=Fraction(1, 1_000_000))
    due_ns, _ = schedule(fast).due_until(S // 5)
    assert len(due_ns) == pytest.approx(400_000, rel=0.01)
    assert (np.diff(due_ns) >= 0).all()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"clients": 0}, "at least one client"),
        ({"interval": Fraction(0)}, "from a nanosecond to a year"),
        ({"interval": Fraction(10**10)}, "from a nanosecond to a year"),
        ({"messages": -1}, "no fewer than 0 messages"),
        ({"jitter": Fraction(3, 2)}, "part of the interval"),
        ({"rate_ramp_from": Fraction(2)}, "part of itself"),
        ({"end_ns": -1}, "no time is negative"),
    ],
)
def test_impossible_paces(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        pace(**changes)


def test_a_client_ramp_may_have_begun_before_time_0() -> None:
    """Four clients over 4 s, 1.5 s of which have passed: two are in, the others begin at 0.5 and 1.5 s."""
    pace = Pace(Arrival.STEADY, 4, Fraction(1), None, 1, client_ramp_ns=4 * S, ramp_passed_ns=3 * S // 2)
    due_ns, position = Schedule(pace, np.arange(4)).due_until(3 * S)
    first = {place: int(due_ns[position == place].min()) for place in range(4)}
    assert first == {0: 0, 1: S // 4, 2: S // 2, 3: S + 3 * S // 4}
