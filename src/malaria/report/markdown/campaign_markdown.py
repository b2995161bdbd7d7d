"""The page of a campaign as Markdown: what a person would have written into the wiki by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from malaria.analysis.headline import headline
from malaria.records.rows import CampaignRecords
from malaria.report.campaign_answer import answer, broker_facts, made_facts, not_to_the_end
from malaria.report.campaign_conclusions import conclusions
from malaria.report.figure_text import connected
from malaria.report.markdown.markdown_sections import sections, titled
from malaria.report.markdown.markdown_text import anchor, code, plain, table
from malaria.report.page.appendix import facts
from malaria.report.page.blocks import COLUMNS, row_of
from malaria.report.shown_levels import RunAndSummary, ShownLevel, by_level, clean_start, missing_lines, shown_parts

MADE: Final = "How the load was made"
BROKER: Final = "The broker"
MISSING: Final = "What is missing"
ENVIRONMENT: Final = "Environment"
CONCLUSIONS: Final = "Conclusions"


def campaign_lines(campaign: CampaignRecords, runs: Mapping[str, RunAndSummary]) -> list[str]:
    """The whole of it."""
    shown = shown_parts(campaign, runs)
    told: dict[str, Sequence[str]] = {
        CONCLUSIONS: [f"- {plain(sentence)}" for sentence in conclusions(shown)],
        MADE: _made(campaign, shown),
        BROKER: _broker(campaign, shown),
    }
    levels = [line for level in by_level(shown) for number, one in enumerate(level) for line in
              _part(one, level if number == 0 else ())]  # fmt: skip
    end: dict[str, Sequence[str]] = {
        MISSING: [f"- {plain(line)}" for line in missing_lines(campaign, runs)],
        ENVIRONMENT: _environment(shown),
    }
    return [
        *_top(campaign, shown),
        *_contents(shown, [title for title, lines in told.items() if lines], [t for t, lines in end.items() if lines]),
        *titled(told, "##"),
        *levels,
        *titled(end, "##"),
    ]


def _top(campaign: CampaignRecords, shown: Sequence[ShownLevel]) -> list[str]:
    target = shown[0].summary["target"] if shown else campaign.file
    outcome, words = answer(campaign, shown)
    lines = [f"# {plain(campaign.title)}", "", plain(target), "", f"**{outcome}** {plain(words)}", ""]
    rest = not_to_the_end(campaign)
    lines += [f"{rest}.", ""] if rest else []
    if not shown:
        return lines
    head = ["level", "verdict", "clients", *COLUMNS.values(), "why"]
    return [*lines, *table(head, [_row(one) for one in shown], words=2), ""]


def _row(one: ShownLevel) -> list[str]:
    why = "; ".join(one.summary["verdict"]["reasons"][:2])
    figures = [plain(cell) for cell in row_of(one)]
    return [_link(one.name), one.outcome, connected(one.records, one.summary), *figures, plain(why)]


def _link(heading: str) -> str:
    return f"[{plain(heading)}](#{anchor(heading)})"


def _contents(shown: Sequence[ShownLevel], first: Sequence[str], last: Sequence[str]) -> list[str]:
    levels = [f"{'  ' if one.part.variant else ''}- {_link(one.name)}" for one in shown]
    return [*(f"- {_link(title)}" for title in first), *levels, *(f"- {_link(title)}" for title in last), ""]


def _made(campaign: CampaignRecords, shown: Sequence[ShownLevel]) -> list[str]:
    lines = [plain(" ".join(campaign.note.split())), ""] if campaign.note.strip() else []
    lines += [code(campaign.command, "sh"), ""]
    lines += table(["", ""], [[plain(name), plain(value)] for name, value in made_facts(campaign, shown)], words=2)
    warhead = shown[0].records.meta.warhead_toml or "" if shown else ""
    if campaign.source or warhead:
        lines += ["", code((campaign.source or warhead).rstrip(), "toml")]
    return lines


def _broker(campaign: CampaignRecords, shown: Sequence[ShownLevel]) -> list[str]:
    settings = campaign.broker.get("settings")
    lines = table(["", ""], [[plain(name), plain(value)] for name, value in broker_facts(campaign, shown)], words=2)
    return [
        *lines,
        "",
        code(settings.rstrip()) if settings else "Its settings are not known: it was not ours to start.",
    ]


def _part(one: ShownLevel, level: Sequence[ShownLevel]) -> list[str]:
    """A level, or a variant of one, with what stands beside it."""
    said = headline(one.records, one.summary)
    lines = [f"## {plain(one.name)}", "", plain(one.records.meta.load or ""), ""]
    lines += [f"**{said.outcome}** {plain(said.what)}", ""]
    lines += [line for told in (said.remedy, *said.further) if told for line in (plain(told), "")]
    lines += [code(one.part.command or one.records.meta.command or "unknown", "sh"), ""]
    clean = clean_start(one.part)
    lines += [plain(clean), ""] if clean else []
    told = sections(one.records, one.summary)
    note: dict[str, Sequence[str]] = {"Note": [plain(" ".join(one.part.note.split()))] if one.part.note.strip() else []}
    return lines + titled({"Side by side": _beside(level), **told, **note}, "###")


def _beside(level: Sequence[ShownLevel]) -> list[str]:
    """A level and its variants; nothing where it has none."""
    if len(level) < 2:
        return []
    rows = [[plain(one.part.variant or one.part.title), one.outcome, *(plain(cell) for cell in row_of(one))] for one in
            level]  # fmt: skip
    return table(["", "verdict", *COLUMNS.values()], rows, words=2)


def _environment(shown: Sequence[ShownLevel]) -> list[str]:
    if not shown:
        return []
    rows = [[plain(name), plain(fact)] for name, fact in facts(shown[-1].records, shown[-1].summary)]
    return table(["", ""], rows, words=2)
