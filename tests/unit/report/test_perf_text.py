"""perf's table and, where there is none, the word why."""

from __future__ import annotations

from dataclasses import replace

from malaria.records.rows import GAP, Observation
from malaria.report.page.target_view import PerfView, perf_view
from malaria.report.perf_text import UNFINISHED, caption, perf_rows, was_asked_for, why_none
from synthetic import PROFILE, make_run, observed, with_meta

NOT_PERMITTED = "perf is not permitted here (kernel.perf_event_paranoid is 3); as root, or: sysctl perf=1"


def test_nobody_asked() -> None:
    run = make_run(seconds=2)
    assert not was_asked_for(run)
    assert (why_none(run), perf_view(run)) == ("", None)


def test_there_is_a_recording() -> None:
    run = observed(make_run(seconds=2))
    assert was_asked_for(run)
    assert why_none(run) == ""
    assert caption(PROFILE) == "100 samples of cpu-clock over 20 s"
    view = perf_view(run)
    assert view is not None
    assert view.table is not None
    assert view.table.rows[0][-1].text == "[k] tcp_poll"
    assert view.graph is not None


def test_what_is_not_shown_is_summed_up() -> None:
    assert perf_rows(PROFILE, 1) == [
        ["60.00 %", "60", "mosquitto", "[kernel.kallsyms]", "[k] tcp_poll"],
        ["40.00 %", "40", "", "", "everything else"],
    ]
    assert len(perf_rows(PROFILE)) == 3


def test_the_observer_says_why_there_is_none() -> None:
    told = [{"observer": "perf", "samples": 0, "gaps": 1, "reason": NOT_PERMITTED}]
    run = with_meta(make_run(seconds=2), observers=told)
    assert why_none(run) == NOT_PERMITTED
    assert perf_view(run) == PerfView(f"There is no recording: {NOT_PERMITTED}.")


def test_of_a_run_that_was_killed_the_rows_say_it() -> None:
    rows = (Observation("perf", 1, {GAP: "perf is not installed"}),)
    assert why_none(replace(make_run(seconds=2), observations=rows)) == "perf is not installed"


def test_a_recording_that_was_under_way_at_the_end() -> None:
    rows = (Observation("perf", 1, {"recording": 1}),)
    assert why_none(replace(make_run(seconds=2), observations=rows)) == UNFINISHED
