"""The answers of a comparison in the report as Markdown."""

from __future__ import annotations

from dataclasses import replace

from malaria.analysis.outcome import Outcome, Reason
from malaria.analysis.summary_figures import (
    AnsweredCount,
    AnsweredFigure,
    ComparisonFigures,
    RepeatedFigure,
    RepeatFigures,
    Summary,
    Verdict,
)
from malaria.report.markdown.campaign_markdown import render_campaign_markdown
from synthetic import by_directory, make_campaign, make_run

FIGURES = (
    AnsweredFigure("broker.cpu_us_per_message", "worse", 28.0, 31.0, 1.12, 1.1, 1.14, 0.921875, 8, None),
    AnsweredFigure("ack.p99", "undecided", 2.2, 2.3, 1.04, 0.97, 1.12, 0.921875, 8, 24),
    AnsweredFigure("end_to_end.p99", "undecided", None, None, None, None, None, None, 0, None),
)
COUNTS = (
    AnsweredCount("messages.acked_lost", "same", 0, 0, 0, 0, 8, None),
    AnsweredCount("clients.dropped", "undecided", 0, 1_031, 0, 1, 8, 32),
)
FOUND = ComparisonFigures(
    "plain.conf", "a|b.conf", 8, 8, 0, 0.05, "worse", FIGURES, COUNTS, {"PASS": 8}, {"PASS": 7, "FAIL": 1}
)
REASON = Reason(Outcome.PASS, "B is worse than A: broker CPU / message +12 % (+10 to +14 %)")


def rendered(found: ComparisonFigures) -> list[str]:
    runs = [make_run(seconds=3, workers=1), make_run(seconds=3, workers=1)]
    campaign = make_campaign(runs, "A and B")
    parts = [replace(part, variant=side) for part, side in zip(campaign.parts, "AB", strict=True)]
    verdict = Verdict(Outcome.PASS, (REASON,))
    summary = Summary(verdict=verdict, headline=REASON.text, comparison=found)
    return render_campaign_markdown(replace(campaign, parts=tuple(parts)), by_directory(runs), summary).split("\n")


def test_the_answers_come_after_the_verdict_and_before_the_runs() -> None:
    lines = rendered(FOUND)
    verdict = next(number for number, line in enumerate(lines) if line.startswith("**PASS** B is worse than A"))
    head = lines.index("| answer | figure | A | B | B over A | 92.2 % bounds |")
    runs = next(number for number, line in enumerate(lines) if line.startswith("| level | verdict |"))
    assert verdict < head < runs
    assert lines[head + 2 : head + 5] == [
        "| **worse** | broker CPU / message | 28 µs | 31 µs | +12 % | +10 to +14 % |",
        "| **undecided +24** | ack p99 | 2.2 ms | 2.3 ms | +4.0 % | −3.0 to +12 % |",
        "",
    ]


def test_counts_that_are_not_0_have_a_table() -> None:
    lines = rendered(FOUND)
    head = lines.index("| answer | count | A | B | runs with any |")
    assert lines[head + 2] == "| **undecided +32** | connections dropped | 0 | 1,031 | in 0 and 1 of 8 runs |"
    assert "None on either side: acked but lost." in lines


def test_the_sides_are_named() -> None:
    lines = rendered(FOUND)
    assert any(line.startswith("| A | plain.conf |") and line.endswith("| 8 PASS |") for line in lines)
    assert any(line.startswith("| B | a\\|b.conf |") and line.endswith("| 7 PASS, 1 FAIL |") for line in lines)
    assert "8 of 8 pairs. A and B are medians over the pairs; the band is 5 %." in lines


def test_repeated_runs_have_a_table() -> None:
    runs = [make_run(seconds=3, workers=1)]
    figure = RepeatedFigure("ack.p99", 2.0, 1.5, 2.5, 0.25, unstable=True)
    repeats = RepeatFigures("60 clients", 5, (figure,), ("ack.p99",), "measure longer")
    summary = Summary(verdict=Verdict(Outcome.PASS, ()), repeats=(repeats,))
    lines = render_campaign_markdown(make_campaign(runs), by_directory(runs), summary).split("\n")
    at = lines.index("## Repeated runs")
    assert lines[at + 2] == "60 clients, 5 runs: unstable: ack p99; measure longer"
    assert "| ack p99 | 2.0 ms | 1.5 ms | 2.5 ms | ±25 % | unstable |" in lines
    assert "- [Repeated runs](#repeated-runs)" in lines


def test_without_a_pair_there_is_no_table_of_answers() -> None:
    lines = rendered(replace(FOUND, figures=FIGURES[2:], counts=(), pairs=0))
    assert not any(line.startswith("| answer") for line in lines)
    assert not any(line.startswith("None on either side") for line in lines)
