"""A bee's clock as the conductor knows it; times are arguments."""

from __future__ import annotations

from malaria.records.run_meta import OffsetFacts
from malaria.swarm.run.bee_clock import BeeClock
from malaria.swarm.run.clock_offsets import Exchange

MS = 1_000_000


def clock_at(offset_ns: int) -> BeeClock:
    """A clock that is known exactly at 0."""
    clock = BeeClock()
    clock.take(Exchange(0, offset_ns, 0), 0)
    return clock


def test_run_time_is_given_on_the_bees_own_clock() -> None:
    assert clock_at(80 * MS).epoch_on_bee(5 * MS, 0) == 85 * MS


def test_an_offset_that_may_be_true_is_not_corrected() -> None:
    clock = clock_at(80 * MS)
    clock.epoch_on_bee(0, 0)
    clock.take(Exchange(0, 81 * MS, 2 * MS), 2 * MS)
    assert clock.correction(2 * MS) is None


def test_an_offset_that_cannot_be_true_is_corrected_and_the_error_kept() -> None:
    clock = clock_at(0)
    clock.epoch_on_bee(1_000, 0)
    clock.take(Exchange(0, 3 * MS, 0), 0)  # the clock has jumped
    assert clock.correction(0) == 1_000 + 3 * MS
    assert clock.correction(0) is None
    assert clock.worst_error_ns == 3 * MS
    facts = clock.facts("bee-1", 0)
    assert (facts.corrections, facts.steps, facts.exchanges) == (1, 1, 2)


def test_the_record_has_the_offset_before_and_now_in_run_time() -> None:
    clock = clock_at(80 * MS)
    assert clock.facts("bee-1", 0).before is None
    clock.note_before_load(0)
    clock.epoch_on_bee(5, 0)
    assert clock.facts("bee-1", 7).before == OffsetFacts(at_ns=-5, offset_ns=80 * MS, error_ns=0)
    assert clock.facts("bee-1", 7).last == OffsetFacts(at_ns=2, offset_ns=80 * MS, error_ns=1)
