"""The files that a run or a campaign leaves for its readers: `summary.json`, the page, and the page as Markdown.

Every command writes them here and nowhere else. Each file is written beside the old one and then put in its place, so
that a full disk or a killed command leaves the old file whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from malaria.analysis.campaign_figures import summarize_campaign
from malaria.analysis.compare.side_by_side import SideBySide
from malaria.analysis.summary_figures import Summary
from malaria.records.campaign_records import CampaignRecords
from malaria.records.run import Run

SUMMARY: Final = "summary.json"
COMPARISON: Final = "comparison.json"
PAGE: Final = "report.html"
MARKDOWN: Final = "report.md"

type Runs = Mapping[str, tuple[Run, Summary]]
"""The records and the summary of each part of a campaign that was run, by its directory."""


def write_summary(summary: Summary, directory: Path) -> None:
    """Write `summary.json`. Raises OSError when the disk does not take it."""
    write_text_file(directory / SUMMARY, json_text(summary.as_json()))


def write_attack_files(run: Run, summary: Summary, directory: Path) -> None:
    """Write all files of an attack. Raises OSError when the disk does not take them, RunError for a damaged run."""
    from malaria.report.markdown.run_markdown import render_run_markdown  # charts are slow to import, and come last
    from malaria.report.page.run_page import render_run_page

    write_summary(summary, directory)
    write_text_file(directory / PAGE, render_run_page(run, summary))
    write_text_file(directory / MARKDOWN, render_run_markdown(run, summary))


def write_campaign_files(campaign: CampaignRecords, runs: Runs, directory: Path) -> Summary:
    """Write all files of a campaign and return its summary. Raises as `write_attack_files` does."""
    from malaria.report.markdown.campaign_markdown import render_campaign_markdown
    from malaria.report.page.campaign_page import render_campaign_page
    from malaria.report.page.comparison_page import render_comparison_page

    summary = summarize_campaign(campaign, {name: figures for name, (_, figures) in runs.items()})
    write_summary(summary, directory)
    render_page = render_campaign_page if summary.comparison is None else render_comparison_page
    write_text_file(directory / PAGE, render_page(campaign, runs, summary))
    write_text_file(directory / MARKDOWN, render_campaign_markdown(campaign, runs, summary))
    return summary


def write_side_by_side_files(compared: SideBySide, directory: Path) -> None:
    """Write the page and the figures of two results side by side. Raises OSError when the disk does not take them."""
    from malaria.report.page.side_by_side_page import render_side_by_side_page

    write_text_file(directory / COMPARISON, json_text(compared.as_json()))
    write_text_file(directory / PAGE, render_side_by_side_page(compared))


def json_text(value: object) -> str:
    """Return indented JSON in ASCII, which any locale and any disk takes, whatever bytes a broker's version had."""
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def write_text_file(path: Path, text: str) -> None:
    """Replace the text of a file. Raises OSError if the disk does not take it; then the old file is untouched."""
    fresh = path.with_name(f"{path.name}.new")
    try:
        fresh.unlink(missing_ok=True)  # of a killed command, or a link in a run from elsewhere: never written through
        fresh.write_text(text, encoding="utf-8", errors="backslashreplace")  # a path may be no UTF-8
        # atomic on one file system: a reader sees the old file or the new one, never a part
        os.replace(fresh, path)
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
