"""The page of one attack: one HTML file that works offline."""

from __future__ import annotations

from dataclasses import dataclass

from malaria.analysis.summary_figures import Summary
from malaria.records.run import Run
from malaria.report.charts.overview_chart import overview
from malaria.report.figure_text import moment
from malaria.report.headings import Heading
from malaria.report.page.environment_view import EnvironmentView, environment_view
from malaria.report.page.figure_cards import figure_cards
from malaria.report.page.page_data import PageData
from malaria.report.page.page_document import render_document
from malaria.report.page.page_elements import ChartPlace, FigureCard, PageTable, TableCell
from malaria.report.page.run_sections import (
    RunSections,
    VerdictView,
    chart_place,
    in_series,
    run_material,
    run_sections,
    section_data,
    verdict_view,
)
from malaria.report.page.threshold_table import threshold_table


@dataclass(frozen=True, slots=True)
class RunPage:
    """The values of the template run_page.html."""

    title: str
    subtitle: str
    verdict: VerdictView
    cards: tuple[FigureCard, ...]
    thresholds: PageTable | None
    overview: ChartPlace
    contents: tuple[TableCell, ...]
    sections: RunSections
    environment: EnvironmentView


def render_run_page(run: Run, summary: Summary) -> str:
    """Return the page of one attack as text that UTF-8 can carry. Raises RunError for a damaged run."""
    material = run_material(run, summary)
    first = in_series(overview(run, summary, material.series), material)
    data = PageData({"overview": first}).joined(section_data(material))
    sections = run_sections(material, data)
    meta = run.meta
    subtitle = (meta.target, meta.load, moment(summary))
    page = RunPage(
        title=meta.title or "attack",
        subtitle=" · ".join(part for part in subtitle if part),
        verdict=verdict_view(run, summary),
        cards=figure_cards(run, summary),
        thresholds=threshold_table(run, summary),
        overview=chart_place("overview", data),
        contents=contents(sections),
        sections=sections,
        environment=environment_view(run, summary),
    )
    return render_document("run_page.html", page, data)


def contents(sections: RunSections) -> tuple[TableCell, ...]:
    """Return links to the sections that this page has, in their order."""
    here = {
        Heading.COMMAND: True, Heading.TARGET: True, Heading.SURGES: sections.surges, Heading.OVER_TIME: True,
        Heading.BEES: sections.bees, Heading.LATENCY: True, Heading.LEDGER: True, Heading.SYS: sections.sys,
        Heading.PERF: sections.perf, Heading.NOTE: sections.note, Heading.RAW_DATA: True, Heading.ENVIRONMENT: True,
        Heading.DEFINITIONS: True,
    }  # fmt: skip
    return tuple(TableCell(heading, heading.anchor) for heading, shown in here.items() if shown)
