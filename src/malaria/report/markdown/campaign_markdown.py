"""The report of a campaign as Markdown, to paste into a wiki."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from malaria.analysis.headline import headline
from malaria.analysis.summary_figures import Summary
from malaria.records.campaign_records import CampaignRecords
from malaria.report.campaign_answer import (
    NO_SETTINGS,
    broker_facts,
    broker_settings,
    campaign_sentences,
    made_facts,
    not_to_the_end,
)
from malaria.report.environment_text import environment
from malaria.report.figure_text import connected
from malaria.report.headings import Heading
from malaria.report.level_columns import LEVEL_COLUMNS, level_figures
from malaria.report.markdown.comparison_markdown import comparison_lines
from malaria.report.markdown.markdown_sections import sections, steered_lines, titled
from malaria.report.markdown.markdown_text import anchor, code, joined, plain, table
from malaria.report.repeat_text import REPEAT_HEAD, repeat_rows, repeat_sentence
from malaria.report.shown_levels import RunAndSummary, ShownLevel, by_level, clean_start, missing_lines, shown_parts


def render_campaign_markdown(campaign: CampaignRecords, runs: Mapping[str, RunAndSummary], summary: Summary) -> str:
    """Return the report of a campaign as Markdown; `runs` holds the run of each part by its directory.

    `summary` is that of the campaign. Raises RunError for a damaged run.
    """
    return joined(_lines(campaign, runs, summary))


def _lines(campaign: CampaignRecords, runs: Mapping[str, RunAndSummary], summary: Summary) -> list[str]:
    shown = shown_parts(campaign, runs)
    first: dict[str, Sequence[str]] = {
        Heading.CONCLUSIONS: [f"- {plain(sentence)}" for sentence in campaign_sentences(summary, shown)],
        Heading.REPEATS: _repeats(summary),
        Heading.MADE: _made(campaign, shown),
        Heading.BROKER: _broker(campaign, shown),
    }
    levels = [line for level in by_level(shown) for number, one in enumerate(level) for line in
              _part(one, level if number == 0 else ())]  # fmt: skip
    end: dict[str, Sequence[str]] = {
        Heading.MISSING: [f"- {plain(line)}" for line in missing_lines(campaign, runs)],
        Heading.ENVIRONMENT: _environment(shown),
    }
    return [
        *_top(campaign, summary, shown),
        *_contents(shown, [title for title, lines in first.items() if lines], [t for t, lines in end.items() if lines]),
        *titled(first, "##"),
        *levels,
        *titled(end, "##"),
    ]


def _top(campaign: CampaignRecords, summary: Summary, shown: Sequence[ShownLevel]) -> list[str]:
    target = shown[0].summary.target if shown else campaign.file
    answer = headline(summary)
    lines = [f"# {plain(campaign.title)}", "", plain(target), "", f"**{answer.outcome}** {plain(answer.what)}", ""]
    lines += [plain(answer.remedy), ""] if answer.remedy else []
    rest = not_to_the_end(campaign)
    lines += [f"{rest}.", ""] if rest else []
    lines += comparison_lines(summary.comparison, shown) if summary.comparison is not None else []
    if not shown:
        return lines
    head = ["level", "verdict", "clients", *LEVEL_COLUMNS.values(), "why"]
    return [*lines, *table(head, [_row(one) for one in shown], words=2), ""]


def _row(one: ShownLevel) -> list[str]:
    why = "; ".join(reason.text for reason in one.summary.verdict.reasons[:2])
    figures = [plain(cell.text) for cell in level_figures(one)]
    return [_link(one.name), one.outcome, connected(one.run, one.summary), *figures, plain(why)]


def _link(heading: str) -> str:
    return f"[{plain(heading)}](#{anchor(heading)})"


def _contents(shown: Sequence[ShownLevel], first: Sequence[str], last: Sequence[str]) -> list[str]:
    levels = [f"{'  ' if one.part.variant else ''}- {_link(one.name)}" for one in shown]
    return [*(f"- {_link(title)}" for title in first), *levels, *(f"- {_link(title)}" for title in last), ""]


def _repeats(summary: Summary) -> list[str]:
    """Return how much the runs of each repeated load scatter."""
    lines: list[str] = []
    for one in summary.repeats or ():
        rows = [list(map(plain, row)) for row in repeat_rows(one)]
        lines += [plain(repeat_sentence(one)), "", *table(REPEAT_HEAD, rows), ""]
    return lines[:-1]


def _made(campaign: CampaignRecords, shown: Sequence[ShownLevel]) -> list[str]:
    # line breaks of a note would end a table or begin a list
    lines = [plain(" ".join(campaign.note.split())), ""] if campaign.note.strip() else []
    lines += [code(campaign.command, "sh"), ""]
    lines += table(["", ""], [[plain(name), plain(value)] for name, value in made_facts(campaign, shown)], words=2)
    warhead = shown[0].run.meta.warhead_toml or "" if shown else ""
    if campaign.source or warhead:
        lines += ["", code((campaign.source or warhead).rstrip(), "toml")]
    return lines


def _broker(campaign: CampaignRecords, shown: Sequence[ShownLevel]) -> list[str]:
    settings = broker_settings(campaign)
    lines = table(["", ""], [[plain(name), plain(value)] for name, value in broker_facts(campaign, shown)], words=2)
    return [
        *lines,
        "",
        code(settings) if settings else NO_SETTINGS,
    ]


def _part(one: ShownLevel, level: Sequence[ShownLevel]) -> list[str]:
    """Return the sections of a level or a variant. `level` holds the parts to compare; empty for all but the first."""
    answer = headline(one.summary)
    lines = [f"## {plain(one.name)}", "", plain(one.run.meta.load or ""), ""]
    lines += [f"**{answer.outcome}** {plain(answer.what)}", ""]
    lines += [line for text in (answer.remedy, *answer.further) if text for line in (plain(text), "")]
    lines += [code(one.part.command or one.run.meta.command or "unknown", "sh"), "", *steered_lines(one.run)]
    clean = clean_start(one.part)
    lines += [plain(clean), ""] if clean else []
    described = sections(one.run, one.summary)
    note: dict[str, Sequence[str]] = {
        Heading.NOTE: [plain(" ".join(one.part.note.split()))] if one.part.note.strip() else []
    }
    return lines + titled({Heading.SIDE_BY_SIDE: _side_by_side(level), **described, **note}, "###")


def _side_by_side(level: Sequence[ShownLevel]) -> list[str]:
    """Return a table of a level and its variants; nothing if it has none."""
    # a level without variants is in the table at the top
    if len(level) < 2:
        return []
    rows = [
        [plain(one.part.variant or one.part.title), one.outcome, *(plain(cell.text) for cell in level_figures(one))]
        for one in level
    ]
    return table(["", "verdict", *LEVEL_COLUMNS.values()], rows, words=2)


def _environment(shown: Sequence[ShownLevel]) -> list[str]:
    if not shown:
        return []
    rows = [[plain(name), plain(fact)] for name, fact in environment(shown[-1].run, shown[-1].summary)]
    return table(["", ""], rows, words=2)
