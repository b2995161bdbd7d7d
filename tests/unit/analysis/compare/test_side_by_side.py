"""Two results side by side: every figure, its difference, its bounds within the runs, changed verdicts."""

from __future__ import annotations

import pytest

from malaria.analysis.compare.compared_figures import CPU_PER_MESSAGE
from malaria.analysis.compare.side_by_side import NAMES, SideBySide, StoredResult, compare_results
from malaria.analysis.summary import summarize
from malaria.report.compare_text import limits_differ, verdict_change
from malaria.units import format_ms
from synthetic import Course, make_run, observed, with_late_reports, with_meta


def result(name: str, trouble: str | None = None, levels: tuple[str, ...] = ("the attack",)) -> StoredResult:
    run = observed(make_run(seconds=20, workers=2, clients=300, trouble=trouble))  # type: ignore[arg-type]
    summary = summarize(run)
    return StoredResult(name, summary, dict.fromkeys(levels, (run, summary)))


@pytest.fixture(scope="module")
def changed() -> SideBySide:
    return compare_results(result("runs/a"), result("runs/b", "falls-behind"))


def test_the_same_run_differs_in_nothing() -> None:
    compared = compare_results(result("a"), result("b"))
    (level,) = compared.levels
    assert compared.changed_conditions == []
    assert not level.verdict_changed
    assert {row.ratio for row in level.figures if row.ratio is not None} == {1.0}
    # drawn with two seeds, so that two equal runs still have bounds
    p99 = level.figure("ack.p99")
    assert p99 is not None
    assert p99.within_run_low is not None
    assert p99.within_run_high is not None
    assert p99.within_run_low < 1 < p99.within_run_high


def test_late_reports_do_not_widen_the_bounds_of_a_rate() -> None:
    run = Course([100] * 40).run()
    in_time, late = (
        StoredResult(name, summarize(one), {"the attack": (one, summarize(one))})
        for name, one in (("a", run), ("b", with_late_reports(run, range(2, 38, 3))))
    )
    row = compare_results(in_time, late).levels[0].figure("rates.acked_per_s")
    assert row is not None
    assert (row.ratio, row.within_run_low, row.within_run_high) == (1, 1, 1)


def test_every_known_figure_is_there(changed: SideBySide) -> None:
    (level,) = changed.levels
    names = [row.name for row in level.figures]
    assert names == [name for name in NAMES if name in names]
    assert {"ack.p99", "rates.acked_per_s", "messages.lost", "clients.connected", "generator.cpu_percent"} <= set(names)
    assert names[0] == CPU_PER_MESSAGE
    cpu, run = level.figures[0], result("a").summary
    assert run.broker.cpu_percent is not None
    assert run.rates.acked_per_s is not None
    assert run.rates.delivered_per_s is not None
    messages_per_s = run.rates.acked_per_s + run.rates.delivered_per_s
    assert cpu.a == pytest.approx(run.broker.cpu_percent / 100 * 1e6 / messages_per_s)


def test_the_difference_and_the_verdict(changed: SideBySide) -> None:
    (level,) = changed.levels
    assert (level.verdict_a, level.verdict_b, level.verdict_changed) == ("PASS", "FAIL", True)
    assert "behind" in level.reason_b
    acked = level.figure("rates.acked_per_s")
    assert acked is not None
    assert acked.a is not None
    assert acked.b is not None
    assert acked.ratio == acked.b / acked.a < 1
    assert acked.within_run_low is not None
    assert acked.within_run_high is not None
    assert acked.within_run_low <= acked.ratio <= acked.within_run_high


def test_levels_are_matched_by_name() -> None:
    compared = compare_results(result("a", levels=("x", "y")), result("b", levels=("y", "z")))
    assert [level.name for level in compared.levels] == ["y"]
    assert (compared.only_a, compared.only_b) == (("x",), ("z",))


def test_a_count_of_none_has_no_ratio(changed: SideBySide) -> None:
    dropped = changed.levels[0].figure("clients.dropped")
    assert dropped is not None
    assert (dropped.a, dropped.ratio) == (0, None)


def limited(*thresholds: str) -> StoredResult:
    run = with_meta(observed(make_run(seconds=20, clients=300)), thresholds=thresholds)
    summary = summarize(run)
    return StoredResult("runs/x", summary, {"the attack": (run, summary)})


def test_limits_that_differ_are_said_first_and_the_figure_that_broke_one_with_both_values() -> None:
    compared = compare_results(limited(), limited("ack.p99 < 1ms", "messages.lost == 0"))
    (level,) = compared.levels
    assert compared.changed_limits == ["ack p99 none in A, < 1 ms in B", "messages lost none in A, = 0 in B"]
    assert limits_differ(compared) == [f"limits differ: {'; '.join(compared.changed_limits)}"]
    assert level.changed_by == "ack.p99"
    p99 = level.figure("ack.p99")
    assert p99 is not None
    assert p99.b is not None
    value = format_ms(p99.b)
    assert verdict_change(level) == (
        f"the verdict changed: PASS in A, FAIL in B: ack p99 is {value}, needs < 1 ms (ack p99 {value} → {value})"
    )


def test_the_same_limits_are_not_spoken_of(changed: SideBySide) -> None:
    assert changed.changed_limits == []
    assert limits_differ(changed) == []
    assert changed.levels[0].changed_by == "rates.acked_per_s"
