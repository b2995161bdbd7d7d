"""The answer of a comparison in the terminal: fits 80 x 24, and colours the answers alone."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console

from malaria.analysis.outcome import Outcome, Reason
from malaria.analysis.summary_figures import AnsweredCount, AnsweredFigure, ComparisonFigures, Summary, Verdict
from malaria.report.terminal.campaign_summary import print_campaign

FIGURES = tuple(
    AnsweredFigure(name, answer, 8.1, 9.2, ratio, ratio - 0.02, ratio + 0.02, 0.921875, 8, more)
    for name, answer, ratio, more in (
        ("broker.cpu_us_per_message", "worse", 1.12, None),
        ("broker.rss_bytes", "same", 1.0, None),
        ("ack.p50", "better", 0.8, None),
        ("ack.p99", "undecided", 1.04, 24),
        ("end_to_end.p50", "same", 1.0, None),
        ("end_to_end.p99", "undecided", 1.05, None),
        ("rates.acked_per_s", "same", 1.0, None),
    )
)
COUNTS = (
    AnsweredCount("messages.acked_lost", "same", 0, 0, 0, 0, 8, None),
    AnsweredCount("clients.dropped", "undecided", 0, 31, 0, 1, 8, 32),
)
FOUND = ComparisonFigures(
    "mosquitto.conf", "with-log.conf", 8, 8, 0, 0.05, "worse", FIGURES, COUNTS, {"PASS": 8}, {"PASS": 8}
)
REASON = Reason(Outcome.PASS, "B is worse than A: broker CPU / message +12 % (+10 to +14 %)")


def shown(found: ComparisonFigures = FOUND, verdict: Verdict | None = None, *, colour: bool = False) -> str:
    console = Console(width=80, force_terminal=colour, color_system="standard" if colour else None)
    with console.capture() as capture:
        print_campaign(Summary(verdict=verdict or Verdict(Outcome.PASS, (REASON,)), comparison=found), console)
    return capture.get()


def test_it_fits_the_screen() -> None:
    lines = shown().splitlines()
    assert lines[0].startswith("malaria compare · A mosquitto.conf · B with-log.conf")
    assert any(line.startswith("  WORSE   B is worse than A") for line in lines)
    (head,) = (line for line in lines if line.startswith("  figure"))
    assert head.split() == ["figure", "A", "B", "change", "92.2", "%", "bounds", "answer"]
    (cpu,) = (line for line in lines if line.startswith("  broker CPU"))
    assert cpu.rstrip().endswith("+10 to +14 %    worse")
    assert "8.1 µs" in cpu
    assert any("undecided +24" in line for line in lines)
    assert any("connections dropped" in line and "in 0, 1 of 8" in line for line in lines)
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 22


def test_colour_is_for_the_answers_alone() -> None:
    plain, coloured = shown().splitlines(), shown(colour=True).splitlines()
    changed = [line for line, other in zip(coloured, plain, strict=True) if line != other]
    # the headline, each figure and each count with an answer
    assert len(changed) == 1 + len(FIGURES) + 1


def test_without_evidence_the_verdict_is_shown() -> None:
    verdict = Verdict(Outcome.INVALID, (Reason(Outcome.INVALID, "nothing can be said"),))
    text = shown(replace(FOUND, pairs=0, answer="undecided", figures=(), counts=()), verdict)
    assert "  INVALID   nothing can be said" in text
    assert "change" not in text
