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
