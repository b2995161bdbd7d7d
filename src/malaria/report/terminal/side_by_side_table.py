"""Print two stored results side by side: changed verdicts on top, one table, and what it cannot say.

Without colour: colours belong to the answers of runs in pairs, and two single runs give none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from malaria.analysis.compare.compare_words import bounds_text, change_text
from malaria.analysis.compare.compared_figures import CPU_PER_MESSAGE
from malaria.analysis.compare.side_by_side import ComparedLevel, FigureRow, SideBySide
from malaria.printable import printable
from malaria.report.compare_text import (
    figure_label,
    figure_text,
    limits_differ,
    main_rows,
    verdict_change,
)
from malaria.report.terminal.terminal_lines import INDENT, print_lines, wrapped

WIDTHS: Final = (22, 11, 11, 11, 21)
"""Columns of one level: the figure, A, B, the difference, its bounds."""
LEVEL_WIDTHS: Final = (20, 9, 9, 13, 12, 12)
"""Columns of several levels: the level, both verdicts, and three differences."""
LEVEL_FIGURES: Final = (CPU_PER_MESSAGE, "ack.p99", "rates.acked_per_s")
CHANGES_SHOWN: Final = 4


def print_side_by_side(compared: SideBySide, console: Console) -> None:
    """Print two results side by side."""
    width = console.width
    lines = [*wrapped(f"malaria compare · A {compared.a.directory} · B {compared.b.directory}", "", width), Text()]
    lines += _verdicts(compared, width)
    lines += _conditions(compared, width)
    lines += [Text(), *_table(compared), Text()]
    lines += wrapped(compared.cannot_say, INDENT, width)
    print_lines([*lines, Text()], console)


def _verdicts(compared: SideBySide, width: int) -> list[Text]:
    """Return a sentence for each verdict that changed, or one that none did."""
    changed = [level for level in compared.levels if level.verdict_changed]
    lines = [line for text in limits_differ(compared) for line in wrapped(text, INDENT, width)]
    for level in changed:
        name = f"{level.name}: " if len(compared.levels) > 1 else ""
        lines += wrapped(f"{name}{verdict_change(level)}", INDENT, width)
    if not changed:
        verdicts = ", ".join(dict.fromkeys(level.verdict_a for level in compared.levels))
        lines += wrapped(f"the verdicts are the same: {verdicts}", INDENT, width)
    for side, names in (("A", compared.only_a), ("B", compared.only_b)):
        if names:
            lines += wrapped(f"only in {side}: {', '.join(names)}", INDENT, width)
    return lines


def _conditions(compared: SideBySide, width: int) -> list[Text]:
    changed = compared.changed_conditions
    lines = [line for text in changed[:CHANGES_SHOWN] for line in wrapped(f"not alike: {text}", INDENT, width)]
    more = len(changed) - CHANGES_SHOWN
    return lines + (
        wrapped(f"and {more} more conditions differ: the page lists them", INDENT, width) if more > 0 else []
    )


def _table(compared: SideBySide) -> list[Text]:
    if len(compared.levels) > 1:
        return _levels(compared.levels)
    rows = [*compared.capacity, *(row for level in compared.levels for row in main_rows(level))]
    head = _cells(("figure", "A", "B", "B over A", "within this run"), WIDTHS)
    return [head, *(_cells(_row_cells(row), WIDTHS) for row in rows)]


def _row_cells(row: FigureRow) -> tuple[str, ...]:
    return (
        figure_label(row.name),
        figure_text(row.name, row.a),
        figure_text(row.name, row.b),
        change_text(row.ratio),
        bounds_text(row.within_run_low, row.within_run_high),
    )


def _levels(levels: Sequence[ComparedLevel]) -> list[Text]:
    """Return a row for each level: both verdicts, and the differences of B in three figures."""
    head = ("level", "A", "B", "CPU/message", "ack p99", "acked/s")
    lines = [_cells(head, LEVEL_WIDTHS)]
    for level in levels:
        rows = [level.figure(name) for name in LEVEL_FIGURES]
        changes = [change_text(row.ratio if row is not None else None) for row in rows]
        lines.append(_cells((printable(level.name), level.verdict_a, level.verdict_b, *changes), LEVEL_WIDTHS))
    return lines


def _cells(cells: Sequence[str], widths: Sequence[int]) -> Text:
    """Return a row: its name aligned to the left, figures to the right."""
    first, *rest = zip(cells, widths, strict=True)
    name = f"{first[0][: first[1] - 1]:<{first[1]}}"
    return Text((INDENT + name + "".join(f"{cell:>{width}}" for cell, width in rest)).rstrip())
