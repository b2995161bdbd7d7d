"""The same report as Markdown, to paste into a wiki."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from malaria.analysis.headline import headline
from malaria.records import RunRecords
from malaria.report.figures import LATENCIES, STATISTICS, count, length, ms

type Summary = Mapping[str, Any]

_SPECIAL = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]<>#|~"} | {"\n": " "})


def write_markdown(records: RunRecords, summary: Summary, path: Path) -> None:
    """Writes the report; for a run of several levels, a table of them."""
    lines = _levels(summary["levels"]) if summary.get("levels") else _attack(records, summary)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def plain(value: object) -> str:
    """Text from outside, so that no character of it is taken for Markdown."""
    return str(value).translate(_SPECIAL)


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
    lines += [*_clients(summary), "", *_messages(summary), "", *_latencies(summary), "", *_costs(summary), ""]
    lines += [f"{plain(note)}\n" for note in (records.ledger.notes if records.ledger else ())]
    return [*lines, "## Warhead", "", _code(str(meta.get("warhead_toml", "")).rstrip(), "toml")]


def _clients(summary: Summary) -> list[str]:
    names = ("planned", "connected", "connected_peak", "refused", "dropped", "reconnects")
    return _table(
        ["clients", *(name.replace("_", " ") for name in names)], [["", *(count(summary["clients"][n]) for n in names)]]
    )


def _messages(summary: Summary) -> list[str]:
    messages = summary["messages"]
    return _table(
        ["messages", *(name.replace("_", " ") for name in messages)], [["", *(count(v) for v in messages.values())]]
    )


def _latencies(summary: Summary) -> list[str]:
    head = ["latency", "count", *("p99.9" if name == "p99_9" else name for name in STATISTICS)]
    rows = [
        [label, count(figures["count"]), *(ms(figures[name]) for name in STATISTICS)]
        for key, label in LATENCIES.items()
        if (figures := summary["latency_ms"][key])["count"]
    ]
    return _table(head, rows)


def _costs(summary: Summary) -> list[str]:
    ours, broker = summary["generator"], summary["broker"]
    cpu = "unknown" if ours["cpu_percent"] is None else f"{ours['cpu_percent']:.0f} % of a core"
    return [
        f"Broker: {plain(broker['version'] or 'version unknown')}. Generator: {ours['workers']} workers, CPU {cpu}."
    ]


def _levels(levels: Sequence[Summary]) -> list[str]:
    head = ["level", "verdict", "clients", "due/s", "acked/s", "ack p50", "ack p99", "lost", "why"]
    rows = [
        [
            plain(level.get("title") or level.get("run") or ""),
            level["verdict"]["outcome"],
            count(level["clients"]["connected"]),
            count(level["rates"]["due_per_s"]),
            count(level["rates"]["acked_per_s"]),
            ms(level["latency_ms"]["ack"]["p50"]),
            ms(level["latency_ms"]["ack"]["p99"]),
            count(level["messages"]["lost"]),
            plain("; ".join(level["verdict"]["reasons"][:2])),
        ]
        for level in levels
    ]
    return ["# Levels", "", *_table(head, rows)]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    rule = ["---", *["---:"] * (len(head) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def _code(content: str, language: str) -> str:
    """A fence longer than any run of backticks inside."""
    fence = "`" * max(3, max((len(run) for run in _runs(content)), default=0) + 1)
    return f"{fence}{language}\n{content}\n{fence}"


def _runs(content: str) -> list[str]:
    return "".join(char if char == "`" else " " for char in content).split()
