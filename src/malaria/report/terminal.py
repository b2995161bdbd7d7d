"""The end of an attack in the terminal: one block that fits 80 x 24. Colour says only good, doubtful, bad."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from malaria.analysis.distribution import bar
from malaria.analysis.headline import headline
from malaria.analysis.windows import total
from malaria.records import Counter, Metric, RunRecords
from malaria.units import format_bytes, format_count, format_ms

COLOURS: Final = {"PASS": "bold green", "FAIL": "bold red", "INVALID": "bold yellow", "UNKNOWN": "bold yellow"}
COLUMNS: Final = ("p50", "p90", "p99", "p99_9", "max")
LATENCIES: Final = {
    Metric.ACK: "ack",
    Metric.SERVICE: "service",
    Metric.END_TO_END: "end to end",
    Metric.CONNECT: "connect",
    Metric.LAG: "lag",
}
UNKNOWN: Final = "–"
INDENT: Final = "  "
GAP: Final = "  "
WIDEST: Final = 100
"""Prose in longer lines is hard to read."""
ROOM: Final = 80 - len(INDENT) - 11

type Summary = Mapping[str, Any]


def print_summary(records: RunRecords, summary: Summary, console: Console) -> None:
    """Prints the block; for a run of several levels, a table of them."""
    if summary.get("levels"):
        _print_levels(summary["levels"], console)
        return
    _say(console, "")
    _print_verdict(records, summary, console)
    _say(console, "")
    for label, lines in (("clients", _clients(records, summary)), ("messages", _messages(records, summary))):
        _print_rows(console, label, lines)
    _say(console, "")
    _print_latencies(records, summary, console)
    _say(console, "")
    _print_rows(console, "broker", [_broker(summary)])
    _print_rows(console, "generator", [_generator(summary)])
    _say(console, "")


def _print_verdict(records: RunRecords, summary: Summary, console: Console) -> None:
    """What it came to, and beneath it, in line with the words, what to do and what else."""
    said = headline(records, summary)
    margin = INDENT + " " * (len(said.outcome) + len(GAP) + 1)
    told = [
        line for part in (said.what, said.remedy, *said.further) if part for line in _wrapped(part, margin, console)
    ]
    first = Text(INDENT)
    first.append(said.outcome, style=COLOURS[said.outcome])
    first.append(told[0].removeprefix(INDENT + " " * len(said.outcome)))
    console.print(first, highlight=False)
    for line in told[1:]:
        _say(console, line)


def _wrapped(words: str, margin: str, console: Console) -> list[str]:
    return textwrap.wrap(words, min(console.width, WIDEST), initial_indent=margin, subsequent_indent=margin)


def _print_rows(console: Console, label: str, lines: list[str]) -> None:
    for number, line in enumerate(lines):
        _say(console, f"{INDENT}{label if not number else '':<11}{line}")


def _clients(records: RunRecords, summary: Summary) -> list[str]:
    clients = summary["clients"]
    lines = [
        f"{_count(clients['connected_peak'])} of {_count(clients['planned'])} connected  "
        f"{_count(clients['refused'])} refused  {_count(clients['dropped'])} dropped  "
        f"{_count(clients['reconnects'])} reconnects"
    ]
    failures = records.meta.get("connect_failures")
    if isinstance(failures, dict) and failures:
        worst, count = max(failures.items(), key=lambda item: item[1])
        lines.append(f"{_count(count)} x {worst}")
    return lines


def _messages(records: RunRecords, summary: Summary) -> list[str]:
    figures = {name: _count(value) for name, value in summary["messages"].items()}
    if summary["messages"]["due"] is None:
        return [f"arrived {_count(total(records.samples, Counter.ARRIVED))}"] if records.meta.get("subscribing") else []
    first = [f"{name} {figures[name]}" for name in ("due", "sent", "acked")]
    if summary["messages"]["expected"] is not None:
        first.append(f"delivered {figures['delivered']} of {figures['expected']}")
    names = {"lost": "lost", "acked_lost": "acked but lost", "duplicated": "duplicated", "reordered": "reordered",
             "unresolved": "unresolved"}  # fmt: skip
    known = [f"{word} {figures[name]}" for name, word in names.items() if summary["messages"][name] is not None]
    return [*_lines(first), *_lines(known)]


def _lines(parts: list[str]) -> list[str]:
    """The parts beside each other, in as many lines as 80 columns need."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(GAP) + len(part) <= ROOM:
            lines[-1] += GAP + part
        else:
            lines.append(part)
    return lines


def _print_latencies(records: RunRecords, summary: Summary, console: Console) -> None:
    heads = "".join(f"{'p99.9' if name == 'p99_9' else name:>10}" for name in COLUMNS)
    _say(console, f"{INDENT}{'latency':<11}{heads}")
    for metric, label in LATENCIES.items():
        figures = summary["latency_ms"].get(metric)
        if not figures or not figures["count"]:
            continue
        values = "".join(f"{UNKNOWN if figures[name] is None else format_ms(figures[name]):>10}" for name in COLUMNS)
        _say(console, f"{INDENT}{label:<11}{values}  {_beside(records, metric)}")


def _beside(records: RunRecords, metric: Metric) -> str:
    return "ours" if metric is Metric.LAG else bar(records, metric)


def _broker(summary: Summary) -> str:
    broker = summary["broker"]
    parts = [
        broker["version"] or "version unknown",
        _part("CPU {:.0f} % of a core", broker["cpu_percent"]),
        _part("memory {}", broker["rss_bytes"], format_bytes),
        _part("host CPU {:.0f} %", broker["host_cpu_percent"]),
    ]
    return "   ".join(part for part in parts if part)


def _generator(summary: Summary) -> str:
    ours = summary["generator"]
    workers = ours["workers"]
    parts = [
        f"{workers} worker{'' if workers == 1 else 's'}",
        _part("CPU {:.0f} % of a core", ours["cpu_percent"]),
        _part("memory {}", ours["rss_bytes"], format_bytes),
    ]
    return "   ".join(part for part in parts if part)


def _part(text: str, value: float | None, say: Any = None) -> str:
    return "" if value is None else text.format(say(value) if say else value)


def _count(value: int | None) -> str:
    return UNKNOWN if value is None else format_count(value)


def _print_levels(levels: list[Summary], console: Console) -> None:
    """One row per level: what it was, what came of it."""
    _say(console, "")
    heads = ("level", "verdict", "clients", "msg/s", "ack p50", "ack p99", "lost")
    widths = (27, 9, 8, 9, 9, 9, 6)
    _say(
        console,
        INDENT + "".join(_cell(head, width, n) for n, (head, width) in enumerate(zip(heads, widths, strict=True))),
    )
    for level in levels:
        rate, ack = level["rates"]["acked_per_s"], level["latency_ms"]["ack"]
        cells = (
            str(level.get("title") or level.get("run") or ""),
            level["verdict"]["outcome"],
            _count(level["clients"]["connected"]),
            UNKNOWN if rate is None else f"{rate:,.1f}",
            *(UNKNOWN if ack[name] is None else format_ms(ack[name]) for name in ("p50", "p99")),
            _count(level["messages"]["lost"]),
        )
        line = Text(INDENT)
        for number, (cell, width) in enumerate(zip(cells, widths, strict=True)):
            line.append(_cell(cell, width, number), style=COLOURS[cell] if number == 1 else "")
        console.print(line, highlight=False)
        for reason in level["verdict"]["reasons"][:2]:
            _say(console, f"{INDENT}  {reason}")
    _say(console, "")


def _cell(text: str, width: int, number: int) -> str:
    """Words to the left, figures to the right."""
    return f"{text[: width - 1]:<{width}}" if number < 2 else f"{text:>{width}}"


def _say(console: Console, line: str) -> None:
    """Text from outside (a broker's version, an error) is never taken for markup."""
    console.print(escape(line.rstrip()), highlight=False)
