"""The page of an attack, and of a campaign: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from malaria.records.rows import CampaignRecords, RunRecords
from malaria.report.charts import run_charts as charts
from malaria.report.figures import Summary, moment
from malaria.report.page import appendix, blocks
from malaria.report.page.campaign_page import campaign_body
from malaria.report.page.markup import document, text
from malaria.report.page.sections import Charts, Place, attack_charts, body, material, place_chart
from malaria.report.parts import Run


def write_page(records: RunRecords, summary: Summary, path: Path) -> None:
    """The page of one attack. Raises RunError for a damaged run, OSError when it cannot be written."""
    attack = material(records, summary)
    figures = {"overview": charts.overview(records, attack.series)} | attack_charts(attack)
    parts = [
        _top(records, summary, figures),
        body(attack, figures, Place()),
        appendix.end(records, summary),
    ]
    title = str(records.meta.get("title") or "attack")
    _write(document(f"{title} · malaria", "\n".join(parts), figures), path)


def write_campaign_page(campaign: CampaignRecords, levels: Mapping[str, Run], path: Path) -> None:
    """The page of a campaign: all levels at a glance, then each as on a page of its own. Raises as write_page.

    `levels` holds the run of each part by its directory. A part that is not in it was not run, or cannot be read.
    """
    content, figures = campaign_body(campaign, levels)
    _write(document(f"{campaign.title} · malaria", content, figures), path)


def _write(page: str, path: Path) -> None:
    """A file name that is no UTF-8 gives the command lone surrogates: they are spelled out, as in the store."""
    path.write_text(page, encoding="utf-8", errors="backslashreplace")


def _top(records: RunRecords, summary: Summary, figures: Charts) -> str:
    """What one sees without scrolling: title, verdict, the figures that matter, one chart."""
    meta = records.meta
    told = [meta.get("target"), meta.get("load"), moment(summary)]
    line = " · ".join(str(part) for part in told if part)
    head = f"<h1><b>{text(meta.get('title') or 'attack')}</b> · {text(line)}</h1>"
    return "\n".join(
        [head, blocks.verdict(records, summary), blocks.cards(records, summary), place_chart("overview", figures)]
    )
