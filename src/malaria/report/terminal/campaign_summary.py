"""The summary of a campaign in the terminal: the verdict, and a row for each level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from malaria.analysis.headline import headline
from malaria.analysis.summary_figures import LevelSummary, RepeatFigures, Summary
from malaria.printable import printable
from malaria.records.rows import Metric
from malaria.report.figure_text import UNKNOWN, count, lost_figure, ms
from malaria.report.repeat_text import REPEAT_HEAD, repeat_rows, repeat_sentence
from malaria.report.terminal.capacity_summary import print_capacity
from malaria.report.terminal.comparison_table import print_comparison
from malaria.report.terminal.terminal_lines import COLOURS, INDENT, print_lines, wrapped
from malaria.units import format_rate

HEADS: Final = ("level", "verdict", "clients", "acked", "of due", "ack p99", "lost")
WIDTHS: Final = (9, 8, 9, 9, 10, 7)
"""Columns of figures; the first column is as wide as its names need."""
NAME_WIDTH: Final = 12


def print_campaign(summary: Summary, console: Console) -> None:
    """Print the verdict of a campaign and a table of its levels; the answer of a search or comparison."""
    if summary.capacity is not None:
        print_capacity(summary, console)
    elif summary.comparison is not None:
        print_comparison(summary, console)
    else:
        _print_levels(summary, console)


def _print_levels(summary: Summary, console: Console) -> None:
    answer = headline(summary)
    margin = f"{INDENT}{answer.outcome}   "
    head = wrapped(answer.what, margin, console.width)
    head[0].stylize(COLOURS[answer.outcome], len(INDENT), len(margin))
    if answer.remedy:
        head += wrapped(answer.remedy, " " * len(margin), console.width)
    lines = [Text(), *head, Text(), *_levels(summary.levels, console.width), Text()]
    for repeats in summary.repeats or ():
        lines += [*_repeats(repeats, console.width), Text()]
    print_lines(lines, console)


def _repeats(repeats: RepeatFigures, width: int) -> list[Text]:
    """Return how much the runs of one load scatter: a sentence, and a row for each figure."""
    rows = [REPEAT_HEAD, *repeat_rows(repeats)]
    return wrapped(repeat_sentence(repeats), INDENT, width) + [
        Text((INDENT + f"{name:<22}" + "".join(f"{cell:>11}" for cell in cells)).rstrip()) for name, *cells in rows
    ]


def _levels(levels: Sequence[LevelSummary], width: int) -> list[Text]:
    """Return a row for each level, and below it the reasons why it did not pass."""
    # on a narrow terminal lines may break, but names stay readable
    room = max(width - len(INDENT) - sum(WIDTHS), NAME_WIDTH)
    shown = (min(room, max(len(_name(level)) + 2 for level in levels)), *WIDTHS)
    lines = [_cells(HEADS, shown)]
    for level in levels:
        outcome = level.verdict.outcome
        line = _cells(_level_cells(level), shown)
        line.stylize(COLOURS[outcome], len(INDENT) + shown[0], len(INDENT) + shown[0] + len(outcome))
        lines.append(line)
        # the page has all; here every level should stay in sight
        for reason in level.verdict.reasons[:2]:
            lines += wrapped(reason.text, INDENT * 2, width)
    return lines


def _name(level: LevelSummary) -> str:
    names = [name for name in (level.title, level.variant) if name]
    return printable(" · ".join(names) or level.run or "")


def _level_cells(level: LevelSummary) -> tuple[str, ...]:
    rates, ack = level.rates, level.latency_ms[Metric.ACK]
    return (
        _name(level),
        level.verdict.outcome,
        count(level.clients.connected),
        *(UNKNOWN if per_s is None else format_rate(per_s) for per_s in (rates.acked_per_s, rates.due_per_s)),
        ms(ack.p99),
        lost_figure(level.messages),
    )


def _cells(cells: Sequence[str], widths: Sequence[int]) -> Text:
    """Return a row: names aligned to the left, figures to the right."""
    pairs = enumerate(zip(cells, widths, strict=True))
    return Text(
        INDENT + "".join(f"{cell[: w - 1]:<{w}}" if number < 2 else f"{cell:>{w}}" for number, (cell, w) in pairs)
    )
