"""Print the answer of a comparison of two sides: one table that fits 80 x 24. Colour shows the answers alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from malaria.analysis.compare.answers import PairAnswer
from malaria.analysis.compare.compare_words import bounds_text, change_text
from malaria.analysis.summary_figures import AnsweredCount, AnsweredFigure, ComparisonFigures, Summary
from malaria.report.compare_text import answer_text, coverage_text, figure_label, figure_text
from malaria.report.terminal.terminal_lines import INDENT, print_lines, wrapped
from malaria.units import format_count

COLOURS: Final = {
    PairAnswer.WORSE: "bold red",
    PairAnswer.BETTER: "bold green",
    PairAnswer.SAME: "bold green",
    PairAnswer.UNDECIDED: "bold yellow",
}
WIDTHS: Final = (21, 9, 9, 8)
"""Columns: the figure, A, B, the difference; its bounds and the answer follow."""
BOUNDS_WIDTH: Final = 14
HEADS: Final = ("figure", "A", "B", "change")


def print_comparison(summary: Summary, console: Console) -> None:
    """Print the result of a comparison. `summary` has `comparison`."""
    found = summary.comparison
    assert found is not None
    lines = [*wrapped(sides_line(found), "", console.width), Text(), *_answer(found, summary, console.width)]
    known = [one for one in found.figures if one.pairs]
    lines += [Text(), _head(found)] if known else []
    lines += [_figure_line(one) for one in known]
    lines += [_count_line(one) for one in found.counts if one.a or one.b]
    quiet = [figure_label(one.name) for one in found.counts if not one.a and not one.b]
    if quiet:  # the counts of a sound broker
        lines += wrapped(f"none on either side: {', '.join(quiet)}", INDENT, console.width)
    verdicts = f"verdicts: A {_verdicts(found.verdicts_a)}; B {_verdicts(found.verdicts_b)}"
    lines += [*wrapped(verdicts, INDENT, console.width), Text()]
    print_lines(lines, console)


def _answer(found: ComparisonFigures, summary: Summary, width: int) -> list[Text]:
    """Return the answer in a sentence; without evidence the verdict, and what to do."""
    answer = PairAnswer(found.answer)
    word = str(answer) if found.pairs else str(summary.verdict.outcome)
    margin = f"{INDENT}{word.upper()}   "
    first, *others = summary.verdict.reasons
    lines = wrapped(first.text, margin, width)
    lines[0].stylize(COLOURS[answer], len(INDENT), len(margin))
    for reason in others:
        lines += wrapped("; ".join(filter(None, (reason.text, reason.remedy))), INDENT, width)
    return lines


def sides_line(found: ComparisonFigures) -> str:
    """Return `malaria compare · A mosquitto · B mosquitto.conf · 8 pairs · band 5 %`."""
    pairs = f"{found.pairs} of {found.pairs_wanted} pairs"
    return f"malaria compare · A {found.a} · B {found.b} · {pairs} · band {100 * found.band:g} %"


def _head(found: ComparisonFigures) -> Text:
    return Text(f"{_cells(HEADS)}  {coverage_text(found):<{BOUNDS_WIDTH}}  answer")


def _figure_line(one: AnsweredFigure) -> Text:
    values = (figure_text(one.name, one.a), figure_text(one.name, one.b))
    cells = _cells((figure_label(one.name), *values, change_text(one.ratio)))
    return _answered(cells, bounds_text(one.low, one.high), one.answer, one.pairs_more)


def _count_line(one: AnsweredCount) -> Text:
    cells = _cells((figure_label(one.name), format_count(one.a), format_count(one.b), ""))
    runs = f"in {one.runs_a}, {one.runs_b} of {one.pairs}"
    return _answered(cells, runs, one.answer, one.pairs_more)


def _answered(cells: str, bounds: str, answer: str, pairs_more: int | None) -> Text:
    start = f"{cells}  {bounds:<{BOUNDS_WIDTH}}  "
    line = Text(f"{start}{answer_text(answer, pairs_more)}")
    line.stylize(COLOURS[PairAnswer(answer)], len(start), len(start) + len(answer))
    return line


def _cells(cells: Sequence[str]) -> str:
    first, *rest = zip(cells, WIDTHS, strict=True)
    return f"{INDENT}{first[0]:<{first[1]}}" + "".join(f"{cell:>{width}}" for cell, width in rest)


def _verdicts(verdicts: Mapping[str, int]) -> str:
    """Return `7 PASS, 1 FAIL`."""
    return ", ".join(f"{count} {outcome}" for outcome, count in verdicts.items()) or "none"
