"""The estimate of a bee's clock."""

from __future__ import annotations

import pytest

from malaria.swarm.run.clock_offsets import ClockTrack, Exchange, Offset, worst_pair_ns

MS = 1_000_000
S = 1_000_000_000


def test_nothing_is_known_before_the_first_exchange() -> None:
    assert ClockTrack().estimate(0) is None


def test_eighty_milliseconds_ahead() -> None:
    track = ClockTrack(drift_ppm=0)
    track.take(Exchange(10 * MS, 91 * MS, 12 * MS))
    assert track.estimate(12 * MS) == Offset(12 * MS, 80 * MS, MS)
    assert track.best_rtt_ns == 2 * MS


def test_the_quickest_exchange_counts() -> None:
    track = ClockTrack(drift_ppm=0)
    for rtt in (20 * MS, 2 * MS, 50 * MS):
        track.take(Exchange(0, rtt // 2, rtt))
    estimate = track.estimate(50 * MS)
    assert estimate is not None
    assert estimate.error_ns == MS


def test_the_error_grows_with_the_age_of_what_is_known() -> None:
    track = ClockTrack(drift_ppm=100)
    track.take(Exchange(0, 0, 0))
    estimate = track.estimate(10 * S)
    assert estimate == Offset(10 * S, 0, MS)


def test_a_clock_that_was_set_is_counted_and_followed() -> None:
    track = ClockTrack()
    track.take(Exchange(0, 0, 0))
    track.take(Exchange(S, 3 * S, S))
    estimate = track.estimate(S)
    assert track.steps == 1
    assert estimate is not None
    assert estimate.offset_ns == 2 * S


def test_how_far_an_offset_that_was_used_may_be_wrong() -> None:
    known = Offset(0, 80 * MS, MS)
    assert known.allows(81 * MS)
    assert not known.allows(82 * MS)
    assert known.distance_ns(82 * MS) == 3 * MS


@pytest.mark.parametrize(("errors", "pair"), [([], 0), ([5], 0), ([1, 2], 3), ([4, 1, 3], 7)])
def test_times_of_two_bees_differ_by_both_errors(errors: list[int], pair: int) -> None:
    assert worst_pair_ns(errors) == pair
