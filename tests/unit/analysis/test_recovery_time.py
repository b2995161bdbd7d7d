"""Coming back after a surge, from measures and their limits alone. A surge of 10 s exceeded at 20 s."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from malaria.analysis.baseline import MEASURES, Baseline
from malaria.analysis.recovery_time import MEASURE_TEXTS, RecoveryTime, RecoveryWatch, time_to_recover
from malaria.analysis.seconds import LoadSecond
from malaria.clock import NS_PER_S as S
from malaria.records.rows import Counter, RunPhase, Sample
from malaria.records.sample_timeline import Second

BAND = Baseline(most={"owed": 10, "lost": 0}, usual={"owed": 0, "lost": 0}, due_per_s=100, ready=50)


def _reported(end_s: int, due: int, covered_s: int) -> Second:
    second = Second(end_s)
    second.add(Sample("1", (end_s - covered_s) * S, end_s * S, RunPhase.MEASURE, {Counter.DUE: due}))
    return second


def watch(
    owed: Sequence[float], due: int = 100, done: int = 100, lost: Sequence[float] = (), covered_s: int = 1
) -> RecoveryWatch:
    seconds = [
        LoadSecond(end_s, due, done, 0, 50, 0, Counter.ACKED, _reported(end_s, due, covered_s))
        for end_s in range(21, 21 + len(owed))
    ]
    measures = {"owed": dict(enumerate(owed, 21)), "lost": dict(enumerate(lost, 21))}
    return RecoveryWatch(BAND, measures, seconds, 10 * S, 20 * S, (20 + len(owed)) * S)


@pytest.mark.parametrize(
    ("owed", "recovery_s"),
    [
        ([5] * 3, 0),
        ([10] * 12, 0),  # a limit is no longer out than itself
        ([90, 60, 30, 5, 5, 5], 3),
        ([90, 5, 5, 90, 5, 5, 5], 4),  # two seconds in a row are not three
        ([5, 5, 5, 90, 5, 5], 0),  # one second is forgiven
        ([5, 5, 5, 90, 90, 5, 5, 5], 5),  # two are not
        ([5] * 17 + [90] * 2 + [5] * 3, 0),  # of twenty they are
    ],
)
def test_the_first_second_of_the_recovery(owed: list[float], recovery_s: float) -> None:
    assert time_to_recover(watch(owed)) == RecoveryTime(True, recovery_s, False)


def test_a_late_report_counts_from_where_it_begins() -> None:
    """The second at 24 s tells of three: the target was well from 21 s on."""
    late = watch([90, 5, 5, 5])
    ends_s = (21, 24, 25, 26)
    seconds = [
        replace(second, end_s=end_s, reported=_reported(end_s, 100, 3 if end_s == 24 else 1))
        for second, end_s in zip(late.seconds, ends_s, strict=True)
    ]
    measures = {"owed": dict(zip(ends_s, (90.0, 5.0, 5.0, 5.0), strict=True)), "lost": {}}
    assert time_to_recover(replace(late, seconds=seconds, measures=measures)) == RecoveryTime(True, 1, False)


def test_too_little_was_seen() -> None:
    assert time_to_recover(watch([5, 5])).recovered is None
    assert time_to_recover(watch([])).reasons == ("0 seconds after the surge could be judged, 3 are needed",)
    assert time_to_recover(watch([90, 60, 5, 5])).reasons[0] == "it was still recovering when the observation ended"


@pytest.mark.parametrize(
    ("owed", "recovered", "metastable"),
    [
        ([90] * 20, False, True),
        ([30 * n for n in range(1, 21)], False, True),
        ([90] * 7, False, None),  # too short to say that it does not lessen
        ([900 - 10 * n for n in range(20)], False, False),  # slow, but going
        ([900 - 10 * n for n in range(9)], None, None),  # ... and the surge was longer than the watch
    ],
)
def test_who_does_not_come_back(owed: list[float], recovered: bool | None, metastable: bool | None) -> None:
    found = time_to_recover(watch(owed))
    assert (found.recovered, found.recovery_s, found.metastable) == (recovered, None, metastable)
    assert f"{len(owed)} s later: owed " in found.reasons[-1]


def test_what_has_more_load_than_before_is_not_metastable() -> None:
    assert time_to_recover(watch([90] * 20, due=150, done=150)).metastable is None


def test_two_seconds_of_load_in_one_late_report_are_the_same_load() -> None:
    assert time_to_recover(watch([90] * 20, due=200, done=200, covered_s=2)).metastable is True


def test_on_target_is_a_part_of_recovering() -> None:
    """In the baseline of what is owed, and still less than what is due: a long way down."""
    found = time_to_recover(watch([5] * 20, done=90))
    assert found.recovered is False
    assert found.reasons == ("20 s later: it acked less than was due",)


def test_what_is_out_of_the_band_is_named() -> None:
    found = time_to_recover(watch([1200] * 20, lost=[0] * 18 + [3, 0]))
    assert found.reasons == ("20 s later: owed 1,200 messages (at most 10), 3 more connections broken",)


def test_there_are_words_for_every_measure() -> None:
    assert set(MEASURE_TEXTS) == set(MEASURES)
