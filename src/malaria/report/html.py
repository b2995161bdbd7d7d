"""The page of an attack, and of several levels: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from malaria.records import CampaignPart, CampaignRecords, RunRecords
from malaria.report import appendix, blocks, charts
from malaria.report.account import account
from malaria.report.figures import Summary, moment
from malaria.report.levels import levels_chart
from malaria.report.markup import chart, document, folded, text

type Level = tuple[RunRecords, Summary]
type Charts = dict[str, charts.Figure]

SAID = {
    "overview": "Messages per second, due and done, over time",
    "stack": "Clients, messages per second, latency, lag and CPU over time",
    "percentiles": "Latency by percentile",
    "levels": "Messages per second and latency by number of clients",
}


def write_page(records: RunRecords, summary: Summary, path: Path) -> None:
    """The page of one attack. Raises RunError for a damaged run, OSError when it cannot be written."""
    figures = {"overview": charts.overview(records)} | _figures(records, "")
    parts = [_top(records, summary, figures), _body(records, summary, figures, ""), _end(records, summary)]
    title = str(records.meta.get("title") or "attack")
    _write(document(f"{title} · malaria", "\n".join(parts), figures), path)


def write_campaign_page(campaign: CampaignRecords, levels: Mapping[str, Level], path: Path) -> None:
    """The page of a campaign: all levels at a glance, then each as on a page of its own. Raises as write_page.

    `levels` holds the run of each part by its directory. A part that is not in it was not run, or cannot be read.
    """
    shown = [(part, level) for part in campaign.parts if (level := levels.get(part.directory or ""))]
    names = [part_name(part) for part, _ in shown]
    runs = [level for _, level in shown]
    figures: Charts = {"levels": levels_chart(runs)} if runs else {}
    target = runs[0][1]["target"] if runs else campaign.file
    parts = [f"<h1><b>{text(campaign.title)}</b> · {text(target)}</h1>"]
    if runs:
        parts += [_levels_verdict(names, runs), _place("levels", figures)]
        parts.append(blocks.levels([(name, *level) for name, level in zip(names, runs, strict=True)]))
    parts.append(_not_shown(campaign, levels))
    for number, (name, level) in enumerate(zip(names, runs, strict=True), 1):
        figures |= _figures(level[0], f"-{number}")
        parts += [f'<h2 id="level-{number}">{text(name)}</h2>', _level(level, figures, f"-{number}")]
    if runs:
        parts.append(_end(*runs[-1]))
    _write(document(f"{campaign.title} · malaria", "\n".join(parts), figures), path)


def part_name(part: CampaignPart) -> str:
    return f"{part.title} · {part.variant}" if part.variant else part.title


def _not_shown(campaign: CampaignRecords, levels: Mapping[str, Level]) -> str:
    """The parts of which there is nothing to see, and why."""
    missing = [part for part in campaign.parts if part.directory not in levels]
    rows = [f"<li>{text(part_name(part))}: {text(part.state)}: {text(part.why)}</li>" for part in missing]
    return f"<ul>{''.join(rows)}</ul>" if rows else ""


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
        [head, blocks.verdict(records, summary), blocks.cards(records, summary), _place("overview", figures)]
    )


def _level(level: Level, figures: Charts, suffix: str) -> str:
    load = f'<p class="soft">{text(level[0].meta.get("load", ""))}</p>'
    return "\n".join([load, blocks.verdict(*level), blocks.cards(*level), _body(*level, figures, suffix, "h3")])


def _body(records: RunRecords, summary: Summary, figures: Charts, suffix: str, tag: str = "h2") -> str:
    """The sections in the order in which one would ask."""
    sections = {
        "The command to repeat it": blocks.repeat(records, f"command{suffix}"),
        "Over time": _place(f"stack{suffix}", figures) + blocks.events(records),
        "Latency": blocks.latency_table(records, summary) + _place(f"percentiles{suffix}", figures),
        "The ledger": account(records, summary),
        "Raw data": appendix.raw_data(records, summary, f"level{suffix}-" if suffix else "")
        + folded("the warhead as it was", appendix.warhead(records)),
    }
    return "\n".join(f"<{tag}>{title}</{tag}>\n{content}" for title, content in sections.items())


def _end(records: RunRecords, summary: Summary) -> str:
    return "\n".join(
        [
            "<h2>Environment</h2>",
            appendix.environment(records, summary),
            '<h2 id="definitions">How each figure is defined</h2>',
            appendix.definitions(),
        ]
    )


def _figures(records: RunRecords, suffix: str) -> Charts:
    return {f"stack{suffix}": charts.stack(records), f"percentiles{suffix}": charts.percentiles(records)}


def _place(name: str, figures: Mapping[str, charts.Figure]) -> str:
    return chart(name, figures[name]["layout"]["height"], SAID[name.partition("-")[0]])


def _levels_verdict(names: Sequence[str], levels: Sequence[Level]) -> str:
    """How far it held: the knee by name."""
    outcomes = [summary["verdict"]["outcome"] for _, summary in levels]
    first = next((number for number, outcome in enumerate(outcomes) if outcome != "PASS"), None)
    if first is None:
        return blocks.sentence("PASS", f"the broker carried all {len(levels)} levels")
    held = f"held up to {names[first - 1]}; at {names[first]}: " if first else f"{names[first]}: "
    reasons = levels[first][1]["verdict"]["reasons"]
    return blocks.sentence(outcomes[first], f"{held}{reasons[0] if reasons else 'no reason is stated'}")
