"""The page of a campaign: the answer, all levels at a glance, how it was made, then each level like an attack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from malaria.analysis.capacity.median_hold import median_hold, passed_holds
from malaria.analysis.headline import headline
from malaria.analysis.knee import highest_passed, knee
from malaria.analysis.summary_figures import LoopFigures, Summary
from malaria.records.campaign_records import CampaignRecords
from malaria.report.campaign_answer import (
    NO_SETTINGS,
    broker_facts,
    broker_settings,
    campaign_sentences,
    made_facts,
    not_to_the_end,
)
from malaria.report.charts.level_charts import levels_chart, overlaid_percentiles, overlaid_rates
from malaria.report.charts.loop_chart import loop_chart
from malaria.report.figure_text import moment
from malaria.report.headings import Heading
from malaria.report.page.environment_view import EnvironmentView, environment_view
from malaria.report.page.figure_cards import figure_cards
from malaria.report.page.levels_table import levels_table, side_by_side
from malaria.report.page.page_data import PageData
from malaria.report.page.page_document import render_document
from malaria.report.page.page_elements import (
    ChartPlace,
    CopyableCommand,
    FigureCard,
    PageTable,
    TableCell,
    named_values,
    page_table,
    paragraphs,
)
from malaria.report.page.run_sections import (
    RunMaterial,
    RunSections,
    VerdictView,
    chart_place,
    run_material,
    run_sections,
    section_data,
    verdict_view,
)
from malaria.report.page.threshold_table import level_threshold_table
from malaria.report.repeat_text import REPEAT_HEAD, repeat_rows, repeat_sentence
from malaria.report.search_conclusions import loop_words
from malaria.report.shown_levels import (
    RunAndSummary,
    ShownLevel,
    by_level,
    common_load,
    missing_lines,
    names_apart,
    shown_parts,
)

MOST_CONTENTS_CHARS: Final = 300
"""So many characters of links take two lines of a wide screen. The contents stay in sight, and must leave room."""
CONTENTS_GAP_CHARS: Final = 2


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
class RepeatView:
    """The scatter of the runs of one load: a sentence, and a row for each figure."""

    sentence: str
    table: PageTable


@dataclass(frozen=True, slots=True)
class CampaignPage:
    """The values of the template campaign_page.html. Those that are None belong to a campaign without a run."""

    title: str
    subtitle: str
    verdict: VerdictView
    unfinished: str
    cards_of: str
    cards: tuple[FigureCard, ...]
    chart: ChartPlace | None
    loop: ChartPlace | None
    loop_words: tuple[str, ...]
    thresholds: PageTable | None
    overview: PageTable
    percentiles: ChartPlace | None
    rates: ChartPlace | None
    conclusions: tuple[str, ...]
    repeats: tuple[RepeatView, ...]
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
    contents: tuple[TableCell, ...] = ()


def render_campaign_page(campaign: CampaignRecords, levels: Mapping[str, RunAndSummary], summary: Summary) -> str:
    """Return the page of a campaign as text that UTF-8 can carry. Raises RunError for a damaged run.

    `levels` holds the run of each part by its directory. A part that is not in it was not run, or cannot be read.
    `summary` is that of the campaign.
    """
    shown = shown_parts(campaign, levels)
    materials = [run_material(one.run, one.summary) for one in shown]
    data = _page_data(campaign, summary, shown, materials)
    answer = headline(summary)
    missing = missing_lines(campaign, levels)
    best = _answer_level(shown)
    page = CampaignPage(
        title=campaign.title,
        subtitle=_subtitle(campaign, shown),
        verdict=VerdictView(str(answer.outcome), answer.what, answer.remedy),
        unfinished=not_to_the_end(campaign),
        cards_of=_cards_of(best, shown) if best else "",
        cards=figure_cards(best.run, best.summary) if best else (),
        chart=chart_place("levels", data) if shown else None,
        loop=chart_place("loop", data) if _loop(summary) is not None else None,
        loop_words=tuple(loop_words(summary)),
        thresholds=level_threshold_table([one for one in shown if not one.climbs]),
        overview=levels_table(shown, [material.series for material in materials]),
        percentiles=chart_place("all-percentiles", data) if shown else None,
        rates=chart_place("all-rates", data) if shown else None,
        conclusions=tuple(campaign_sentences(summary, shown)),
        repeats=tuple(
            RepeatView(repeat_sentence(one), page_table(REPEAT_HEAD, repeat_rows(one))) for one in summary.repeats or ()
        ),
        note=paragraphs(campaign.note),
        command=CopyableCommand("command-campaign", campaign.command),
        made=named_values(made_facts(campaign, shown)),
        source=campaign.source,
        broker=named_values(broker_facts(campaign, shown)),
        broker_settings=broker_settings(campaign),
        no_settings=NO_SETTINGS,
        levels=tuple(_level(one, shown, material, data) for one, material in zip(shown, materials, strict=True)),
        missing=tuple(missing),
        environment=environment_view(shown[-1].run, shown[-1].summary) if shown else None,
    )
    return render_document("campaign_page.html", replace(page, contents=_contents(page, shown)), data)


def _page_data(
    campaign: CampaignRecords, summary: Summary, shown: Sequence[ShownLevel], materials: Sequence[RunMaterial]
) -> PageData:
    """Return the charts over all levels, and those of each."""
    if not shown:
        return PageData()
    compared = [(one, material.series) for one, material in zip(shown, materials, strict=True) if not one.climbs]
    levels = [one for one, _ in compared]
    data = PageData(
        {
            "levels": levels_chart(levels, _load_unit(campaign)),
            "all-percentiles": overlaid_percentiles(levels),
            "all-rates": overlaid_rates(levels, [series for _, series in compared]),
        }
    )
    loop = _loop(summary)
    if loop is not None:
        data = data.joined(PageData({"loop": loop_chart(loop, by_rate=_by_rate(campaign))}))
    for one, material in zip(shown, materials, strict=True):
        data = data.joined(section_data(material, one.suffix))
    return data


def _answer_level(shown: Sequence[ShownLevel]) -> ShownLevel | None:
    """Return the level whose figures stand on the first screen: the greatest that passed, else where it broke.

    Of several holds of a search at one load it is the one with the median latency.
    """
    found = highest_passed(shown) or knee(shown) or (shown[0] if shown else None)
    return (found and found.part.trial and median_hold(shown, found.load)) or found


def _cards_of(best: ShownLevel, shown: Sequence[ShownLevel]) -> str:
    is_chosen = best.part.trial is not None and len(passed_holds(shown, best.load)) > 1
    of_several = " (the one with the median p99)" if is_chosen else ""
    return f"At {names_apart(shown)[best.anchor]}{of_several}:"


def _load_unit(campaign: CampaignRecords) -> str:
    return "msg/s of all clients" if _by_rate(campaign) else "clients"


def _by_rate(campaign: CampaignRecords) -> bool:
    return campaign.search is not None and campaign.search.by_rate


def _loop(summary: Summary) -> LoopFigures | None:
    """Return the staircase of a search; None for another campaign, or one whose staircase has no rung."""
    return summary.capacity.loop if summary.capacity is not None else None


def _subtitle(campaign: CampaignRecords, shown: Sequence[ShownLevel]) -> str:
    first = shown[0].summary if shown else None
    parts = [first.target or "", common_load(shown), moment(first)] if first else [campaign.file, "nothing was run"]
    return " · ".join(part for part in parts if part)


def _level(one: ShownLevel, shown: Sequence[ShownLevel], material: RunMaterial, data: PageData) -> LevelView:
    level = next(level for level in by_level(shown) if one in level)
    is_first = one is level[0]  # the comparison is shown once, above the first of them
    return LevelView(
        anchor=one.anchor,
        name=names_apart(shown)[one.anchor],
        load=one.run.meta.load or "",
        verdict=verdict_view(one.run, one.summary),
        side_by_side=side_by_side(level) if is_first and len(level) > 1 else None,
        sections=run_sections(material, data, one.suffix, one.part),
    )


def _contents(page: CampaignPage, shown: Sequence[ShownLevel]) -> tuple[TableCell, ...]:
    """Return links to the sections of the page and to the levels; not to the levels where that is a long list."""
    names = names_apart(shown)
    first = {Heading.LOOP: page.loop, Heading.CONCLUSIONS: page.conclusions, Heading.THRESHOLDS: page.thresholds,
             Heading.REPEATS: page.repeats}  # fmt: skip
    last = {Heading.MADE: True, Heading.BROKER: True, Heading.MISSING: page.missing, Heading.ENVIRONMENT: shown,
            Heading.DEFINITIONS: shown}  # fmt: skip
    table = [TableCell(Heading.LEVELS, f"{Heading.LEVELS.anchor}-table")] if shown else []
    levels = [
        TableCell(one.part.variant or names[one.anchor], one.anchor, is_indented=bool(one.part.variant))
        for one in shown
    ]
    before, after = ([TableCell(name, name.anchor) for name, there in part.items() if there] for part in (first, last))
    links = (*before, *table, *levels, *after)
    if sum(len(link.text) + CONTENTS_GAP_CHARS for link in links) <= MOST_CONTENTS_CHARS:
        return links
    # the table of levels has a link to each
    return (*before, *table, *after)
