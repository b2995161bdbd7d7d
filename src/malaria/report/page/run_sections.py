"""The sections of a page about one attack, as plain values in the order in which a reader asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from malaria.analysis.headline import headline
from malaria.analysis.recovery import RULES
from malaria.analysis.series import columns
from malaria.analysis.summary_figures import Summary
from malaria.analysis.timeline import load_clock
from malaria.records.campaign_records import CampaignPart
from malaria.records.rows import EventKind
from malaria.records.run import Run
from malaria.report.charts.chart_model import Chart
from malaria.report.charts.event_marks import marks
from malaria.report.charts.run_charts import percentiles, stack, step_s
from malaria.report.charts.time_panels import SeriesColumns
from malaria.report.figure_text import count
from malaria.report.page.account_view import AccountView, account_view
from malaria.report.page.bees_view import BeesView, bees_view
from malaria.report.page.downloads import download_data, downloads, series_table
from malaria.report.page.latency_view import LatencyView, latency_view
from malaria.report.page.page_data import PageData
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
HEAD_PX: Final = 26
FOOT_PX: Final = 30
PLOTS_BESIDE: Final = 3
"""Plots beside each other on a desk, see charts.js."""
NO_PART: Final = CampaignPart(0, "", "", 0)


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
    steered: CopyableCommand | None
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


def section_data(material: RunMaterial, suffix: str = "") -> PageData:
    """Return the charts, series and files of one attack; `suffix` makes their names unique on a page of several."""
    drawn = {
        f"stack{suffix}": in_series(stack(material.run, material.series), material, suffix),
        f"percentiles{suffix}": percentiles(material.run),
    }
    return PageData(drawn).joined(download_data(material.series, material.summary, suffix))


def in_series(chart: Chart, material: RunMaterial, suffix: str = "") -> Chart:
    """Return a chart over time with its values in the series of the page, unless it is drawn in coarser steps."""
    return chart.from_table(series_table(suffix)) if step_s(material.run) == 1 and chart.x else chart


def chart_place(name: str, data: PageData) -> ChartPlace:
    chart = data.charts[name]
    columns_of_plots = PLOTS_BESIDE if chart.side_by_side else 1
    rows = -(-len(chart.panels) // columns_of_plots)
    whole_px = sum(panel.height_px + HEAD_PX for panel in chart.panels)
    return ChartPlace(name, whole_px * rows // max(len(chart.panels), 1) + FOOT_PX, chart.description)


def verdict_view(run: Run, summary: Summary) -> VerdictView:
    answer = headline(summary)
    return VerdictView(str(answer.outcome), answer.what, answer.remedy, answer.further)


def run_sections(material: RunMaterial, data: PageData, suffix: str = "", part: CampaignPart = NO_PART) -> RunSections:
    """Return the sections of an attack, whose charts are in `data` under names that end in `suffix`.

    `part` is what a campaign says about it.
    """
    run, summary = material.run, material.summary
    return RunSections(
        commands=command_lines(part.command or run.meta.command or "unknown", f"command{suffix}"),
        steered=None if run.meta.steered is None else CopyableCommand(f"steered{suffix}", run.meta.steered),
        clean_start=clean_start(part),
        target=target_view(run, summary),
        surges=surges_view(run, summary),
        over_time=chart_place(f"stack{suffix}", data),
        events=events_table(run),
        bees=bees_view(run, summary),
        latency=latency_view(run, summary, chart_place(f"percentiles{suffix}", data)),
        account=account_view(run, summary),
        sys=sys_view(run, summary),
        perf=perf_view(run),
        note=paragraphs(part.note),
        downloads=downloads(suffix),
        warhead=warhead_of(run),
    )


def surges_view(run: Run, summary: Summary) -> SurgesView | None:
    """Return None if there was no surge, or none was judged."""
    rows = [surge_row(run, surge) for surge in summary.surges]
    return SurgesView(page_table(SURGE_HEAD, rows, words=(3, 4, 5)), tuple(RULES.items())) if rows else None


def events_table(run: Run) -> FoldedTable:
    """Return all that happened, phases included, in order of time."""
    phases, marked = [event for event in run.events if event.kind is EventKind.PHASE], marks(run)
    events = sorted([*phases, *marked], key=lambda event: event.at_ns)
    rows = [
        [
            load_clock(run.meta, event.at_ns),
            str(event.kind),
            event.text,
            count(event.count),
            event.worker,
        ]
        for event in events[:MOST_EVENTS]
    ]
    if more := len(events) - len(rows):
        rows.append(["", "", f"and {format_things(more, 'more event')}, which malaria export -f json has", "", ""])
    label = f"{count(len(events))} events, {count(len(marked))} of them marks in the charts" if marked else "phases"
    return FoldedTable(label, page_table(["at", "kind", "what", "times", "worker"], rows, words=(1, 2)))


def warhead_of(run: Run) -> str:
    return run.meta.warhead_toml or "unknown"
