"""A series that grows with its run: the rows of the report, what changed since a version, rows that become longer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from malaria.analysis.live_series import LiveSeries
from malaria.analysis.series import columns
from malaria.clock import NS_PER_S
from malaria.records.rows import GAP, Observation
from malaria.records.run import Run
from malaria.records.sample_histograms import second_of
from synthetic import make_run


def played(run: Run, most_rows: int = 1800) -> LiveSeries:
    """A run as it goes: each row when it happens, and a look once a second."""
    series = LiveSeries(run.meta.workers or (), most_rows)
    rows = [*((sample.end_ns, sample) for sample in run.samples), *((row.at_ns, row) for row in run.observations)]
    for at_ns, row in sorted(rows, key=lambda one: one[0]):
        if isinstance(row, Observation):
            series.observe(row)
        else:
            series.add(row)
        series.advance(at_ns / NS_PER_S)
    series.advance(10**6)
    return series


def sys_row(at_s: float, **values: float | str) -> Observation:
    return Observation("sys", round(at_s * NS_PER_S), values)


@pytest.mark.parametrize("trouble", [None, "falls-behind"])
def test_the_rows_are_those_of_the_report(trouble: str | None) -> None:
    run = make_run(trouble=trouble)  # type: ignore[arg-type]
    series = played(run)
    assert series.columns() == columns(run)
    assert series.late_samples == 0


def test_a_rate_of_ten_seconds_changes_the_rows_before() -> None:
    seen = [sys_row(10.5, messages_sent_per_s=5.0, stored=1), sys_row(20.5, messages_sent_per_s=7.0, stored=2)]
    run = replace(make_run(), observations=tuple(seen))
    assert played(run).columns() == columns(run)


def test_a_gap_ends_what_is_known() -> None:
    seen = [sys_row(4.5, stored=3), sys_row(6.5, **{GAP: "gone"}), sys_row(9.5, stored=4, new=1, text="a")]
    run = replace(make_run(), observations=tuple(seen))
    assert played(run).columns() == columns(run)


def test_only_rows_that_changed_are_named() -> None:
    run = make_run()
    series = LiveSeries(run.meta.workers or ())
    for sample in run.samples:
        if second_of(sample.end_ns) <= 10:
            series.add(sample)
    series.advance(10)
    at_ten, rows = series.version, len(series)
    assert series.changed_since(at_ten) == rows
    for sample in run.samples:
        if second_of(sample.end_ns) == 11:
            series.add(sample)
    series.advance(11)
    assert series.changed_since(at_ten) == rows
    assert len(series) == rows + 1
    assert series.changed_since(-5) == 0
    assert {len(column) for column in series.columns(rows).values()} == {1}


def test_a_worker_that_is_silent_is_not_waited_for_ever() -> None:
    run = make_run()
    (first, *_) = run.meta.workers or ()
    series = LiveSeries([first, "silent"])
    for sample in run.samples:
        if sample.worker == first:
            series.add(sample)
            series.advance(sample.end_ns / NS_PER_S)
    table = series.columns()
    assert len(series) > 20
    assert table["due_per_s"][0] is None
    assert table["due_per_s"][-3] is not None


def test_what_comes_late_is_counted() -> None:
    run = make_run()
    series = played(run)
    before = series.columns()
    series.add(run.samples[0])
    series.advance(10**6)
    assert series.late_samples == 1
    assert series.columns() == before


@pytest.mark.parametrize(("most_rows", "step_s"), [(20, 2), (10, 4), (5, 8), (3, 16)])
def test_a_long_run_gets_longer_rows_with_the_same_percentiles(most_rows: int, step_s: int) -> None:
    run = replace(make_run(), observations=(sys_row(4.5, stored=3), sys_row(20.5, stored=9, messages_sent_per_s=4.0)))
    series = played(run, most_rows)
    whole = columns(run, step_s)
    assert series.step_s == step_s
    assert len(series) <= most_rows
    table = series.columns()
    rows = len(series)
    for name in ("t_s", "clients", "ack_p50_ms", "ack_max_ms", "sys_stored", "inflight"):
        assert list(table[name]) == list(whole[name][:rows]), name
    for name in ("due_per_s", "acked_per_s"):
        known = [(a, b) for a, b in zip(table[name], whole[name], strict=False) if a is not None and b is not None]
        assert known
        assert all(a == pytest.approx(b, rel=0.02) for a, b in known), name


def test_a_table_of_observers_alone_has_a_row_for_each_second() -> None:
    series = LiveSeries(())
    series.observe(Observation("host", NS_PER_S // 2, {"cpu_percent": 5.0}))
    series.pass_to(3)
    series.observe(Observation("host", 5 * NS_PER_S // 2, {"cpu_percent": 7.0}))
    series.pass_to(4)
    table = series.columns()
    assert list(table["t_s"]) == [1, 2, 3, 4]
    assert list(table["host_cpu_percent"]) == [5.0, 7.0, 7.0, None]


def test_what_belongs_to_a_row_that_is_still_to_come_changes_none() -> None:
    run = make_run()
    series = played(run)
    version, rows = series.version, len(series)
    series.observe(sys_row(rows + 9, stored=1))
    assert series.changed_since(version) == 0  # a new column
    version = series.version
    series.observe(sys_row(rows + 10, stored=2))
    assert series.changed_since(version) == rows
    assert series.columns(rows)["sys_stored"] == []
