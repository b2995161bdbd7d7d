"""One rung of a staircase, judged from its seconds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from malaria.analysis.capacity.rung import RungJudgement, RungLimits, judge_rung, slack
from malaria.analysis.capacity.target_loop import loop_figures
from malaria.analysis.seconds import seconds_of
from malaria.clock import NS_PER_S
from malaria.records.run import Run
from synthetic import Course, with_late_reports

LIMITS = RungLimits(own_lag_ns=5_000_000, ready=100)
LATE = range(2, 10, 3)


def behind() -> Run:
    """It acknowledges and delivers 80 of 100."""
    return Course([100] * 12, [80] * 12).run()


@pytest.mark.parametrize("late", [(), LATE])
def test_reasons_state_rates_of_the_time_that_was_reported(late: range) -> None:
    found = judge_rung(seconds_of(with_late_reports(behind(), late)), LIMITS, 0)
    assert found.reason.startswith("it acknowledged 80 of 100 msg/s, and owed ")


@pytest.mark.parametrize("late", [(), LATE])
def test_deliveries_that_are_missing(late: range) -> None:
    seconds = seconds_of(with_late_reports(behind(), late))
    found = judge_rung(seconds, replace(LIMITS, owed=1000, fan_out=2.0), 0)
    assert found.reason.endswith("it delivered 80 of 160 msg/s")


def test_late_reports_let_no_more_be_under_way() -> None:
    assert slack(seconds_of(with_late_reports(Course([1000] * 12).run(), LATE))) == 100


def test_nothing_was_seen() -> None:
    assert judge_rung([], LIMITS, 0) == RungJudgement(None, "nothing was seen of it")


def test_the_figures_of_a_rung_with_late_reports() -> None:
    rung = {"load": 100, "upward": True, "from_ns": 0, "until_ns": 12 * NS_PER_S, "well": False, "reason": "behind"}
    staircase = {"by_rate": False, "rungs": [rung]}
    records = Course([100] * 12, [80] * 12, meta={"staircase": staircase}).run()
    loop = loop_figures(with_late_reports(records, LATE))
    assert loop is not None
    (figures,) = loop.rungs
    assert (figures.due_per_s, figures.acked_per_s, figures.delivered_per_s) == (100, 80, 80)
