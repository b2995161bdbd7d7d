"""The tables of thresholds on top of a page: value, limit, tick or cross, of an attack and over a campaign's levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from malaria.analysis.outcome import Outcome
from malaria.analysis.summary_figures import Summary
from malaria.analysis.thresholds import Ruling
from malaria.records.run import Run
from malaria.report.page.page_elements import CellTexts, PageTable, TableCell, page_table
from malaria.report.shown_levels import ShownLevel
from malaria.report.threshold_text import ThresholdRow, definition_of, threshold_rows

LOOKS: Final = {Ruling.HOLDS: "PASS", Ruling.BROKEN: "FAIL", Ruling.UNDECIDED: "UNKNOWN"}
"""The colour of a mark: that of the verdict it speaks for."""
MUTED: Final = "soft"
"""The colour of a tick in a run whose figures decide nothing: green would contradict its verdict."""
FIRST: Final = (Ruling.BROKEN, Ruling.UNDECIDED, Ruling.HOLDS)
"""The order of the rows."""
STATED: Final = "stated"


def threshold_table(run: Run, summary: Summary) -> PageTable | None:
    """Return a row for each rule that the run was judged by, broken ones first; None if there was none."""
    outcome = summary.verdict.outcome
    rows: list[CellTexts] = [
        [_named(row), row.value, row.limit, TableCell(row.mark, look=_look(row, outcome))]
        for row in sorted(threshold_rows(run, summary), key=lambda row: FIRST.index(row.ruling))
    ]
    return page_table(["threshold", "value", "limit", ""], rows, kind="thresholds") if rows else None


def level_threshold_table(shown: Sequence[ShownLevel]) -> PageTable | None:
    """Return a row for each rule, with the first value that breaks it, and a mark for each level that leads there.

    Rules that a level broke come first, then those that one left undecided.
    """
    found: dict[str, list[tuple[ShownLevel, ThresholdRow]]] = {}
    for one in shown:
        for row in threshold_rows(one.run, one.summary):
            found.setdefault(row.key, []).append((one, row))
    ordered = sorted(found.values(), key=lambda each: min(FIRST.index(row.ruling) for _, row in each))
    rows = [_over_levels(each) for each in ordered]
    return page_table(["threshold", "first that breaks", "limit", "levels"], rows, kind="thresholds") if rows else None


def _over_levels(each: Sequence[tuple[ShownLevel, ThresholdRow]]) -> CellTexts:
    broken = next(((one, row) for one, row in each if row.ruling is Ruling.BROKEN), None)
    marks = tuple(TableCell(row.mark, one.anchor, _look(row, one.outcome), note=one.name) for one, row in each)
    value = f"{broken[1].value} at {broken[0].name}" if broken else "none"
    # levels may have limits of their own: that of the value beside it
    told = broken[1] if broken else each[0][1]
    return [_named(told), value, told.limit, TableCell("", parts=marks)]


def _look(row: ThresholdRow, outcome: str) -> str:
    is_decided = outcome in (Outcome.PASS, Outcome.FAIL)
    return LOOKS[row.ruling] if is_decided or row.ruling is not Ruling.HOLDS else MUTED


def _named(row: ThresholdRow) -> TableCell:
    name = definition_of(row.key)
    return TableCell(row.name, f"def-{name}" if name else "", note="" if row.is_default else STATED)
