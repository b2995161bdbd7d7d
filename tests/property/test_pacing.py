"""Due times never decrease, shares add up exactly, windows do not matter, limits are exact."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import chain

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from malaria.schedule.pacing import Arrival, Pace, Schedule
from malaria.schedule.share import WHOLE, Share

MS = 1_000_000
SPAN_NS = 400 * MS
type Message = tuple[int, int]
"""(due_ns, client)."""

intervals = st.fractions(Fraction(1, 200), Fraction(1, 5), max_denominator=997)
times = st.integers(0, SPAN_NS)
paces = st.builds(
    Pace,
    arrival=st.sampled_from(Arrival),
    clients=st.integers(1, 12),
    interval=intervals,
    messages=st.none() | st.integers(0, 8),
    seed=st.integers(0, 2**64),
    jitter=st.fractions(0, 1),
    client_ramp_ns=st.just(0) | times,
    rate_ramp_ns=st.just(0) | times,
    rate_ramp_from=st.fractions(0, 1),
    end_ns=st.none() | times,
)


def messages(schedule: Schedule, members: np.ndarray, ends_ns: list[int]) -> list[Message]:
    made = []
    for start_ns, end_ns in zip([0, *ends_ns], ends_ns, strict=False):
        due_ns, position = schedule.due_until(end_ns)
        assert all(start_ns <= due < end_ns for due in due_ns.tolist())
        made += zip(due_ns.tolist(), members[position].tolist(), strict=True)
    return made


def whole(pace: Pace, ends_ns: list[int], share: Share = WHOLE) -> list[Message]:
    members = share.members(pace.clients)
    return messages(Schedule(pace, members), members, ends_ns)


@given(paces, st.lists(times, max_size=6).map(sorted))
def test_windows_do_not_matter_and_times_never_decrease(pace: Pace, ends_ns: list[int]) -> None:
    at_once = whole(pace, [SPAN_NS])
    assert whole(pace, [*ends_ns, SPAN_NS]) == at_once
    assert [due for due, _ in at_once] == sorted(due for due, _ in at_once)


@given(paces, st.integers(1, 4), st.integers(1, 3))
def test_shares_add_up_exactly(pace: Pace, bees: int, workers: int) -> None:
    shares = [part for bee in WHOLE.split(bees) for part in bee.split(workers)]
    parts = [whole(pace, [SPAN_NS // 3, SPAN_NS], share) for share in shares]
    assert sorted(chain(*parts)) == sorted(whole(pace, [SPAN_NS]))


@given(paces)
def test_limits_are_exact(pace: Pace) -> None:
    schedule = Schedule(pace, np.arange(pace.clients))
    total = schedule.total
    ends_ns = [SPAN_NS] if pace.messages is None else [SPAN_NS, 100 * SPAN_NS]
    made = Counter(client for _, client in messages(schedule, np.arange(pace.clients), ends_ns))
    if pace.messages is not None:
        assert max(made.values(), default=0) <= pace.messages
        if pace.end_ns is None and pace.arrival is not Arrival.POISSON:
            assert made == Counter({client: pace.messages for client in range(pace.clients) if pace.messages})
            assert schedule.exhausted
    if pace.end_ns is not None:
        assert schedule.exhausted
    if total is not None and schedule.exhausted:
        assert made.total() == total


@given(paces, st.integers(0, SPAN_NS))
def test_nobody_is_due_before_he_begins(pace: Pace, end_ns: int) -> None:
    for due_ns, client in whole(pace, [end_ns]):
        assert due_ns >= client * pace.client_ramp_ns // pace.clients


@given(intervals, st.integers(1, 50), st.integers(1, 5 * 10**9))
def test_steady_keeps_its_rate(interval: Fraction, clients: int, end_ns: int) -> None:
    pace = Pace(Arrival.STEADY, clients, interval, None, seed=0)
    made = whole(pace, [end_ns])
    assert abs(len(made) - Fraction(end_ns, 10**9) * clients / interval) < 1
    step = interval * 10**9 / clients
    assert made == [(int(m * step), m % clients) for m in range(len(made))]


@settings(max_examples=40)
@given(paces.filter(lambda pace: pace.arrival is Arrival.STEADY), st.lists(times, max_size=3).map(sorted))
def test_the_closed_form_is_the_columns(pace: Pace, ends_ns: list[int]) -> None:
    """A ramp of no effect (one nanosecond, before anyone is due) takes the general path to the same times."""
    plain = Pace(Arrival.STEADY, pace.clients, pace.interval, pace.messages, pace.seed, end_ns=pace.end_ns)
    general = Pace(Arrival.STEADY, pace.clients, pace.interval, pace.messages, pace.seed, end_ns=pace.end_ns,
                   client_ramp_ns=1)  # fmt: skip
    assert whole(plain, [*ends_ns, SPAN_NS]) == whole(general, [*ends_ns, SPAN_NS])
