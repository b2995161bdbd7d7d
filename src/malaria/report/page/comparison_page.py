"""Render the page of a comparison of two sides: the answer, each figure with its bounds, each pair, how it was made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from malaria.analysis.compare.compare_words import bounds_text, change_text
from malaria.analysis.compare.compared_figures import COMPARED
from malaria.analysis.summary_figures import AnsweredCount, AnsweredFigure, ComparisonFigures, Summary
from malaria.records.campaign_records import CampaignRecords
from malaria.report.campaign_answer import made_facts
from malaria.report.compare_text import (
    SIDE_HEAD,
    answer_text,
    count_runs_text,
    coverage_text,
    figure_label,
    figure_text,
    quiet_counts,
    side_rows,
)
from malaria.report.figure_text import moment
from malaria.report.page.environment_view import EnvironmentView, environment_view
from malaria.report.page.page_data import PageData
from malaria.report.page.page_document import render_document
from malaria.report.page.page_elements import (
    CellTexts,
    CopyableCommand,
    PageTable,
    named_values,
    page_table,
)
from malaria.report.shown_levels import RunAndSummary, ShownLevel, missing_lines, shown_parts
from malaria.units import format_count

LEAST_SPAN: Final = 1.5
"""The drawing reaches at least so many bands to either side."""
MOST_SPAN: Final = 8.0


@dataclass(frozen=True, slots=True)
class DrawnInterval:
    """An estimate and its bounds in percent of the width of a drawing, and whether they go on beyond it."""

    left: float
    centre: float
    right: float


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """A row of the table of answers. `kind` is the answer, which chooses the colour."""

    label: str
    a: str
    b: str
    change: str
    bounds: str
    kind: str
    answer: str
    interval: DrawnInterval | None = None


@dataclass(frozen=True, slots=True)
class ComparisonPage:
    """The values of the template comparison_page.html. `band` is the drawn band: from and to, in percent."""

    title: str
    subtitle: str
    kind: str
    sentence: str
    further: tuple[str, ...]
    sides: PageTable
    coverage: str
    band: tuple[float, float]
    band_percent: str
    figures: tuple[AnswerRow, ...]
    counts: tuple[AnswerRow, ...]
    quiet: str
    pairs: PageTable
    command: CopyableCommand
    made: PageTable
    source: str
    missing: tuple[str, ...]
    environment: EnvironmentView | None


def render_comparison_page(campaign: CampaignRecords, runs: Mapping[str, RunAndSummary], summary: Summary) -> str:
    """Return the page as text that UTF-8 can carry. `summary` has `comparison`. Raises RunError for a damaged run."""
    found = summary.comparison
    assert found is not None
    shown = shown_parts(campaign, runs)
    span = _span(found)
    known = [one for one in found.figures if one.pairs]
    page = ComparisonPage(
        title=campaign.title,
        subtitle=" · ".join(filter(None, [moment(summary), f"{found.pairs} of {found.pairs_wanted} pairs"])),
        kind=found.answer,
        sentence=summary.verdict.reasons[0].text,
        further=tuple(reason.text for reason in summary.verdict.reasons[1:]),
        sides=page_table(SIDE_HEAD, side_rows(found, shown), words=(1, 2, 3, 4)),
        coverage=coverage_text(found),
        band=(_place(-math.log1p(found.band), span), _place(math.log1p(found.band), span)),
        band_percent=f"{100 * found.band:g} %",
        figures=tuple(_figure_row(one, span) for one in known),
        counts=tuple(_count_row(one) for one in found.counts if one.a or one.b),
        quiet=quiet_counts(found),
        pairs=_pairs(shown),
        command=CopyableCommand("command-comparison", campaign.command),
        made=named_values(made_facts(campaign, shown)),
        source=campaign.source,
        missing=tuple(missing_lines(campaign, runs)),
        environment=environment_view(shown[-1].run, shown[-1].summary) if shown else None,
    )
    return render_document("comparison_page.html", page, PageData())


def _span(found: ComparisonFigures) -> float:
    """Return how far the drawing reaches to either side, as the logarithm of a ratio: as far as most bounds."""
    band = math.log1p(found.band)
    ends = [abs(math.log(end)) for one in found.figures for end in (one.low, one.high) if end]
    return min(MOST_SPAN * band, max([LEAST_SPAN * band, *ends]))


def _place(logarithm: float, span: float) -> float:
    """Return the place of a ratio in a drawing, from 0 at its left edge to 100."""
    return round(min(100.0, max(0.0, 50 + 50 * logarithm / span)), 2)


def _figure_row(one: AnsweredFigure, span: float) -> AnswerRow:
    interval = None
    if one.ratio and one.low and one.high:
        interval = DrawnInterval(*(_place(math.log(ratio), span) for ratio in (one.low, one.ratio, one.high)))
    return AnswerRow(
        figure_label(one.name),
        figure_text(one.name, one.a),
        figure_text(one.name, one.b),
        change_text(one.ratio),
        bounds_text(one.low, one.high),
        one.answer,
        answer_text(one.answer, one.pairs_more),
        interval,
    )


def _count_row(one: AnsweredCount) -> AnswerRow:
    a, b, runs = format_count(one.a), format_count(one.b), count_runs_text(one)
    return AnswerRow(figure_label(one.name), a, b, "", runs, one.answer, answer_text(one.answer, one.pairs_more))


def _pairs(shown: Sequence[ShownLevel]) -> PageTable:
    """Return a row for each run in the order in which they were made."""
    read = {figure.name: figure.read for figure in COMPARED}
    rows: list[CellTexts] = [
        [
            f"{one.part.title} · {one.part.variant}",
            one.outcome,
            *(figure_text(name, read[name](one.summary)) for name in read),
        ]
        for one in shown
    ]
    return page_table(["run", "verdict", *(figure_label(name) for name in read)], rows, kind="levels")
