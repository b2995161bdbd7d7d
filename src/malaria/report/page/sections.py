"""What a page says of one attack, in the order in which one would ask. Sections without content are left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from malaria.analysis.series import columns
from malaria.records.rows import CampaignPart
from malaria.records.run import Run
from malaria.report.charts import run_charts as charts
from malaria.report.charts.time_panels import SeriesColumns
from malaria.report.figure_text import Summary
from malaria.report.ledger_text import account
from malaria.report.page import appendix, blocks, target_page
from malaria.report.page.markup import chart, folded, text
from malaria.report.shown_levels import clean_start
from malaria.report.surge_text import surges

type Charts = dict[str, charts.PlotlyFigure]

SAID: Final = {
    "overview": "Messages per second, due and done, over time",
    "stack": "Clients, messages per second, latency, the broker's CPU and memory, what it holds, lag and CPU over time",
    "percentiles": "Latency by percentile",
    "levels": "Broker CPU, latency and messages per second by number of clients",
}
NOBODY: Final = CampaignPart(0, "", "", 0)


@dataclass(frozen=True, slots=True)
class Place:
    """Where on a page: what is added to names, the heading of a section, and what the campaign says of it."""

    suffix: str = ""
    tag: str = "h2"
    part: CampaignPart = NOBODY


@dataclass(frozen=True, slots=True)
class Material:
    """An attack, and its columns second by second, which take a while to make."""

    records: Run
    summary: Summary
    series: SeriesColumns


def material(records: Run, summary: Summary) -> Material:
    """Raises RunError for a damaged run."""
    return Material(records, summary, columns(records))


def attack_charts(attack: Material, suffix: str = "") -> Charts:
    stack = charts.stack(attack.records, attack.series)
    return {f"stack{suffix}": stack, f"percentiles{suffix}": charts.percentiles(attack.records)}


def place_chart(name: str, figures: Mapping[str, charts.PlotlyFigure]) -> str:
    return chart(name, figures[name]["layout"]["height"], SAID[name.partition("-")[0]])


def body(attack: Material, figures: Charts, place: Place) -> str:
    """All of them, the title of each in its heading."""
    records, summary, suffix = attack.records, attack.summary, place.suffix
    sections = {
        "The command to repeat it": _command(records, place),
        "What it took": target_page.seen(records, summary),
        "Surges": surges(summary),
        "Over time": place_chart(f"stack{suffix}", figures) + blocks.events(records),
        "Latency": _latency(records, summary, place_chart(f"percentiles{suffix}", figures)),
        "The ledger": account(records, summary),
        "$SYS": target_page.sys_block(records, summary),
        "perf": target_page.perf(records),
        "Note": blocks.note(place.part.note),
        "Raw data": appendix.raw_data(attack.series, summary, f"level{suffix}-" if suffix else "")
        + folded("the warhead as it was", appendix.warhead(records)),
    }
    return "\n".join(
        f"<{place.tag}>{text(title)}</{place.tag}>\n{content}" for title, content in sections.items() if content
    )


def _command(records: Run, place: Place) -> str:
    clean = clean_start(place.part)
    told = f'<p class="soft">{text(clean)}</p>' if clean else ""
    return blocks.repeat(place.part.command or records.meta.command or "unknown", place.suffix) + told


def _latency(records: Run, summary: Summary, percentiles: str) -> str:
    return blocks.latency_table(records, summary) + blocks.connect_split(summary) + percentiles
