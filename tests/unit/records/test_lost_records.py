"""Samples of lost workers from after their loss."""

from __future__ import annotations

from malaria.records.lost_records import apart_from_lost
from malaria.records.rows import RunPhase, Sample
from malaria.records.run_meta import LostWorker

S = 10**9


def second(worker: str, number: int) -> Sample:
    return Sample(worker, (number - 1) * S, number * S, RunPhase.MEASURE)


SAMPLES = tuple(
    second(worker, number) for number in (1, 2, 3) for worker in ("bee-1/1", "bee-2/1", "bee-2/2", "bee-20/1")
)


def test_what_a_bee_made_after_it_was_lost_is_apart() -> None:
    counted, late = apart_from_lost(SAMPLES, [LostWorker(worker="bee-2", since_ns=2 * S)])
    assert late == (second("bee-2/1", 3), second("bee-2/2", 3))
    assert counted == tuple(sample for sample in SAMPLES if sample not in late)


def test_one_worker_of_a_bee_is_lost_alone() -> None:
    _, late = apart_from_lost(SAMPLES, [LostWorker(worker="bee-2/2", since_ns=0)])
    assert late == tuple(second("bee-2/2", number) for number in (1, 2, 3))


def test_a_run_that_does_not_say_when_counts_all_of_it() -> None:
    assert apart_from_lost(SAMPLES, [LostWorker(worker="bee-2")]) == (SAMPLES, ())
