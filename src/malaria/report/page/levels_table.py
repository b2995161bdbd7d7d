"""The tables that set the levels of a campaign side by side. The one on top sorts, and shows each course."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from malaria.report.charts.run_charts import numbers
from malaria.report.charts.time_panels import SeriesColumns
from malaria.report.figure_text import connected
from malaria.report.level_columns import LEVEL_COLUMNS, level_figures
from malaria.report.page.page_elements import CellTexts, PageTable, TableCell, defined, outcome_cell, page_table
from malaria.report.page.sparkline import sparkline
from malaria.report.shown_levels import ShownLevel, names_apart

COURSES: Final = {"ack_p99_ms": "ack p99 over time", "acked_per_s": "messages per second over time"}
"""The columns of the series that the table shows as sparklines, after the figures; of QoS 0 what was sent."""
INSTEAD: Final = {"ack_p99_ms": "end_to_end_p99_ms", "acked_per_s": "sent_per_s"}
"""What is shown of a level whose messages are not acknowledged."""
RANKS: Final = {"PASS": 0, "UNKNOWN": 1, "INVALID": 2, "FAIL": 3}


def levels_table(shown: Sequence[ShownLevel], series: Sequence[SeriesColumns]) -> PageTable:
    """Return a row for each level, and for its variants below it; each name links to its section.

    `series` has the columns of each level, second by second.
    """
    head: CellTexts = ["level", "verdict", "clients", *_column_heads(), "p99 over time", "rate over time"]
    names = names_apart(shown)
    rows = [_row(one, names[one.anchor], table) for one, table in zip(shown, series, strict=True)]
    table = page_table(head, rows, kind="levels")
    return PageTable(table.head, table.rows, table.words, table.kind, is_sortable=True)


def _row(one: ShownLevel, full_name: str, series: SeriesColumns) -> CellTexts:
    clients = connected(one.run, one.summary)
    name = one.part.variant or full_name
    is_variant = bool(one.part.variant)
    return [
        TableCell(name, one.anchor, is_indented=is_variant, of=one.part.title if is_variant else "", rank=one.load),
        TableCell(one.outcome, look=one.outcome, rank=RANKS.get(one.outcome)),
        TableCell(clients, rank=_number(clients)),
        *(TableCell(figure.text, rank=figure.number) for figure in level_figures(one)),
        *(_course(one, series, column) for column in COURSES),
    ]


def _number(text: str) -> float | None:
    plain = text.replace(",", "")
    return float(plain) if plain.isdigit() else None


def _course(one: ShownLevel, series: SeriesColumns, column: str) -> TableCell:
    shown = column if one.run.meta.acknowledged else INSTEAD[column]
    measured = [
        value
        for value, phase in zip(numbers(series.get(shown, ())), series.get("phase", ()), strict=False)
        if phase == "measure"
    ]
    made = sparkline(measured, f"{COURSES[column]} at {one.name}")
    return TableCell("", sparkline=made)


def side_by_side(level: Sequence[ShownLevel]) -> PageTable:
    """Return a row for the level and for each of its variants."""
    rows: list[CellTexts] = [
        [
            TableCell(one.part.variant or one.part.title, one.anchor),
            outcome_cell(one.outcome),
            *(figure.text for figure in level_figures(one)),
        ]
        for one in level
    ]
    head: CellTexts = ["", "verdict", *_column_heads()]
    return page_table(head, rows, kind="levels")


def _column_heads() -> list[TableCell]:
    return [defined(name, label) for name, label in LEVEL_COLUMNS.items()]
