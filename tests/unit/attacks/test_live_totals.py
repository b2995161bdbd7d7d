"""The running totals of several workers, and of several bees."""

from __future__ import annotations

from dataclasses import replace

from malaria.attacks.live_totals import LiveTotals
from malaria.records.rows import Progress, RunPhase, Sample

S = 1_000_000_000
FRAME = Progress(0, RunPhase.MEASURE, 0, 0, 4, None)


def sample(worker: str, second: int, sent: int = 5, start_ns: int | None = None) -> Sample:
    start_ns = (second - 1) * S if start_ns is None else start_ns
    return Sample(
        worker, start_ns, second * S, RunPhase.MEASURE, {"sent": sent}, {"clients_ready": 2, "lag_max_ns": sent}
    )


def test_a_second_is_shown_when_all_workers_have_told_it() -> None:
    totals = LiveTotals(["1", "2"])
    totals.add(sample("1", 1))
    assert totals.progress(FRAME).second is None
    totals.add(sample("2", 1))
    second = totals.progress(FRAME).second
    assert second is not None
    assert second.per_s == {"sent": 10}


def test_the_rate_is_the_whole_one_though_the_workers_begin_apart() -> None:
    """Or 20 bees would seem to miss their rate by as much as their starts are apart."""
    totals = LiveTotals(["1", "2"])
    totals.add(sample("1", 1))
    later = sample("2", 1)
    totals.add(replace(later, start_ns=later.start_ns + S // 50, end_ns=later.end_ns + S // 50))
    second = totals.progress(FRAME).second
    assert second is not None
    assert second.per_s == {"sent": 10}


def test_a_late_worker_counts_by_its_own_time() -> None:
    totals = LiveTotals(["1", "2"])
    totals.add(sample("1", 2, sent=200, start_ns=0))
    totals.add(sample("2", 1, sent=10))
    totals.add(sample("2", 2, sent=10))
    second = totals.progress(FRAME).second
    assert second is not None
    assert second.per_s == {"sent": 110}
    assert (second.start_ns, second.end_ns) == (0, 2 * S)


def test_a_second_without_length_has_no_rates() -> None:
    totals = LiveTotals(["1"])
    totals.add(sample("1", 1, start_ns=S))
    assert totals.progress(FRAME).second is None


def test_the_second_in_which_the_load_begins_has_no_rates() -> None:
    """It is shown by the next one: ten milliseconds of a load are no rate."""
    totals, frame = LiveTotals(["bee/1"]), replace(FRAME, load_start_ns=S - S // 100)
    totals.add(sample("bee/1", 1, sent=1))
    progress = totals.progress(frame)
    assert (progress.second, progress.bees[0].sent_per_s, progress.bees[0].clients_ready) == (None, None, 2)
    assert progress.totals["sent"] == 1
    totals.add(sample("bee/1", 2, sent=200))
    second = totals.progress(frame).second
    assert second is not None
    assert second.per_s == {"sent": 200}


def test_nobody_waits_for_a_worker_that_is_lost() -> None:
    totals = LiveTotals(["1", "2"])
    for worker in ("1", "2"):
        totals.add(sample(worker, 1))
    totals.lose("2")
    totals.add(sample("1", 2, sent=7))
    progress = totals.progress(FRAME)
    assert progress.second is not None
    assert progress.second.per_s["sent"] == 7
    assert progress.gauges["clients_ready"] == 2
    before = totals.progress(FRAME).totals["sent"]
    totals.add(sample("2", 2))  # what it had kept comes home, and counts in nothing
    assert totals.progress(FRAME).gauges["clients_ready"] == 2
    assert totals.progress(FRAME).totals["sent"] == before


def test_each_bee_has_its_own_figures() -> None:
    totals = LiveTotals(["bee-1/1", "bee-1/2", "bee-2/1"])
    totals.add(sample("bee-1/1", 1, sent=3))
    totals.add(sample("bee-1/2", 1, sent=4))
    totals.add(sample("bee-1/2", 2, sent=100, start_ns=2 * S - 1))  # a piece cut off by a phase
    totals.lose("bee-2/1")
    first, second = totals.progress(FRAME).bees
    assert (first.bee, first.clients_ready, first.sent_per_s, first.lag_max_ns, first.lost) == (
        "bee-1",
        4,
        7.0,
        4,
        False,
    )
    assert (second.bee, second.sent_per_s, second.lost) == ("bee-2", None, True)


def test_a_bee_that_sent_nothing_was_not_in_time_either() -> None:
    totals = LiveTotals(["bee-1/1"])
    totals.add(sample("bee-1/1", 1, sent=0))
    (bee,) = totals.progress(FRAME).bees
    assert (bee.sent_per_s, bee.lag_max_ns) == (0.0, None)


def test_a_load_of_one_host_shows_no_bees() -> None:
    assert LiveTotals(["1", "2"]).progress(FRAME).bees == ()
