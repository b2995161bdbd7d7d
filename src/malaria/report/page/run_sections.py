"""The sections of a page about one attack, as plain values in the order in which a reader asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from malaria.analysis.headline import headline
from malaria.analysis.recovery import RULES
from malaria.analysis.series import columns
from malaria.analysis.summary_figures import Summary
from malaria.clock import NS_PER_S
from malaria.records.campaign_records import CampaignPart
from malaria.records.rows import EventKind
from malaria.records.run import Run
from malaria.report.charts.chart_frame import PlotlyFigure
from malaria.report.charts.event_marks import restarts
from malaria.report.charts.run_charts import percentiles, stack
from malaria.report.charts.time_panels import SeriesColumns
from malaria.report.figure_text import count
from malaria.report.page.account_view import AccountView, account_view
from malaria.report.page.bees_view import BeesView, bees_view
from malaria.report.page.downloads import raw_data
from malaria.report.page.latency_view import LatencyView, latency_view
from malaria.report.page.page_elements import (
    ChartPlace,
    CopyableCommand,
    DownloadLink,
    FoldedTable,
    PageTable,
    command_lines,
    page_table,
    paragraphs,
)
from malaria.report.page.target_view import PerfView, SysView, TargetView, perf_view, sys_view, target_view
from malaria.report.shown_levels import clean_start
from malaria.report.surge_text import SURGE_HEAD, surge_row
from malaria.units import format_things

MOST_EVENTS: Final = 2000
"""The most rows in the table of events."""
DESCRIPTIONS: Final = {
    "overview": "Messages per second, due and done, over time",
    "stack": "Clients, messages per second, latency, the broker's CPU and memory, what it holds, lag and CPU over time",
    "percentiles": "Latency by percentile",
    "levels": "Broker CPU, latency and messages per second by number of clients",
}
"""The text alternative of each kind of chart."""
NO_PART: Final = CampaignPart(0, "", "", 0)

type PageCharts = dict[str, PlotlyFigure]
"""The charts of a page by the id of their place."""


@dataclass(frozen=True, slots=True)
class VerdictView:
    """The large line, the remedy (may be empty), and the further reasons."""

    outcome: str
    sentence: str
    remedy: str = ""
    further: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SurgesView:
    """The surges, and the rules by which they were judged, each with its name."""

    table: PageTable
    rules: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RunSections:
    """Everything that a page says about one attack below its first screen. Sections that are None are left out."""

    commands: tuple[CopyableCommand, ...]
    clean_start: str
    target: TargetView
    surges: SurgesView | None
    over_time: ChartPlace
    events: FoldedTable
    bees: BeesView | None
    latency: LatencyView
    account: AccountView
    sys: SysView | None
    perf: PerfView | None
    note: tuple[str, ...]
    downloads: tuple[DownloadLink, ...]
    warhead: str


@dataclass(frozen=True, slots=True)
class RunMaterial:
    """An attack with its series second by second, which takes a while to compute and is used several times."""

    run: Run
    summary: Summary
    series: SeriesColumns


def run_material(run: Run, summary: Summary) -> RunMaterial:
    """Raise RunError for a damaged run."""
    return RunMaterial(run, summary, columns(run))


def section_charts(material: RunMaterial, suffix: str = "") -> PageCharts:
    """Return the charts of one attack; `suffix` makes their ids unique on a page of several."""
    return {
        f"stack{suffix}": stack(material.run, material.series),
        f"percentiles{suffix}": percentiles(material.run),
    }


def chart_place(name: str, charts: Mapping[str, PlotlyFigure]) -> ChartPlace:
    return ChartPlace(name, charts[name]["layout"]["height"], DESCRIPTIONS[name.partition("-")[0]])


def verdict_view(run: Run, summary: Summary) -> VerdictView:
    answer = headline(summary)
    return VerdictView(str(answer.outcome), unbroken(answer.what), answer.remedy, answer.further)


def unbroken(sentence: str) -> str:
    """Keep numbers and their percent signs on one line."""
    return sentence.replace(" %", "\N{NO-BREAK SPACE}%")


def run_sections(
    material: RunMaterial, charts: PageCharts, suffix: str = "", part: CampaignPart = NO_PART
) -> RunSections:
    """Return the sections of an attack, whose charts are in `charts` under names that end in `suffix`.

    `part` is what a campaign says about it.
    """
    run, summary = material.run, material.summary
    return RunSections(
        commands=command_lines(part.command or run.meta.command or "unknown", f"command{suffix}"),
        clean_start=clean_start(part),
        target=target_view(run, summary),
        surges=surges_view(run, summary),
        over_time=chart_place(f"stack{suffix}", charts),
        events=events_table(run),
        bees=bees_view(run, summary),
        latency=latency_view(run, summary, chart_place(f"percentiles{suffix}", charts)),
        account=account_view(run, summary),
        sys=sys_view(run, summary),
        perf=perf_view(run),
        note=paragraphs(part.note),
        downloads=raw_data(material.series, summary, f"level{suffix}-" if suffix else ""),
        warhead=warhead_of(run),
    )


def surges_view(run: Run, summary: Summary) -> SurgesView | None:
    """Return None if there was no surge, or none was judged."""
    rows = [surge_row(run, surge) for surge in summary.surges]
    return SurgesView(page_table(SURGE_HEAD, rows, words=(3, 4, 5)), tuple(RULES.items())) if rows else None


def events_table(run: Run) -> FoldedTable:
    """Return all that happened, phases included, in order of time."""
    events = sorted([*run.events, *restarts(run)], key=lambda event: event.at_ns)
    rows = [
        [f"{event.at_ns / NS_PER_S:,.1f} s", str(event.kind), event.text, count(event.count), event.worker]
        for event in events[:MOST_EVENTS]
    ]
    if more := len(events) - len(rows):
        rows.append(["", "", f"and {format_things(more, 'more event')}, which malaria export -f json has", "", ""])
    marks = sum(event.kind is not EventKind.PHASE for event in events)
    label = f"{count(len(events))} events, {count(marks)} of them marks in the charts" if marks else "phases"
    return FoldedTable(label, page_table(["at", "kind", "what", "times", "worker"], rows, words=(1, 2)))


def warhead_of(run: Run) -> str:
    return run.meta.warhead_toml or "unknown"
