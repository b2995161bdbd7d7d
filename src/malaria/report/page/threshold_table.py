"""The tables of thresholds on top of a page: value, limit, tick or cross, of an attack and over a campaign's levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from malaria.analysis.summary_figures import Summary
from malaria.analysis.thresholds import Ruling
from malaria.records.run import Run
from malaria.report.page.page_elements import CellTexts, PageTable, TableCell, page_table
from malaria.report.shown_levels import ShownLevel
from malaria.report.threshold_text import ThresholdRow, definition_of, threshold_rows

LOOKS: Final = {Ruling.HOLDS: "PASS", Ruling.BROKEN: "FAIL", Ruling.UNDECIDED: "UNKNOWN"}
"""The colour of a mark: that of the verdict it speaks for."""
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
    """Return a row for each rule, with the first value that breaks it, and a mark for each level that leads there."""
    found: dict[str, list[tuple[ShownLevel, ThresholdRow]]] = {}
    for one in shown:
        for row in threshold_rows(one.run, one.summary):
            found.setdefault(row.key, []).append((one, row))
    rows = [_over_levels(each) for each in found.values()]
    return page_table(["threshold", "first that breaks", "limit", "levels"], rows, kind="thresholds") if rows else None


def _over_levels(each: Sequence[tuple[ShownLevel, ThresholdRow]]) -> CellTexts:
    broken = next(((one, row) for one, row in each if row.ruling is Ruling.BROKEN), None)
    marks = tuple(TableCell(row.mark, one.anchor, LOOKS[row.ruling], note=one.name) for one, row in each)
    value = f"{broken[1].value} at {broken[0].name}" if broken else "none"
    return [_named(each[0][1]), value, each[0][1].limit, TableCell("", parts=marks)]


def _named(row: ThresholdRow) -> TableCell:
    name = definition_of(row.key)
    return TableCell(row.name, f"def-{name}" if name else "", note=DEFAULT if row.is_default else "")
