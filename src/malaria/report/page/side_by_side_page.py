"""The page of two stored results side by side: changed verdicts, the figures that matter, then every figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from malaria.analysis.compare.compare_words import bounds_text, change_text
from malaria.analysis.compare.side_by_side import ComparedLevel, ComparedSide, FigureRow, SideBySide
from malaria.report.compare_text import (
    figure_label,
    figure_text,
    limits_differ,
    main_rows,
    verdict_change,
)
from malaria.report.figure_text import UNKNOWN, minute
from malaria.report.page.page_data import PageData
from malaria.report.page.page_document import render_document
from malaria.report.page.page_elements import CellTexts, PageTable, outcome_cell, page_table


@dataclass(frozen=True, slots=True)
class SideBySideLevel:
    """One level: its name, the figures that matter most, and all of them."""

    name: str
    main: PageTable
    every: PageTable


@dataclass(frozen=True, slots=True)
class SideBySidePage:
    """The values of the template side_by_side_page.html."""

    title: str
    subtitle: str
    changes: tuple[str, ...]
    unlike: tuple[str, ...]
    cannot_say: str
    sides: PageTable
    capacity: PageTable | None
    levels: tuple[SideBySideLevel, ...]
    environment: None = None


def render_side_by_side_page(compared: SideBySide) -> str:
    """Return the page as text that UTF-8 can carry."""
    page = SideBySidePage(
        title="Comparison",
        subtitle=f"A {compared.a.directory} · B {compared.b.directory}",
        changes=tuple(_changes(compared)),
        unlike=tuple(compared.changed_conditions),
        cannot_say=compared.cannot_say,
        sides=_sides(compared),
        capacity=_table(compared.capacity) if compared.capacity else None,
        levels=tuple(
            SideBySideLevel(level.name, _table(main_rows(level)), _table(level.figures))
            for level in _changed_first(compared.levels)
        ),
    )
    return render_document("side_by_side_page.html", page, PageData())


def _changed_first(levels: Sequence[ComparedLevel]) -> list[ComparedLevel]:
    return sorted(levels, key=lambda level: not level.verdict_changed)


def _changes(compared: SideBySide) -> list[str]:
    """Return a sentence for each verdict that changed, and for levels that one side lacks."""
    several = len(compared.levels) > 1
    changes = [f"{level.name}: {verdict_change(level)}" if several else verdict_change(level)
               for level in compared.levels if level.verdict_changed]  # fmt: skip
    if not changes:
        changes = [f"the verdicts are the same: {', '.join(dict.fromkeys(_verdicts(compared.levels)))}"]
    changes = [*limits_differ(compared), *changes]
    for side, names in (("A", compared.only_a), ("B", compared.only_b)):
        changes += [f"only in {side}: {', '.join(names)}"] if names else []
    return changes


def _verdicts(levels: Sequence[ComparedLevel]) -> list[str]:
    return [level.verdict_a for level in levels]


def _sides(compared: SideBySide) -> PageTable:
    return page_table(
        ["", "directory", "target", "started", "verdict"],
        [_side("A", compared.a), _side("B", compared.b)],
        words=(1, 2, 3),
    )


def _side(name: str, side: ComparedSide) -> CellTexts:
    return [name, side.directory, side.target or UNKNOWN, minute(side.started) or UNKNOWN, outcome_cell(side.verdict)]


def _table(rows: Sequence[FigureRow]) -> PageTable:
    """Return a row for each figure; the column of bounds is left out where no figure has any."""
    bounds = [bounds_text(row.within_run_low, row.within_run_high) for row in rows]
    if not any(bounds):
        return page_table(["figure", "A", "B", "B over A"], [_cells(row) for row in rows])
    head = ["figure", "A", "B", "B over A", "within this run"]
    return page_table(head, [[*_cells(row), text] for row, text in zip(rows, bounds, strict=True)])


def _cells(row: FigureRow) -> CellTexts:
    values = (figure_text(row.name, row.a), figure_text(row.name, row.b))
    return [figure_label(row.name), *values, change_text(row.ratio)]
