"""The end of a capacity search in the terminal: the answer, its figures, what broke, and all trials in a line."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.text import Text

from malaria.analysis.summary_figures import Summary
from malaria.report.figure_text import count
from malaria.report.search_conclusions import search_conclusions
from malaria.report.terminal.terminal_lines import COLOURS, INDENT, print_lines, row, wrapped

MARKS: Final = {"PASS": "✓", "FAIL": "✗", "INVALID": "–", "UNKNOWN": "?"}
"""The mark of a trial's outcome. INVALID and UNKNOWN are no evidence."""


def print_capacity(summary: Summary, console: Console) -> None:
    """Print the result of a search. `summary` has `capacity`."""
    capacity, verdict = summary.capacity, summary.verdict
    assert capacity is not None
    # the answer of a search is a load, and PASS would not say which
    head = "CARRIES" if verdict.outcome == "PASS" else str(verdict.outcome)
    margin = f"{INDENT}{head}   "
    answer = wrapped(verdict.reasons[0].text.removeprefix("carries "), margin, console.width)
    answer[0].stylize(COLOURS[verdict.outcome], len(INDENT), len(margin))
    lines = [Text(), *answer, Text()]
    for sentence in search_conclusions(summary):
        lines += wrapped(sentence, INDENT, console.width)
    trials = [f"{count(trial.load)} {MARKS[trial.outcome]}" for trial in capacity.trials]
    if trials:
        lines += [Text(), *row("trials", trials, console.width)]
    print_lines([*lines, Text()], console)
