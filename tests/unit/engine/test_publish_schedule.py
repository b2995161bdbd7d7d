"""The schedule of a group's publishers: stretches, changes of the rate and the end, without a connection."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

from engine_rig import IDENTITY, S
from malaria.engine.publish_schedule import MOST_KNOWN, MOST_PER_TURN, NEVER, PublishSchedule, PublishSpan
from malaria.model.warhead import Warhead
from malaria.plan.clients import make_plan
from malaria.schedule.share import WHOLE

ORIGIN_NS = 1000 * S


def schedule(end_s: float | None = None, **group: Any) -> PublishSchedule:
    table = {"name": "g", "role": "publish", "clients": 1, "interval": "1s", "topic": "t"} | group
    warhead = Warhead.model_validate({"group": [table], "attack": {"duration": "1h"}})
    made = PublishSchedule(make_plan(warhead, WHOLE, IDENTITY).groups[0])
    end_ns = None if end_s is None else ORIGIN_NS + round(end_s * S)
    made.begin(PublishSpan(ORIGIN_NS, ORIGIN_NS, ORIGIN_NS, end_ns))
    return made


def taken_until(made: PublishSchedule, until_s: float) -> list[float]:
    """The due times until then in seconds, taken one after the other as the loop does."""
    dues: list[float] = []
    until_ns = ORIGIN_NS + round(until_s * S)
    while (at_ns := made.next_due_ns()) <= until_ns:
        dues += [(made.dues[place] - ORIGIN_NS) / S for place in made.take(at_ns)]
    return dues


def test_what_is_due_comes_once_and_in_order() -> None:
    made = schedule()
    assert taken_until(made, 2.5) == [0, 1, 2]
    assert taken_until(made, 3) == [3]


def test_a_late_worker_gets_everything_in_portions() -> None:
    made = schedule(clients=600)
    assert len(made.take(ORIGIN_NS + 2 * S)) == MOST_PER_TURN
    assert made.next_due_ns() <= ORIGIN_NS + 2 * S


def test_nothing_is_due_at_the_end_or_later() -> None:
    made = schedule(end_s=2)
    assert taken_until(made, 9) == [0, 1]
    assert (made.next_due_ns(), made.span) == (NEVER, None)


@pytest.mark.parametrize("asked_until_s", [0.5, 1.95])
def test_an_end_that_is_announced_later_holds_too(asked_until_s: float) -> None:
    made = schedule()
    first = taken_until(made, asked_until_s)
    made.stop_at(ORIGIN_NS + 2 * S)
    assert first + taken_until(made, 9) == [0, 1]


def test_the_rate_changes_at_its_time() -> None:
    made = schedule()
    assert taken_until(made, 1.5) == [0, 1]
    made.change_pace(ORIGIN_NS + 2 * S, Fraction(1, 2))
    dues = taken_until(made, 4)
    assert dues[0] >= 2
    assert {after - before for before, after in pairwise(dues)} == {0.5}


def test_the_last_moment_of_the_span_is_before_its_end() -> None:
    made = schedule(end_s=2)
    assert made.within(ORIGIN_NS + 9 * S) == ORIGIN_NS + 2 * S - 1
    assert made.within(ORIGIN_NS + S) == ORIGIN_NS + S


def test_the_end_drops_what_has_not_been_taken() -> None:
    made = schedule()
    made.take(ORIGIN_NS)
    made.end()
    assert made.next_due_ns() == NEVER


def test_a_closed_loop_has_no_due_times() -> None:
    made = schedule(interval=0)
    assert made.next_due_ns() == NEVER
    assert made.span is not None
    made.change_pace(ORIGIN_NS + S, Fraction(1))
    made.stop_at(ORIGIN_NS + S)
    assert made.span.end_ns == ORIGIN_NS + S


def test_a_very_high_rate_is_held_ready_only_in_part_and_whole_in_the_end() -> None:
    made = schedule(end_s=0.5, clients=4, interval="1us")
    counted, known = 0, 0
    while made.next_due_ns() < NEVER:
        counted += len(made.take(made.within(ORIGIN_NS + S)))
        known = max(known, len(made.dues))
    assert counted == 2_000_000
    assert known <= 2 * MOST_KNOWN + MOST_PER_TURN


def test_a_late_worker_gets_what_is_due_in_parts_across_a_change_of_the_rate() -> None:
    made = schedule(end_s=2, clients=10, interval="10us")
    made.change_pace(ORIGIN_NS + S, Fraction(1, 1000))
    counted, known = 0, 0
    while made.next_due_ns() < NEVER:
        counted += len(made.take(made.within(ORIGIN_NS + 9 * S)))
        known = max(known, len(made.dues))
    assert counted == 1_000_000 + 10_000
    assert known <= 2 * MOST_KNOWN + MOST_PER_TURN


# --- pauses and leaves -----------------------------------------------------------------------------------------------

TENTHS = {"clients": 2, "interval": "200ms"}
"""Two clients: one message every 100 ms, in turn."""


def at(seconds: float) -> int:
    return ORIGIN_NS + round(seconds * S)


@pytest.mark.parametrize("asked_until_s", [0.1, 0.7, 0.95, 1])
def test_a_pause_moves_everything_behind_it(asked_until_s: float) -> None:
    """Also what had been asked of the plan before the pause was announced."""
    made = schedule(**TENTHS)
    dues = taken_until(made, asked_until_s)
    made.pause(at(1.05))
    dues += taken_until(made, 2)
    assert dues == [round(0.1 * k, 1) for k in range(11)]
    assert made.next_due_ns() == NEVER
    assert not made.over
    made.resume(at(2.6))
    assert taken_until(made, 3) == [2.65, 2.75, 2.85, 2.95]


def test_a_pause_and_its_end_may_be_announced_together() -> None:
    made = schedule(**TENTHS)
    made.pause(at(0.5))
    made.resume(at(1))
    made.pause(at(1.2))
    made.resume(at(2))
    assert taken_until(made, 2.2) == [0, 0.1, 0.2, 0.3, 0.4, 1, 1.1, 2, 2.1, 2.2]


def test_a_pause_that_is_announced_too_late_moves_what_is_left() -> None:
    made = schedule(**TENTHS)
    assert taken_until(made, 0.6)[-1] == 0.6
    made.pause(at(0.45))
    made.resume(at(1.45))
    assert taken_until(made, 2)[:2] == [1.7, 1.8]


def test_a_number_of_messages_is_kept_over_a_pause() -> None:
    made = schedule(messages=3, **TENTHS)
    made.pause(at(0.3))
    made.resume(at(5))
    assert taken_until(made, 9) == [0, 0.1, 0.2, 5, 5.1, 5.2]
    assert made.over


def test_the_end_holds_in_a_pause_and_after_it() -> None:
    made = schedule(end_s=2, **TENTHS)
    made.take(at(0.95))
    made.pause(at(0.95))
    made.resume(at(1.85))
    assert [due for due in taken_until(made, 9) if due > 1] == [1.9]
    made = schedule(end_s=2, **TENTHS)
    made.pause(at(1))
    taken_until(made, 1.1)
    made.stop_at(at(1.5))
    assert made.over


def test_a_pause_may_come_before_the_begin() -> None:
    table = {"name": "g", "role": "publish", "clients": 1, "interval": "1s", "topic": "t"}
    warhead = Warhead.model_validate({"group": [table], "attack": {"duration": "1h"}})
    made = PublishSchedule(make_plan(warhead, WHOLE, IDENTITY).groups[0])
    made.pause(at(-5))
    made.begin(PublishSpan(ORIGIN_NS, ORIGIN_NS, ORIGIN_NS, None))
    assert taken_until(made, 3) == []
    made.resume(at(3.5))
    assert taken_until(made, 5) == [3.5, 4.5]


def test_a_rate_that_changes_in_a_pause_begins_with_its_end() -> None:
    made = schedule(**TENTHS)
    made.pause(at(0.55))
    dues = taken_until(made, 0.6)
    made.change_pace(at(0.7), Fraction(2))
    made.resume(at(1))
    assert dues + taken_until(made, 4) == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 1, 2, 3, 4]


@pytest.mark.parametrize("asked_until_s", [0, 0.38, 0.4])
def test_who_leaves_is_due_no_more_and_the_others_as_before(asked_until_s: float) -> None:
    made = schedule(**TENTHS)
    dues = taken_until(made, asked_until_s)
    made.leave([1], at(0.5))
    assert dues + taken_until(made, 1.2) == [0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1, 1.2]
    assert not made.over


def test_who_leaves_in_a_pause_is_not_due_when_it_ends() -> None:
    made = schedule(**TENTHS)
    taken_until(made, 0.35)
    made.pause(at(0.35))
    made.leave([0], at(0.6))
    made.resume(at(1))
    assert taken_until(made, 1.5) == [1.15, 1.35]


def test_nothing_is_due_once_all_have_left() -> None:
    made = schedule(**TENTHS)
    made.leave([0], at(0.3))
    made.leave([1], at(0.6))
    assert taken_until(made, 9) == [0, 0.1, 0.2, 0.3, 0.5]
    assert made.over
