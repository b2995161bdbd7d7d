"""The section of a page about the bees of a swarm."""

from __future__ import annotations

from dataclasses import dataclass

from malaria.analysis.summary_figures import Summary
from malaria.records.run import Run
from malaria.report.bees_text import BEES_HEAD, WORD_COLUMNS, bee_remarks, bee_rows
from malaria.report.page.page_elements import PageTable, page_table


@dataclass(frozen=True, slots=True)
class BeesView:
    """A row for each bee, and sentences on their start and clocks."""

    table: PageTable
    remarks: tuple[str, ...]


def bees_view(run: Run, summary: Summary) -> BeesView | None:
    """Return None where one host made the load."""
    rows = bee_rows(run, summary)
    return BeesView(page_table(BEES_HEAD, rows, words=WORD_COLUMNS), tuple(bee_remarks(run))) if rows else None
