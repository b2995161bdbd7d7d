"""The end of an attack in the terminal: one block that fits 80 x 24. Colour says only good, doubtful, bad."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from malaria.analysis.clocks import ACROSS_HOSTS, clock_words
from malaria.analysis.distribution import bar
from malaria.analysis.headline import headline
from malaria.analysis.summary_figures import LevelSummary, Summary
from malaria.analysis.surge_words import surge_line
from malaria.analysis.windows import total
from malaria.records.rows import Counter, Metric
from malaria.records.run import Run
from malaria.report.figure_text import (
    LATENCIES,
    UNKNOWN,
    StatedLatency,
    broker_name,
    connect_time_ns,
    connected,
    count,
    kept_up,
    latencies,
    ms,
    printable,
    title_line,
)
from malaria.units import format_bytes, format_duration_ns, format_rate, format_things

COLOURS: Final = {"PASS": "bold green", "FAIL": "bold red", "INVALID": "bold yellow", "UNKNOWN": "bold yellow"}
QUANTILES: Final = {"p50": "p50", "p90": "p90", "p99": "p99", "p99_9": "p99.9", "max": "max"}
SETTLED: Final = ("lost", "duplicated", "reordered", "unresolved")
INDENT: Final = "  "
LABEL_WIDTH: Final = 11
FIGURE_WIDTH: Final = 11
PARTS: Final = {
    Metric.TCP: "TCP",
    Metric.TLS: "TLS",
    Metric.UPGRADE: "upgrade",
    Metric.CONNACK: "CONNACK",
    Metric.SUBACK: "SUBACK",
}
"""Of the way in: the page has all figures; here medians in a line below `connect`, if there is TLS or WebSocket."""
SCREEN_LINES: Final = 24
LINES_AFTER: Final = 2
"""What the commands say below the block (where the page is), and the prompt."""
GAP: Final = "   "
SURGES_SHOWN: Final = 3


def print_summary(records: Run, summary: Summary, console: Console) -> None:
    """Prints the block over one attack."""
    _print(_attack(records, summary, console.width), console)


def print_levels(summary: Summary, console: Console) -> None:
    """Prints the verdict over a campaign and a table of its levels."""
    verdict = summary.verdict
    margin = f"{INDENT}{verdict.outcome}   "
    why = verdict.reasons[0].text if verdict.reasons else "the broker carried every level"
    head = _wrapped(why, margin, console.width)
    head[0].stylize(COLOURS[verdict.outcome], len(INDENT), len(margin))
    _print([Text(), *head, Text(), *_levels(summary.levels, console.width), Text()], console)


def _print(lines: Sequence[Text], console: Console) -> None:
    for line in lines:  # text from outside (a broker's version, an error) is never taken for markup
        console.print(line, highlight=False, soft_wrap=True)


def _attack(records: Run, summary: Summary, width: int) -> list[Text]:
    body = [Text(), *_clients(records, summary, width), *_messages(records, summary, width), Text()]
    body += [*_latency_lines(records, summary, width)]
    body += _surges(summary, width)
    body += _row("broker", [_broker(records, summary)], width)
    body += [*_row("generator", [_generator(summary)], width), Text()]
    head = [*_wrapped(title_line(records), "", width), Text()]
    room = SCREEN_LINES - LINES_AFTER - len(head) - len(body)
    return head + _verdict(records, summary, width, room) + body


def _verdict(records: Run, summary: Summary, width: int, room: int) -> list[Text]:
    """What, what to do, and as many further reasons as the screen has room for; the page has them all."""
    said = headline(records, summary)
    margin = f"{INDENT}{said.outcome}   "
    lines = _wrapped(said.what, margin, width)
    lines[0].stylize(COLOURS[said.outcome], len(INDENT), len(margin))
    blank = " " * len(margin)
    if said.remedy:
        lines += _wrapped(said.remedy, blank, width)
    for number, reason in enumerate(said.further):
        told = _wrapped(reason, blank, width)
        left = len(said.further) - number
        if len(lines) + len(told) + (left > 1) > room:
            return [*lines, Text(f"{blank}({left} more {'reason' if left == 1 else 'reasons'} on the page)")]
        lines += told
    return lines


def _clients(records: Run, summary: Summary, width: int) -> list[Text]:
    clients, took_ns = summary.clients, connect_time_ns(records)
    within = f" in {format_duration_ns(took_ns)}" if took_ns else ""
    parts = [f"{connected(records, summary)} of {count(clients.planned)} connected{within}"]
    if records.meta.surges:
        parts.append(f"{count(clients.connected)} at the end")
    parts += [f"{count(clients[name])} {name}" for name in ("refused", "dropped", "reconnects")]
    lines = _row("clients", parts, width)
    failures = records.meta.connect_failures
    if isinstance(failures, dict) and failures:
        cause, hit = max(failures.items(), key=lambda item: int(item[1]))
        lines += _row("", [f"{format_things(int(hit), 'client')}: {cause}"], width)
    return lines


def _messages(records: Run, summary: Summary, width: int) -> list[Text]:
    messages = summary.messages
    if messages.due is None:
        arrived = f"arrived {count(total(records.samples, Counter.ARRIVED))}"
        return _row("messages", [arrived], width) if records.meta.subscribing else []
    made = [f"{name} {count(messages[name])}" for name in ("due", "sent", "acked") if messages[name] is not None]
    if messages.expected is not None:
        made.append(f"delivered {count(messages.delivered)} of {count(messages.expected)}")
    known = [f"{name} {count(messages[name])}" for name in SETTLED if messages[name] is not None]
    if messages.lost is not None and messages.acked_lost is not None:
        known[0] += f" ({count(messages.acked_lost)} acked)"
    return _row("messages", made, width) + (_row("", known, width) if known else [])


def _latency_lines(records: Run, summary: Summary, width: int) -> list[Text]:
    found = latencies(records, summary)
    if not found:
        return _row("latency", ["none was measured"], width)
    heads = "".join(f"{name:>{FIGURE_WIDTH}}" for name in QUANTILES.values())
    lines = [Text(f"{INDENT}{'latency':<{LABEL_WIDTH}}{heads}")]
    for metric, statistics in found.items():
        if metric in PARTS:
            continue
        values = "".join(_figure(statistics[name]) for name in QUANTILES)
        line = Text(f"{INDENT}{LATENCIES[metric]:<{LABEL_WIDTH}}{values} ")
        lines.append(line.append_text(_beside(records, metric)))
        if metric is Metric.CONNECT and (Metric.TLS in found or Metric.UPGRADE in found):
            medians = [f"{word} {found[part]['p50']}" for part, word in PARTS.items() if part in found]
            lines += _row(" p50 of it", medians, width)
    return [*lines, Text()]


def _beside(records: Run, metric: Metric) -> Text:
    """What stands behind the figures of a latency."""
    if metric is Metric.LAG:
        return _kept_up(records)
    if metric in ACROSS_HOSTS and (words := clock_words(records)):
        return Text(words)
    return Text(bar(records, metric))


def _figure(value: StatedLatency) -> str:
    return f"{value!s:>{FIGURE_WIDTH}}"


def _kept_up(records: Run) -> Text:
    """What the lag says about us: the broker's part of it is no fault of ours."""
    good = kept_up(records)
    return Text() if good is None else Text("we kept up") if good else Text("we ran late", COLOURS["INVALID"])


def _surges(summary: Summary, width: int) -> list[Text]:
    """One line each; why it did not hold or recover stands with the verdict."""
    told = [surge_line(surge) for surge in summary.surges]
    if len(told) > SURGES_SHOWN:
        told[SURGES_SHOWN - 1 :] = [f"({len(told) - SURGES_SHOWN + 1} more surges on the page)"]
    return [line for number, words in enumerate(told) for line in _row("" if number else "surge", [words], width)]


def _broker(records: Run, summary: Summary) -> str:
    broker = summary.broker
    used, memory = broker.host_memory_used_bytes, broker.host_memory_bytes
    parts = [
        broker_name(records, summary),
        _part("CPU {:.0f} % of a core", broker.cpu_percent),
        f"memory {format_bytes(broker.rss_bytes)}" if broker.rss_bytes is not None else "",
        _part("host CPU {:.0f} %", broker.host_cpu_percent),
        f"host memory {format_bytes(used)} / {format_bytes(memory)}" if used is not None and memory is not None else "",
    ]
    return GAP.join(part for part in parts if part)


def _generator(summary: Summary) -> str:
    ours = summary.generator
    parts = [
        f"{ours.bees} bees" if (ours.bees or 1) > 1 else "",
        f"{ours.workers} worker{'' if ours.workers == 1 else 's'}",
        _part("CPU {:.0f} % of a core", ours.cpu_percent),
        f"memory {format_bytes(ours.rss_bytes)}" if ours.rss_bytes is not None else "",
    ]
    return GAP.join(part for part in parts if part)


def _part(words: str, value: float | None) -> str:
    return "" if value is None else words.format(value)


# --- several levels ------------------------------------------------------------------------------------------------

HEADS: Final = ("level", "verdict", "clients", "acked", "of due", "ack p99", "lost")
WIDTHS: Final = (9, 8, 9, 9, 10, 7)
"""Of all but the first."""
NAME_WIDTH: Final = 12


def _levels(levels: Sequence[LevelSummary], width: int) -> list[Text]:
    """One row per level: what it was, what came of it; below a row why it did not pass."""
    room = max(width - len(INDENT) - sum(WIDTHS), NAME_WIDTH)
    shown = (min(room, max(len(_name(level)) + 2 for level in levels)), *WIDTHS)
    lines = [_cells(HEADS, shown)]
    for level in levels:
        outcome = level.verdict.outcome
        line = _cells(_of_level(level), shown)
        line.stylize(COLOURS[outcome], len(INDENT) + shown[0], len(INDENT) + shown[0] + len(outcome))
        lines.append(line)
        for reason in level.verdict.reasons[:2]:
            lines += _wrapped(reason.text, INDENT * 2, width)
    return lines


def _name(level: LevelSummary) -> str:
    names = [name for name in (level.title, level.variant) if name]
    return printable(" · ".join(names) or level.run or "")


def _of_level(level: LevelSummary) -> tuple[str, ...]:
    rates, ack = level.rates, level.latency_ms[Metric.ACK]
    return (
        _name(level),
        level.verdict.outcome,
        count(level.clients.connected),
        *(UNKNOWN if per_s is None else format_rate(per_s) for per_s in (rates.acked_per_s, rates.due_per_s)),
        ms(ack.p99),
        count(level.messages.lost),
    )


def _cells(cells: Sequence[str], widths: Sequence[int]) -> Text:
    """Words to the left, figures to the right."""
    pairs = enumerate(zip(cells, widths, strict=True))
    return Text(
        INDENT + "".join(f"{cell[: w - 1]:<{w}}" if number < 2 else f"{cell:>{w}}" for number, (cell, w) in pairs)
    )


# --- lines ---------------------------------------------------------------------------------------------------------


def _wrapped(words: str, margin: str, width: int) -> list[Text]:
    """The sentence behind `margin`, its further lines under its first word; numbers keep their percent sign."""
    kept = printable(words).replace(" %", "\u00a0%")
    room = max(width - len(margin), 20)
    lines = textwrap.wrap(kept, room, break_on_hyphens=False) or [""]
    blank = " " * len(margin)
    return [Text(f"{blank if n else margin}{line}".replace("\u00a0", " ")) for n, line in enumerate(lines)]


def _row(label: str, parts: Sequence[str], width: int) -> list[Text]:
    """Parts beside each other, in as many lines as the width needs; a part that is longer than a line is wrapped."""
    margin = f"{INDENT}{label:<{LABEL_WIDTH}}"
    gap = GAP if len(margin) + len(GAP.join(parts)) <= width else GAP[:2]
    lines: list[str] = []
    for part in parts:
        if lines and len(margin) + len(lines[-1]) + len(gap) + len(part) <= width:
            lines[-1] += gap + part
        else:
            lines.append(part)
    blank = " " * len(margin)
    return [told for number, line in enumerate(lines) for told in _wrapped(line, blank if number else margin, width)]
