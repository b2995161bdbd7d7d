"""The rules of a run in the terminal: figure, value, limit, and a tick or a cross, also when all of them hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from rich.text import Text

from malaria.analysis.summary_figures import Summary
from malaria.analysis.thresholds import Ruling
from malaria.records.run import Run
from malaria.report.figure_text import things
from malaria.report.terminal.terminal_lines import INDENT, LABEL_WIDTH, row
from malaria.report.threshold_text import MARKS, ThresholdRow, threshold_rows

WITHOUT_SURGES: Final = "default rules judge the time without surges and what they caused"
STYLES: Final = {Ruling.HOLDS: "green", Ruling.BROKEN: "bold red", Ruling.UNDECIDED: "yellow"}
WORST_FIRST: Final = (Ruling.BROKEN, Ruling.UNDECIDED, Ruling.HOLDS)


def rules_block(run: Run, summary: Summary, width: int, room: int) -> list[Text]:
    """Return the rules and an empty line: a line for each if `room` lines are enough.

    If not, return as many as fit side by side, the broken ones first, and the number of the others.
    """
    rows = threshold_rows(run, summary)
    if not rows:
        return []
    table = [*_table(rows, width), *(row("", [WITHOUT_SURGES], width) if summary.surges else ())]
    lines = table if len(table) < room else _side_by_side(rows, width, max(room - 1, 1))
    return [*lines, Text()]


def _table(rows: Sequence[ThresholdRow], width: int) -> list[Text]:
    """Return a line for each rule: the mark first, so that a long value moves no mark."""
    name_width, value_width = max(len(one.name) for one in rows), max(len(one.value) for one in rows)
    lines = []
    for number, one in enumerate(rows):
        margin = f"{INDENT}{'' if number else 'rules':<{LABEL_WIDTH}}"
        words = f"{one.mark} {one.name:<{name_width}}  {one.value:<{value_width}}  {one.limit}"
        # a narrow terminal has no room for columns
        fits = len(margin) + len(words) <= width
        lines.append(_coloured(Text(margin + (words if fits else _part(one)))))
    return lines


def _side_by_side(rows: Sequence[ThresholdRow], width: int, room: int) -> list[Text]:
    """Return the rules in at most `room` lines; those that hold by default are only counted."""
    told = sorted((one for one in rows if not _is_usual(one)), key=lambda one: WORST_FIRST.index(one.ruling))
    held = len(rows) - len(told)
    usual = [f"{MARKS[Ruling.HOLDS]} {things(held, 'default rule')} {'holds' if held == 1 else 'hold'}"] if held else []
    for shown in range(len(told), -1, -1):
        rest = usual if shown == len(told) else [f"{len(rows) - shown} more on the page"]
        lines = row("rules", [*map(_part, told[:shown]), *rest], width)
        if len(lines) <= room:
            break
    return [_coloured(line) for line in lines]


def _is_usual(one: ThresholdRow) -> bool:
    return one.is_default and one.ruling is Ruling.HOLDS


def _part(one: ThresholdRow) -> str:
    return f"{one.mark} {one.name} {one.value}, limit {one.limit}"


def _coloured(line: Text) -> Text:
    """Colour the marks of a line."""
    for ruling, mark in MARKS.items():
        line.highlight_regex(rf"(?<= ){re.escape(mark)}(?= )", STYLES[ruling])
    return line
