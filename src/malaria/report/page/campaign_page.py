"""The page of a campaign: the answer, all levels at a glance, how it was made, then each level like an attack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from malaria.analysis.headline import headline
from malaria.analysis.summary_figures import Summary
from malaria.records.campaign_records import CampaignRecords
from malaria.report.campaign_answer import (
    NO_SETTINGS,
    broker_facts,
    broker_settings,
    campaign_sentences,
    made_facts,
    not_to_the_end,
)
from malaria.report.charts.level_charts import levels_chart
from malaria.report.figure_text import connected, moment
from malaria.report.headings import Heading
from malaria.report.level_columns import LEVEL_COLUMNS, level_figures
from malaria.report.page.environment_view import EnvironmentView, environment_view
from malaria.report.page.page_document import render_document
from malaria.report.page.page_elements import (
    CellTexts,
    ChartPlace,
    CopyableCommand,
    PageTable,
    TableCell,
    defined,
    named_values,
    outcome_cell,
    page_table,
    paragraphs,
)
from malaria.report.page.run_sections import (
    PageCharts,
    RunSections,
    VerdictView,
    chart_place,
    run_material,
    run_sections,
    section_charts,
    unbroken,
    verdict_view,
)
from malaria.report.shown_levels import RunAndSummary, ShownLevel, by_level, missing_lines, shown_parts


@dataclass(frozen=True, slots=True)
class ContentsEntry:
    """A link to a section, and those to the variants of a level below it."""

    cell: TableCell
    below: tuple[TableCell, ...] = ()


@dataclass(frozen=True, slots=True)
class LevelView:
    """A level or a variant of one. `side_by_side` is None for a level without variants."""

    anchor: str
    name: str
    load: str
    verdict: VerdictView
    side_by_side: PageTable | None
    sections: RunSections


@dataclass(frozen=True, slots=True)
class CampaignPage:
    """The values of the template campaign_page.html. Those that are None belong to a campaign without a run."""

    title: str
    subtitle: str
    verdict: VerdictView
    unfinished: str
    chart: ChartPlace | None
    overview: PageTable
    conclusions: tuple[str, ...]
    contents: tuple[ContentsEntry, ...]
    note: tuple[str, ...]
    command: CopyableCommand
    made: PageTable
    source: str
    broker: PageTable
    broker_settings: str
    no_settings: str
    levels: tuple[LevelView, ...]
    missing: tuple[str, ...]
    environment: EnvironmentView | None


def render_campaign_page(campaign: CampaignRecords, levels: Mapping[str, RunAndSummary], summary: Summary) -> str:
    """Return the page of a campaign as text that UTF-8 can carry. Raises RunError for a damaged run.

    `levels` holds the run of each part by its directory. A part that is not in it was not run, or cannot be read.
    `summary` is that of the campaign.
    """
    shown = shown_parts(campaign, levels)
    charts: PageCharts = {"levels": levels_chart(shown, _load_unit(campaign))} if shown else {}
    # also fills `charts`, which the page needs as a whole
    made = tuple(_level(one, level, charts) for level in by_level(shown) for one in level)
    answer = headline(summary)
    missing = missing_lines(campaign, levels)
    page = CampaignPage(
        title=campaign.title,
        subtitle=_subtitle(campaign, shown),
        verdict=VerdictView(str(answer.outcome), unbroken(answer.what), answer.remedy),
        unfinished=not_to_the_end(campaign),
        chart=chart_place("levels", charts) if shown else None,
        overview=levels_table(shown),
        conclusions=tuple(campaign_sentences(summary, shown)),
        contents=_contents(shown, bool(missing)),
        note=paragraphs(campaign.note),
        command=CopyableCommand("command-campaign", campaign.command),
        made=named_values(made_facts(campaign, shown)),
        source=campaign.source,
        broker=named_values(broker_facts(campaign, shown)),
        broker_settings=broker_settings(campaign),
        no_settings=NO_SETTINGS,
        levels=made,
        missing=tuple(missing),
        environment=environment_view(shown[-1].run, shown[-1].summary) if shown else None,
    )
    return render_document("campaign_page.html", page, charts)


def _load_unit(campaign: CampaignRecords) -> str:
    return "msg/s of all clients" if campaign.search is not None and campaign.search.by_rate else "clients"


def _subtitle(campaign: CampaignRecords, shown: Sequence[ShownLevel]) -> str:
    first = shown[0].summary if shown else None
    parts = [first.target or "", moment(first)] if first else [campaign.file, "nothing was run"]
    return " · ".join(part for part in parts if part)


def _level(one: ShownLevel, level: Sequence[ShownLevel], charts: PageCharts) -> LevelView:
    """Return a level or a variant, and add its charts to those of the page."""
    material = run_material(one.run, one.summary)
    charts |= section_charts(material, one.suffix)
    is_first = one is level[0]  # the comparison is shown once, above the first of them
    return LevelView(
        anchor=one.anchor,
        name=one.name,
        load=one.run.meta.load or "",
        verdict=verdict_view(one.run, one.summary),
        side_by_side=side_by_side(level) if is_first and len(level) > 1 else None,
        sections=run_sections(material, charts, one.suffix, one.part),
    )


def levels_table(shown: Sequence[ShownLevel]) -> PageTable:
    """Return a row for each level, and for its variants below it; each name links to its section."""
    head: CellTexts = ["level", "verdict", "clients", *_column_heads()]
    rows: list[CellTexts] = [
        [_level_name(one), outcome_cell(one.outcome), connected(one.run, one.summary), *level_figures(one)]
        for one in shown
    ]
    return page_table(head, rows, kind="levels")


def side_by_side(level: Sequence[ShownLevel]) -> PageTable:
    """Return a row for the level and for each of its variants."""
    rows: list[CellTexts] = [
        [TableCell(one.part.variant or one.part.title, one.anchor), outcome_cell(one.outcome), *level_figures(one)]
        for one in level
    ]
    head: CellTexts = ["", "verdict", *_column_heads()]
    return page_table(head, rows, kind="levels")


def _column_heads() -> list[TableCell]:
    return [defined(name, label) for name, label in LEVEL_COLUMNS.items()]


def _level_name(one: ShownLevel) -> TableCell:
    return TableCell(one.part.variant or one.part.title, one.anchor, is_indented=bool(one.part.variant))


def _contents(shown: Sequence[ShownLevel], is_missing: bool) -> tuple[ContentsEntry, ...]:
    """Return links to every section, those to the variants below their level."""
    first = {"made": Heading.MADE, "broker": Heading.BROKER}
    last = {"missing": Heading.MISSING} if is_missing else {}
    last |= {"environment": Heading.ENVIRONMENT, "definitions": Heading.DEFINITIONS} if shown else {}
    return (
        *(ContentsEntry(TableCell(title, anchor)) for anchor, title in first.items()),
        *(_contents_of_level(level) for level in by_level(shown)),
        *(ContentsEntry(TableCell(title, anchor)) for anchor, title in last.items()),
    )


def _contents_of_level(level: Sequence[ShownLevel]) -> ContentsEntry:
    below = tuple(TableCell(one.part.variant, one.anchor) for one in level if one.part.variant)
    head = next((one for one in level if not one.part.variant), None)
    # the level itself may be missing although a variant of it was run: then its name leads nowhere
    return ContentsEntry(TableCell(head.name, head.anchor) if head else TableCell(level[0].part.title), below)
