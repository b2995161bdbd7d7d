"""The page of a campaign: the answer, all levels at a glance, how it was made, then each level as an attack's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from malaria.records.rows import CampaignRecords
from malaria.report.campaign_answer import answer, broker_facts, made_facts, not_to_the_end
from malaria.report.campaign_conclusions import conclusions
from malaria.report.charts.level_charts import levels_chart
from malaria.report.figure_text import moment
from malaria.report.page import appendix, blocks
from malaria.report.page.markup import command, folded, table, text
from malaria.report.page.sections import Charts, Place, attack_charts, body, material, place_chart
from malaria.report.shown_levels import RunAndSummary, ShownLevel, by_level, missing_lines, shown_parts

END: Final = {"environment": "Environment", "definitions": "How each figure is defined"}


def campaign_body(campaign: CampaignRecords, runs: Mapping[str, RunAndSummary]) -> tuple[str, Charts]:
    """The whole of it as markup, and its charts."""
    shown = shown_parts(campaign, runs)
    figures: Charts = {"levels": levels_chart(shown)} if shown else {}
    levels = "\n".join(_level(level, figures) for level in by_level(shown))
    parts = [
        _top(campaign, shown, figures),
        _conclusions(shown),
        _contents(campaign, shown, runs),
        _made(campaign, shown),
        _broker(campaign, shown),
        levels,
        _missing(campaign, runs),
        _end(shown),
    ]
    return "\n".join(part for part in parts if part), figures


def _top(campaign: CampaignRecords, shown: Sequence[ShownLevel], figures: Charts) -> str:
    """Title, how far it held, the chart over all levels and their table."""
    told = [str(shown[0].summary["target"]), moment(shown[0].summary)] if shown else [campaign.file, "nothing was run"]
    head = f"<h1><b>{text(campaign.title)}</b> · {text(' · '.join(part for part in told if part))}</h1>"
    seen = [place_chart("levels", figures), blocks.levels(shown)] if shown else []
    return "\n".join([head, _verdict(campaign, shown), *seen])


def _verdict(campaign: CampaignRecords, shown: Sequence[ShownLevel]) -> str:
    rest = not_to_the_end(campaign)
    more = f'<p><a href="#missing">{text(rest)}</a></p>' if rest else ""
    return blocks.sentence(*answer(campaign, shown)) + more


def _conclusions(shown: Sequence[ShownLevel]) -> str:
    items = "".join(f"<li>{text(sentence)}</li>" for sentence in conclusions(shown))
    return f'<h2 id="conclusions">Conclusions</h2>\n<ul>{items}</ul>' if items else ""


def _contents(campaign: CampaignRecords, shown: Sequence[ShownLevel], runs: Mapping[str, RunAndSummary]) -> str:
    """Links to every section; the variants below their level."""
    items = [_link("made", "How the load was made"), _link("broker", "The broker")]
    for level in by_level(shown):
        below = "".join(_link(one.anchor, one.part.variant) for one in level if one.part.variant)
        head = next((one for one in level if not one.part.variant), None)
        name = _anchored(head.anchor, head.name) if head else text(level[0].part.title)
        items.append(f"<li>{name}{f'<ul>{below}</ul>' if below else ''}</li>")
    items += [_link("missing", "What is missing")] if missing_lines(campaign, runs) else []
    items += [_link(anchor, title) for anchor, title in END.items()] if shown else []
    return f'<nav aria-label="Contents"><h2>Contents</h2><ul>{"".join(items)}</ul></nav>'


def _link(anchor: str, words: str) -> str:
    return f"<li>{_anchored(anchor, words)}</li>"


def _anchored(anchor: str, words: str) -> str:
    return f'<a href="#{anchor}">{text(words)}</a>'


def _made(campaign: CampaignRecords, shown: Sequence[ShownLevel]) -> str:
    """The command, and what made the load."""
    rows = [[text(name), text(value)] for name, value in made_facts(campaign, shown)]
    lines = [
        '<h2 id="made">How the load was made</h2>',
        blocks.note(campaign.note),
        command("command-campaign", campaign.command),
        table(["", ""], rows, words=(1,), kind="facts"),
    ]
    if campaign.source:
        lines.append(folded("the campaign as it was", f"<pre><code>{text(campaign.source)}</code></pre>"))
    if shown:
        lines.append(folded(f"the warhead of {shown[0].name}", appendix.warhead(shown[0].records)))
    return "\n".join(lines)


def _broker(campaign: CampaignRecords, shown: Sequence[ShownLevel]) -> str:
    rows = [[text(name), text(value)] for name, value in broker_facts(campaign, shown)]
    settings = campaign.broker.get("settings")
    made = f"<pre><code>{text(settings.rstrip())}</code></pre>" if settings else (
        '<p class="soft">Its settings are not known: it was not ours to start.</p>')  # fmt: skip
    return f'<h2 id="broker">The broker</h2>\n{table(["", ""], rows, words=(1,), kind="facts")}\n{made}'


def _level(level: Sequence[ShownLevel], figures: Charts) -> str:
    """A level with its variants beside it, then each of them alone."""
    parts = [_part(one, figures, level if number == 0 else ()) for number, one in enumerate(level)]
    return "\n".join(parts)


def _part(one: ShownLevel, figures: Charts, beside: Sequence[ShownLevel]) -> str:
    attack = material(one.records, one.summary)
    figures |= attack_charts(attack, one.suffix)
    load = f'<p class="soft">{text(one.records.meta.load or "")}</p>'
    side = "<h3>Side by side</h3>" + blocks.compared(beside) if len(beside) > 1 else ""
    place = Place(one.suffix, "h3", one.part)
    return "\n".join(
        [
            f'<h2 id="{one.anchor}">{text(one.name)}</h2>',
            load,
            blocks.verdict(one.records, one.summary),
            side,
            body(attack, figures, place),
        ]
    )


def _missing(campaign: CampaignRecords, runs: Mapping[str, RunAndSummary]) -> str:
    """The levels that were not run, with the reason; and those that were cut short."""
    items = "".join(f"<li>{text(line)}</li>" for line in missing_lines(campaign, runs))
    return f'<h2 id="missing">What is missing</h2>\n<ul>{items}</ul>' if items else ""


def _end(shown: Sequence[ShownLevel]) -> str:
    return appendix.end(shown[-1].records, shown[-1].summary) if shown else ""
