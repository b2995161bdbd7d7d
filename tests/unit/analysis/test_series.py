"""Columns over time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from malaria.analysis.series import LONGEST_GAP_S, columns
from malaria.records.rows import RunPhase, Sample
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta
from synthetic import make_run

S = 10**9


def one(second: int, worker: str = "1", length: int = 1, **counters: int) -> Sample:
    gauges = {"cpu_ns": second * S // 4, "clients_ready": 5}
    return Sample(worker, (second - length) * S, second * S, RunPhase.MEASURE, counters, gauges)


def run(*samples: Sample, workers: str = "1") -> Run:
    return Run(RunMeta.model_validate({"workers": list(workers)}), samples, (), None)


def test_every_second_has_a_row_and_every_row_every_column() -> None:
    table = columns(make_run(seconds=10))
    assert table["t_s"] == list(range(1, 16))
    assert {len(column) for column in table.values()} == {15}
    assert table["phase"][2:4] == ["connect", "measure"]
    assert table["clients"][:4] == [1000, 2000, 3000, 3000]
    assert set(table["acked_per_s"][3:13]) == {500.0}
    assert set(table["arrived_per_s"][3:13]) == {500.0}
    for metric in ("ack", "service", "end_to_end", "lag", "own_lag"):
        assert table[f"{metric}_p50_ms"][5] <= table[f"{metric}_p99_ms"][5] <= table[f"{metric}_max_ms"][5]  # type: ignore[operator]
    assert table["ack_p50_ms"][0] is None
    assert table["connect_p50_ms"][0] is not None


def test_a_second_without_a_workers_sample_is_a_gap_and_not_less() -> None:
    table = columns(
        run(one(1, due=3), one(1, "2", due=4), one(2, due=3), one(3, due=3), one(3, "2", due=4), workers="12")
    )
    assert table["due_per_s"] == [7.0, None, 7.0]
    assert table["clients"] == [10, None, 10]
    assert table["cpu_percent_1"] == [None, 25.0, 25.0]
    assert table["cpu_percent_2"] == [None, None, 25.0]
    assert table["cpu_percent"] == [None, None, 50.0]


def test_a_second_that_nobody_reported_is_there() -> None:
    table = columns(run(one(1, due=3), one(4, due=3)))
    assert table["t_s"] == [1, 2, 3, 4]
    assert table["due_per_s"] == [3.0, None, None, 3.0]


def test_a_worker_that_has_finished_owes_nothing() -> None:
    done = replace(one(2, "2"), phase=RunPhase.FINISH)
    table = columns(run(one(1), one(1, "2"), one(2), done, one(3, due=2), workers="12"))
    assert table["due_per_s"] == [0.0, 0.0, 2.0]


def test_a_late_worker_is_set_over_its_own_time() -> None:
    table = columns(run(one(3, due=100), one(3, "2", length=2, due=200), workers="12"))
    assert table["due_per_s"] == [200.0]


def test_pieces_of_a_second_are_put_together() -> None:
    first = Sample("1", 0, S // 2, RunPhase.MEASURE, {"due": 3})
    second = Sample("1", S // 2, S, RunPhase.DRAIN, {"due": 1})
    table = columns(run(first, second))
    assert (table["t_s"], table["due_per_s"], table["phase"]) == ([1], [4.0], ["drain"])


def test_what_was_not_measured_is_unknown() -> None:
    table = columns(run(Sample("1", 0, S, RunPhase.MEASURE), Sample("1", S, 2 * S, RunPhase.MEASURE)))
    assert table["cpu_percent"] == [None, None]
    assert table["rss_bytes"] == [None, None]


def test_a_wild_time_stamp_does_not_fill_the_memory() -> None:
    table = columns(run(one(1), one(10**9)))
    assert len(table["t_s"]) == LONGEST_GAP_S + 2


def test_no_samples_no_columns() -> None:
    assert not columns(run())


@pytest.mark.parametrize("trouble", ["falls-behind", "lost-worker", "generator-limit", "unfinished"])
def test_every_run_has_columns(trouble: str) -> None:
    table = columns(make_run(seconds=12, clients=600, trouble=trouble))  # type: ignore[arg-type]
    assert None not in table["acked_per_s"]
    assert (max(table["clients"][10:-1]) < 600) is (trouble == "lost-worker")  # type: ignore[type-var,operator]


def test_a_worker_that_is_lost_is_waited_for_up_to_its_loss() -> None:
    """What is left goes on being shown. The gap before the loss stays one."""
    seconds = [one(1, due=3), one(1, "2", due=4), one(2, due=3), one(3, due=3), one(3, "2", due=4), one(4, due=3)]
    records = run(*seconds, workers="12")
    lost = [{"worker": "2", "share": "1/2", "reason": "was killed", "since_ns": 3 * S + 300_000}]
    table = columns(replace(records, meta=RunMeta.model_validate({"workers": ["1", "2"], "lost_workers": lost})))
    assert table["due_per_s"] == [7.0, None, 7.0, 3.0]
    assert table["clients"] == [10, None, 10, 5]
    assert table["cpu_percent"] == [None, None, 50.0, 25.0]


def test_a_longer_step_merges_and_does_not_average_percentiles() -> None:
    records = make_run(seconds=10)
    by_second, by_five = columns(records), columns(records, step_s=5)
    assert by_five["t_s"] == [5, 10, 15]
    assert by_five["acked_per_s"][1] == 500.0
    assert by_five["ack_max_ms"][1] == max(by_second["ack_max_ms"][5:10])  # type: ignore[type-var]
    assert by_five["cpu_percent"][1] == pytest.approx(sum(by_second["cpu_percent"][5:10]) / 5, abs=0.02)  # type: ignore[arg-type]


def test_a_step_that_nobody_reported_is_there() -> None:
    table = columns(run(one(2, length=2, due=6), one(8, length=2, due=6)), step_s=2)
    assert (table["t_s"], table["due_per_s"]) == ([2, 4, 6, 8], [3.0, None, None, 3.0])
