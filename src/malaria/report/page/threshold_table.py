"""The tables of thresholds on top of a page: value, limit, tick or cross, of an attack and over a campaign's levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from malaria.analysis.summary_figures import Summary
from malaria.analysis.thresholds import Ruling
from malaria.records.run import Run
from malaria.report.page.page_elements import CellTexts, PageTable, TableCell, page_table
from malaria.report.shown_levels import ShownLevel
from malaria.report.threshold_text import MARKS, ThresholdRow, threshold_rows

LOOKS: Final = {Ruling.HOLDS: "PASS", Ruling.BROKEN: "FAIL", Ruling.UNDECIDED: "UNKNOWN"}
"""The colour of a mark: that of the verdict it speaks for."""
WORST_FIRST: Final = (Ruling.BROKEN, Ruling.UNDECIDED, Ruling.HOLDS)
DEFAULT: Final = "default"
NO_BREAK: Final = "\N{NO-BREAK SPACE}"


def threshold_table(run: Run, summary: Summary) -> PageTable | None:
    """Return a row for each rule that the run was judged by; None if there was none."""
    rows: list[CellTexts] = [
        [_named(row), row.value.replace(" ", NO_BREAK), row.limit, TableCell(row.mark, look=LOOKS[row.ruling])]
        for row in threshold_rows(run, summary)
    ]
    return page_table(["threshold", "value", "limit", ""], rows, kind="thresholds") if rows else None


def level_threshold_table(shown: Sequence[ShownLevel]) -> PageTable | None:
    """Return a row for each rule, with its worst value over the levels and a mark that leads to each level."""
    found: dict[str, list[tuple[ShownLevel, ThresholdRow]]] = {}
    for one in shown:
        for row in threshold_rows(one.run, one.summary):
            found.setdefault(row.key, []).append((one, row))
    rows = [_over_levels(each) for each in found.values()]
    return page_table(["threshold", "first that breaks", "limit", "levels"], rows, kind="thresholds") if rows else None


def _over_levels(each: Sequence[tuple[ShownLevel, ThresholdRow]]) -> CellTexts:
    broken = next(((one, row) for one, row in each if row.ruling is Ruling.BROKEN), None)
    worst = min((row.ruling for _, row in each), key=WORST_FIRST.index)
    marks = "".join(MARKS[row.ruling] for _, row in each)
    value = f"{broken[1].value} at {broken[0].name}" if broken else "none"
    return [_named(each[0][1]), value, each[0][1].limit, TableCell(marks, look=LOOKS[worst])]


def _named(row: ThresholdRow) -> TableCell:
    return TableCell(row.name, note=DEFAULT if row.is_default else "")
