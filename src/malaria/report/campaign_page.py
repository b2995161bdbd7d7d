"""The page of a campaign: the answer, all levels at a glance, how it was made, then each level as an attack's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from malaria.analysis.headline import headline
from malaria.records import CampaignRecords
from malaria.report import appendix, blocks
from malaria.report.conclusions import PASS, conclusions, highest_passed, knee
from malaria.report.figures import broker_name, moment
from malaria.report.levels import levels_chart
from malaria.report.markup import command, folded, table, text
from malaria.report.parts import Run, Shown, by_level, not_shown, shown_parts
from malaria.report.sections import Charts, Place, attack_charts, body, material, place_chart

END: Final = {"environment": "Environment", "definitions": "How each figure is defined"}


def campaign_body(campaign: CampaignRecords, runs: Mapping[str, Run]) -> tuple[str, Charts]:
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


def _top(campaign: CampaignRecords, shown: Sequence[Shown], figures: Charts) -> str:
    """Title, how far it held, the chart over all levels and their table."""
    told = [str(shown[0].summary["target"]), moment(shown[0].summary)] if shown else [campaign.file, "nothing was run"]
    head = f"<h1><b>{text(campaign.title)}</b> · {text(' · '.join(part for part in told if part))}</h1>"
    if not shown:
        return f"{head}\n{blocks.sentence('UNKNOWN', campaign.ended or 'nothing was run')}"
    return "\n".join([head, verdict(shown, campaign), place_chart("levels", figures), blocks.levels(shown)])


def verdict(shown: Sequence[Shown], campaign: CampaignRecords) -> str:
    """How far it held, by name; and how the campaign ended, if not in good order."""
    outcome, words = answer(shown)
    left = [part for part in campaign.parts if part.state != "done"]
    rest = f"not run to the end: {len(left)} of {len(campaign.parts)}; see what is missing"
    return blocks.sentence(outcome, words) + (f'<p><a href="#missing">{text(rest)}</a></p>' if left else "")


def answer(shown: Sequence[Shown]) -> tuple[str, str]:
    """The outcome of the whole, and what it comes to in a sentence."""
    broken = knee(shown)
    best = highest_passed(shown)
    if broken is None:
        others = [one for one in shown if one.outcome != PASS]
        if not others:
            return PASS, f"the broker carried all {len(shown)} levels" if len(shown) > 1 else "the broker carried it"
        broken = others[0]
    held = f"held up to {best.name}; at {broken.name}: " if best else f"{broken.name}: "
    return broken.outcome, f"{held}{headline(broken.records, broken.summary).what}"


def _conclusions(shown: Sequence[Shown]) -> str:
    items = "".join(f"<li>{text(sentence)}</li>" for sentence in conclusions(shown))
    return f'<h2 id="conclusions">Conclusions</h2>\n<ul>{items}</ul>' if items else ""


def _contents(campaign: CampaignRecords, shown: Sequence[Shown], runs: Mapping[str, Run]) -> str:
    """Links to every section; the variants below their level."""
    items = [_link("made", "How the load was made"), _link("broker", "The broker")]
    for level in by_level(shown):
        below = "".join(_link(one.anchor, one.part.variant) for one in level if one.part.variant)
        head = next((one for one in level if not one.part.variant), None)
        name = _anchored(head.anchor, head.name) if head else text(level[0].part.title)
        items.append(f"<li>{name}{f'<ul>{below}</ul>' if below else ''}</li>")
    items += [_link("missing", "What is missing")] if not_shown(campaign, runs) else []
    items += [_link(anchor, title) for anchor, title in END.items()] if shown else []
    return f'<nav aria-label="Contents"><h2>Contents</h2><ul>{"".join(items)}</ul></nav>'


def _link(anchor: str, words: str) -> str:
    return f"<li>{_anchored(anchor, words)}</li>"


def _anchored(anchor: str, words: str) -> str:
    return f'<a href="#{anchor}">{text(words)}</a>'


def _made(campaign: CampaignRecords, shown: Sequence[Shown]) -> str:
    """The command, and what made the load."""
    facts = [("campaign", campaign.file), ("begun", campaign.started), ("ended", campaign.ended)]
    facts += [(name, value or "") for name, value in campaign.options.items()]
    facts += [("made by", made_by(shown[0]))] if shown else []
    rows = [[text(name), text(value)] for name, value in facts if value]
    lines = [
        '<h2 id="made">How the load was made</h2>',
        blocks.note(campaign.note),
        command("command-campaign", campaign.command),
        table(["", ""], rows, words=(1,), kind="facts"),
    ]
    if shown:
        lines.append(folded(f"the warhead of {shown[0].name}", appendix.warhead(shown[0].records)))
    return "\n".join(lines)


def made_by(one: Shown) -> str:
    """`1 host, 2 workers, malaria 0.1.0`."""
    ours = one.summary["generator"]
    hosts = f"{ours['bees']} {'host' if ours['bees'] == 1 else 'bees'}"
    workers = f"{ours['workers']} worker{'' if ours['workers'] == 1 else 's'}"
    return f"{hosts}, {workers}, malaria {one.summary['version'] or 'of an unknown version'}"


def _broker(campaign: CampaignRecords, shown: Sequence[Shown]) -> str:
    rows = [[text(name), text(value)] for name, value in broker_facts(campaign, shown)]
    settings = campaign.broker.get("settings")
    made = f"<pre><code>{text(settings.rstrip())}</code></pre>" if settings else (
        '<p class="soft">Its settings are not known: it was not ours to start.</p>')  # fmt: skip
    return f'<h2 id="broker">The broker</h2>\n{table(["", ""], rows, words=(1,), kind="facts")}\n{made}'


def broker_facts(campaign: CampaignRecords, shown: Sequence[Shown]) -> list[tuple[str, str]]:
    """What it was, as plain texts."""
    broker = campaign.broker
    name = " ".join(str(part) for part in (broker.get("name"), broker.get("version")) if part)
    seen = broker_name(shown[0].records, shown[0].summary) if shown else ""
    facts = {"broker": seen if len(seen) > len(name) else name, "kind": broker.get("kind") or ""}
    return [(label, value) for label, value in facts.items() if value]


def _level(level: Sequence[Shown], figures: Charts) -> str:
    """A level with its variants beside it, then each of them alone."""
    parts = [_part(one, figures, level if number == 0 else ()) for number, one in enumerate(level)]
    return "\n".join(parts)


def _part(one: Shown, figures: Charts, beside: Sequence[Shown]) -> str:
    attack = material(one.records, one.summary)
    figures |= attack_charts(attack, one.suffix)
    load = f'<p class="soft">{text(one.records.meta.get("load", ""))}</p>'
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


def _missing(campaign: CampaignRecords, runs: Mapping[str, Run]) -> str:
    """The levels that were not run, with the reason; and those that were cut short."""
    cut = [f"{part.title}: {part.why}" for part in campaign.parts if part.directory in runs and part.why]
    told = [f"{name}: {why}" if name else why for name, why in not_shown(campaign, runs)] + cut
    items = "".join(f"<li>{text(line)}</li>" for line in told)
    return f'<h2 id="missing">What is missing</h2>\n<ul>{items}</ul>' if items else '<span id="missing"></span>'


def _end(shown: Sequence[Shown]) -> str:
    return appendix.end(shown[-1].records, shown[-1].summary) if shown else ""
