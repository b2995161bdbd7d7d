"""The table of thresholds: every rule, its value and its limit, passed or not."""

from __future__ import annotations

import pytest

from malaria.analysis.figure_names import figure_name, limit_text
from malaria.analysis.summary import summarize
from malaria.analysis.thresholds import Ruling
from malaria.model.threshold import FIGURES, parse_threshold_text
from malaria.report.threshold_text import definition_of, threshold_rows
from synthetic import make_run, with_meta


def test_a_passed_run_shows_what_was_stated_and_then_the_defaults() -> None:
    run = with_meta(make_run(), thresholds=["ack.p99 < 500ms"])
    first, *rest = threshold_rows(run, summarize(run))
    assert (first.name, first.limit, first.mark, first.is_default) == ("ack p99", "< 500 ms", "✓", False)
    assert first.value.endswith(" ms")
    shown = {row.key: (row.value, row.limit, row.mark) for row in rest}
    assert shown["clients.connected"] == ("3,000 (100 %)", "= 100 % of planned", "✓")
    assert shown["messages.lost"] == ("0", "= 0", "✓")
    assert all(row.is_default for row in rest)


def test_a_failed_run_has_a_cross_at_what_failed() -> None:
    run = make_run(trouble="falls-behind")
    summary = summarize(run)
    broken = {row.key: row.value for row in threshold_rows(run, summary) if row.ruling is Ruling.BROKEN}
    assert "(90.7 %)" in broken["rates.acked_per_s"]
    assert "messages.unresolved" in broken


def test_a_figure_that_is_not_known_is_shown_by_its_lower_bound() -> None:
    run = with_meta(make_run(trouble="falls-behind"), thresholds=["ack.p99 < 500ms", "end_to_end.p50 < 1s"])
    rows = {row.key: row for row in threshold_rows(run, summarize(run))}
    assert rows["ack.p99"].value.startswith("≥")
    assert rows["ack.p99"].mark == "✗"


@pytest.mark.parametrize(
    ("text", "limit"),
    [("ack.p99 <= 1.5s", "≤ 1,500 ms"), ("rates.acked_per_s >= 98% of due", "≥ 98 % of due"),
     ("messages.lost == 0", "= 0"), ("rates.acked_per_s > 2500/s", "> 2,500/s")],
)  # fmt: skip
def test_limits_are_as_people_read_them(text: str, limit: str) -> None:
    assert limit_text(parse_threshold_text(text)) == limit


@pytest.mark.parametrize(
    ("key", "name"),
    [("ack.p99", "ack"), ("messages.lost", "lost"), ("clients.connected", "clients"), ("rates.acked_per_s", "rates"),
     ("broker.cpu_percent", "broker_cpu"), ("broker.host_cpu_percent", "host_cpu"),
     ("broker.rss_bytes", "broker_memory"), ("recovery.slowest", "")],
)  # fmt: skip
def test_a_figure_leads_to_its_definition(key: str, name: str) -> None:
    assert definition_of(key) == name


def test_every_figure_has_a_name_without_signs_of_a_program() -> None:
    assert {name for name in map(figure_name, FIGURES) if "_" in name or "." in name} <= {
        name for name in map(figure_name, FIGURES) if "p99.9" in name
    }
