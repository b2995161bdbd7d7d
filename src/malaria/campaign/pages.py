"""What a campaign leaves behind beside the runs of its parts: the summary of the whole, the page, its Markdown twin."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from malaria.analysis.whole import summarize_campaign
from malaria.records.campaign_store import COPY as COPY
from malaria.records.rows import CampaignRecords, RunRecords
from malaria.report.markdown.run_markdown import write_campaign_markdown
from malaria.report.page.run_page import write_campaign_page

SUMMARY: Final = "summary.json"
PAGE: Final = "report.html"
MARKDOWN: Final = "report.md"

type Runs = Mapping[str, tuple[RunRecords, dict[str, Any]]]
"""Records and summary of each part that was run, by its directory."""


def write_campaign_reports(campaign: CampaignRecords, runs: Runs, directory: Path) -> dict[str, Any]:
    """Writes all three; returns the summary. Raises OSError when the disk does not take them."""
    summary = summarize_campaign(campaign, {name: figures for name, (_, figures) in runs.items()})
    (directory / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n")
    write_campaign_page(campaign, runs, directory / PAGE)
    write_campaign_markdown(campaign, runs, directory / MARKDOWN)
    return summary
