"""From when on the broker was behind."""

from __future__ import annotations

import pytest

from malaria.analysis.backlog import Backlog, backlog_of
from malaria.records.rows import RunPhase, Sample
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta
from synthetic import Course, make_run, with_late_reports

S = 10**9


def run(*acked: int) -> Run:
    """A hundred are due in every second; so many are acknowledged."""
    samples = [Sample("1", n * S, (n + 1) * S, RunPhase.MEASURE, {"due": 100, "acked": a}) for n, a in enumerate(acked)]
    return Run(RunMeta(), tuple(samples), (), None)


@pytest.mark.parametrize(
    ("acked", "backlog"),
    [
        ((), Backlog(None, 0)),
        ((100, 100, 100), Backlog(None, 0)),
        ((90, 100, 100), Backlog(None, 10)),
        ((100, 100, 50, 50), Backlog(2, 100)),
        ((0, 0, 200, 100, 60), Backlog(0, 140)),
        ((0, 200, 100, 60, 60), Backlog(3, 80)),
        ((0, 0, 0), Backlog(0, 300)),
        ((100, 0, 200), Backlog(None, 0)),
        ((100, 110), Backlog(None, 0)),
    ],
)
def test_the_moment_after_which_it_never_caught_up(acked: tuple[int, ...], backlog: Backlog) -> None:
    assert backlog_of(run(*acked)) == backlog


def test_late_reports_let_no_more_be_under_way() -> None:
    """40 messages are open from 3 s on: more than a quarter of a second's load, whatever the seconds hold."""
    records = Course([100] * 12, [100] * 3 + [60] + [100] * 8).run()
    late = with_late_reports(records, range(2, 11, 3))
    assert backlog_of(records) == Backlog(3, 40)
    assert backlog_of(late) == Backlog(1, 40)  # the second before the late report


def test_workers_are_added() -> None:
    assert backlog_of(make_run(trouble="falls-behind")).since_s == 14
    assert backlog_of(make_run()).since_s is None
