"""The page of an attack, and of a campaign: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from malaria.records.rows import CampaignRecords
from malaria.records.run import Run
from malaria.report.charts import run_charts as charts
from malaria.report.figure_text import Summary, moment
from malaria.report.page import appendix, blocks
from malaria.report.page.campaign_page import campaign_body
from malaria.report.page.markup import document, text
from malaria.report.page.sections import Charts, Place, attack_charts, body, material, place_chart
from malaria.report.shown_levels import RunAndSummary


def write_page(records: Run, summary: Summary, path: Path) -> None:
    """Write the page of one attack. Raises RunError for a damaged run, OSError when it cannot be written."""
    path.write_text(render_run_page(records, summary), encoding="utf-8")


def render_run_page(records: Run, summary: Summary) -> str:
    """Return the page of one attack as text that UTF-8 can carry. Raises RunError for a damaged run."""
    attack = material(records, summary)
    figures = {"overview": charts.overview(records, attack.series)} | attack_charts(attack)
    parts = [
        _top(records, summary, figures),
        body(attack, figures, Place()),
        appendix.end(records, summary),
    ]
    title = records.meta.title or "attack"
    return _encodable(document(f"{title} · malaria", "\n".join(parts), figures))


def write_campaign_page(campaign: CampaignRecords, levels: Mapping[str, RunAndSummary], path: Path) -> None:
    """Write the page of a campaign. Raises as write_page."""
    path.write_text(render_campaign_page(campaign, levels), encoding="utf-8")


def render_campaign_page(campaign: CampaignRecords, levels: Mapping[str, RunAndSummary]) -> str:
    """Return the page of a campaign: all levels at a glance, then each as on a page of its own.

    `levels` holds the run of each part by its directory. A part that is not in it was not run, or cannot be read.
    Raises RunError for a damaged run.
    """
    content, figures = campaign_body(campaign, levels)
    return _encodable(document(f"{campaign.title} · malaria", content, figures))


def _encodable(page: str) -> str:
    """Spell out lone surrogates, as the store does: a file name that is not UTF-8 gives them to the command line."""
    return page.encode("utf-8", errors="backslashreplace").decode("utf-8")


def _top(records: Run, summary: Summary, figures: Charts) -> str:
    """What one sees without scrolling: title, verdict, the figures that matter, one chart."""
    meta = records.meta
    told = [meta.target, meta.load, moment(summary)]
    line = " · ".join(str(part) for part in told if part)
    head = f"<h1><b>{text(meta.title or 'attack')}</b> · {text(line)}</h1>"
    return "\n".join(
        [head, blocks.verdict(records, summary), blocks.cards(records, summary), place_chart("overview", figures)]
    )
