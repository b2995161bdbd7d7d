"""The end of a capacity search in the terminal: the answer, its figures, what broke, and all trials in a line."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from rich.console import Console
from rich.text import Text

from malaria.analysis.summary_figures import Summary, TrialFigures
from malaria.report.figure_text import count
from malaria.report.search_conclusions import search_cost, search_doubts, search_facts
from malaria.report.terminal.terminal_lines import COLOURS, GAP, INDENT, print_lines, row, wrapped

LABEL_WIDTH: Final = 12
NO_BREAK: Final = "\u00a0"
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
    for label, parts in search_facts(summary):
        # a row of short figures, or a line for each sentence
        rows = [parts] if label.startswith("at ") else [[part] for part in parts]
        for place, each in enumerate(rows):
            margin = f"{INDENT}{'' if place else label:<{LABEL_WIDTH}}"
            unbroken = [part.replace(" ", NO_BREAK) for part in each] if len(each) > 1 else each
            lines += wrapped(GAP.join(unbroken), margin, console.width)
    for sentence in search_doubts(summary):
        lines += wrapped(sentence, INDENT, console.width)
    if capacity.trials:
        lines += [Text(), *row("trials", _marked(capacity.trials), console.width)]
    if cost := search_cost(capacity):
        lines += row("took", [cost], console.width)
    print_lines([*lines, Text()], console)


def _marked(trials: Sequence[TrialFigures]) -> list[str]:
    """Return `500 ✓`, `3,050 ✓✓✓`: the trials in their order, those in a row at one load together."""
    runs = groupby(trials, key=lambda trial: trial.load)
    return [f"{count(load)} {''.join(MARKS[trial.outcome] for trial in at_load)}" for load, at_load in runs]
