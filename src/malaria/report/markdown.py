"""The same report as Markdown, to paste into a wiki."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from malaria.analysis.headline import headline
from malaria.analysis.windows import total
from malaria.records import CampaignPart, CampaignRecords, Counter, RunRecords
from malaria.report.account import Entry, counted, deliveries, published
from malaria.report.appendix import facts
from malaria.report.definitions import DEFINITIONS, LABELS
from malaria.report.figures import LATENCIES, STATISTICS, count, latencies, length, ms, printable

type Summary = Mapping[str, Any]

_SPECIAL: Final = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]<>#|~"})


def write_markdown(records: RunRecords, summary: Summary, path: Path) -> None:
    """Writes the report of an attack. Raises OSError when it cannot."""
    _write(_attack(records, summary), path)


def write_campaign_markdown(
    campaign: CampaignRecords, levels: Mapping[str, tuple[RunRecords, Summary]], path: Path
) -> None:
    """Writes the report of a campaign, of which `levels` holds each run by its directory. Raises OSError."""
    _write(_campaign(campaign, {name: summary for name, (_, summary) in levels.items()}), path)


def _write(lines: Sequence[str], path: Path) -> None:
    path.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def plain(value: object) -> str:
    """Text from outside: no character of it is taken for Markdown, nor by the terminal of who reads the file."""
    return printable(str(value)).translate(_SPECIAL)


def _attack(records: RunRecords, summary: Summary) -> list[str]:
    meta = records.meta
    said = headline(records, summary)
    lines = [
        f"# {plain(meta.get('title', 'attack'))}",
        "",
        f"{plain(meta.get('target', ''))} · {plain(meta.get('load', ''))} · measured {length(summary)}",
        "",
        f"**{said.outcome}** {plain(said.what)}",
        *(f"\n{plain(line)}" for line in (said.remedy, *said.further) if line),
        "",
        _code(str(meta.get("command", "unknown")), "sh"),
        "",
    ]
    sections = {
        "Clients": _clients(summary),
        "Latency": _latencies(records, summary),
        "The ledger": _ledger(records, summary),
        "Environment": _table(["", ""], [[plain(n), plain(fact)] for n, fact in facts(records, summary)], words=2),
        "Warhead": [_code(str(meta.get("warhead_toml", "")).rstrip(), "toml")],
    }
    return lines + [line for title, content in sections.items() for line in (f"## {title}", "", *content, "")]


def _clients(summary: Summary) -> list[str]:
    clients, ours = summary["clients"], summary["generator"]
    names = ("planned", "connected", "connected_peak", "refused", "dropped", "reconnects")
    cpu = "unknown" if ours["cpu_percent"] is None else f"{ours['cpu_percent']:.0f} % of a core"
    table = _table([name.replace("_", " ") for name in names], [[count(clients[name]) for name in names]], words=0)
    return [*table, "", f"Generator: {count(ours['workers'])} workers, CPU {cpu}."]


def _latencies(records: RunRecords, summary: Summary) -> list[str]:
    found = latencies(records, summary)
    if not found:
        return ["None was measured."]
    rows = [
        [LATENCIES[metric], count(summary["latency_ms"][metric]["count"]), *(str(values[name]) for name in STATISTICS)]
        for metric, values in found.items()
    ]
    meanings = [f"{LATENCIES[metric]} = {DEFINITIONS[metric][1]}" for metric in found]
    return [*_table(["", "count", *STATISTICS.values()], rows), "", f"{'; '.join(meanings)}."]


def _ledger(records: RunRecords, summary: Summary) -> list[str]:
    messages = summary["messages"]
    lines: list[str] = []
    for title, entries in (("messages", published(messages)), ("deliveries", deliveries(messages))):
        if entries:
            lines += [*_table([title, ""], [_entry(entry) for entry in entries]), ""]
    if messages["due"] is None and records.meta.get("subscribing"):
        lines += [f"{count(total(records.samples, Counter.ARRIVED))} messages arrived.", ""]
    known = [name for name in ("acked_lost", "duplicated", "reordered", "unresolved") if messages[name] is not None]
    besides = [f"{LABELS.get(name, name)} {count(messages[name])}" for name in known]
    lines += [f"{', '.join(besides)}.", ""] if besides else []
    lines += [f"{plain(note)}\n" for note in (records.ledger.notes if records.ledger else ())]
    return lines + [f"- {number}: {plain(sentence)}" for _, number, sentence in counted(records)]


def _entry(entry: Entry) -> list[str]:
    """The total in bold."""
    bold = "**" if entry.sign == "=" else ""
    sign = f"{entry.sign} " if entry.sign else ""
    return [f"{bold}{plain(sign)}{LABELS.get(entry.name, entry.name)}{bold}", f"{bold}{count(entry.number)}{bold}"]


def _campaign(campaign: CampaignRecords, summaries: Mapping[str, Summary]) -> list[str]:
    head = ["level", "verdict", "clients", "due/s", "acked/s", "ack p50", "ack p99", "lost", "why"]
    rows = [_part(part, summaries.get(part.directory or "")) for part in campaign.parts]
    target = next((summary.get("target") for summary in summaries.values()), None)
    return [f"# {plain(campaign.title)}", "", plain(target or campaign.file), "", *_table(head, rows)]


def _part(part: CampaignPart, summary: Summary | None) -> list[str]:
    name = plain(f"{part.title} · {part.variant}" if part.variant else part.title)
    if summary is None:
        return [name, part.state, *[""] * 6, plain(part.why)]
    ack, rates = summary["latency_ms"]["ack"], summary["rates"]
    return [
        name,
        summary["verdict"]["outcome"],
        count(summary["clients"]["connected"]),
        count(rates["due_per_s"]),
        count(rates["acked_per_s"]),
        ms(ack["p50"]),
        ms(ack["p99"]),
        count(summary["messages"]["lost"]),
        plain("; ".join([*([part.why] if part.why else []), *summary["verdict"]["reasons"][:2]])),
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> list[str]:
    """The first `words` columns hold words, the others figures."""
    rule = ["---" if number < words else "---:" for number in range(len(head))]
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def _code(content: str, language: str) -> str:
    """A fence longer than any run of backticks inside."""
    fence = "`" * max(3, max((len(run) for run in _runs(content)), default=0) + 1)
    lines = [printable(line) for line in content.split("\n")]
    return "\n".join([f"{fence}{language}", *lines, fence])


def _runs(content: str) -> list[str]:
    return "".join(char if char == "`" else " " for char in content).split()
