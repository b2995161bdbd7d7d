"""The same report as Markdown, to paste into a wiki."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from malaria.analysis.headline import headline
from malaria.records.rows import CampaignRecords
from malaria.records.run import Run
from malaria.report.figure_text import length
from malaria.report.markdown.campaign_markdown import campaign_lines
from malaria.report.markdown.markdown_sections import sections, titled
from malaria.report.markdown.markdown_text import code, plain, table
from malaria.report.page.appendix import facts

type Summary = Mapping[str, Any]


def write_markdown(records: Run, summary: Summary, path: Path) -> None:
    """Write the report of an attack. Raises OSError when it cannot, RunError for a damaged run."""
    path.write_text(render_run_markdown(records, summary), encoding="utf-8")


def render_run_markdown(records: Run, summary: Summary) -> str:
    """Return the report of an attack as Markdown. Raises RunError for a damaged run."""
    return _joined(_attack(records, summary))


def write_campaign_markdown(campaign: CampaignRecords, levels: Mapping[str, tuple[Run, Summary]], path: Path) -> None:
    """Write the report of a campaign. Raises as write_markdown."""
    path.write_text(render_campaign_markdown(campaign, levels), encoding="utf-8")


def render_campaign_markdown(campaign: CampaignRecords, levels: Mapping[str, tuple[Run, Summary]]) -> str:
    """Return the report of a campaign as Markdown; `levels` holds each run by its directory.

    Raises RunError for a damaged run.
    """
    return _joined(campaign_lines(campaign, levels))


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


def _attack(records: Run, summary: Summary) -> list[str]:
    meta = records.meta
    said = headline(records, summary)
    lines = [
        f"# {plain('attack' if meta.title is None else meta.title)}",
        "",
        f"{plain(meta.target or '')} · {plain(meta.load or '')} · measured {length(summary)}",
        "",
        f"**{said.outcome}** {plain(said.what)}",
        *(f"\n{plain(line)}" for line in (said.remedy, *said.further) if line),
        "",
        code(meta.command or "unknown", "sh"),
        "",
    ]
    end = {
        "Environment": table(["", ""], [[plain(n), plain(fact)] for n, fact in facts(records, summary)], words=2),
        "Warhead": [code((meta.warhead_toml or "").rstrip(), "toml")],
    }
    return lines + titled(sections(records, summary) | end, "##")
