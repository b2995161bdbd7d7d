"""The table of thresholds on top of a page, of one attack and over levels."""

from __future__ import annotations

from dataclasses import replace

from malaria.analysis.outcome import Outcome
from malaria.analysis.summary import summarize
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta
from malaria.report.page.threshold_table import level_threshold_table, threshold_table
from malaria.report.shown_levels import shown_parts
from synthetic import by_directory, make_campaign, make_run, with_meta


def test_every_rule_has_value_limit_and_mark() -> None:
    run = make_run(trouble="falls-behind")
    table = threshold_table(run, summarize(run))
    assert table is not None
    rows = {row[0].text: row for row in table.rows}
    assert [cell.text for cell in rows["ack p99"][1:]] == ["≥5,836 ms", "< 500 ms", "✗"]
    assert (rows["ack p99"][3].look, rows["ack p99"][0].note) == ("FAIL", "stated")
    assert (rows["lost"][3].text, rows["lost"][3].look, rows["lost"][0].note) == ("✓", "PASS", "")


def test_broken_rules_come_first_and_ticks_of_a_doubtful_run_are_grey() -> None:
    run = make_run(trouble="falls-behind")
    summary = summarize(run)
    table = threshold_table(run, summary)
    assert table is not None
    marks = [row[3].text for row in table.rows]
    assert marks == sorted(marks, key="✗?✓".index)
    assert marks[0] == "✗"
    doubtful = replace(summary, verdict=replace(summary.verdict, outcome=Outcome.INVALID))
    muted = threshold_table(run, doubtful)
    assert muted is not None
    assert {row[3].text: row[3].look for row in muted.rows} == {"✗": "FAIL", "✓": "soft"}


def test_a_run_without_figures_has_no_table() -> None:
    empty = Run(RunMeta(), (), (), None)
    assert threshold_table(empty, summarize(empty)) is None


def test_over_levels_each_mark_leads_to_its_level() -> None:
    runs = [make_run(clients=500, seconds=12), make_run(clients=4000, seconds=12, trouble="falls-behind")]
    shown = shown_parts(make_campaign(runs), by_directory(runs))
    table = level_threshold_table(shown)
    assert table is not None
    rows = {row[0].text: row for row in table.rows}
    name, value, limit, marks = rows["acked per second"]
    assert (name.note, limit.text) == ("", "≥ 98 % of due")
    assert value.text.endswith(f" at {shown[1].name}")
    assert [(mark.text, mark.look, mark.link) for mark in marks.parts] == [
        ("✓", "PASS", "level-1"), ("✗", "FAIL", "level-2"),
    ]  # fmt: skip
    assert rows["lost"][1].text == "none"


def test_the_limit_is_that_of_the_level_that_broke_it() -> None:
    runs = [make_run(clients=500, seconds=12), make_run(clients=4000, seconds=12, trouble="falls-behind")]
    runs[0] = with_meta(runs[0], thresholds=("ack.p99 < 900ms",))
    table = level_threshold_table(shown_parts(make_campaign(runs), by_directory(runs)))
    assert table is not None
    limits = {row[0].text: row[2].text for row in table.rows}
    assert limits["ack p99"] == "< 500 ms"
