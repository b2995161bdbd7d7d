"""The files that a run or a campaign leaves for its readers: `summary.json`, the page, and the page as Markdown.

Every command writes them here and nowhere else. Each file is written beside the old one and then put in its place, so
that a full disk or a killed command leaves the old file whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from malaria.analysis.whole import summarize_campaign
from malaria.records.rows import CampaignRecords
from malaria.records.run import Run

SUMMARY: Final = "summary.json"
PAGE: Final = "report.html"
MARKDOWN: Final = "report.md"

type Runs = Mapping[str, tuple[Run, dict[str, Any]]]
"""The records and the summary of each part of a campaign that was run, by its directory."""


def write_summary(summary: Mapping[str, Any], directory: Path) -> None:
    """Write `summary.json`. Raises OSError when the disk does not take it."""
    _replace(directory / SUMMARY, lambda path: path.write_text(json_text(summary), encoding="ascii"))


def write_attack_files(records: Run, summary: dict[str, Any], directory: Path) -> None:
    """Write all files of an attack. Raises OSError when the disk does not take them, RunError for a damaged run."""
    from malaria.report.markdown.run_markdown import write_markdown  # charts are slow to import, and come last
    from malaria.report.page.run_page import write_page

    write_summary(summary, directory)
    _replace(directory / PAGE, lambda path: write_page(records, summary, path))
    _replace(directory / MARKDOWN, lambda path: write_markdown(records, summary, path))


def write_campaign_files(campaign: CampaignRecords, runs: Runs, directory: Path) -> dict[str, Any]:
    """Write all files of a campaign and return its summary. Raises as `write_attack_files` does."""
    from malaria.report.markdown.run_markdown import write_campaign_markdown
    from malaria.report.page.run_page import write_campaign_page

    summary = summarize_campaign(campaign, {name: figures for name, (_, figures) in runs.items()})
    write_summary(summary, directory)
    _replace(directory / PAGE, lambda path: write_campaign_page(campaign, runs, path))
    _replace(directory / MARKDOWN, lambda path: write_campaign_markdown(campaign, runs, path))
    return summary


def json_text(value: object) -> str:
    """Return indented JSON in ASCII, which any locale and any disk takes, whatever bytes a broker's version had."""
    return json.dumps(value, indent=2) + "\n"


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Replace a file by what `write` writes. Raises what it raises; then the old file is untouched."""
    fresh = path.with_name(f"{path.name}.new")
    try:
        write(fresh)
        os.replace(fresh, path)
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
